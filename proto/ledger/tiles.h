// Tiles and checkpoint published of a log (C2SP tlog-tiles), made from its items in order. What the
// checkpoint in the folder covers is compared with what is there; what follows is written. Nothing
// that a published checkpoint needs is changed or taken away. Blocking; one thread at a time.
#ifndef CM_LEDGER_TILES_H
#define CM_LEDGER_TILES_H

#include "proto/ledger/ledger_io.h"

struct cm_tiles;

// folder: the ledger's, borrowed. io NULL: nothing is written, and what lies past the published
// checkpoint isn't looked at. CM_INVALID: the published checkpoint is malformed.
enum cm_status cm_tiles_open(struct cm_tiles **out, int folder, const struct cm_ledger_io *io,
                             struct cm_error *error) CM_MUST_CHECK;
void cm_tiles_free(struct cm_tiles *tiles);
// The next item. CM_INVALID: what was published differs from the log. CM_IO: it can't be read or
// written, nothing was taken, and the same item may be tried again.
enum cm_status cm_tiles_add(struct cm_tiles *tiles, const struct cm_log_item *item,
                            struct cm_error *error) CM_MUST_CHECK;
// At the log's end: CM_INVALID when more was published than the log holds.
enum cm_status cm_tiles_check_end(const struct cm_tiles *tiles,
                                  struct cm_error *error) CM_MUST_CHECK;
// Much is to come: until the next checkpoint is published files aren't made durable one by one, but
// all at once before it.
void cm_tiles_expect_much(struct cm_tiles *tiles);
// Publishes a checkpoint over what was added: the partial tiles, then all is made durable, then
// partial tiles that a whole one replaces go, then the checkpoint. May be tried again after CM_IO.
enum cm_status cm_tiles_publish(struct cm_tiles *tiles, const struct cm_checkpoint *checkpoint,
                                struct cm_bytes note, struct cm_error *error) CM_MUST_CHECK;
// The size published; 0 when nothing is.
uint64_t cm_tiles_published(const struct cm_tiles *tiles);
// Leaves whose whole tiles are known to be in the folder, or may not be durable yet.
uint64_t cm_tiles_whole(const struct cm_tiles *tiles);

#endif

// What the codec tests share: golden files, hostile bytes, fictional values. Test processes only.
#ifndef CM_TESTS_CODEC_SUPPORT_H
#define CM_TESTS_CODEC_SUPPORT_H

#include "proto/codec/gateway.h"
#include "proto/codec/query.h"
#include "proto/codec/ruleset.h"

// Decodes in and encodes what came out.
typedef enum cm_status codec_again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                   struct cm_error *error);

enum { CODEC_ARENA = 1 << 20 };

// The bytes of golden/<name>.hex; the caller clears them.
struct cm_buf codec_golden(const char *name);
// Fails unless bytes are golden/<name>.hex, and unless they come through `again` unchanged and
// every truncation, flipped bit and smaller arena is refused or comes through unchanged as well.
void codec_expect(const char *name, struct cm_bytes bytes, codec_again *again);
// Fails unless decoding in fails with status at the field `where`.
void codec_refuses(codec_again *again, struct cm_bytes in, enum cm_status status,
                   const char *where);
void codec_fill(void *out, size_t len, uint8_t first); // first, first + 1, …
struct cm_digest codec_digest(uint8_t first);

// An envelope of that family with a chain of two, none of it real.
void codec_envelope(struct cm_envelope *out, enum cm_family family);
struct cm_query codec_query(void);
struct cm_query codec_reach(void);
struct cm_detection codec_detection(void);
struct cm_inclusion codec_inclusion(void);
struct cm_record codec_record(void);
// count rows of ca.milltown.pd, newest first, a second apart; all static.
void codec_batch(struct cm_batch *batch, struct cm_header *header, size_t count);

#endif

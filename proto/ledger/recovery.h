// What a ledger does at start: reads its log once, and with that the tree's hashes, the tiles that
// were published, and whoever wants to see the entries. Cuts what a crash left after the last
// checkpoint. Blocking; start-up alone.
#ifndef CM_LEDGER_RECOVERY_H
#define CM_LEDGER_RECOVERY_H

#include "proto/ledger/ledger_files.h"
#include "proto/ledger/pages.h"
#include "proto/ledger/tiles.h"

// Entries without tiles: beyond, none are taken, because their hashes stay in memory.
enum { CM_MAX_UNPUBLISHED = 1024 * 1024 };

struct cm_recovery {
    struct cm_pages *pages;
    struct cm_tiles *tiles;       // of all the log, or of nothing yet when they can't be written
    struct cm_log_reader *reader; // where tiles stand
    struct cm_log_state state;    // of the log; the note is in `note`
    struct cm_buf note;
};

// CM_INVALID: the log is damaged, or what was published isn't what it says; CM_UNAUTHENTICATED: its
// last checkpoint isn't signed by options->signer as origin. Clear it on failure too.
enum cm_status cm_recovery_run(struct cm_recovery *recovery, const struct cm_ledger_files *files,
                               const char *origin, const struct cm_ledger_options *options,
                               const struct cm_ledger_io *io, struct cm_error *error) CM_MUST_CHECK;
// What was taken out is to be NULL.
void cm_recovery_clear(struct cm_recovery *recovery);

#endif

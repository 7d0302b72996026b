// A copy of a daemon's data folder that can be put back, made while the daemon runs or not: the log
// up to a checkpoint, with all that is needed to go on from there. Blocking; tools.
#ifndef CM_LEDGER_BACKUP_H
#define CM_LEDGER_BACKUP_H

#include "proto/ledger/log_reader.h"

enum { CM_BACKUP_LEFT_OUT = 8 };

struct cm_backup {
    const char *data;                         // the daemon's folder, with "ledger" in it
    const char *to;                           // must be empty or not there, and not in data
    const char *left_out[CM_BACKUP_LEFT_OUT]; // paths that begin as data does, and "" or NULL; the
                                              // last three are for cm_backup
    // NULL, or told, once all else is there, to add to the copy what can't be copied as a file is.
    enum cm_status (*add)(const struct cm_backup *backup, struct cm_error *error);
    const void *context;
    // What came of it:
    struct cm_checkpoint checkpoint; // of the log in the copy
    uint64_t files, bytes;
};

// On failure what was made stays, to be looked at: a copy that is whole holds the file "complete".
enum cm_status cm_backup(struct cm_backup *backup, struct cm_error *error) CM_MUST_CHECK;

#endif

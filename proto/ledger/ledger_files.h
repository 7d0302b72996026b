// A ledger's folder as its one writer holds it: made, locked, the log begun, the verifier key
// beside it. Blocking; start-up and end alone.
#ifndef CM_LEDGER_LEDGER_FILES_H
#define CM_LEDGER_LEDGER_FILES_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

struct cm_ledger_files {
    int folder; // descriptors; -1: none
    int log;    // locked
};

// Cleared on failure. CM_UNAVAILABLE: another process holds the lock.
enum cm_status cm_ledger_files_open(struct cm_ledger_files *files, const char *folder,
                                    struct cm_error *error) CM_MUST_CHECK;
// Writes the file "vkey", or CM_INVALID when there is another one.
enum cm_status cm_ledger_files_vkey(const struct cm_ledger_files *files, const char *folder,
                                    const char *origin, struct cm_bytes spki,
                                    struct cm_error *error) CM_MUST_CHECK;
void cm_ledger_files_close(struct cm_ledger_files *files);

#endif

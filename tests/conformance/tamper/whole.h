// A small ledger folder with all that can lie in one: two epochs with a statement between them,
// entries of every kind, clear values of an erased day and of today, tiles, a checkpoint that a
// witness signed. One thread.
#ifndef CM_TESTS_TAMPER_WHOLE_H
#define CM_TESTS_TAMPER_WHOLE_H

#include "../../unit/proto_ledger_cli/made.h"
#include "proto/ledger/witness.h"

#include <limits.h>

enum { MAX_KEPT = 32, MAX_FILES = 64, MAX_NAME = 96 };

struct whole {
    struct pki *pki;
    struct made made; // of the second epoch; its folder is the ledger's
    char base[CM_MAX_ORIGIN + 1];
    struct cm_key *key; // as known from outside
    struct cm_trust *trust;
    struct cm_signatory *signatory;
    struct cm_epoch_owner owner;
    struct cm_envelope statement;
    struct cm_buf logs[2]; // by epoch
    struct cm_seen seen;   // the last that the witness saw
    size_t kept_count;     // checkpoints that somebody was shown, and kept
    struct cm_bytes kept[MAX_KEPT];
    size_t file_count;
    char files[MAX_FILES][MAX_NAME]; // below the folder, but for keys that open nothing yet
};

void whole_make(struct whole *whole);
void whole_free(struct whole *whole);
// "folder/name".
void whole_path(char out[PATH_MAX], const struct whole *whole, const char *name);
// Of the epoch in use.
void whole_put_log(const struct whole *whole, struct cm_bytes log);
// What the witness signs, and its certificate, into the folder.
void whole_cosign(const struct whole *whole, struct cm_bytes note);
// The note of the last checkpoint in a log; borrows from it.
struct cm_bytes whole_last_note(struct cm_bytes log);

#endif

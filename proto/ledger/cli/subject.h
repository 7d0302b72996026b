// What ledgers hold about one plate. Reads each folder twice: first which searches asked about it,
// then all entries about these. Main thread.
#ifndef CM_LEDGER_CLI_SUBJECT_H
#define CM_LEDGER_CLI_SUBJECT_H

#include "proto/ledger/cli/digest_set.h"
#include "proto/ledger/cli/searches.h"

#include <stdio.h>

enum { CM_SUBJECT_STATE = 16 };

struct cm_subject {
    char plate[CM_MAX_PLATE + 1]; // normalised
    char state[CM_SUBJECT_STATE]; // "" for any
    int64_t from_ms, to_ms;       // set these four; the rest zero
    struct cm_searches *searches;
    struct cm_digest_set about;  // searches of that plate
    struct cm_digest_set unread; // that nobody can read: they may be about it too
    uint64_t entries;
    struct cm_search *const *list; // that asked about it
    size_t count;
};

enum cm_status cm_subject_gather(struct cm_subject *subject,
                                 struct cm_ledger_folder *const *folders, size_t count,
                                 struct cm_error *error) CM_MUST_CHECK;
void cm_subject_clear(struct cm_subject *subject);
// Searches that could not be read in any of the folders.
uint64_t cm_subject_unread(const struct cm_subject *subject);

// redact: without what is other people's.
void cm_subject_text(FILE *out, const struct cm_subject *subject, bool redact);
enum cm_status cm_subject_json(FILE *out, const struct cm_subject *subject,
                               bool redact) CM_MUST_CHECK;

#endif

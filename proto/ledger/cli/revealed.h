// One entry's clear values with all that proves them to somebody who has nothing else: a JSON file.
// Main thread.
#ifndef CM_LEDGER_CLI_REVEALED_H
#define CM_LEDGER_CLI_REVEALED_H

#include "proto/ledger/cli/ledger_folder.h"

#include <jansson.h>

enum cm_revealed_label {
    CM_LABEL_REQUESTER = 0,
    CM_LABEL_AGENCY,
    CM_LABEL_PLATE,
    CM_LABEL_PURPOSE,
    CM_LABEL_CASE,
    CM_LABEL_REASON,
    CM_LABEL_COUNT,
};

const char *cm_revealed_label_name(enum cm_revealed_label label); // "plate"
// CM_LABEL_COUNT when unknown.
enum cm_revealed_label cm_revealed_label_of(const char *name);

// The values of those labels (bits 1u << label) of an entry whose clear values are open and
// committed to, each with the key that its commitment was made with, and no other's. question: with
// the signed question whole, from which all values follow. What proves it is added by
// cm_revealed_prove. NULL when out of memory.
json_t *cm_revealed_of(const struct cm_audit_record *record, unsigned labels, bool question);
enum cm_status cm_revealed_prove(json_t *revealed, const struct cm_inclusion *inclusion,
                                 struct cm_bytes note, struct cm_bytes vkey) CM_MUST_CHECK;

// What was checked.
struct cm_revealed {
    char origin[CM_MAX_ORIGIN + 1];
    uint64_t index, size;
    struct cm_digest key_hash;
    struct cm_entry entry;
    const char *values[CM_LABEL_COUNT]; // NULL: not revealed
    bool question;                      // there, of that digest, signed by its certificate's key
    struct cm_query query;
};

// key: that must have signed the checkpoint; NULL: the file's own, which proves no more than that
// it fits together. Borrows from arena and json. CM_INVALID or CM_UNAUTHENTICATED: it does not
// hold.
enum cm_status cm_revealed_check(struct cm_revealed *out, struct cm_arena *arena,
                                 const json_t *json, const struct cm_key *key,
                                 struct cm_error *error) CM_MUST_CHECK;

#endif

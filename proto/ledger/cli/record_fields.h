// What an entry and the clear values beside it say, as named fields: one table for people and for
// programs. Pure; one thread.
#ifndef CM_LEDGER_CLI_RECORD_FIELDS_H
#define CM_LEDGER_CLI_RECORD_FIELDS_H

#include "proto/ledger/cli/ledger_folder.h"

#include <jansson.h>

enum { CM_MAX_RECORD_FIELDS = 32 };

enum cm_record_field_type {
    CM_RECORD_TEXT,
    CM_RECORD_NUMBER, // unsigned
    CM_RECORD_SIGNED,
    CM_RECORD_FLAG,
    CM_RECORD_TIME, // UTC milliseconds
    CM_RECORD_DIGEST,
};

struct cm_record_field {
    const char *name; // "gateway_index"
    enum cm_record_field_type type;
    const char *text;
    uint64_t number;
    int64_t value;
    const struct cm_digest *digest;
};

struct cm_record_fields {
    size_t count;
    struct cm_record_field list[CM_MAX_RECORD_FIELDS];
};

// Of the entry alone; what it leaves empty is left out. They borrow from it. Commitments and
// rejected counts are not among them.
void cm_record_entry_fields(struct cm_record_fields *out, const struct cm_entry *entry);
// Of the question, and of the person and text beside an entry, where they are open.
void cm_record_clear_fields(struct cm_record_fields *out, const struct cm_audit_record *record);

// All of it as an object of the caller's; NULL when out of memory.
json_t *cm_record_json(const struct cm_audit_record *record);

#endif

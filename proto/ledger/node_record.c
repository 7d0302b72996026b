#include "proto/ledger/node_record.h"

#include <string.h>

bool cm_node_record_due(enum cm_refusal_code refusal)
{
    return refusal == CM_REFUSAL_NONE || refusal == CM_REFUSAL_NOT_PERMITTED;
}

// A node whose store fails has recorded that the query is permitted.
static bool fits(const struct cm_entry *entry, enum cm_refusal_code refusal)
{
    if (entry->permitted) {
        return refusal == CM_REFUSAL_NONE || refusal == CM_REFUSAL_UNAVAILABLE;
    }
    return refusal != CM_REFUSAL_NONE && entry->refusal == (uint32_t)refusal;
}

enum cm_status cm_node_record_check(struct cm_arena *arena, const struct cm_record *record,
                                    const char *spiffe, const struct cm_key *key,
                                    const struct cm_node_ask *ask, struct cm_error *error)
{
    struct cm_entry entry;
    struct cm_checkpoint head;
    enum cm_status status = cm_record_open(&entry, &head, arena, record, spiffe, key, error);
    if (status) {
        return status;
    }
    if (entry.kind != CM_ENTRY_NODE || !cm_digest_equal(&entry.digest, ask->query_digest)) {
        return cm_fail(error, CM_INVALID, "record.entry", "the node recorded another question");
    }
    if (strcmp(entry.gateway, ask->gateway) != 0 || entry.gateway_index != ask->gateway_index ||
        entry.attempt != ask->attempt) {
        return cm_fail(error, CM_INVALID, "record.entry", "the node recorded another ask");
    }
    if (!fits(&entry, ask->refusal)) {
        return cm_fail(error, CM_INVALID, "record.entry",
                       "the node recorded another decision than it sent");
    }
    return CM_OK;
}

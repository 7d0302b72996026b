#include "proto/ledger/cli/record_open.h"

#include <stdio.h>
#include <string.h>

static void damaged(struct cm_audit_record *record, const char *where, const char *what)
{
    record->clear = CM_CLEAR_DAMAGED;
    cm_error_fill(&record->why, CM_INVALID, where, "%s", what);
}

// The agency in spiffe://federation/agency/role/name; "" when it is none.
static void agency_of(char out[CM_MAX_ID + 1], const char *spiffe)
{
    if (sscanf(spiffe, "spiffe://%*[^/]/%96[^/]", out) != 1) {
        out[0] = '\0';
    }
}

static void check_commitments(struct cm_audit_record *record)
{
    char agency[CM_MAX_ID + 1];
    struct cm_commitments want;
    const struct cm_commitments *have = &record->entry.commitments;
    agency_of(agency, record->query.signer);
    cm_commitments_of(&want, &record->query, agency);
    const struct {
        const char *label;
        bool fits;
    } each[] = {
        {"requester", cm_digest_equal(&want.requester, &have->requester)},
        {"agency", cm_digest_equal(&want.agency, &have->agency)},
        {"plate", cm_digest_equal(&want.plate, &have->plate)},
        {"purpose", cm_digest_equal(&want.purpose, &have->purpose)},
        {"case", cm_digest_equal(&want.case_number, &have->case_number)},
        {"reason", cm_digest_equal(&want.reason, &have->reason)},
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        if (!each[i].fits) {
            damaged(record, each[i].label, "is not what the entry commits to");
            return;
        }
    }
}

static void check_question(struct cm_audit_record *record, struct cm_arena *arena)
{
    struct cm_digest digest;
    const struct cm_envelope *question = &record->access.question;
    const bool reach = question->family == CM_FAMILY_REACH;
    const enum cm_status status =
        reach ? cm_reach_decode(&record->query, arena, question->payload, &record->why)
              : cm_query_decode(&record->query, arena, question->payload, &record->why);
    if (status != CM_OK) {
        record->clear = CM_CLEAR_DAMAGED;
        return;
    }
    record->asked = question->family;
    cm_sha256_of(&digest, question->payload);
    if (!cm_digest_equal(&digest, &record->entry.digest)) {
        damaged(record, "question", "is not the one that the entry names");
    } else if (!cm_digest_equal(&record->query.key_hash, &question->signatures[0].keyid)) {
        damaged(record, "question", "names another key than the one that signed it");
    } else if (!reach && record->entry.committed) {
        check_commitments(record);
    }
}

static void take_chain(struct cm_audit_record *record, struct cm_chain_memory *chains)
{
    struct cm_access *access = &record->access;
    struct cm_signature *signature = &access->question.signatures[0];
    if (access->chain_elsewhere) {
        if (cm_chain_memory_get(signature, chains, access->chain_at, record->day) != CM_OK) {
            damaged(record, "question", "its certificates are not where the record says");
        }
    } else if (signature->chain_count > 0 &&
               cm_chain_memory_put(chains, record->index, record->day, signature) != CM_OK) {
        damaged(record, "question", "too many signers on one day to hold their certificates");
    }
}

static enum cm_audit_clear absent(const struct cm_audit_record *record, struct cm_day_keys *keys)
{
    return record->day < cm_day_keys_erased_before(keys) ? CM_CLEAR_ERASED : CM_CLEAR_NO_KEY;
}

void cm_audit_record_open(struct cm_audit_record *record, struct cm_arena *arena,
                          struct cm_day_keys *keys, struct cm_chain_memory *chains)
{
    record->clear = CM_CLEAR_NONE;
    if (record->sealed.len == 0) {
        return;
    }
    if (cm_access_day(&record->day, record->sealed) != CM_OK) {
        damaged(record, "access", "is no access record");
        return;
    }
    if (record->day != cm_day_of(record->entry.recorded_ms)) {
        damaged(record, "access", "is sealed under another day than the entry's");
        return;
    }
    const enum cm_status status =
        cm_access_open(&record->access, arena, record->sealed, record->bytes, keys, &record->why);
    if (status != CM_OK) {
        record->clear = status == CM_NOT_FOUND ? absent(record, keys) : CM_CLEAR_DAMAGED;
        return;
    }
    record->clear = CM_CLEAR_OPEN;
    if (record->access.question.family != CM_FAMILY_NONE) {
        take_chain(record, chains);
        if (record->clear == CM_CLEAR_OPEN) {
            check_question(record, arena);
        }
    }
}

#include "proto/ledger/cli/record_open.h"

#include "proto/trust/approval_check.h"

#include <stdio.h>
#include <string.h>

static void damaged(struct cm_audit_record *record, const char *where, const char *what)
{
    record->clear = CM_CLEAR_DAMAGED;
    cm_error_fill(&record->why, CM_INVALID, where, "%s", what);
}

static void check_commitments(struct cm_audit_record *record)
{
    struct cm_identity signer;
    struct cm_commitments want;
    const struct cm_commitments *have = &record->entry.commitments;
    const enum cm_status status =
        cm_identity_parse(&signer, cm_bytes_of(record->query.signer), NULL);
    cm_commitments_of(&want, &record->query, status == CM_OK ? signer.agency : "");
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

// Its signature is for verify. What rides in a question that was refused may be anything.
static void take_approval(struct cm_audit_record *record, struct cm_arena *arena)
{
    if (record->query.approval.family != CM_FAMILY_NONE && !cm_audit_record_taken(record)) {
        cm_error_fill(&record->approval_fault, CM_INVALID, "approval",
                      "the question was refused: nobody relied on it");
    } else if (record->query.approval.family != CM_FAMILY_NONE) {
        record->approved =
            cm_approval_read(&record->approval, arena, &record->query,
                             cm_audit_record_asked_ms(record), &record->approval_fault) == CM_OK;
    }
}

static void take_gateway_entry(struct cm_audit_record *record, struct cm_arena *arena)
{
    const struct cm_bytes bytes = record->access.gateway_record.entry;
    if (record->entry.kind == CM_ENTRY_COPY && bytes.len > 0 &&
        cm_entry_decode(&record->gateway_entry, arena, bytes, NULL) != CM_OK) {
        record->gateway_entry = (struct cm_entry){.kind = CM_ENTRY_NONE};
    }
}

int64_t cm_audit_record_asked_ms(const struct cm_audit_record *record)
{
    return record->gateway_entry.kind != CM_ENTRY_NONE ? record->gateway_entry.recorded_ms
                                                       : record->entry.recorded_ms;
}

bool cm_audit_record_taken(const struct cm_audit_record *record)
{
    const enum cm_entry_kind kind = record->entry.kind;
    return kind == CM_ENTRY_QUERY || (kind == CM_ENTRY_NODE && record->entry.permitted) ||
           (kind == CM_ENTRY_COPY && !cm_audit_record_refused(record));
}

bool cm_audit_record_refused(const struct cm_audit_record *record)
{
    return record->entry.kind == CM_ENTRY_REFUSED || record->gateway_entry.kind == CM_ENTRY_REFUSED;
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
    take_gateway_entry(record, arena);
    if (record->access.question.family != CM_FAMILY_NONE) {
        take_chain(record, chains);
        if (record->clear == CM_CLEAR_OPEN) {
            check_question(record, arena);
        }
        if (record->clear == CM_CLEAR_OPEN) {
            take_approval(record, arena);
        }
    }
}

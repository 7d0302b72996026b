#include "proto/codec/entry_pb.h"

#include "proto/codec/answer.h"

#include <string.h>

enum { MAX_RULE = 256 };

static const char *const kinds[CM_ENTRY_COUNT] = {
    [CM_ENTRY_NONE] = "none",         [CM_ENTRY_QUERY] = "query",
    [CM_ENTRY_NODE] = "node",         [CM_ENTRY_REACH] = "reach",
    [CM_ENTRY_RULES] = "rules",       [CM_ENTRY_DIRECTORY] = "directory",
    [CM_ENTRY_EVIDENCE] = "evidence", [CM_ENTRY_INGEST] = "ingest",
    [CM_ENTRY_DELETION] = "deletion", [CM_ENTRY_ADMIN] = "admin",
    [CM_ENTRY_AUDIT] = "audit",       [CM_ENTRY_START] = "start",
    [CM_ENTRY_STOP] = "stop",         [CM_ENTRY_CLOCK] = "clock",
    [CM_ENTRY_RELEASE] = "release",   [CM_ENTRY_MANIFEST] = "manifest",
    [CM_ENTRY_COPY] = "copy",         [CM_ENTRY_REFUSED] = "refused",
    [CM_ENTRY_REJECTED] = "rejected", [CM_ENTRY_SHARING] = "sharing",
    [CM_ENTRY_WITNESS] = "witness",   [CM_ENTRY_EPOCH] = "epoch",
};

static const char *const releases[CM_RELEASE_COUNT] = {
    [CM_RELEASE_NONE] = "none",           [CM_RELEASE_COMPLETE] = "complete",
    [CM_RELEASE_WITHDRAWN] = "withdrawn", [CM_RELEASE_CANCELLED] = "cancelled",
    [CM_RELEASE_LATE] = "late",           [CM_RELEASE_FAILED] = "failed",
};

static const char *const findings[CM_WITNESS_COUNT] = {
    [CM_WITNESS_NONE] = "none",
    [CM_WITNESS_FORK] = "fork",
    [CM_WITNESS_ROLLBACK] = "rollback",
    [CM_WITNESS_EPOCH] = "epoch",
};

const char *cm_entry_kind_name(enum cm_entry_kind kind)
{
    return kinds[(unsigned)kind < CM_ENTRY_COUNT ? kind : CM_ENTRY_NONE];
}

const char *cm_release_outcome_name(enum cm_release_outcome outcome)
{
    return releases[(unsigned)outcome < CM_RELEASE_COUNT ? outcome : CM_RELEASE_NONE];
}

const char *cm_witness_finding_name(enum cm_witness_finding finding)
{
    return findings[(unsigned)finding < CM_WITNESS_COUNT ? finding : CM_WITNESS_NONE];
}

static void check_node(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_id(form, "gateway", e->gateway);
    cm_form_between(form, "attempt", e->attempt, 1, UINT32_MAX);
    cm_form_between(form, "refusal", e->refusal, e->permitted ? 0 : 1,
                    e->permitted ? 0 : CM_REFUSAL_COUNT - 1);
    cm_form_text(form, "deciding_rule", e->deciding_rule, 0, MAX_RULE);
}

static void check_release(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_between(form, "attempt", e->attempt, 1, UINT32_MAX);
    cm_form_between(form, "outcome", (unsigned)e->release, 1, CM_RELEASE_COUNT - 1);
    cm_form_between(form, "rows", e->rows, 0, CM_MAX_LIMIT);
    cm_form_require(form, e->rows == 0 || !cm_digest_is_zero(&e->last_digest), "last_header",
                    "must be there when rows are");
}

static void check_manifest(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_between(form, "asked", e->decisions, 0, CM_MAX_DIRECTORY_AGENCIES);
    cm_form_between(form, "answered", e->answered, 0, e->decisions);
}

static void check_refused(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_between(form, "code", e->refusal, CM_OK + 1, CM_LATE);
    cm_form_text(form, "field", e->text, 0, sizeof((struct cm_error *)NULL)->where - 1);
}

static void check_rejected(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_time(form, "from_ms", e->from_ms);
    cm_form_time(form, "to_ms", e->to_ms);
    cm_form_require(form, e->from_ms <= e->to_ms, "to_ms", "is before from_ms");
    cm_form_between(form, "counts", e->count_count, 1, CM_MAX_REJECTED_CODES);
    for (size_t i = 0; cm_form_ok(form) && i < e->count_count; i++) {
        cm_form_enter(form, "counts", i);
        cm_form_between(form, "code", e->counts[i].code, CM_OK + 1, CM_LATE);
        cm_form_require(form, i == 0 || e->counts[i - 1].code < e->counts[i].code, "code",
                        "is out of order or there twice");
        cm_form_between(form, "count", e->counts[i].count, 1, INT64_MAX);
        cm_form_leave(form);
    }
}

static void check_sharing(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_text(form, "partner", e->agency, 1, CM_MAX_ID);
    cm_form_require(form, strpbrk(e->agency, " \t") == NULL, "partner", "is more than a word");
}

static void check_tree(struct cm_form *form, const char *field, uint64_t size,
                       const struct cm_digest *root)
{
    cm_form_require(form, (size == 0) == cm_digest_is_zero(root), field,
                    "must be there when its size is, and only then");
}

static void check_witness(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_text(form, "origin", e->text, 1, CM_MAX_ORIGIN);
    cm_form_between(form, "finding", (unsigned)e->finding, 1, CM_WITNESS_COUNT - 1);
    check_tree(form, "seen_root", e->old_size, &e->old_root);
    check_tree(form, "root", e->new_size, &e->new_root);
    cm_form_require(form, (e->finding == CM_WITNESS_EPOCH) == !cm_digest_is_zero(&e->digest),
                    "statement_digest", "must be there for an epoch, and only then");
}

static void check_epoch(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_between(form, "epoch", e->sequence, 2, INT64_MAX);
    check_tree(form, "restored_root", e->old_size, &e->old_root);
    check_tree(form, "cosigned_root", e->new_size, &e->new_root);
}

static void check_rules(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_agency(form, "agency", e->agency);
    cm_form_between(form, "sequence", e->sequence, 1, INT64_MAX);
}

static void check_what(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_text(form, "what", e->text, 0, CM_MAX_REASON);
}

static void check_start(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_text(form, "version", e->text, 0, CM_MAX_REASON);
}

static void check_stop(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_text(form, "why", e->text, 0, CM_MAX_REASON);
}

static void check_copy(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_id(form, "gateway", e->gateway);
}

// Kinds that are not here have nothing to check past what every entry has.
static void (*const checks[CM_ENTRY_COUNT])(struct cm_form *, const struct cm_entry *) = {
    [CM_ENTRY_NODE] = check_node,         [CM_ENTRY_RULES] = check_rules,
    [CM_ENTRY_EVIDENCE] = check_what,     [CM_ENTRY_ADMIN] = check_what,
    [CM_ENTRY_AUDIT] = check_what,        [CM_ENTRY_START] = check_start,
    [CM_ENTRY_STOP] = check_stop,         [CM_ENTRY_RELEASE] = check_release,
    [CM_ENTRY_MANIFEST] = check_manifest, [CM_ENTRY_COPY] = check_copy,
    [CM_ENTRY_REFUSED] = check_refused,   [CM_ENTRY_REJECTED] = check_rejected,
    [CM_ENTRY_SHARING] = check_sharing,   [CM_ENTRY_WITNESS] = check_witness,
    [CM_ENTRY_EPOCH] = check_epoch,
};

void cm_form_entry_check(struct cm_form *form, const struct cm_entry *e)
{
    if (e->kind <= CM_ENTRY_NONE || e->kind >= CM_ENTRY_COUNT) {
        cm_form_fail(form, CM_INVALID, "what", "is missing");
        return;
    }
    cm_form_time(form, "recorded_ms", e->recorded_ms);
    cm_form_time(form, "expires_ms", e->expires_ms);
    if (checks[e->kind]) {
        checks[e->kind](form, e);
    }
}

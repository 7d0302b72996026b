#include "proto/codec/detection.h"
#include "proto/codec/manifest_pb.h"
#include "proto/codec/proof_pb.h"
#include "proto/codec/query_pb.h"

enum { SCRATCH = 2 * CM_MAX_MANIFEST };

static const char *const outcomes[CM_OUTCOME_COUNT] = {
    [CM_OUTCOME_NONE] = "in progress",    [CM_OUTCOME_ANSWERED] = "answered",
    [CM_OUTCOME_REFUSED] = "refused",     [CM_OUTCOME_DETACHED] = "detached",
    [CM_OUTCOME_OFFLINE] = "offline",     [CM_OUTCOME_LATE] = "late",
    [CM_OUTCOME_FAILED] = "failed",       [CM_OUTCOME_INCOMPATIBLE] = "incompatible",
    [CM_OUTCOME_WITHDRAWN] = "withdrawn", [CM_OUTCOME_NOT_PERMITTED] = "not permitted",
    [CM_OUTCOME_NOT_NAMED] = "not named", [CM_OUTCOME_NO_NODE] = "no node",
};

// Outcomes that only an agency that was asked can have: each such agency has an account.
static const bool asked[CM_OUTCOME_COUNT] = {
    [CM_OUTCOME_ANSWERED] = true, [CM_OUTCOME_REFUSED] = true,   [CM_OUTCOME_LATE] = true,
    [CM_OUTCOME_FAILED] = true,   [CM_OUTCOME_WITHDRAWN] = true,
};

const char *cm_outcome_name(enum cm_outcome outcome)
{
    return outcomes[(unsigned)outcome < CM_OUTCOME_COUNT ? outcome : CM_OUTCOME_NONE];
}

void cm_form_outcome(struct cm_form *form, const char *field, int outcome, bool none_allowed)
{
    cm_form_require(form,
                    outcome >= (none_allowed ? CM_OUTCOME_NONE : CM_OUTCOME_NONE + 1) &&
                        outcome < CM_OUTCOME_COUNT,
                    field, "is unknown");
}

void cm_form_counts(struct cm_form *form, uint32_t out[CM_OUTCOME_COUNT],
                    Comity__V1__OutcomeCount **in, size_t count)
{
    int last = CM_OUTCOME_NONE;

    for (size_t i = 0; cm_form_ok(form) && i < count; i++) {
        int outcome = (int)in[i]->outcome;

        cm_form_enter(form, "counts", i);
        cm_form_outcome(form, "outcome", outcome, false);
        cm_form_require(form, outcome > last, "outcome", "is out of order or there twice");
        cm_form_between(form, "agencies", in[i]->agencies, 1, CM_MAX_DIRECTORY_AGENCIES);
        cm_form_leave(form);
        if (!cm_form_ok(form)) {
            return;
        }
        out[outcome] = in[i]->agencies;
        last = outcome;
    }
}

Comity__V1__OutcomeCount **cm_form_out_counts(struct cm_form *form, size_t *count,
                                              const uint32_t in[CM_OUTCOME_COUNT])
{
    Comity__V1__OutcomeCount **list = cm_form_array(form, CM_OUTCOME_COUNT, sizeof(void *));
    Comity__V1__OutcomeCount *items = cm_form_array(form, CM_OUTCOME_COUNT, sizeof *items);

    *count = 0;
    for (int i = CM_OUTCOME_NONE + 1; items && i < CM_OUTCOME_COUNT; i++) {
        if (in[i] == 0) {
            continue;
        }
        comity__v1__outcome_count__init(&items[i]);
        items[i].outcome = (Comity__V1__Outcome)i;
        items[i].agencies = in[i];
        list[(*count)++] = &items[i];
    }
    return list;
}

static void check_account(struct cm_form *form, const struct cm_account *a)
{
    int64_t captured_ms;
    struct cm_bytes owner;
    struct cm_bytes event;

    cm_form_agency(form, "agency", a->agency);
    cm_form_outcome(form, "outcome", (int)a->outcome, false);
    if (!cm_form_ok(form)) {
        return;
    }
    cm_form_between(form, "rows", a->rows, 0, CM_MAX_LIMIT);
    cm_form_require(form, (a->rows > 0) == (a->last_key.len > 0), "last_key",
                    "must be there when rows are, and only then");
    cm_form_require(form, a->rows == 0 || !cm_digest_is_zero(&a->last_header), "last_header",
                    "must be there when rows are");
    cm_form_require(form,
                    a->last_key.len == 0 ||
                        (cm_row_key_parse(a->last_key, &captured_ms, &owner, &event) == CM_OK &&
                         cm_bytes_equal(owner, cm_bytes_of(a->agency))),
                    "last_key", "is not of a row of this agency");
    cm_form_time(form, "visible_from_ms", a->visible_from_ms);
    cm_form_fields_check(form, "fields_withheld", a->fields_withheld);
    cm_form_text(form, "reason", a->reason, 0, CM_MAX_REASON);
    cm_form_require(form, asked[a->outcome] || cm_digest_is_zero(&a->record_digest),
                    "record_digest", "is of an agency that was not asked");
}

// The invariant I5: accounts, counts and rows say the same.
static void check_sums(struct cm_form *form, const struct cm_manifest *m)
{
    uint32_t accounts[CM_OUTCOME_COUNT] = {0};
    uint64_t rows = 0;

    for (size_t i = 0; i < m->account_count; i++) {
        accounts[m->accounts[i].outcome]++;
        rows += m->accounts[i].rows;
    }
    cm_form_require(form, m->counts[CM_OUTCOME_NONE] == 0, "counts", "count an unknown outcome");
    for (int i = CM_OUTCOME_NONE + 1; i < CM_OUTCOME_COUNT; i++) {
        cm_form_require(form, asked[i] ? accounts[i] == m->counts[i] : accounts[i] <= m->counts[i],
                        "counts", "do not add up with the agencies");
    }
    cm_form_require(form, rows == m->rows, "rows", "is not the sum of the agencies' rows");
}

static void check_manifest(struct cm_form *form, const struct cm_manifest *m)
{
    cm_form_id(form, "gateway", m->gateway);
    cm_form_time(form, "started_ms", m->started_ms);
    cm_form_time(form, "finished_ms", m->finished_ms);
    cm_form_between(form, "entry", m->entry.len, 1, CM_MAX_ENTRY);
    cm_form_between(form, "checkpoint", m->checkpoint.len, 1, CM_MAX_CHECKPOINT);
    cm_form_inclusion_check(form, &m->inclusion);
    cm_form_between(form, "agencies", m->account_count, 0, CM_MAX_DIRECTORY_AGENCIES);
    for (size_t i = 0; cm_form_ok(form) && i < m->account_count; i++) {
        cm_form_enter(form, "agencies", i);
        check_account(form, &m->accounts[i]);
        if (i > 0) {
            cm_form_ascending(form, "agency", m->accounts[i - 1].agency, m->accounts[i].agency);
        }
        cm_form_leave(form);
    }
    if (cm_form_ok(form)) {
        check_sums(form, m);
    }
}

static void take_account(struct cm_form *form, struct cm_account *out,
                         const Comity__V1__AgencyAccount *in)
{
    out->agency = in->agency;
    out->outcome = (enum cm_outcome)in->outcome;
    out->rows = in->rows;
    out->last_key = (struct cm_bytes){in->last_key.data, in->last_key.len};
    cm_form_digest_or_none(form, "last_header", &out->last_header, &in->last_header);
    out->more_matched = in->more_matched;
    out->visible_from_ms = in->visible_from_ms;
    cm_form_fields(form, "fields_withheld", &out->fields_withheld, in->fields_withheld,
                   in->n_fields_withheld);
    out->rows_withheld = in->rows_withheld;
    out->elapsed_ms = in->elapsed_ms;
    cm_form_digest_or_none(form, "rules_digest", &out->rules_digest, &in->rules_digest);
    out->reason = in->reason;
    cm_form_digest_or_none(form, "record_digest", &out->record_digest, &in->record_digest);
}

static void take_manifest(struct cm_form *form, struct cm_manifest *out,
                          const Comity__V1__Manifest *in)
{
    struct cm_account *accounts = cm_form_array(form, in->n_agencies, sizeof *accounts);

    cm_form_digest(form, "query_digest", &out->query_digest, &in->query_digest);
    out->gateway = in->gateway;
    out->directory_serial = in->directory_serial;
    cm_form_digest(form, "directory_digest", &out->directory_digest, &in->directory_digest);
    out->started_ms = in->started_ms;
    out->finished_ms = in->finished_ms;
    out->entry = (struct cm_bytes){in->entry.data, in->entry.len};
    out->checkpoint = (struct cm_bytes){in->checkpoint.data, in->checkpoint.len};
    cm_form_inclusion(form, &out->inclusion, in->inclusion);
    for (size_t i = 0; accounts && cm_form_ok(form) && i < in->n_agencies; i++) {
        cm_form_enter(form, "agencies", i);
        take_account(form, &accounts[i], in->agencies[i]);
        cm_form_leave(form);
    }
    out->account_count = in->n_agencies;
    out->accounts = accounts;
    cm_form_counts(form, out->counts, in->counts, in->n_counts);
    out->rows = in->rows;
    out->cut = in->cut;
}

enum cm_status cm_manifest_decode(struct cm_manifest *out, struct cm_arena *arena,
                                  struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Manifest *in = cm_form_unpack(&form, &comity__v1__manifest__descriptor,
                                                    "manifest", payload, CM_MAX_MANIFEST);

    *out = (struct cm_manifest){.gateway = ""};
    if (in) {
        take_manifest(&form, out, in);
    }
    if (cm_form_ok(&form)) {
        check_manifest(&form, out);
    }
    return form.status;
}

static Comity__V1__AgencyAccount **out_accounts(struct cm_form *form, const struct cm_manifest *in)
{
    Comity__V1__AgencyAccount **list = cm_form_array(form, in->account_count, sizeof(void *));
    Comity__V1__AgencyAccount *items = cm_form_array(form, in->account_count, sizeof *items);

    for (size_t i = 0; items && cm_form_ok(form) && i < in->account_count; i++) {
        const struct cm_account *a = &in->accounts[i];
        Comity__V1__AgencyAccount *out = &items[i];

        comity__v1__agency_account__init(out);
        out->agency = cm_form_out_text(a->agency);
        out->outcome = (Comity__V1__Outcome)a->outcome;
        out->rows = a->rows;
        out->last_key = cm_form_out_span(a->last_key);
        out->last_header = cm_form_out_digest_or_none(&a->last_header);
        out->more_matched = a->more_matched;
        out->visible_from_ms = a->visible_from_ms;
        out->fields_withheld = cm_form_array(form, CM_FIELD_COUNT, sizeof(Comity__V1__Field));
        if (out->fields_withheld) {
            out->n_fields_withheld = cm_form_out_fields(out->fields_withheld, a->fields_withheld);
        }
        out->rows_withheld = a->rows_withheld;
        out->elapsed_ms = a->elapsed_ms;
        out->rules_digest = cm_form_out_digest_or_none(&a->rules_digest);
        out->reason = cm_form_out_text(a->reason);
        out->record_digest = cm_form_out_digest_or_none(&a->record_digest);
        list[i] = out;
    }
    return list;
}

enum cm_status cm_manifest_encode(struct cm_buf *out, const struct cm_manifest *manifest)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    Comity__V1__Manifest message = COMITY__V1__MANIFEST__INIT;

    if (!form.arena) {
        return CM_MEMORY;
    }
    check_manifest(&form, manifest);
    if (!cm_form_ok(&form)) {
        goto out;
    }
    message.query_digest = cm_form_out_digest(&manifest->query_digest);
    message.gateway = cm_form_out_text(manifest->gateway);
    message.directory_serial = manifest->directory_serial;
    message.directory_digest = cm_form_out_digest(&manifest->directory_digest);
    message.started_ms = manifest->started_ms;
    message.finished_ms = manifest->finished_ms;
    message.entry = cm_form_out_span(manifest->entry);
    message.checkpoint = cm_form_out_span(manifest->checkpoint);
    message.inclusion = cm_form_out_inclusion(&form, &manifest->inclusion);
    message.n_agencies = manifest->account_count;
    message.agencies = out_accounts(&form, manifest);
    message.counts = cm_form_out_counts(&form, &message.n_counts, manifest->counts);
    message.rows = manifest->rows;
    message.cut = manifest->cut;
    if (cm_form_ok(&form)) {
        form.status = cm_form_pack(out, &message.base, CM_MAX_MANIFEST);
    }
out:
    cm_arena_free(form.arena);
    return form.status;
}

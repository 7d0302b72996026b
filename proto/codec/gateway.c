#include "proto/codec/gateway_pb.h"
#include "proto/codec/manifest_pb.h"
#include "proto/codec/proof_pb.h"

#include <stdio.h>
#include <string.h>

enum {
    SCRATCH = 2 * CM_MAX_LOOKUP_RESPONSE,
    MAX_PARTS = CM_MAX_BUNDLE / CM_DIRECTORY_PART,
};

// Kinds are the numbers of the oneof's fields.
_Static_assert((int)CM_LOOKUP_RECORD == (int)COMITY__V1__LOOKUP_RESPONSE__WHAT_RECORD,
               "kinds of lookup response");

static const unsigned questions = 1u << CM_FAMILY_QUERY | 1u << CM_FAMILY_REACH;

static void check_part(struct cm_form *form, const struct cm_directory_part *part)
{
    cm_form_enter(form, "directory", CM_FORM_NO_INDEX);
    cm_form_between(form, "serial", part->serial, 1, INT64_MAX);
    cm_form_between(form, "count", part->count, 1, MAX_PARTS);
    cm_form_require(form, part->index < part->count, "index", "is not below count");
    cm_form_between(form, "data", part->data.len, 1, CM_DIRECTORY_PART);
    cm_form_leave(form);
}

void cm_form_part(struct cm_form *form, struct cm_directory_part *out,
                  const Comity__V1__DirectoryPart *in)
{
    *out =
        (struct cm_directory_part){in->serial, in->index, in->count, {in->data.data, in->data.len}};
    check_part(form, out);
}

Comity__V1__DirectoryPart *cm_form_out_part(struct cm_form *form,
                                            const struct cm_directory_part *in)
{
    Comity__V1__DirectoryPart *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    check_part(form, in);
    comity__v1__directory_part__init(out);
    out->serial = in->serial;
    out->index = in->index;
    out->count = in->count;
    out->data = cm_form_out_span(in->data);
    return out;
}

Comity__V1__Envelope *cm_form_new_envelope(struct cm_form *form, const char *field,
                                           const struct cm_envelope *in, unsigned families)
{
    struct cm_envelope_pb *pb;

    if (in->family == CM_FAMILY_NONE) {
        return NULL;
    }
    pb = cm_form_array(form, 1, sizeof *pb);
    return pb ? cm_form_out_envelope(form, field, pb, in, families) : NULL;
}

enum cm_status cm_lookup_request_decode(struct cm_lookup_request *out, struct cm_arena *arena,
                                        struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__LookupRequest *in = cm_form_unpack(
        &form, &comity__v1__lookup_request__descriptor, "request", bytes, CM_MAX_LOOKUP_REQUEST);

    *out = (struct cm_lookup_request){0};
    if (!in) {
        return form.status;
    }
    out->directory_serial = in->directory_serial;
    cm_form_envelope(&form, "query", &out->query, in->query, questions);
    return form.status;
}

enum cm_status cm_lookup_request_encode(struct cm_buf *out, const struct cm_lookup_request *value)
{
    struct cm_form form = {0};
    struct cm_envelope_pb pb;
    Comity__V1__LookupRequest message = COMITY__V1__LOOKUP_REQUEST__INIT;

    message.query = cm_form_out_envelope(&form, "query", &pb, &value->query, questions);
    message.directory_serial = value->directory_serial;
    return cm_form_finish(&form, out, &message.base, CM_MAX_LOOKUP_REQUEST);
}

static void check_accepted(struct cm_form *form, const struct cm_accepted *a)
{
    cm_form_enter(form, "accepted", CM_FORM_NO_INDEX);
    cm_form_between(form, "entry", a->entry.len, 1, CM_MAX_ENTRY);
    cm_form_between(form, "checkpoint", a->checkpoint.len, 1, CM_MAX_CHECKPOINT);
    cm_form_inclusion_check(form, &a->inclusion);
    cm_form_between(form, "agencies_asked", a->agency_count, 0, CM_MAX_DIRECTORY_AGENCIES);
    for (size_t i = 0; cm_form_ok(form) && i < a->agency_count; i++) {
        cm_form_enter(form, "agencies_asked", i);
        cm_form_agency(form, "", a->agencies[i]);
        if (i > 0) {
            cm_form_ascending(form, "", a->agencies[i - 1], a->agencies[i]);
        }
        cm_form_leave(form);
    }
    cm_form_leave(form);
}

static void take_accepted(struct cm_form *form, struct cm_accepted *out,
                          const Comity__V1__Accepted *in)
{
    out->entry = (struct cm_bytes){in->entry.data, in->entry.len};
    out->checkpoint = (struct cm_bytes){in->checkpoint.data, in->checkpoint.len};
    cm_form_inclusion(form, &out->inclusion, in->inclusion);
    out->agency_count = in->n_agencies_asked;
    out->agencies = (const char *const *)in->agencies_asked;
    check_accepted(form, out);
}

static Comity__V1__Accepted *out_accepted(struct cm_form *form, const struct cm_accepted *in)
{
    Comity__V1__Accepted *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    check_accepted(form, in);
    comity__v1__accepted__init(out);
    out->entry = cm_form_out_span(in->entry);
    out->checkpoint = cm_form_out_span(in->checkpoint);
    out->inclusion = cm_form_out_inclusion(form, &in->inclusion);
    out->n_agencies_asked = in->agency_count;
    out->agencies_asked = (char **)(uintptr_t)in->agencies;
    return out;
}

static void check_progress(struct cm_form *form, const struct cm_progress *p)
{
    cm_form_agency(form, "agency", p->agency);
    cm_form_outcome(form, "outcome", (int)p->outcome, true);
}

static void fill_progress(Comity__V1__Progress *out, const struct cm_progress *in)
{
    comity__v1__progress__init(out);
    out->agency = cm_form_out_text(in->agency);
    out->outcome = (Comity__V1__Outcome)in->outcome;
    out->rows = in->rows;
}

static Comity__V1__Progress *out_progress(struct cm_form *form, const struct cm_progress *in)
{
    Comity__V1__Progress *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    check_progress(form, in);
    fill_progress(out, in);
    return out;
}

static enum cm_family family_of(enum cm_lookup_kind kind)
{
    if (kind == CM_LOOKUP_UNMERGED) {
        return CM_FAMILY_HEADER;
    }
    return kind == CM_LOOKUP_REFUSAL ? CM_FAMILY_REFUSAL : CM_FAMILY_MANIFEST;
}

static void take_progress(struct cm_form *form, struct cm_progress *out,
                          const Comity__V1__Progress *in)
{
    *out = (struct cm_progress){in->agency, (enum cm_outcome)in->outcome, in->rows};
    check_progress(form, out);
}

static void take_node_record(struct cm_form *form, struct cm_node_record *out,
                             const Comity__V1__NodeRecord *in)
{
    out->agency = in->agency;
    cm_form_agency(form, "agency", out->agency);
    cm_form_require(form, in->record != NULL, "record", "is missing");
    cm_form_record(form, "record", &out->record, in->record);
}

static Comity__V1__NodeRecord *out_node_record(struct cm_form *form,
                                               const struct cm_node_record *in)
{
    Comity__V1__NodeRecord *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    comity__v1__node_record__init(out);
    cm_form_agency(form, "agency", in->agency);
    cm_form_require(form, in->record.entry.len > 0, "record", "is missing");
    out->agency = cm_form_out_text(in->agency);
    out->record = cm_form_out_record(form, "record", &in->record);
    return out;
}

enum cm_status cm_lookup_response_decode(struct cm_lookup_response *out, struct cm_arena *arena,
                                         struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__LookupResponse *in = cm_form_unpack(
        &form, &comity__v1__lookup_response__descriptor, "response", bytes, CM_MAX_LOOKUP_RESPONSE);

    memset(out, 0, sizeof *out);
    if (!in) {
        return form.status;
    }
    out->kind = (enum cm_lookup_kind)in->what_case;
    switch (out->kind) {
    case CM_LOOKUP_NONE:
        cm_form_fail(&form, CM_INVALID, "what", "is missing");
        break;
    case CM_LOOKUP_DIRECTORY:
        cm_form_part(&form, &out->u.directory, in->directory);
        break;
    case CM_LOOKUP_ACCEPTED:
        take_accepted(&form, &out->u.accepted, in->accepted);
        break;
    case CM_LOOKUP_PROGRESS:
        take_progress(&form, &out->u.progress, in->progress);
        break;
    case CM_LOOKUP_BATCH:
        cm_form_batch(&form, &out->u.batch, in->batch);
        break;
    case CM_LOOKUP_UNMERGED:
    case CM_LOOKUP_REFUSAL:
    case CM_LOOKUP_MANIFEST:
        // All three are an Envelope at the same place of the union.
        cm_form_envelope(&form, "envelope", &out->u.envelope, in->manifest,
                         1u << family_of(out->kind));
        break;
    case CM_LOOKUP_RECORD:
        take_node_record(&form, &out->u.record, in->record);
        break;
    }
    return form.status;
}

enum cm_status cm_lookup_response_encode(struct cm_buf *out, const struct cm_lookup_response *value)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    Comity__V1__LookupResponse message = COMITY__V1__LOOKUP_RESPONSE__INIT;

    if (!form.arena) {
        return CM_MEMORY;
    }
    message.what_case = (Comity__V1__LookupResponse__WhatCase)value->kind;
    switch (value->kind) {
    case CM_LOOKUP_NONE:
        cm_form_fail(&form, CM_INVALID, "what", "is missing");
        break;
    case CM_LOOKUP_DIRECTORY:
        message.directory = cm_form_out_part(&form, &value->u.directory);
        break;
    case CM_LOOKUP_ACCEPTED:
        message.accepted = out_accepted(&form, &value->u.accepted);
        break;
    case CM_LOOKUP_PROGRESS:
        message.progress = out_progress(&form, &value->u.progress);
        break;
    case CM_LOOKUP_BATCH:
        message.batch = cm_form_out_batch(&form, &value->u.batch);
        break;
    case CM_LOOKUP_UNMERGED:
    case CM_LOOKUP_REFUSAL:
    case CM_LOOKUP_MANIFEST:
        cm_form_envelope_check(&form, "envelope", &value->u.envelope, 1u << family_of(value->kind));
        message.manifest = cm_form_new_envelope(&form, "envelope", &value->u.envelope,
                                                1u << family_of(value->kind));
        break;
    case CM_LOOKUP_RECORD:
        message.record = out_node_record(&form, &value->u.record);
        break;
    }
    return cm_form_finish(&form, out, &message.base, CM_MAX_LOOKUP_RESPONSE);
}

static void check_reach(struct cm_form *form, const struct cm_reach_response *r)
{
    cm_form_between(form, "directory_serial", r->directory_serial, 1, INT64_MAX);
    cm_form_between(form, "entry", r->entry.len, 1, CM_MAX_ENTRY);
    cm_form_between(form, "checkpoint", r->checkpoint.len, 1, CM_MAX_CHECKPOINT);
    cm_form_inclusion_check(form, &r->inclusion);
    cm_form_between(form, "agencies", r->agency_count, 0, CM_MAX_DIRECTORY_AGENCIES);
    for (size_t i = 0; cm_form_ok(form) && i < r->agency_count; i++) {
        cm_form_enter(form, "agencies", i);
        check_progress(form, &r->agencies[i]);
        if (i > 0) {
            cm_form_ascending(form, "agency", r->agencies[i - 1].agency, r->agencies[i].agency);
        }
        cm_form_leave(form);
    }
}

static const struct cm_progress *take_agencies(struct cm_form *form, Comity__V1__Progress **in,
                                               size_t count)
{
    struct cm_progress *out = cm_form_array(form, count, sizeof *out);

    for (size_t i = 0; out && i < count; i++) {
        out[i] = (struct cm_progress){in[i]->agency, (enum cm_outcome)in[i]->outcome, in[i]->rows};
    }
    return out;
}

enum cm_status cm_reach_response_decode(struct cm_reach_response *out, struct cm_arena *arena,
                                        struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__ReachResponse *in = cm_form_unpack(
        &form, &comity__v1__reach_response__descriptor, "response", bytes, CM_MAX_LOOKUP_RESPONSE);

    memset(out, 0, sizeof *out);
    if (!in) {
        return form.status;
    }
    out->directory_serial = in->directory_serial;
    cm_form_digest(&form, "directory_digest", &out->directory_digest, &in->directory_digest);
    out->entry = (struct cm_bytes){in->entry.data, in->entry.len};
    out->checkpoint = (struct cm_bytes){in->checkpoint.data, in->checkpoint.len};
    cm_form_inclusion(&form, &out->inclusion, in->inclusion);
    out->agency_count = in->n_agencies;
    out->agencies = take_agencies(&form, in->agencies, in->n_agencies);
    cm_form_counts(&form, out->counts, in->counts, in->n_counts);
    if (cm_form_ok(&form)) {
        check_reach(&form, out);
    }
    return form.status;
}

enum cm_status cm_reach_response_encode(struct cm_buf *out, const struct cm_reach_response *value)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    Comity__V1__ReachResponse message = COMITY__V1__REACH_RESPONSE__INIT;
    Comity__V1__Progress *items;

    if (!form.arena) {
        return CM_MEMORY;
    }
    check_reach(&form, value);
    message.directory_serial = value->directory_serial;
    message.directory_digest = cm_form_out_digest(&value->directory_digest);
    message.entry = cm_form_out_span(value->entry);
    message.checkpoint = cm_form_out_span(value->checkpoint);
    message.inclusion = cm_form_out_inclusion(&form, &value->inclusion);
    message.n_agencies = value->agency_count;
    message.agencies = cm_form_array(&form, value->agency_count, sizeof(void *));
    items = cm_form_array(&form, value->agency_count, sizeof *items);
    for (size_t i = 0; items && i < value->agency_count; i++) {
        fill_progress(&items[i], &value->agencies[i]);
        message.agencies[i] = &items[i];
    }
    message.counts = cm_form_out_counts(&form, &message.n_counts, value->counts);
    return cm_form_finish(&form, out, &message.base, CM_MAX_LOOKUP_RESPONSE);
}

static void check_error(struct cm_form *form, const struct cm_error *e)
{
    cm_form_between(form, "code", (uint64_t)e->status, CM_OK + 1, CM_LATE);
    cm_form_text(form, "field", e->where, 0, sizeof e->where - 1);
    cm_form_text(form, "text", e->text, 0, sizeof e->text - 1);
    cm_form_text(form, "hint", e->hint, 0, sizeof e->hint - 1);
}

enum cm_status cm_error_decode(struct cm_error *out, struct cm_arena *arena, struct cm_bytes bytes,
                               struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Error *in =
        cm_form_unpack(&form, &comity__v1__error__descriptor, "error", bytes, CM_MAX_ERROR);

    *out = (struct cm_error){.status = CM_OK};
    if (!in) {
        return form.status;
    }
    cm_form_between(&form, "code", in->code, CM_OK + 1, CM_LATE);
    cm_form_text(&form, "field", in->field, 0, sizeof out->where - 1);
    cm_form_text(&form, "text", in->text, 0, sizeof out->text - 1);
    cm_form_text(&form, "hint", in->hint, 0, sizeof out->hint - 1);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    out->status = (enum cm_status)in->code;
    snprintf(out->where, sizeof out->where, "%s", in->field);
    snprintf(out->text, sizeof out->text, "%s", in->text);
    snprintf(out->hint, sizeof out->hint, "%s", in->hint);
    out->retry_after_ms = in->retry_after_ms;
    return CM_OK;
}

// An error cut inside a character, or with a line break, is better sent mended than not at all.
static void mend(char *text)
{
    struct cm_form form = {0};

    cm_form_text(&form, "", text, 0, sizeof((struct cm_error *)NULL)->text);
    if (cm_form_ok(&form)) {
        return;
    }
    for (char *p = text; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }
}

enum cm_status cm_error_encode(struct cm_buf *out, const struct cm_error *value)
{
    struct cm_form form = {0};
    struct cm_error clean = *value;
    Comity__V1__Error message = COMITY__V1__ERROR__INIT;

    mend(clean.where);
    mend(clean.text);
    mend(clean.hint);
    check_error(&form, &clean);
    message.code = (uint32_t)clean.status;
    message.field = clean.where;
    message.text = clean.text;
    message.retry_after_ms = clean.retry_after_ms;
    message.hint = clean.hint;
    return cm_form_finish(&form, out, &message.base, CM_MAX_ERROR);
}

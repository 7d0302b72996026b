#include "proto/codec/envelope_pb.h"
#include "proto/codec/query_pb.h"

#include "proto/codec/directory.h"

#include <string.h>

static const char *const actions[CM_ACTION_COUNT] = {
    [CM_ACTION_NONE] = "none",       [CM_ACTION_LOOKUP] = "lookup", [CM_ACTION_FUZZY] = "fuzzy",
    [CM_ACTION_PARTIAL] = "partial", [CM_ACTION_AREA] = "area",     [CM_ACTION_IMAGE] = "image",
    [CM_ACTION_WATCH] = "watch",
};

static const char *const fields[CM_FIELD_COUNT] = {
    [CM_FIELD_NONE] = "none",       [CM_FIELD_PLACE] = "place",
    [CM_FIELD_CAMERA] = "camera",   [CM_FIELD_HEADING] = "heading",
    [CM_FIELD_VEHICLE] = "vehicle", [CM_FIELD_CONFIDENCE] = "confidence",
    [CM_FIELD_IMAGE] = "image",
};

static const char *const evidence[CM_EVIDENCE_COUNT] = {
    [CM_EVIDENCE_NONE] = "none",
    [CM_EVIDENCE_CASE] = "case",
    [CM_EVIDENCE_SUPERVISOR] = "supervisor",
    [CM_EVIDENCE_ATTESTATION] = "attestation",
    [CM_EVIDENCE_COURT_ORDER] = "court-order",
};

const char *cm_action_name(enum cm_action action)
{
    return actions[(unsigned)action < CM_ACTION_COUNT ? action : CM_ACTION_NONE];
}

const char *cm_field_name(enum cm_field field)
{
    return fields[(unsigned)field < CM_FIELD_COUNT ? field : CM_FIELD_NONE];
}

const char *cm_evidence_name(enum cm_evidence kind)
{
    return evidence[(unsigned)kind < CM_EVIDENCE_COUNT ? kind : CM_EVIDENCE_NONE];
}

enum cm_action cm_action_of(struct cm_bytes name)
{
    return (enum cm_action)cm_form_word(actions, CM_ACTION_COUNT, name);
}

enum cm_field cm_field_of(struct cm_bytes name)
{
    return (enum cm_field)cm_form_word(fields, CM_FIELD_COUNT, name);
}

enum cm_evidence cm_evidence_of(struct cm_bytes name)
{
    return (enum cm_evidence)cm_form_word(evidence, CM_EVIDENCE_COUNT, name);
}

void cm_form_fields(struct cm_form *form, const char *field, cm_fields *out,
                    const Comity__V1__Field *in, size_t count)
{
    int last = CM_FIELD_NONE;

    *out = 0;
    for (size_t i = 0; cm_form_ok(form) && i < count; i++) {
        int value = (int)in[i];

        if (value <= last || value >= CM_FIELD_COUNT) {
            cm_form_fail(form, CM_INVALID, field,
                         "has an item unknown, out of order or there "
                         "twice");
            return;
        }
        last = value;
        *out = (cm_fields)(*out | 1u << value);
    }
}

size_t cm_form_out_fields(Comity__V1__Field *out, cm_fields in)
{
    size_t count = 0;

    for (int i = CM_FIELD_NONE + 1; i < CM_FIELD_COUNT; i++) {
        if (in & 1u << i) {
            out[count++] = (Comity__V1__Field)i;
        }
    }
    return count;
}

void cm_form_fields_check(struct cm_form *form, const char *field, cm_fields in)
{
    cm_form_require(form, (in & ~CM_FIELDS_ALL) == 0, field, "has an unknown item");
}

static void check_window(struct cm_form *form, const struct cm_window *window)
{
    cm_form_enter(form, "window", CM_FORM_NO_INDEX);
    cm_form_time(form, "from_ms", window->from_ms);
    cm_form_time(form, "to_ms", window->to_ms);
    cm_form_require(form, window->from_ms < window->to_ms, "to_ms", "must be after from_ms");
    cm_form_leave(form);
}

static void check_life(struct cm_form *form, int64_t issued_ms, int64_t expires_ms, int64_t most)
{
    cm_form_time(form, "issued_ms", issued_ms);
    cm_form_time(form, "expires_ms", expires_ms);
    if (cm_form_ok(form) && (expires_ms <= issued_ms || expires_ms - issued_ms > most)) {
        cm_form_fail(form, CM_INVALID, "expires_ms",
                     "must be after issued_ms by no more than %lld ms", (long long)most);
    }
}

// A plate is the only selector that exists, and lookup the only action that takes one.
static void check_selector(struct cm_form *form, enum cm_action action,
                           const struct cm_plate_selector *plate)
{
    cm_form_require(form, plate->plate && action == CM_ACTION_LOOKUP, "selector",
                    "is missing, or does not fit the action");
    if (!cm_form_ok(form)) {
        return;
    }
    cm_form_enter(form, "plate", CM_FORM_NO_INDEX);
    cm_form_plate(form, "plate", plate->plate, 1);
    cm_form_require(form, !plate->state[0] || cm_state_known(cm_bytes_of(plate->state)), "state",
                    "is not the two capital letters of a state");
    cm_form_leave(form);
}

static void check_agencies(struct cm_form *form, const struct cm_query *query)
{
    if (query->agency_count > CM_MAX_AGENCIES_NAMED) {
        cm_form_fail(form, CM_INVALID, "agencies", "has %zu items, at most %d", query->agency_count,
                     CM_MAX_AGENCIES_NAMED);
        return;
    }
    for (size_t i = 0; cm_form_ok(form) && i < query->agency_count; i++) {
        cm_form_enter(form, "agencies", i);
        cm_form_agency(form, "", query->agencies[i]);
        if (i > 0) {
            cm_form_ascending(form, "", query->agencies[i - 1], query->agencies[i]);
        }
        cm_form_leave(form);
    }
}

static void check_evidence(struct cm_form *form, const struct cm_query *query)
{
    cm_form_enter(form, "evidence", CM_FORM_NO_INDEX);
    if (query->approval.family != CM_FAMILY_NONE) {
        cm_form_envelope_check(form, "approval", &query->approval, 1u << CM_FAMILY_APPROVAL);
    }
    cm_form_text(form, "court_order", query->court_order, 0, CM_MAX_ID);
    cm_form_leave(form);
}

static void check_reason(struct cm_form *form, const struct cm_query *query)
{
    if (cm_form_ok(form)) {
        form->status = cm_reason_check(query->reason, query->plate.plate, form->error);
    }
}

// What only a query carries.
static void check_question(struct cm_form *form, const struct cm_query *query)
{
    check_selector(form, query->action, &query->plate);
    check_window(form, &query->window);
    check_reason(form, query);
    check_evidence(form, query);
    cm_form_between(form, "limit", query->limit, 1, CM_MAX_LIMIT);
    cm_form_require(form,
                    query->order == CM_ORDER_TIME_DESCENDING || query->order == CM_ORDER_UNORDERED,
                    "order", "is unknown");
}

void cm_form_query_check(struct cm_form *form, const struct cm_query *query, bool reach)
{
    check_life(form, query->issued_ms, query->expires_ms, CM_MAX_QUERY_LIFE_MS);
    cm_form_id(form, "federation", query->federation);
    cm_form_id(form, "gateway", query->gateway);
    check_agencies(form, query);
    cm_form_spiffe(form, "signer", query->signer);
    cm_form_require(form,
                    (int)query->action > CM_ACTION_NONE && (int)query->action < CM_ACTION_COUNT,
                    "action", "is unknown");
    cm_form_fields_check(form, "fields", query->fields);
    cm_form_id(form, "purpose", query->purpose);
    cm_form_text(form, "case_number", query->case_number, 0, CM_MAX_CASE);
    if (query->on_behalf_of[0] != '\0') {
        cm_form_agency(form, "on_behalf_of", query->on_behalf_of);
    }
    if (reach) {
        check_window(form, &query->window);
    } else {
        check_question(form, query);
    }
    cm_form_between(form, "deadline_ms", query->deadline_ms, CM_MIN_DEADLINE_MS,
                    CM_MAX_DEADLINE_MS);
}

void cm_form_approval_check(struct cm_form *form, const struct cm_approval *approval)
{
    check_life(form, approval->issued_ms, approval->expires_ms, CM_MAX_APPROVAL_LIFE_MS);
    cm_form_id(form, "federation", approval->federation);
    cm_form_spiffe(form, "supervisor", approval->supervisor);
    cm_form_spiffe(form, "requester", approval->requester);
    cm_form_require(form, strcmp(approval->supervisor, approval->requester) != 0, "supervisor",
                    "is the requester; another person must approve");
    check_selector(form, approval->action, &approval->plate);
    check_window(form, &approval->window);
    cm_form_id(form, "purpose", approval->purpose);
    cm_form_text(form, "case_number", approval->case_number, 0, CM_MAX_CASE);
    cm_form_between(form, "uses", approval->uses, 1, CM_MAX_APPROVAL_USES);
}

#include "proto/codec/gateway_pb.h"
#include "proto/codec/proof_pb.h"

#include <string.h>

enum { SCRATCH = 512 * 1024 };

// Kinds are the numbers of the oneofs' fields.
_Static_assert((int)CM_UP_COPIED == (int)COMITY__V1__ATTACH_REQUEST__WHAT_COPIED,
               "kinds of attach request");
_Static_assert((int)CM_DOWN_COPY == (int)COMITY__V1__ATTACH_RESPONSE__WHAT_COPY,
               "kinds of attach response");

static const unsigned rulesets = 1u << CM_FAMILY_RULESET;
static const unsigned overlays = 1u << CM_FAMILY_OVERLAY;
static const unsigned epochs = 1u << CM_FAMILY_EPOCH;

static void check_hello(struct cm_form *form, const struct cm_hello *h)
{
    cm_form_enter(form, "hello", CM_FORM_NO_INDEX);
    cm_form_agency(form, "agency", h->agency);
    cm_form_between(form, "protocol_min", h->protocol_min, 1, h->protocol_max);
    cm_form_between(form, "rule_language", h->rule_language, 1, UINT32_MAX);
    cm_form_between(form, "rule_sets", h->rule_set_count, 0, CM_MAX_RULE_SETS);
    cm_form_require(form, (h->tree_size == 0) == cm_digest_is_zero(&h->tree_root), "tree_root",
                    "must be there when tree_size is, and only then");
    cm_form_between(form, "credits", h->credits, 0, CM_CREDITS); // 0: ask it nothing
    cm_form_leave(form);
}

static const struct cm_envelope *take_rule_sets(struct cm_form *form, Comity__V1__Envelope **in,
                                                size_t count)
{
    struct cm_envelope *out;

    cm_form_between(form, "rule_sets", count, 0, CM_MAX_RULE_SETS);
    out = cm_form_array(form, count, sizeof *out);
    for (size_t i = 0; out && cm_form_ok(form) && i < count; i++) {
        cm_form_enter(form, "rule_sets", i);
        cm_form_envelope(form, "envelope", &out[i], in[i], rulesets);
        cm_form_leave(form);
    }
    return out;
}

static void take_hello(struct cm_form *form, struct cm_hello *out, const Comity__V1__Hello *in)
{
    cm_form_enter(form, "hello", CM_FORM_NO_INDEX);
    out->agency = in->agency;
    cm_form_bytes(form, "instance", out->instance, sizeof out->instance, &in->instance);
    out->protocol_min = in->protocol_min;
    out->protocol_max = in->protocol_max;
    out->rule_language = in->rule_language;
    out->rule_set_count = in->n_rule_sets;
    out->rule_sets = take_rule_sets(form, in->rule_sets, in->n_rule_sets);
    if (in->overlay) {
        cm_form_envelope(form, "overlay", &out->overlay, in->overlay, overlays);
    }
    out->directory_serial = in->directory_serial;
    out->tree_size = in->tree_size;
    cm_form_digest_or_none(form, "tree_root", &out->tree_root, &in->tree_root);
    out->credits = in->credits;
    if (in->epoch) {
        cm_form_envelope(form, "epoch", &out->epoch, in->epoch, epochs);
    }
    cm_form_leave(form);
    check_hello(form, out);
}

static Comity__V1__Hello *out_hello(struct cm_form *form, const struct cm_hello *in)
{
    Comity__V1__Hello *out = cm_form_array(form, 1, sizeof *out);

    check_hello(form, in);
    if (!cm_form_ok(form)) {
        return NULL;
    }
    comity__v1__hello__init(out);
    out->agency = cm_form_out_text(in->agency);
    out->instance = cm_form_out(in->instance, sizeof in->instance);
    out->protocol_min = in->protocol_min;
    out->protocol_max = in->protocol_max;
    out->rule_language = in->rule_language;
    out->n_rule_sets = in->rule_set_count;
    out->rule_sets = cm_form_array(form, in->rule_set_count, sizeof(void *));
    for (size_t i = 0; cm_form_ok(form) && i < in->rule_set_count; i++) {
        cm_form_envelope_check(form, "rule_sets", &in->rule_sets[i], rulesets);
        out->rule_sets[i] = cm_form_new_envelope(form, "rule_sets", &in->rule_sets[i], rulesets);
    }
    out->overlay = cm_form_new_envelope(form, "overlay", &in->overlay, overlays);
    out->directory_serial = in->directory_serial;
    out->tree_size = in->tree_size;
    out->tree_root = cm_form_out_digest_or_none(&in->tree_root);
    out->credits = in->credits;
    out->epoch = cm_form_new_envelope(form, "epoch", &in->epoch, epochs);
    return out;
}

static void take_up(struct cm_form *form, struct cm_attach_up *out,
                    const Comity__V1__AttachRequest *in)
{
    switch (out->kind) {
    case CM_UP_NONE:
        cm_form_fail(form, CM_INVALID, "what", "is missing");
        return;
    case CM_UP_HELLO:
        take_hello(form, &out->hello, in->hello);
        return;
    case CM_UP_REFUSE:
        out->ask = in->refuse->ask;
        cm_form_envelope(form, "refusal", &out->envelope, in->refuse->refusal,
                         1u << CM_FAMILY_REFUSAL);
        cm_form_record(form, "record", &out->record, in->refuse->record);
        return;
    case CM_UP_CREDIT:
        out->credits = in->credit->credits;
        cm_form_between(form, "credits", out->credits, 1, CM_CREDITS);
        return;
    case CM_UP_RULES_CHANGED:
        if (in->rules_changed->rule_set) {
            cm_form_envelope(form, "rule_set", &out->envelope, in->rules_changed->rule_set,
                             rulesets);
        }
        if (in->rules_changed->overlay) {
            cm_form_envelope(form, "overlay", &out->overlay, in->rules_changed->overlay, overlays);
        }
        cm_form_require(form, in->rules_changed->rule_set || in->rules_changed->overlay,
                        "rules_changed", "carries neither rule set nor overlay");
        return;
    case CM_UP_WITHDRAW:
        out->ask = in->withdraw->ask;
        out->rules_sequence = in->withdraw->rules_sequence;
        return;
    case CM_UP_DIRECTORY:
        cm_form_part(form, &out->directory, in->directory);
        return;
    case CM_UP_CHECKPOINT:
        cm_form_witness(form, &out->checkpoint, in->checkpoint);
        return;
    case CM_UP_COSIGNATURE:
        cm_form_cosignature(form, &out->cosignature, in->cosignature);
        return;
    case CM_UP_COPIED:
        out->copied = in->copied->number;
        return;
    }
}

enum cm_status cm_attach_up_decode(struct cm_attach_up *out, struct cm_arena *arena,
                                   struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__AttachRequest *in = cm_form_unpack(
        &form, &comity__v1__attach_request__descriptor, "attach", bytes, CM_MAX_ATTACH_UP);

    memset(out, 0, sizeof *out);
    if (!in) {
        return form.status;
    }
    out->kind = (enum cm_attach_up_kind)in->what_case;
    take_up(&form, out, in);
    return form.status;
}

static Comity__V1__Refuse *out_refuse(struct cm_form *form, const struct cm_attach_up *in)
{
    Comity__V1__Refuse *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    comity__v1__refuse__init(out);
    out->ask = in->ask;
    cm_form_envelope_check(form, "refusal", &in->envelope, 1u << CM_FAMILY_REFUSAL);
    out->refusal = cm_form_new_envelope(form, "refusal", &in->envelope, 1u << CM_FAMILY_REFUSAL);
    out->record = cm_form_out_record(form, "record", &in->record);
    return out;
}

static Comity__V1__RulesChanged *out_rules_changed(struct cm_form *form,
                                                   const struct cm_attach_up *in)
{
    Comity__V1__RulesChanged *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    comity__v1__rules_changed__init(out);
    out->rule_set = cm_form_new_envelope(form, "rule_set", &in->envelope, rulesets);
    out->overlay = cm_form_new_envelope(form, "overlay", &in->overlay, overlays);
    cm_form_require(form, out->rule_set || out->overlay, "rules_changed",
                    "carries neither rule set nor overlay");
    return out;
}

enum cm_status cm_attach_up_encode(struct cm_buf *out, const struct cm_attach_up *value)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    Comity__V1__AttachRequest message = COMITY__V1__ATTACH_REQUEST__INIT;
    Comity__V1__Credit credit = COMITY__V1__CREDIT__INIT;
    Comity__V1__Withdraw withdraw = COMITY__V1__WITHDRAW__INIT;
    Comity__V1__Copied copied = COMITY__V1__COPIED__INIT;

    if (!form.arena) {
        return CM_MEMORY;
    }
    message.what_case = (Comity__V1__AttachRequest__WhatCase)value->kind;
    switch (value->kind) {
    case CM_UP_NONE:
        cm_form_fail(&form, CM_INVALID, "what", "is missing");
        break;
    case CM_UP_HELLO:
        message.hello = out_hello(&form, &value->hello);
        break;
    case CM_UP_REFUSE:
        message.refuse = out_refuse(&form, value);
        break;
    case CM_UP_CREDIT:
        cm_form_between(&form, "credits", value->credits, 1, CM_CREDITS);
        credit.credits = value->credits;
        message.credit = &credit;
        break;
    case CM_UP_RULES_CHANGED:
        message.rules_changed = out_rules_changed(&form, value);
        break;
    case CM_UP_WITHDRAW:
        withdraw.ask = value->ask;
        withdraw.rules_sequence = value->rules_sequence;
        message.withdraw = &withdraw;
        break;
    case CM_UP_DIRECTORY:
        message.directory = cm_form_out_part(&form, &value->directory);
        break;
    case CM_UP_CHECKPOINT:
        message.checkpoint = cm_form_out_witness(&form, &value->checkpoint);
        break;
    case CM_UP_COSIGNATURE:
        message.cosignature = cm_form_out_cosignature(&form, &value->cosignature);
        break;
    case CM_UP_COPIED:
        copied.number = value->copied;
        message.copied = &copied;
        break;
    }
    return cm_form_finish(&form, out, &message.base, CM_MAX_ATTACH_UP);
}

static void check_welcome(struct cm_form *form, const struct cm_welcome *w)
{
    cm_form_id(form, "gateway", w->gateway);
    cm_form_between(form, "protocol", w->protocol, 1, UINT32_MAX);
}

static void check_ask(struct cm_form *form, const struct cm_ask *a)
{
    cm_form_between(form, "attempt", a->attempt, 1, UINT32_MAX);
    cm_form_between(form, "remaining_ms", a->remaining_ms, 1, CM_MAX_DEADLINE_MS);
    cm_form_between(form, "limit", a->limit, 1, CM_MAX_LIMIT);
    cm_form_between(form, "entry", a->entry.len, 1, CM_MAX_ENTRY);
    cm_form_between(form, "leaf", a->leaf.len, 1, CM_MAX_LEAF);
    cm_form_between(form, "leaf_path", a->leaf_path_count, 0, CM_MAX_LEAF_PATH);
    cm_form_between(form, "checkpoint", a->checkpoint.len, 1, CM_MAX_CHECKPOINT);
    cm_form_inclusion_check(form, &a->inclusion);
    cm_form_consistency_check(form, &a->consistency);
}

static void take_ask(struct cm_form *form, struct cm_ask *out, const Comity__V1__Ask *in)
{
    out->ask = in->ask;
    cm_form_bytes(form, "token", out->token, sizeof out->token, &in->token);
    out->attempt = in->attempt;
    out->remaining_ms = in->remaining_ms;
    out->limit = in->limit;
    cm_form_envelope(form, "query", &out->query, in->query, 1u << CM_FAMILY_QUERY);
    out->entry = (struct cm_bytes){in->entry.data, in->entry.len};
    out->leaf = (struct cm_bytes){in->leaf.data, in->leaf.len};
    out->leaf_index = in->leaf_index;
    out->leaf_path_count = in->n_leaf_path;
    out->leaf_path =
        cm_form_digests(form, "leaf_path", in->leaf_path, in->n_leaf_path, CM_MAX_LEAF_PATH);
    out->checkpoint = (struct cm_bytes){in->checkpoint.data, in->checkpoint.len};
    cm_form_inclusion(form, &out->inclusion, in->inclusion);
    cm_form_consistency(form, &out->consistency, in->consistency);
    if (cm_form_ok(form)) {
        check_ask(form, out);
    }
}

static Comity__V1__Ask *out_ask(struct cm_form *form, const struct cm_ask *in)
{
    Comity__V1__Ask *out = cm_form_array(form, 1, sizeof *out);

    check_ask(form, in);
    cm_form_envelope_check(form, "query", &in->query, 1u << CM_FAMILY_QUERY);
    if (!cm_form_ok(form)) {
        return NULL;
    }
    comity__v1__ask__init(out);
    out->ask = in->ask;
    out->token = cm_form_out(in->token, sizeof in->token);
    out->attempt = in->attempt;
    out->remaining_ms = in->remaining_ms;
    out->limit = in->limit;
    out->query = cm_form_new_envelope(form, "query", &in->query, 1u << CM_FAMILY_QUERY);
    out->entry = cm_form_out_span(in->entry);
    out->leaf = cm_form_out_span(in->leaf);
    out->leaf_index = in->leaf_index;
    out->n_leaf_path = in->leaf_path_count;
    out->leaf_path = cm_form_out_digests(form, in->leaf_path, in->leaf_path_count);
    out->checkpoint = cm_form_out_span(in->checkpoint);
    out->inclusion = cm_form_out_inclusion(form, &in->inclusion);
    out->consistency = cm_form_out_consistency(form, &in->consistency);
    return out;
}

static void take_down(struct cm_form *form, struct cm_attach_down *out,
                      const Comity__V1__AttachResponse *in, size_t size)
{
    switch (out->kind) {
    case CM_DOWN_NONE:
        cm_form_fail(form, CM_INVALID, "what", "is missing");
        return;
    case CM_DOWN_WELCOME:
        out->welcome.gateway = in->welcome->gateway;
        out->welcome.protocol = in->welcome->protocol;
        cm_form_bytes(form, "session", out->welcome.session, sizeof out->welcome.session,
                      &in->welcome->session);
        out->welcome.witnessed_size = in->welcome->witnessed_size;
        check_welcome(form, &out->welcome);
        return;
    case CM_DOWN_ASK:
        cm_form_between(form, "ask", size, 0, CM_MAX_ASK);
        cm_form_enter(form, "ask", CM_FORM_NO_INDEX);
        take_ask(form, &out->ask, in->ask);
        cm_form_leave(form);
        return;
    case CM_DOWN_CANCEL:
        out->cancel = in->cancel->ask;
        return;
    case CM_DOWN_DIRECTORY:
        cm_form_part(form, &out->directory, in->directory);
        return;
    case CM_DOWN_CHECKPOINT:
        cm_form_witness(form, &out->checkpoint, in->checkpoint);
        return;
    case CM_DOWN_COSIGNATURE:
        cm_form_cosignature(form, &out->cosignature, in->cosignature);
        return;
    case CM_DOWN_COPY:
        cm_form_copy(form, &out->copy, in->copy);
        return;
    }
}

enum cm_status cm_attach_down_decode(struct cm_attach_down *out, struct cm_arena *arena,
                                     struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__AttachResponse *in = cm_form_unpack(
        &form, &comity__v1__attach_response__descriptor, "attach", bytes, CM_MAX_ATTACH_DOWN);

    memset(out, 0, sizeof *out);
    if (!in) {
        return form.status;
    }
    out->kind = (enum cm_attach_down_kind)in->what_case;
    take_down(&form, out, in, bytes.len);
    return form.status;
}

enum cm_status cm_attach_down_encode(struct cm_buf *out, const struct cm_attach_down *value)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    Comity__V1__AttachResponse message = COMITY__V1__ATTACH_RESPONSE__INIT;
    Comity__V1__Welcome welcome = COMITY__V1__WELCOME__INIT;
    Comity__V1__Cancel cancel = COMITY__V1__CANCEL__INIT;
    size_t max = CM_MAX_ATTACH_DOWN;

    if (!form.arena) {
        return CM_MEMORY;
    }
    message.what_case = (Comity__V1__AttachResponse__WhatCase)value->kind;
    switch (value->kind) {
    case CM_DOWN_NONE:
        cm_form_fail(&form, CM_INVALID, "what", "is missing");
        break;
    case CM_DOWN_WELCOME:
        check_welcome(&form, &value->welcome);
        welcome.gateway = cm_form_out_text(value->welcome.gateway);
        welcome.protocol = value->welcome.protocol;
        welcome.session = cm_form_out(value->welcome.session, sizeof value->welcome.session);
        welcome.witnessed_size = value->welcome.witnessed_size;
        message.welcome = &welcome;
        break;
    case CM_DOWN_ASK:
        message.ask = out_ask(&form, &value->ask);
        max = CM_MAX_ASK;
        break;
    case CM_DOWN_CANCEL:
        cancel.ask = value->cancel;
        message.cancel = &cancel;
        break;
    case CM_DOWN_DIRECTORY:
        message.directory = cm_form_out_part(&form, &value->directory);
        break;
    case CM_DOWN_CHECKPOINT:
        message.checkpoint = cm_form_out_witness(&form, &value->checkpoint);
        break;
    case CM_DOWN_COSIGNATURE:
        message.cosignature = cm_form_out_cosignature(&form, &value->cosignature);
        break;
    case CM_DOWN_COPY:
        message.copy = cm_form_out_copy(&form, &value->copy);
        break;
    }
    return cm_form_finish(&form, out, &message.base, max);
}

enum cm_status cm_answer_request_decode(struct cm_answer_request *out, struct cm_arena *arena,
                                        struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__AnswerRequest *in = cm_form_unpack(
        &form, &comity__v1__answer_request__descriptor, "answer", bytes, CM_MAX_BATCH_MESSAGE);

    memset(out, 0, sizeof *out);
    if (!in) {
        return form.status;
    }
    if (in->what_case == COMITY__V1__ANSWER_REQUEST__WHAT_START) {
        out->is_start = true;
        cm_form_bytes(&form, "session", out->start.session, sizeof out->start.session,
                      &in->start->session);
        out->start.ask = in->start->ask;
        cm_form_bytes(&form, "token", out->start.token, sizeof out->start.token, &in->start->token);
        cm_form_record(&form, "record", &out->start.record, in->start->record);
    } else if (in->what_case == COMITY__V1__ANSWER_REQUEST__WHAT_BATCH) {
        cm_form_batch(&form, &out->batch, in->batch);
    } else {
        cm_form_fail(&form, CM_INVALID, "what", "is missing");
    }
    return form.status;
}

enum cm_status cm_answer_request_encode(struct cm_buf *out, const struct cm_answer_request *value)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    Comity__V1__AnswerRequest message = COMITY__V1__ANSWER_REQUEST__INIT;
    Comity__V1__AnswerStart start = COMITY__V1__ANSWER_START__INIT;

    if (!form.arena) {
        return CM_MEMORY;
    }
    if (value->is_start) {
        start.session = cm_form_out(value->start.session, sizeof value->start.session);
        start.ask = value->start.ask;
        start.token = cm_form_out(value->start.token, sizeof value->start.token);
        start.record = cm_form_out_record(&form, "record", &value->start.record);
        message.what_case = COMITY__V1__ANSWER_REQUEST__WHAT_START;
        message.start = &start;
    } else {
        message.what_case = COMITY__V1__ANSWER_REQUEST__WHAT_BATCH;
        message.batch = cm_form_out_batch(&form, &value->batch);
    }
    return cm_form_finish(&form, out, &message.base, CM_MAX_BATCH_MESSAGE);
}

#include "proto/codec/entry.h"
#include "proto/codec/answer.h"
#include "proto/codec/form.h"

#include "comity/v1/ledger.pb-c.h"

enum { VERSION = 1, MAX_RULE = 256 };

static void take_commitments(struct cm_form *form, struct cm_commitments *out,
                             const Comity__V1__Commitments *in)
{
    if (!in) {
        cm_form_fail(form, CM_INVALID, "commitments", "is missing");
        return;
    }
    cm_form_enter(form, "commitments", CM_FORM_NO_INDEX);
    cm_form_digest(form, "requester", &out->requester, &in->requester);
    cm_form_digest(form, "agency", &out->agency, &in->agency);
    cm_form_digest(form, "plate", &out->plate, &in->plate);
    cm_form_digest(form, "purpose", &out->purpose, &in->purpose);
    cm_form_digest(form, "case_number", &out->case_number, &in->case_number);
    cm_form_digest(form, "reason", &out->reason, &in->reason);
    cm_form_leave(form);
}

static void take_query(struct cm_form *form, struct cm_entry *out, const Comity__V1__QueryEntry *in)
{
    cm_form_digest(form, "query_digest", &out->digest, &in->query_digest);
    cm_form_digest(form, "replay_key", &out->replay_key, &in->replay_key);
    out->expires_ms = in->expires_ms;
    out->directory_serial = in->directory_serial;
    cm_form_digest(form, "decisions_root", &out->decisions_root, &in->decisions_root);
    out->decisions = in->decisions;
    take_commitments(form, &out->commitments, in->commitments);
}

static void take_node(struct cm_form *form, struct cm_entry *out, const Comity__V1__NodeEntry *in)
{
    cm_form_digest(form, "query_digest", &out->digest, &in->query_digest);
    cm_form_digest(form, "replay_key", &out->replay_key, &in->replay_key);
    out->expires_ms = in->expires_ms;
    out->gateway = in->gateway;
    out->gateway_index = in->gateway_index;
    out->attempt = in->attempt;
    cm_form_require(form,
                    in->outcome == COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_PERMITTED ||
                        in->outcome == COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_REFUSED,
                    "outcome", "is unknown");
    out->permitted = in->outcome == COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_PERMITTED;
    out->refusal = in->refusal;
    cm_form_digest_or_none(form, "rules_digest", &out->rules_digest, &in->rules_digest);
    out->deciding_rule = in->deciding_rule;
    out->directory_serial = in->directory_serial;
    take_commitments(form, &out->commitments, in->commitments);
}

static void take_reach(struct cm_form *form, struct cm_entry *out, const Comity__V1__ReachEntry *in)
{
    cm_form_digest(form, "reach_digest", &out->digest, &in->reach_digest);
    cm_form_digest(form, "replay_key", &out->replay_key, &in->replay_key);
    out->expires_ms = in->expires_ms;
    out->directory_serial = in->directory_serial;
    out->decisions = in->permitted;
}

static void take_rules(struct cm_form *form, struct cm_entry *out, const Comity__V1__RulesEntry *in)
{
    out->agency = in->agency;
    out->sequence = in->sequence;
    out->overlay_revision = in->overlay_revision;
    cm_form_digest(form, "digest", &out->digest, &in->digest);
}

static void take_text(struct cm_form *form, struct cm_entry *out, const char *text,
                      const ProtobufCBinaryData *digest)
{
    out->text = text;
    cm_form_digest_or_none(form, "digest", &out->digest, digest);
}

// Each kind is one number below its field's in the oneof, which begins at 3.
static void take_what(struct cm_form *form, struct cm_entry *out, const Comity__V1__Entry *in)
{
    switch (out->kind) {
    case CM_ENTRY_NONE:
        cm_form_fail(form, CM_INVALID, "what", "is missing");
        return;
    case CM_ENTRY_QUERY:
        take_query(form, out, in->query);
        return;
    case CM_ENTRY_NODE:
        take_node(form, out, in->node);
        return;
    case CM_ENTRY_REACH:
        take_reach(form, out, in->reach);
        return;
    case CM_ENTRY_RULES:
        take_rules(form, out, in->rules);
        return;
    case CM_ENTRY_DIRECTORY:
        out->directory_serial = in->directory->serial;
        cm_form_digest(form, "digest", &out->digest, &in->directory->digest);
        return;
    case CM_ENTRY_EVIDENCE:
        take_text(form, out, in->evidence->what, &in->evidence->digest);
        return;
    case CM_ENTRY_INGEST:
        out->accepted = in->ingest->accepted;
        out->duplicates = in->ingest->duplicates;
        out->rejected = in->ingest->rejected;
        return;
    case CM_ENTRY_DELETION:
        out->accepted = in->deletion->rows;
        out->before_ms = in->deletion->before_ms;
        return;
    case CM_ENTRY_ADMIN:
        take_text(form, out, in->admin->what, &in->admin->digest);
        return;
    case CM_ENTRY_AUDIT:
        take_text(form, out, in->audit->what, &in->audit->digest);
        return;
    case CM_ENTRY_START:
        take_text(form, out, in->start->version, &in->start->configuration_digest);
        return;
    case CM_ENTRY_STOP:
        out->text = in->stop->why;
        return;
    case CM_ENTRY_CLOCK:
        out->before_ms = in->clock->step_ms;
        return;
    }
}

static void check_entry(struct cm_form *form, const struct cm_entry *e)
{
    cm_form_time(form, "recorded_ms", e->recorded_ms);
    cm_form_time(form, "expires_ms", e->expires_ms);
    if (e->kind == CM_ENTRY_NODE) {
        cm_form_id(form, "gateway", e->gateway);
        cm_form_between(form, "attempt", e->attempt, 1, UINT32_MAX);
        cm_form_between(form, "refusal", e->refusal, e->permitted ? 0 : 1,
                        e->permitted ? 0 : CM_REFUSAL_COUNT - 1);
        cm_form_text(form, "deciding_rule", e->deciding_rule, 0, MAX_RULE);
    }
    if (e->kind == CM_ENTRY_RULES) {
        cm_form_agency(form, "agency", e->agency);
        cm_form_between(form, "sequence", e->sequence, 1, INT64_MAX);
    }
    if (e->text) {
        cm_form_text(form, "text", e->text, 0, CM_MAX_REASON);
    }
}

enum cm_status cm_entry_decode(struct cm_entry *out, struct cm_arena *arena, struct cm_bytes bytes,
                               struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Entry *in =
        cm_form_unpack(&form, &comity__v1__entry__descriptor, "entry", bytes, CM_MAX_ENTRY);

    *out = (struct cm_entry){.gateway = "", .deciding_rule = "", .agency = "", .text = ""};
    if (!in) {
        return form.status;
    }
    cm_form_between(&form, "version", in->version, VERSION, VERSION);
    out->recorded_ms = in->recorded_ms;
    if (in->what_case != COMITY__V1__ENTRY__WHAT__NOT_SET) {
        out->kind =
            (enum cm_entry_kind)(in->what_case - COMITY__V1__ENTRY__WHAT_QUERY + CM_ENTRY_QUERY);
    }
    take_what(&form, out, in);
    check_entry(&form, out);
    return form.status;
}

// The messages of an entry, of which one is used.
struct entry_parts {
    Comity__V1__QueryEntry query;
    Comity__V1__NodeEntry node;
    Comity__V1__ReachEntry reach;
    Comity__V1__RulesEntry rules;
    Comity__V1__DirectoryEntry directory;
    Comity__V1__EvidenceEntry evidence;
    Comity__V1__IngestEntry ingest;
    Comity__V1__DeletionEntry deletion;
    Comity__V1__AdminEntry admin;
    Comity__V1__AuditEntry audit;
    Comity__V1__StartEntry start;
    Comity__V1__StopEntry stop;
    Comity__V1__ClockEntry clock;
    Comity__V1__Commitments commitments;
};

static Comity__V1__Commitments *out_commitments(Comity__V1__Commitments *out,
                                                const struct cm_commitments *in)
{
    comity__v1__commitments__init(out);
    out->requester = cm_form_out_digest(&in->requester);
    out->agency = cm_form_out_digest(&in->agency);
    out->plate = cm_form_out_digest(&in->plate);
    out->purpose = cm_form_out_digest(&in->purpose);
    out->case_number = cm_form_out_digest(&in->case_number);
    out->reason = cm_form_out_digest(&in->reason);
    return out;
}

static Comity__V1__QueryEntry *out_query(struct entry_parts *parts, const struct cm_entry *in)
{
    Comity__V1__QueryEntry *out = &parts->query;

    comity__v1__query_entry__init(out);
    out->query_digest = cm_form_out_digest(&in->digest);
    out->replay_key = cm_form_out_digest(&in->replay_key);
    out->expires_ms = in->expires_ms;
    out->directory_serial = in->directory_serial;
    out->decisions_root = cm_form_out_digest(&in->decisions_root);
    out->decisions = in->decisions;
    out->commitments = out_commitments(&parts->commitments, &in->commitments);
    return out;
}

static Comity__V1__NodeEntry *out_node(struct entry_parts *parts, const struct cm_entry *in)
{
    Comity__V1__NodeEntry *out = &parts->node;

    comity__v1__node_entry__init(out);
    out->query_digest = cm_form_out_digest(&in->digest);
    out->replay_key = cm_form_out_digest(&in->replay_key);
    out->expires_ms = in->expires_ms;
    out->gateway = cm_form_out_text(in->gateway);
    out->gateway_index = in->gateway_index;
    out->attempt = in->attempt;
    out->outcome = in->permitted ? COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_PERMITTED
                                 : COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_REFUSED;
    out->refusal = in->refusal;
    out->rules_digest = cm_form_out_digest_or_none(&in->rules_digest);
    out->deciding_rule = cm_form_out_text(in->deciding_rule);
    out->directory_serial = in->directory_serial;
    out->commitments = out_commitments(&parts->commitments, &in->commitments);
    return out;
}

static Comity__V1__ReachEntry *out_reach(struct entry_parts *parts, const struct cm_entry *in)
{
    Comity__V1__ReachEntry *out = &parts->reach;

    comity__v1__reach_entry__init(out);
    out->reach_digest = cm_form_out_digest(&in->digest);
    out->replay_key = cm_form_out_digest(&in->replay_key);
    out->expires_ms = in->expires_ms;
    out->directory_serial = in->directory_serial;
    out->permitted = in->decisions;
    return out;
}

static Comity__V1__RulesEntry *out_rules(struct entry_parts *parts, const struct cm_entry *in)
{
    Comity__V1__RulesEntry *out = &parts->rules;

    comity__v1__rules_entry__init(out);
    out->agency = cm_form_out_text(in->agency);
    out->sequence = in->sequence;
    out->overlay_revision = in->overlay_revision;
    out->digest = cm_form_out_digest(&in->digest);
    return out;
}

static Comity__V1__DirectoryEntry *out_directory(Comity__V1__DirectoryEntry *out,
                                                 const struct cm_entry *in)
{
    comity__v1__directory_entry__init(out);
    out->serial = in->directory_serial;
    out->digest = cm_form_out_digest(&in->digest);
    return out;
}

static Comity__V1__EvidenceEntry *out_evidence(Comity__V1__EvidenceEntry *out,
                                               const struct cm_entry *in)
{
    comity__v1__evidence_entry__init(out);
    out->what = cm_form_out_text(in->text);
    out->digest = cm_form_out_digest_or_none(&in->digest);
    return out;
}

static Comity__V1__IngestEntry *out_ingest(Comity__V1__IngestEntry *out, const struct cm_entry *in)
{
    comity__v1__ingest_entry__init(out);
    out->accepted = in->accepted;
    out->duplicates = in->duplicates;
    out->rejected = in->rejected;
    return out;
}

static Comity__V1__DeletionEntry *out_deletion(Comity__V1__DeletionEntry *out,
                                               const struct cm_entry *in)
{
    comity__v1__deletion_entry__init(out);
    out->rows = in->accepted;
    out->before_ms = in->before_ms;
    return out;
}

static Comity__V1__AdminEntry *out_admin(Comity__V1__AdminEntry *out, const struct cm_entry *in)
{
    comity__v1__admin_entry__init(out);
    out->what = cm_form_out_text(in->text);
    out->digest = cm_form_out_digest_or_none(&in->digest);
    return out;
}

static Comity__V1__AuditEntry *out_audit(Comity__V1__AuditEntry *out, const struct cm_entry *in)
{
    comity__v1__audit_entry__init(out);
    out->what = cm_form_out_text(in->text);
    out->digest = cm_form_out_digest_or_none(&in->digest);
    return out;
}

static Comity__V1__StartEntry *out_start(Comity__V1__StartEntry *out, const struct cm_entry *in)
{
    comity__v1__start_entry__init(out);
    out->version = cm_form_out_text(in->text);
    out->configuration_digest = cm_form_out_digest_or_none(&in->digest);
    return out;
}

static Comity__V1__StopEntry *out_stop(Comity__V1__StopEntry *out, const struct cm_entry *in)
{
    comity__v1__stop_entry__init(out);
    out->why = cm_form_out_text(in->text);
    return out;
}

static Comity__V1__ClockEntry *out_clock(Comity__V1__ClockEntry *out, const struct cm_entry *in)
{
    comity__v1__clock_entry__init(out);
    out->step_ms = in->before_ms;
    return out;
}

static void out_what(Comity__V1__Entry *out, struct entry_parts *parts, const struct cm_entry *in)
{
    switch (in->kind) {
    case CM_ENTRY_NONE:
        return;
    case CM_ENTRY_QUERY:
        out->query = out_query(parts, in);
        return;
    case CM_ENTRY_NODE:
        out->node = out_node(parts, in);
        return;
    case CM_ENTRY_REACH:
        out->reach = out_reach(parts, in);
        return;
    case CM_ENTRY_RULES:
        out->rules = out_rules(parts, in);
        return;
    case CM_ENTRY_DIRECTORY:
        out->directory = out_directory(&parts->directory, in);
        return;
    case CM_ENTRY_EVIDENCE:
        out->evidence = out_evidence(&parts->evidence, in);
        return;
    case CM_ENTRY_INGEST:
        out->ingest = out_ingest(&parts->ingest, in);
        return;
    case CM_ENTRY_DELETION:
        out->deletion = out_deletion(&parts->deletion, in);
        return;
    case CM_ENTRY_ADMIN:
        out->admin = out_admin(&parts->admin, in);
        return;
    case CM_ENTRY_AUDIT:
        out->audit = out_audit(&parts->audit, in);
        return;
    case CM_ENTRY_START:
        out->start = out_start(&parts->start, in);
        return;
    case CM_ENTRY_STOP:
        out->stop = out_stop(&parts->stop, in);
        return;
    case CM_ENTRY_CLOCK:
        out->clock = out_clock(&parts->clock, in);
        return;
    }
}

enum cm_status cm_entry_encode(struct cm_buf *out, const struct cm_entry *entry)
{
    struct cm_form form = {0};
    struct entry_parts parts;
    Comity__V1__Entry message = COMITY__V1__ENTRY__INIT;

    cm_form_require(&form, entry->kind >= CM_ENTRY_QUERY && entry->kind <= CM_ENTRY_CLOCK, "what",
                    "is missing");
    check_entry(&form, entry);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    message.version = VERSION;
    message.recorded_ms = entry->recorded_ms;
    message.what_case =
        (Comity__V1__Entry__WhatCase)(entry->kind - CM_ENTRY_QUERY + COMITY__V1__ENTRY__WHAT_QUERY);
    out_what(&message, &parts, entry);
    return cm_form_pack(out, &message.base, CM_MAX_ENTRY);
}

#include "proto/codec/entry_pb.h"

#include "comity/v1/ledger.pb-c.h"

enum { VERSION = 1 };

// One function a kind moves its members both ways, so that what is written is what is read.
struct move {
    struct cm_form *form;
    bool out; // from entry to message
    // Behind the message, of an entry that goes out.
    Comity__V1__Commitments commitments;
    Comity__V1__RejectedCount counts[CM_MAX_REJECTED_CODES];
    Comity__V1__RejectedCount *count_list[CM_MAX_REJECTED_CODES];
};

static void move_digest(struct move *m, const char *field, struct cm_digest *value,
                        ProtobufCBinaryData *message)
{
    if (m->out) {
        *message = cm_form_out_digest(value);
    } else {
        cm_form_digest(m->form, field, value, message);
    }
}

static void move_digest_or_none(struct move *m, const char *field, struct cm_digest *value,
                                ProtobufCBinaryData *message)
{
    if (m->out) {
        *message = cm_form_out_digest_or_none(value);
    } else {
        cm_form_digest_or_none(m->form, field, value, message);
    }
}

static void move_text(struct move *m, const char **value, char **message)
{
    if (m->out) {
        *message = cm_form_out_text(*value);
    } else {
        *value = *message;
    }
}

static void move_i64(struct move *m, int64_t *value, int64_t *message)
{
    *(m->out ? message : value) = *(m->out ? value : message);
}

static void move_u64(struct move *m, uint64_t *value, uint64_t *message)
{
    *(m->out ? message : value) = *(m->out ? value : message);
}

static void move_u32(struct move *m, uint32_t *value, uint32_t *message)
{
    *(m->out ? message : value) = *(m->out ? value : message);
}

static void move_commitments(struct move *m, struct cm_commitments *value,
                             Comity__V1__Commitments **message)
{
    if (m->out) {
        comity__v1__commitments__init(&m->commitments);
        *message = &m->commitments;
    }
    if (!*message) {
        cm_form_fail(m->form, CM_INVALID, "commitments", "is missing");
        return;
    }
    cm_form_enter(m->form, "commitments", CM_FORM_NO_INDEX);
    move_digest(m, "requester", &value->requester, &(*message)->requester);
    move_digest(m, "agency", &value->agency, &(*message)->agency);
    move_digest(m, "plate", &value->plate, &(*message)->plate);
    move_digest(m, "purpose", &value->purpose, &(*message)->purpose);
    move_digest(m, "case_number", &value->case_number, &(*message)->case_number);
    move_digest(m, "reason", &value->reason, &(*message)->reason);
    cm_form_leave(m->form);
}

static void move_query(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__QueryEntry *message = any;

    move_digest(m, "query_digest", &e->digest, &message->query_digest);
    move_digest(m, "replay_key", &e->replay_key, &message->replay_key);
    move_i64(m, &e->expires_ms, &message->expires_ms);
    move_u64(m, &e->directory_serial, &message->directory_serial);
    move_digest(m, "decisions_root", &e->decisions_root, &message->decisions_root);
    move_u32(m, &e->decisions, &message->decisions);
    move_commitments(m, &e->commitments, &message->commitments);
    e->committed = true;
}

static void move_node(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__NodeEntry *message = any;

    move_digest(m, "query_digest", &e->digest, &message->query_digest);
    move_digest(m, "replay_key", &e->replay_key, &message->replay_key);
    move_i64(m, &e->expires_ms, &message->expires_ms);
    move_text(m, &e->gateway, &message->gateway);
    move_u64(m, &e->gateway_index, &message->gateway_index);
    move_u32(m, &e->attempt, &message->attempt);
    if (m->out) {
        message->outcome = e->permitted ? COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_PERMITTED
                                        : COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_REFUSED;
    }
    e->permitted = message->outcome == COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_PERMITTED;
    cm_form_require(
        m->form, e->permitted || message->outcome == COMITY__V1__NODE_OUTCOME__NODE_OUTCOME_REFUSED,
        "outcome", "is unknown");
    move_u32(m, &e->refusal, &message->refusal);
    move_digest_or_none(m, "rules_digest", &e->rules_digest, &message->rules_digest);
    move_text(m, &e->deciding_rule, &message->deciding_rule);
    move_u64(m, &e->directory_serial, &message->directory_serial);
    move_commitments(m, &e->commitments, &message->commitments);
    e->committed = true;
}

static void move_reach(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__ReachEntry *message = any;

    move_digest(m, "reach_digest", &e->digest, &message->reach_digest);
    move_digest(m, "replay_key", &e->replay_key, &message->replay_key);
    move_i64(m, &e->expires_ms, &message->expires_ms);
    move_u64(m, &e->directory_serial, &message->directory_serial);
    move_u32(m, &e->decisions, &message->permitted);
}

static void move_rules(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__RulesEntry *message = any;

    move_text(m, &e->agency, &message->agency);
    move_u64(m, &e->sequence, &message->sequence);
    move_u64(m, &e->overlay_revision, &message->overlay_revision);
    move_digest(m, "digest", &e->digest, &message->digest);
}

static void move_release(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__ReleaseEntry *message = any;

    move_digest(m, "query_digest", &e->digest, &message->query_digest);
    move_u32(m, &e->attempt, &message->attempt);
    if (m->out) {
        message->outcome = (Comity__V1__ReleaseOutcome)e->release;
    }
    e->release = (enum cm_release_outcome)message->outcome;
    move_u64(m, &e->rows, &message->rows);
    move_digest_or_none(m, "last_header", &e->last_digest, &message->last_header);
    move_digest(m, "recipient", &e->recipient, &message->recipient);
}

static void move_manifest(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__ManifestEntry *message = any;

    move_digest(m, "query_digest", &e->digest, &message->query_digest);
    move_u64(m, &e->gateway_index, &message->query_index);
    move_digest(m, "manifest_digest", &e->last_digest, &message->manifest_digest);
    move_u32(m, &e->decisions, &message->asked);
    move_u32(m, &e->answered, &message->answered);
    move_u64(m, &e->rows, &message->rows);
}

static void move_copy(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__CopyEntry *message = any;

    move_digest(m, "query_digest", &e->digest, &message->query_digest);
    move_text(m, &e->gateway, &message->gateway);
    move_u64(m, &e->gateway_index, &message->gateway_index);
    move_digest(m, "manifest_digest", &e->last_digest, &message->manifest_digest);
    move_u64(m, &e->rows, &message->rows);
    move_commitments(m, &e->commitments, &message->commitments);
    e->committed = true;
}

static void move_refused(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__RefusedEntry *message = any;

    move_digest(m, "digest", &e->digest, &message->digest);
    move_u32(m, &e->refusal, &message->code);
    move_text(m, &e->text, &message->field);
    if (!m->out) {
        e->committed = message->commitments != NULL;
    }
    if (e->committed) {
        move_commitments(m, &e->commitments, &message->commitments);
    }
}

static void out_counts(struct move *m, const struct cm_entry *e, Comity__V1__RejectedEntry *message)
{
    message->n_counts = e->count_count;
    message->counts = m->count_list;
    for (size_t i = 0; i < e->count_count; i++) {
        comity__v1__rejected_count__init(&m->counts[i]);
        m->counts[i].code = e->counts[i].code;
        m->counts[i].count = e->counts[i].count;
        m->count_list[i] = &m->counts[i];
    }
}

static void take_counts(struct move *m, struct cm_entry *e,
                        const Comity__V1__RejectedEntry *message)
{
    struct cm_rejected_count *counts = cm_form_array(m->form, message->n_counts, sizeof *counts);

    for (size_t i = 0; counts && i < message->n_counts; i++) {
        counts[i].code = message->counts[i]->code;
        counts[i].count = message->counts[i]->count;
    }
    e->count_count = counts ? message->n_counts : 0;
    e->counts = counts;
}

static void move_rejected(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__RejectedEntry *message = any;

    move_i64(m, &e->from_ms, &message->from_ms);
    move_i64(m, &e->to_ms, &message->to_ms);
    if (m->out) {
        out_counts(m, e, message);
    } else {
        take_counts(m, e, message);
    }
}

static void move_sharing(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__SharingEntry *message = any;

    move_text(m, &e->agency, &message->partner);
    if (m->out) {
        message->shared = e->permitted;
    }
    e->permitted = message->shared;
    move_u64(m, &e->overlay_revision, &message->overlay_revision);
    move_digest_or_none(m, "overlay_digest", &e->digest, &message->overlay_digest);
}

static void move_witness(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__WitnessEntry *message = any;

    move_text(m, &e->text, &message->origin);
    if (m->out) {
        message->finding = (Comity__V1__WitnessFinding)e->finding;
    }
    e->finding = (enum cm_witness_finding)message->finding;
    move_u64(m, &e->old_size, &message->seen_size);
    move_digest_or_none(m, "seen_root", &e->old_root, &message->seen_root);
    move_u64(m, &e->new_size, &message->size);
    move_digest_or_none(m, "root", &e->new_root, &message->root);
    move_digest_or_none(m, "statement_digest", &e->digest, &message->statement_digest);
}

static void move_epoch(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__EpochEntry *message = any;

    move_u64(m, &e->sequence, &message->epoch);
    move_digest(m, "statement_digest", &e->digest, &message->statement_digest);
    move_u64(m, &e->old_size, &message->restored_size);
    move_digest_or_none(m, "restored_root", &e->old_root, &message->restored_root);
    move_u64(m, &e->new_size, &message->cosigned_size);
    move_digest_or_none(m, "cosigned_root", &e->new_root, &message->cosigned_root);
}

static void move_directory(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__DirectoryEntry *message = any;

    move_u64(m, &e->directory_serial, &message->serial);
    move_digest(m, "digest", &e->digest, &message->digest);
}

static void move_evidence(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__EvidenceEntry *message = any;

    move_text(m, &e->text, &message->what);
    move_digest_or_none(m, "digest", &e->digest, &message->digest);
}

static void move_admin(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__AdminEntry *message = any;

    move_text(m, &e->text, &message->what);
    move_digest_or_none(m, "digest", &e->digest, &message->digest);
}

static void move_audit(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__AuditEntry *message = any;

    move_text(m, &e->text, &message->what);
    move_digest_or_none(m, "digest", &e->digest, &message->digest);
}

static void move_ingest(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__IngestEntry *message = any;

    move_u64(m, &e->accepted, &message->accepted);
    move_u64(m, &e->duplicates, &message->duplicates);
    move_u64(m, &e->rejected, &message->rejected);
}

static void move_deletion(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__DeletionEntry *message = any;

    move_u64(m, &e->accepted, &message->rows);
    move_i64(m, &e->before_ms, &message->before_ms);
}

static void move_start(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__StartEntry *message = any;

    move_text(m, &e->text, &message->version);
    move_digest_or_none(m, "configuration_digest", &e->digest, &message->configuration_digest);
}

static void move_stop(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__StopEntry *message = any;

    move_text(m, &e->text, &message->why);
}

static void move_clock(struct move *m, struct cm_entry *e, void *any)
{
    Comity__V1__ClockEntry *message = any;

    move_i64(m, &e->before_ms, &message->step_ms);
}

struct shape {
    const ProtobufCMessageDescriptor *type;
    void (*move)(struct move *m, struct cm_entry *e, void *any);
};

static const struct shape shapes[CM_ENTRY_COUNT] = {
    [CM_ENTRY_QUERY] = {&comity__v1__query_entry__descriptor, move_query},
    [CM_ENTRY_NODE] = {&comity__v1__node_entry__descriptor, move_node},
    [CM_ENTRY_REACH] = {&comity__v1__reach_entry__descriptor, move_reach},
    [CM_ENTRY_RULES] = {&comity__v1__rules_entry__descriptor, move_rules},
    [CM_ENTRY_DIRECTORY] = {&comity__v1__directory_entry__descriptor, move_directory},
    [CM_ENTRY_EVIDENCE] = {&comity__v1__evidence_entry__descriptor, move_evidence},
    [CM_ENTRY_INGEST] = {&comity__v1__ingest_entry__descriptor, move_ingest},
    [CM_ENTRY_DELETION] = {&comity__v1__deletion_entry__descriptor, move_deletion},
    [CM_ENTRY_ADMIN] = {&comity__v1__admin_entry__descriptor, move_admin},
    [CM_ENTRY_AUDIT] = {&comity__v1__audit_entry__descriptor, move_audit},
    [CM_ENTRY_START] = {&comity__v1__start_entry__descriptor, move_start},
    [CM_ENTRY_STOP] = {&comity__v1__stop_entry__descriptor, move_stop},
    [CM_ENTRY_CLOCK] = {&comity__v1__clock_entry__descriptor, move_clock},
    [CM_ENTRY_RELEASE] = {&comity__v1__release_entry__descriptor, move_release},
    [CM_ENTRY_MANIFEST] = {&comity__v1__manifest_entry__descriptor, move_manifest},
    [CM_ENTRY_COPY] = {&comity__v1__copy_entry__descriptor, move_copy},
    [CM_ENTRY_REFUSED] = {&comity__v1__refused_entry__descriptor, move_refused},
    [CM_ENTRY_REJECTED] = {&comity__v1__rejected_entry__descriptor, move_rejected},
    [CM_ENTRY_SHARING] = {&comity__v1__sharing_entry__descriptor, move_sharing},
    [CM_ENTRY_WITNESS] = {&comity__v1__witness_entry__descriptor, move_witness},
    [CM_ENTRY_EPOCH] = {&comity__v1__epoch_entry__descriptor, move_epoch},
};

// Room for the message of any kind.
union what {
    ProtobufCMessage base;
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
    Comity__V1__ReleaseEntry release;
    Comity__V1__ManifestEntry manifest;
    Comity__V1__CopyEntry copy;
    Comity__V1__RefusedEntry refused;
    Comity__V1__RejectedEntry rejected;
    Comity__V1__SharingEntry sharing;
    Comity__V1__WitnessEntry witness;
    Comity__V1__EpochEntry epoch;
};

// Each kind is two numbers below its field's in the oneof, whose members are all pointers at one
// place.
_Static_assert((int)CM_ENTRY_QUERY == (int)COMITY__V1__ENTRY__WHAT_QUERY - 2 &&
                   (int)CM_ENTRY_EPOCH == (int)COMITY__V1__ENTRY__WHAT_EPOCH - 2,
               "kinds of entry");

enum cm_status cm_entry_decode(struct cm_entry *out, struct cm_arena *arena, struct cm_bytes bytes,
                               struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    struct move move = {.form = &form};
    Comity__V1__Entry *in =
        cm_form_unpack(&form, &comity__v1__entry__descriptor, "entry", bytes, CM_MAX_ENTRY);

    *out = (struct cm_entry){.gateway = "", .deciding_rule = "", .agency = "", .text = ""};
    if (!in) {
        return form.status;
    }
    cm_form_between(&form, "version", in->version, VERSION, VERSION);
    out->recorded_ms = in->recorded_ms;
    out->sealed = in->sealed;
    if (in->what_case != COMITY__V1__ENTRY__WHAT__NOT_SET) {
        out->kind = (enum cm_entry_kind)(in->what_case - 2);
        shapes[out->kind].move(&move, out, in->query);
    }
    cm_form_entry_check(&form, out);
    return form.status;
}

enum cm_status cm_entry_encode(struct cm_buf *out, const struct cm_entry *entry)
{
    struct cm_form form = {0};
    struct move move = {.form = &form, .out = true};
    struct cm_entry copy = *entry;
    Comity__V1__Entry message = COMITY__V1__ENTRY__INIT;
    union what what;

    cm_form_entry_check(&form, entry);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    message.version = VERSION;
    message.recorded_ms = entry->recorded_ms;
    message.sealed = entry->sealed;
    message.what_case = (Comity__V1__Entry__WhatCase)(entry->kind + 2);
    message.query = &what.query;
    protobuf_c_message_init(shapes[entry->kind].type, &what);
    shapes[entry->kind].move(&move, &copy, &what);
    return cm_form_pack(out, &message.base, CM_MAX_ENTRY);
}

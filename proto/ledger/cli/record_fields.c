#include "proto/ledger/cli/record_fields.h"

#include "proto/base/when.h"
#include "proto/codec/answer.h"

#include <stddef.h>

#define KIND(name) (1u << CM_ENTRY_##name)
#define ASKED      (KIND(QUERY) | KIND(NODE) | KIND(REACH))
#define ABOUT_ONE  (ASKED | KIND(RELEASE) | KIND(MANIFEST) | KIND(COPY) | KIND(REFUSED))

enum member_type {
    M_TEXT,
    M_U64,
    M_U32,
    M_I64,
    M_TIME,
    M_FLAG,
    M_DIGEST,
    M_RELEASE,
    M_FINDING,
    M_REFUSAL,
    M_STATUS,
    M_ACTION,
};

struct member {
    const char *name;
    enum member_type type;
    size_t offset;
    unsigned kinds;
};

#define AT(member) offsetof(struct cm_entry, member)

// In the order in which they are shown.
static const struct member members[] = {
    {"origin", M_TEXT, AT(text), KIND(WITNESS)},
    {"finding", M_FINDING, AT(finding), KIND(WITNESS)},
    {"permitted", M_FLAG, AT(permitted), KIND(NODE)},
    {"partner", M_TEXT, AT(agency), KIND(SHARING)},
    {"shared", M_FLAG, AT(permitted), KIND(SHARING)},
    {"agency", M_TEXT, AT(agency), KIND(RULES)},
    {"sequence", M_U64, AT(sequence), KIND(RULES)},
    {"epoch", M_U64, AT(sequence), KIND(EPOCH)},
    {"what", M_TEXT, AT(text), KIND(EVIDENCE) | KIND(ADMIN) | KIND(AUDIT)},
    {"version", M_TEXT, AT(text), KIND(START)},
    {"why", M_TEXT, AT(text), KIND(STOP)},
    {"step_ms", M_I64, AT(before_ms), KIND(CLOCK)},
    {"outcome", M_RELEASE, AT(release), KIND(RELEASE)},
    {"refusal", M_REFUSAL, AT(refusal), KIND(NODE)},
    {"refusal", M_STATUS, AT(refusal), KIND(REFUSED)},
    {"field", M_TEXT, AT(text), KIND(REFUSED)},
    {"rule", M_TEXT, AT(deciding_rule), KIND(NODE)},
    {"gateway", M_TEXT, AT(gateway), KIND(NODE) | KIND(COPY)},
    {"gateway_index", M_U64, AT(gateway_index), KIND(NODE) | KIND(COPY)},
    {"query_index", M_U64, AT(gateway_index), KIND(MANIFEST)},
    {"attempt", M_U32, AT(attempt), KIND(NODE) | KIND(RELEASE)},
    {"decisions", M_U32, AT(decisions), KIND(QUERY)},
    {"permitted", M_U32, AT(decisions), KIND(REACH)},
    {"asked", M_U32, AT(decisions), KIND(MANIFEST)},
    {"answered", M_U32, AT(answered), KIND(MANIFEST)},
    {"rows", M_U64, AT(rows), KIND(RELEASE) | KIND(MANIFEST) | KIND(COPY)},
    {"accepted", M_U64, AT(accepted), KIND(INGEST)},
    {"duplicates", M_U64, AT(duplicates), KIND(INGEST)},
    {"rejected", M_U64, AT(rejected), KIND(INGEST)},
    {"rows", M_U64, AT(accepted), KIND(DELETION)},
    {"before", M_TIME, AT(before_ms), KIND(DELETION)},
    {"from", M_TIME, AT(from_ms), KIND(REJECTED)},
    {"to", M_TIME, AT(to_ms), KIND(REJECTED)},
    {"overlay_revision", M_U64, AT(overlay_revision), KIND(RULES) | KIND(SHARING)},
    {"directory_serial", M_U64, AT(directory_serial), ASKED | KIND(DIRECTORY)},
    {"seen_size", M_U64, AT(old_size), KIND(WITNESS)},
    {"seen_root", M_DIGEST, AT(old_root), KIND(WITNESS)},
    {"size", M_U64, AT(new_size), KIND(WITNESS)},
    {"root", M_DIGEST, AT(new_root), KIND(WITNESS)},
    {"restored_size", M_U64, AT(old_size), KIND(EPOCH)},
    {"restored_root", M_DIGEST, AT(old_root), KIND(EPOCH)},
    {"cosigned_size", M_U64, AT(new_size), KIND(EPOCH)},
    {"cosigned_root", M_DIGEST, AT(new_root), KIND(EPOCH)},
    {"query", M_DIGEST, AT(digest), ABOUT_ONE},
    {"statement", M_DIGEST, AT(digest), KIND(WITNESS) | KIND(EPOCH)},
    {"overlay", M_DIGEST, AT(digest), KIND(SHARING)},
    {"configuration", M_DIGEST, AT(digest), KIND(START)},
    {"digest", M_DIGEST, AT(digest),
     KIND(RULES) | KIND(DIRECTORY) | KIND(EVIDENCE) | KIND(ADMIN) | KIND(AUDIT)},
    {"replay_key", M_DIGEST, AT(replay_key), ASKED},
    {"expires", M_TIME, AT(expires_ms), ASKED},
    {"decisions_root", M_DIGEST, AT(decisions_root), KIND(QUERY)},
    {"rules", M_DIGEST, AT(rules_digest), KIND(NODE)},
    {"last_header", M_DIGEST, AT(last_digest), KIND(RELEASE)},
    {"manifest", M_DIGEST, AT(last_digest), KIND(MANIFEST) | KIND(COPY)},
    {"recipient", M_DIGEST, AT(recipient), KIND(RELEASE)},
};
#undef AT

// Of a question.
#define AT(member) offsetof(struct cm_query, member)
static const struct member questions[] = {
    {"person", M_TEXT, AT(signer), 0},           {"on_behalf_of", M_TEXT, AT(on_behalf_of), 0},
    {"action", M_ACTION, AT(action), 0},         {"plate", M_TEXT, AT(plate.plate), 0},
    {"state", M_TEXT, AT(plate.state), 0},       {"window_from", M_TIME, AT(window.from_ms), 0},
    {"window_to", M_TIME, AT(window.to_ms), 0},  {"purpose", M_TEXT, AT(purpose), 0},
    {"case", M_TEXT, AT(case_number), 0},        {"reason", M_TEXT, AT(reason), 0},
    {"court_order", M_TEXT, AT(court_order), 0}, {"attestation", M_DIGEST, AT(attestation), 0},
    {"asked_of", M_TEXT, AT(gateway), 0},        {"limit", M_U32, AT(limit), 0},
    {"key", M_DIGEST, AT(key_hash), 0},
};
#undef AT

static void put_text(struct cm_record_fields *out, const char *name, const char *text)
{
    if (text && text[0] != '\0' && out->count < CM_MAX_RECORD_FIELDS) {
        out->list[out->count++] =
            (struct cm_record_field){.name = name, .type = CM_RECORD_TEXT, .text = text};
    }
}

static void put_number(struct cm_record_fields *out, const char *name,
                       enum cm_record_field_type type, uint64_t number)
{
    if (out->count < CM_MAX_RECORD_FIELDS) {
        out->list[out->count++] =
            (struct cm_record_field){.name = name, .type = type, .number = number};
    }
}

static void put_value(struct cm_record_fields *out, const char *name,
                      enum cm_record_field_type type, int64_t value)
{
    if (out->count < CM_MAX_RECORD_FIELDS) {
        out->list[out->count++] =
            (struct cm_record_field){.name = name, .type = type, .value = value};
    }
}

static void put_digest(struct cm_record_fields *out, const char *name,
                       const struct cm_digest *digest)
{
    if (!cm_digest_is_zero(digest) && out->count < CM_MAX_RECORD_FIELDS) {
        out->list[out->count++] =
            (struct cm_record_field){.name = name, .type = CM_RECORD_DIGEST, .digest = digest};
    }
}

static void put_member(struct cm_record_fields *out, const struct member *m, const void *of)
{
    const void *at = (const char *)of + m->offset;
    const uint32_t code = m->type == M_REFUSAL || m->type == M_STATUS ? *(const uint32_t *)at : 0;
    switch (m->type) {
    case M_TEXT:
        put_text(out, m->name, *(const char *const *)at);
        break;
    case M_U64:
        put_number(out, m->name, CM_RECORD_NUMBER, *(const uint64_t *)at);
        break;
    case M_U32:
        put_number(out, m->name, CM_RECORD_NUMBER, *(const uint32_t *)at);
        break;
    case M_I64:
        put_value(out, m->name, CM_RECORD_SIGNED, *(const int64_t *)at);
        break;
    case M_TIME:
        put_value(out, m->name, CM_RECORD_TIME, *(const int64_t *)at);
        break;
    case M_FLAG:
        put_number(out, m->name, CM_RECORD_FLAG, *(const bool *)at);
        break;
    case M_DIGEST:
        put_digest(out, m->name, at);
        break;
    case M_RELEASE:
        put_text(out, m->name, cm_release_outcome_name(*(const enum cm_release_outcome *)at));
        break;
    case M_FINDING:
        put_text(out, m->name, cm_witness_finding_name(*(const enum cm_witness_finding *)at));
        break;
    case M_REFUSAL:
        put_text(out, m->name, code ? cm_refusal_name((enum cm_refusal_code)code) : "");
        break;
    case M_STATUS:
        put_text(out, m->name, cm_status_name((enum cm_status)code));
        break;
    case M_ACTION:
        put_text(out, m->name, cm_action_name(*(const enum cm_action *)at));
        break;
    }
}

void cm_record_entry_fields(struct cm_record_fields *out, const struct cm_entry *entry)
{
    out->count = 0;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (members[i].kinds & 1u << entry->kind) {
            put_member(out, &members[i], entry);
        }
    }
}

static void put_approval(struct cm_record_fields *out, const struct cm_audit_record *record)
{
    if (record->approved) {
        put_text(out, "approved_by", record->approval.supervisor);
        put_value(out, "approval_expires", CM_RECORD_TIME, record->approval.expires_ms);
        put_number(out, "approval_uses", CM_RECORD_NUMBER, record->approval.uses);
    } else {
        put_text(out, "approval", record->approval_fault.text);
    }
}

void cm_record_clear_fields(struct cm_record_fields *out, const struct cm_audit_record *record)
{
    out->count = 0;
    if (record->clear != CM_CLEAR_OPEN) {
        return;
    }
    for (size_t i = 0; record->asked != CM_FAMILY_NONE && i < sizeof questions / sizeof *questions;
         i++) {
        const bool of_a_query = questions[i].offset == offsetof(struct cm_query, limit);
        if (!of_a_query || record->asked == CM_FAMILY_QUERY) {
            put_member(out, &questions[i], &record->query);
        }
    }
    put_approval(out, record);
    if (record->gateway_entry.kind == CM_ENTRY_REFUSED) {
        put_text(out, "refusal", cm_status_name((enum cm_status)record->gateway_entry.refusal));
    }
    put_text(out, record->asked == CM_FAMILY_NONE ? "person" : "recorded_by",
             record->access.person);
    put_text(out, "text", record->access.text);
}

static json_t *value_of(const struct cm_record_field *field)
{
    char text[2 * CM_DIGEST_SIZE + 1];
    char when[CM_WHEN_SIZE];
    switch (field->type) {
    case CM_RECORD_TEXT:
        return json_string(field->text);
    case CM_RECORD_NUMBER:
        return json_integer((json_int_t)field->number);
    case CM_RECORD_SIGNED:
        return json_integer(field->value);
    case CM_RECORD_FLAG:
        return json_boolean(field->number != 0);
    case CM_RECORD_TIME:
        return json_string(cm_when_utc(when, field->value));
    case CM_RECORD_DIGEST:
        cm_hex(text, cm_bytes_digest(field->digest));
        return json_string(text);
    }
    return NULL;
}

static json_t *object_of(const struct cm_record_fields *fields)
{
    json_t *object = json_object();
    for (size_t i = 0; i < fields->count; i++) {
        json_object_set_new(object, fields->list[i].name, value_of(&fields->list[i]));
    }
    return object;
}

static json_t *commitments_of(const struct cm_commitments *commitments)
{
    struct cm_record_fields fields = {.count = 0};
    put_digest(&fields, "requester", &commitments->requester);
    put_digest(&fields, "agency", &commitments->agency);
    put_digest(&fields, "plate", &commitments->plate);
    put_digest(&fields, "purpose", &commitments->purpose);
    put_digest(&fields, "case", &commitments->case_number);
    put_digest(&fields, "reason", &commitments->reason);
    return object_of(&fields);
}

static json_t *counts_of(const struct cm_entry *entry)
{
    json_t *counts = json_object();
    for (size_t i = 0; i < entry->count_count; i++) {
        json_object_set_new(counts, cm_status_name((enum cm_status)entry->counts[i].code),
                            json_integer((json_int_t)entry->counts[i].count));
    }
    return counts;
}

// Those that the question names; none: all that permit.
static void add_agencies(json_t *values, const struct cm_audit_record *record)
{
    if (record->asked == CM_FAMILY_NONE || record->query.agency_count == 0) {
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < record->query.agency_count; i++) {
        json_array_append_new(list, json_string(record->query.agencies[i]));
    }
    json_object_set_new(values, "agencies", list);
}

json_t *cm_record_json(const struct cm_audit_record *record)
{
    char when[CM_WHEN_SIZE];
    struct cm_record_fields fields;
    const struct cm_entry *entry = &record->entry;
    json_t *object = json_object();
    json_object_set_new(object, "epoch", json_integer((json_int_t)record->epoch));
    json_object_set_new(object, "index", json_integer((json_int_t)record->index));
    json_object_set_new(object, "recorded", json_string(cm_when_utc(when, entry->recorded_ms)));
    json_object_set_new(object, "kind", json_string(cm_entry_kind_name(entry->kind)));
    cm_record_entry_fields(&fields, entry);
    json_object_set_new(object, "entry", object_of(&fields));
    if (entry->committed) {
        json_object_set_new(object, "commitments", commitments_of(&entry->commitments));
    }
    if (entry->kind == CM_ENTRY_REJECTED) {
        json_object_set_new(object, "counts", counts_of(entry));
    }
    json_object_set_new(object, "clear", json_string(cm_audit_clear_name(record->clear)));
    if (record->clear == CM_CLEAR_OPEN) {
        cm_record_clear_fields(&fields, record);
        json_t *values = object_of(&fields);
        add_agencies(values, record);
        json_object_set_new(object, "values", values);
    } else if (record->why.text[0] != '\0') {
        json_object_set_new(object, "why", json_string(record->why.text));
    }
    return object;
}

#include "proto/ledger/cli/revealed.h"

#include "proto/envelope/dsse.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/vkey.h"
#include "proto/trust/certificate.h"
#include "proto/trust/identity.h"

#include <stdio.h>
#include <string.h>

#define FORMAT "comity-reveal-v1"

enum { MAX_BASE64 = 2 * CM_MAX_ENTRY };

static const struct {
    const char *name;
    size_t commitment;
} labels_table[CM_LABEL_COUNT] = {
    [CM_LABEL_REQUESTER] = {"requester", offsetof(struct cm_commitments, requester)},
    [CM_LABEL_AGENCY] = {"agency", offsetof(struct cm_commitments, agency)},
    [CM_LABEL_PLATE] = {"plate", offsetof(struct cm_commitments, plate)},
    [CM_LABEL_PURPOSE] = {"purpose", offsetof(struct cm_commitments, purpose)},
    [CM_LABEL_CASE] = {"case", offsetof(struct cm_commitments, case_number)},
    [CM_LABEL_REASON] = {"reason", offsetof(struct cm_commitments, reason)},
};

const char *cm_revealed_label_name(enum cm_revealed_label label)
{
    return label < CM_LABEL_COUNT ? labels_table[label].name : "?";
}

enum cm_revealed_label cm_revealed_label_of(const char *name)
{
    unsigned label = 0;
    while (label < CM_LABEL_COUNT && strcmp(name, labels_table[label].name) != 0) {
        label++;
    }
    return (enum cm_revealed_label)label;
}

static const struct cm_digest *commitment_of(const struct cm_entry *entry,
                                             enum cm_revealed_label label)
{
    return (const struct cm_digest *)((const char *)&entry->commitments +
                                      labels_table[label].commitment);
}

static const char *value_of(const struct cm_query *query, enum cm_revealed_label label,
                            const char *agency)
{
    switch (label) {
    case CM_LABEL_REQUESTER:
        return query->signer;
    case CM_LABEL_AGENCY:
        return agency;
    case CM_LABEL_PLATE:
        return query->plate.plate ? query->plate.plate : "";
    case CM_LABEL_PURPOSE:
        return query->purpose;
    case CM_LABEL_CASE:
        return query->case_number;
    case CM_LABEL_REASON:
        return query->reason;
    case CM_LABEL_COUNT:
        break;
    }
    return "";
}

static json_t *hex_json(const struct cm_digest *digest)
{
    char text[2 * CM_DIGEST_SIZE + 1];
    cm_hex(text, cm_bytes_digest(digest));
    return json_string(text);
}

static json_t *base64_json(struct cm_bytes bytes)
{
    struct cm_buf text = {0};
    json_t *json = NULL;
    if (cm_base64(&text, bytes) == CM_OK) {
        json = json_stringn((const char *)text.data, text.len);
    }
    cm_wipe(text.data, text.len);
    cm_buf_clear(&text);
    return json;
}

static json_t *value_json(const struct cm_audit_record *record, enum cm_revealed_label label)
{
    struct cm_identity signer = {.agency = ""};
    struct cm_digest key;
    const struct cm_query *query = &record->query;
    (void)!cm_identity_parse(&signer, cm_bytes_of(query->signer), NULL);
    cm_hmac_sha256(&key, (struct cm_bytes){query->blind, CM_BLIND_SIZE},
                   cm_bytes_of(labels_table[label].name));
    json_t *json = json_object();
    json_object_set_new(json, "label", json_string(labels_table[label].name));
    json_object_set_new(json, "value", json_string(value_of(query, label, signer.agency)));
    json_object_set_new(json, "key", hex_json(&key));
    cm_wipe(&key, sizeof key);
    return json;
}

json_t *cm_revealed_of(const struct cm_audit_record *record, unsigned labels, bool question)
{
    struct cm_buf envelope = {0};
    json_t *json = json_object();
    json_t *values = json_array();
    for (unsigned label = 0; label < CM_LABEL_COUNT; label++) {
        if (labels & 1u << label) {
            json_array_append_new(values, value_json(record, (enum cm_revealed_label)label));
        }
    }
    json_object_set_new(json, "format", json_string(FORMAT));
    json_object_set_new(json, "entry", base64_json(record->bytes));
    json_object_set_new(json, "values", values);
    if (question && cm_envelope_encode(&envelope, &record->access.question) == CM_OK) {
        json_object_set_new(json, "question", base64_json(cm_buf_bytes(&envelope)));
    }
    cm_wipe(envelope.data, envelope.len);
    cm_buf_clear(&envelope);
    return json;
}

enum cm_status cm_revealed_prove(json_t *revealed, const struct cm_inclusion *inclusion,
                                 struct cm_bytes note, struct cm_bytes vkey)
{
    json_t *hashes = json_array();
    for (size_t i = 0; i < inclusion->count; i++) {
        json_array_append_new(hashes, hex_json(&inclusion->hashes[i]));
    }
    const int wrong =
        json_object_set_new(revealed, "index", json_integer((json_int_t)inclusion->index)) |
        json_object_set_new(revealed, "inclusion", hashes) |
        json_object_set_new(revealed, "checkpoint",
                            json_stringn((const char *)note.data, note.len)) |
        json_object_set_new(revealed, "vkey", json_stringn((const char *)vkey.data, vkey.len));
    return wrong == 0 ? CM_OK : CM_MEMORY;
}

static enum cm_status no_member(struct cm_error *error, const char *name)
{
    return cm_fail(error, CM_INVALID, name, "is missing or malformed");
}

static enum cm_status take_base64(struct cm_bytes *out, struct cm_arena *arena, const json_t *json,
                                  const char *name, struct cm_error *error)
{
    struct cm_buf bytes = {.max = MAX_BASE64};
    const char *text = json_string_value(json_object_get(json, name));
    enum cm_status status = text ? cm_unbase64(&bytes, cm_bytes_of(text)) : CM_INVALID;
    if (status == CM_OK) {
        status = cm_arena_bytes(arena, out, cm_buf_bytes(&bytes));
    }
    cm_wipe(bytes.data, bytes.len);
    cm_buf_clear(&bytes);
    return status == CM_OK ? CM_OK : no_member(error, name);
}

static bool take_digest(struct cm_digest *out, const json_t *json)
{
    const char *text = json_string_value(json);
    return text && strlen(text) == sizeof out->b * 2 &&
           cm_unhex(out->b, sizeof out->b, text) == CM_OK;
}

static enum cm_status check_checkpoint(struct cm_revealed *out, struct cm_digest *root,
                                       const json_t *json, const struct cm_key *key,
                                       struct cm_error *error)
{
    char name[CM_MAX_VKEY];
    struct cm_key *own = NULL;
    struct cm_checkpoint checkpoint;
    const char *note = json_string_value(json_object_get(json, "checkpoint"));
    const char *vkey = json_string_value(json_object_get(json, "vkey"));
    if (!note || !vkey) {
        return no_member(error, note ? "vkey" : "checkpoint");
    }
    enum cm_status status = key ? CM_OK : cm_vkey_parse(name, &own, cm_bytes_of(vkey), error);
    if (status == CM_OK) {
        status = cm_checkpoint_open(&checkpoint, cm_bytes_of(note), key ? key : own, error);
    }
    if (status == CM_OK) {
        memcpy(out->origin, checkpoint.origin, sizeof out->origin);
        out->size = checkpoint.size;
        out->key_hash = *cm_key_hash(key ? key : own);
        *root = checkpoint.root;
    }
    cm_key_free(own);
    return status;
}

static enum cm_status check_inclusion(struct cm_revealed *out, const json_t *json,
                                      const struct cm_digest *leaf, const struct cm_digest *root,
                                      struct cm_error *error)
{
    struct cm_digest hashes[CM_MAX_PROOF];
    const json_t *list = json_object_get(json, "inclusion");
    const json_t *index = json_object_get(json, "index");
    struct cm_inclusion proof = {.size = out->size, .hashes = hashes};
    proof.count = json_array_size(list);
    if (!json_is_array(list) || proof.count > CM_MAX_PROOF || !json_is_integer(index) ||
        json_integer_value(index) < 0) {
        return no_member(error, "inclusion");
    }
    for (size_t i = 0; i < proof.count; i++) {
        if (!take_digest(&hashes[i], json_array_get(list, i))) {
            return no_member(error, "inclusion");
        }
    }
    proof.index = out->index = (uint64_t)json_integer_value(index);
    return cm_merkle_check_inclusion(&proof, leaf, root) == CM_OK
               ? CM_OK
               : cm_fail(error, CM_INVALID, "inclusion",
                         "the entry is not proved to lie under the checkpoint");
}

static enum cm_status check_value(struct cm_revealed *out, const json_t *json,
                                  struct cm_error *error)
{
    struct cm_digest key;
    struct cm_digest commitment;
    const char *name = json_string_value(json_object_get(json, "label"));
    const char *value = json_string_value(json_object_get(json, "value"));
    const enum cm_revealed_label label = name ? cm_revealed_label_of(name) : CM_LABEL_COUNT;
    if (label == CM_LABEL_COUNT || !value || out->values[label] ||
        !take_digest(&key, json_object_get(json, "key"))) {
        return no_member(error, "values");
    }
    const struct cm_bytes parts[] = {cm_bytes_digest(&key), cm_bytes_of(value)};
    cm_sha256(&commitment, parts, 2);
    if (!out->entry.committed || !cm_digest_equal(&commitment, commitment_of(&out->entry, label))) {
        return cm_fail(error, CM_INVALID, name, "is not what the entry committed to");
    }
    out->values[label] = value;
    return CM_OK;
}

static enum cm_status check_question(struct cm_revealed *out, struct cm_arena *arena,
                                     const json_t *json, struct cm_error *error)
{
    struct cm_bytes bytes;
    struct cm_envelope envelope = {.family = CM_FAMILY_NONE};
    struct cm_certificate leaf;
    struct cm_digest digest;
    enum cm_status status = take_base64(&bytes, arena, json, "question", error);
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, arena, bytes, error);
    }
    if (status != CM_OK || envelope.family != CM_FAMILY_QUERY ||
        envelope.signatures[0].chain_count == 0) {
        return no_member(error, "question");
    }
    cm_sha256_of(&digest, envelope.payload);
    if (!cm_digest_equal(&digest, &out->entry.digest)) {
        return cm_fail(error, CM_INVALID, "question", "is not the one that the entry names");
    }
    status = cm_query_decode(&out->query, arena, envelope.payload, error);
    if (status == CM_OK) {
        status = cm_certificate_parse(&leaf, envelope.signatures[0].chain[0], "question", error);
    }
    if (status != CM_OK) {
        return status;
    }
    out->question =
        cm_dsse_verify(&envelope, 0, leaf.key) == CM_OK && strcmp(leaf.uri, out->query.signer) == 0;
    cm_certificate_clear(&leaf);
    return out->question ? CM_OK
                         : cm_fail(error, CM_UNAUTHENTICATED, "question",
                                   "is not signed by the key of its certificate");
}

enum cm_status cm_revealed_check(struct cm_revealed *out, struct cm_arena *arena,
                                 const json_t *json, const struct cm_key *key,
                                 struct cm_error *error)
{
    struct cm_bytes entry;
    struct cm_digest root, leaf;
    const char *format = json_string_value(json_object_get(json, "format"));
    const json_t *values = json_object_get(json, "values");
    *out = (struct cm_revealed){.index = 0};
    if (!format || strcmp(format, FORMAT) != 0 || !json_is_array(values)) {
        return cm_fail(error, CM_INVALID, "file", "is not what comity audit reveal writes");
    }
    enum cm_status status = take_base64(&entry, arena, json, "entry", error);
    if (status == CM_OK) {
        status = cm_entry_decode(&out->entry, arena, entry, error);
    }
    if (status == CM_OK) {
        status = check_checkpoint(out, &root, json, key, error);
    }
    if (status == CM_OK) {
        cm_merkle_leaf(&leaf, entry);
        status = check_inclusion(out, json, &leaf, &root, error);
    }
    for (size_t i = 0; status == CM_OK && i < json_array_size(values); i++) {
        status = check_value(out, json_array_get(values, i), error);
    }
    if (status == CM_OK && json_object_get(json, "question")) {
        status = check_question(out, arena, json, error);
    }
    return status;
}

#include "gateway/client/manifest_json.h"

#include "proto/base/when.h"

static json_t *hex(const struct cm_digest *digest)
{
    char text[2 * CM_DIGEST_SIZE + 1];
    cm_hex(text, cm_bytes_digest(digest));
    return json_string(text);
}

static json_t *base64(struct cm_bytes bytes)
{
    struct cm_buf text = {0};
    json_t *value = NULL;
    if (cm_base64(&text, bytes) == CM_OK) {
        value = json_stringn((const char *)text.data, text.len);
    }
    cm_buf_clear(&text);
    return value;
}

static json_t *when(int64_t ms)
{
    char text[CM_WHEN_SIZE];
    return json_string(cm_when_utc(text, ms));
}

static json_t *fields(cm_fields set)
{
    json_t *list = json_array();
    for (unsigned field = 1; field < CM_FIELD_COUNT; field++) {
        if (set & 1u << field) {
            json_array_append_new(list, json_string(cm_field_name((enum cm_field)field)));
        }
    }
    return list;
}

static json_t *account(const struct cm_account *account)
{
    json_t *object = json_object();
    json_object_set_new(object, "agency", json_string(account->agency));
    json_object_set_new(object, "outcome", json_string(cm_outcome_name(account->outcome)));
    json_object_set_new(object, "rows", json_integer((json_int_t)account->rows));
    json_object_set_new(object, "more_matched", json_boolean(account->more_matched));
    if (account->visible_from_ms != 0) {
        json_object_set_new(object, "visible_from", when(account->visible_from_ms));
    }
    json_object_set_new(object, "fields_withheld", fields(account->fields_withheld));
    json_object_set_new(object, "rows_withheld", json_boolean(account->rows_withheld));
    json_object_set_new(object, "elapsed_ms", json_integer(account->elapsed_ms));
    if (account->reason[0] != '\0') {
        json_object_set_new(object, "reason", json_string(account->reason));
    }
    return object;
}

json_t *cm_manifest_json(const struct cm_manifest *manifest)
{
    json_t *object = json_object();
    json_t *counts = json_object();
    json_t *accounts = json_array();
    for (unsigned i = 1; i < CM_OUTCOME_COUNT; i++) {
        if (manifest->counts[i] > 0) {
            json_object_set_new(counts, cm_outcome_name((enum cm_outcome)i),
                                json_integer(manifest->counts[i]));
        }
    }
    for (size_t i = 0; i < manifest->account_count; i++) {
        json_array_append_new(accounts, account(&manifest->accounts[i]));
    }
    json_object_set_new(object, "query_digest", hex(&manifest->query_digest));
    json_object_set_new(object, "gateway", json_string(manifest->gateway));
    json_object_set_new(object, "directory_serial",
                        json_integer((json_int_t)manifest->directory_serial));
    json_object_set_new(object, "started", when(manifest->started_ms));
    json_object_set_new(object, "finished", when(manifest->finished_ms));
    json_object_set_new(object, "rows", json_integer((json_int_t)manifest->rows));
    json_object_set_new(object, "cut", json_boolean(manifest->cut));
    json_object_set_new(object, "counts", counts);
    json_object_set_new(object, "agencies", accounts);
    json_object_set_new(object, "entry", base64(manifest->entry));
    json_object_set_new(object, "checkpoint", base64(manifest->checkpoint));
    return object;
}

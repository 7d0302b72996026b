#include "proto/codec/answer_pb.h"
#include "proto/codec/query_pb.h"

#include <string.h>

enum { ROOT_DEPTH = 10 }; // CM_MAX_BATCH_ROWS is 2^9

static const char *const refusals[CM_REFUSAL_COUNT] = {
    [CM_REFUSAL_NONE] = "none",
    [CM_REFUSAL_INVALID] = "invalid",
    [CM_REFUSAL_UNAUTHENTICATED] = "unauthenticated",
    [CM_REFUSAL_FORBIDDEN_ROLE] = "forbidden role",
    [CM_REFUSAL_STALE] = "stale",
    [CM_REFUSAL_NOT_SERVED] = "not served",
    [CM_REFUSAL_REPLAYED] = "replayed",
    [CM_REFUSAL_EXHAUSTED] = "exhausted",
    [CM_REFUSAL_UNAVAILABLE] = "unavailable",
    [CM_REFUSAL_NOT_PERMITTED] = "not permitted",
    [CM_REFUSAL_BAD_RECORD] = "bad record",
};

const char *cm_refusal_name(enum cm_refusal_code code)
{
    return refusals[(unsigned)code < CM_REFUSAL_COUNT ? code : CM_REFUSAL_NONE];
}

enum cm_refusal_code cm_refusal_of_status(enum cm_status status)
{
    switch (status) {
    case CM_OK:
        return CM_REFUSAL_NONE;
    case CM_INVALID:
        return CM_REFUSAL_INVALID;
    case CM_UNAUTHENTICATED:
        return CM_REFUSAL_UNAUTHENTICATED;
    case CM_FORBIDDEN:
        return CM_REFUSAL_FORBIDDEN_ROLE;
    case CM_STALE:
        return CM_REFUSAL_STALE;
    case CM_NOT_SERVED:
        return CM_REFUSAL_NOT_SERVED;
    case CM_REPLAYED:
        return CM_REFUSAL_REPLAYED;
    case CM_EXHAUSTED:
        return CM_REFUSAL_EXHAUSTED;
    case CM_UNAVAILABLE:
    case CM_NOT_FOUND:
    case CM_IO:
    case CM_MEMORY:
    case CM_INTERNAL:
    case CM_CANCELLED:
    case CM_LATE:
        return CM_REFUSAL_UNAVAILABLE;
    }
    return CM_REFUSAL_UNAVAILABLE;
}

enum cm_status cm_status_of_refusal(enum cm_refusal_code code)
{
    switch (code) {
    case CM_REFUSAL_UNAUTHENTICATED:
        return CM_UNAUTHENTICATED;
    case CM_REFUSAL_FORBIDDEN_ROLE:
    case CM_REFUSAL_NOT_PERMITTED:
        return CM_FORBIDDEN;
    case CM_REFUSAL_STALE:
        return CM_STALE;
    case CM_REFUSAL_NOT_SERVED:
        return CM_NOT_SERVED;
    case CM_REFUSAL_REPLAYED:
        return CM_REPLAYED;
    case CM_REFUSAL_EXHAUSTED:
        return CM_EXHAUSTED;
    case CM_REFUSAL_UNAVAILABLE:
        return CM_UNAVAILABLE;
    case CM_REFUSAL_INVALID:
    case CM_REFUSAL_BAD_RECORD:
        return CM_INVALID;
    case CM_REFUSAL_NONE:
    case CM_REFUSAL_COUNT:
        break;
    }
    return CM_INTERNAL;
}

// The key's owner is agency.
static void check_key(struct cm_form *form, const char *field, struct cm_bytes key,
                      const char *agency)
{
    int64_t captured_ms;
    struct cm_bytes owner;
    struct cm_bytes event;

    if (cm_row_key_parse(key, &captured_ms, &owner, &event) != CM_OK) {
        cm_form_fail(form, CM_INVALID, field, "is not a row's key");
    } else {
        cm_form_require(form, cm_bytes_equal(owner, cm_bytes_of(agency)), field,
                        "is of another agency's row");
    }
}

static void check_keys(struct cm_form *form, const struct cm_header *h)
{
    int order;

    if (h->count == 0) {
        struct cm_digest empty;

        cm_sha256_of(&empty, CM_BYTES_NONE);
        cm_form_require(form, h->final, "count", "is 0 in a header that isn't the last");
        cm_form_require(form, h->first_key.len == 0, "first_key", "is there without rows");
        cm_form_require(form, h->last_key.len == 0, "last_key", "is there without rows");
        cm_form_require(form, cm_digest_equal(&h->root, &empty), "root", "is not of no rows");
        return;
    }
    check_key(form, "first_key", h->first_key, h->agency);
    check_key(form, "last_key", h->last_key, h->agency);
    order = cm_bytes_compare(h->first_key, h->last_key);
    cm_form_require(form, h->count == 1 ? order == 0 : order < 0, "last_key",
                    "does not come after first_key");
}

static void check_header(struct cm_form *form, const struct cm_header *h)
{
    cm_form_agency(form, "agency", h->agency);
    cm_form_between(form, "attempt", h->attempt, 1, UINT32_MAX);
    cm_form_between(form, "first_index", h->first_index, 0, CM_MAX_LIMIT);
    cm_form_require(form, (h->first_index == 0) == cm_digest_is_zero(&h->previous), "previous",
                    "must be zero in the first header, and only there");
    cm_form_between(form, "count", h->count, 0,
                    h->first_index == 0 ? CM_FIRST_BATCH_ROWS : CM_MAX_BATCH_ROWS);
    check_keys(form, h);
    if (h->final) {
        cm_form_require(form, h->total == h->first_index + h->count, "total",
                        "is not the sum of the rows");
    } else {
        cm_form_require(form, h->total == 0 && !h->more_matched, "total",
                        "is there before the last header");
    }
    cm_form_time(form, "visible_from_ms", h->visible_from_ms);
    cm_form_fields_check(form, "fields_withheld", h->fields_withheld);
}

static void take_header(struct cm_form *form, struct cm_header *out, const Comity__V1__Header *in)
{
    cm_form_digest(form, "query_digest", &out->query_digest, &in->query_digest);
    out->agency = in->agency;
    out->attempt = in->attempt;
    cm_form_digest(form, "key_hash", &out->key_hash, &in->key_hash);
    cm_form_digest(form, "rules_digest", &out->rules_digest, &in->rules_digest);
    cm_form_digest(form, "previous", &out->previous, &in->previous);
    out->first_index = in->first_index;
    out->count = in->count;
    out->first_key = (struct cm_bytes){in->first_key.data, in->first_key.len};
    out->last_key = (struct cm_bytes){in->last_key.data, in->last_key.len};
    cm_form_digest(form, "root", &out->root, &in->root);
    out->final = in->final;
    out->total = in->total;
    out->more_matched = in->more_matched;
    out->visible_from_ms = in->visible_from_ms;
    cm_form_fields(form, "fields_withheld", &out->fields_withheld, in->fields_withheld,
                   in->n_fields_withheld);
    out->rows_withheld = in->rows_withheld;
}

enum cm_status cm_header_decode(struct cm_header *out, struct cm_arena *arena,
                                struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Header *in =
        cm_form_unpack(&form, &comity__v1__header__descriptor, "header", payload, CM_MAX_HEADER);

    *out = (struct cm_header){0};
    if (in) {
        take_header(&form, out, in);
    }
    if (cm_form_ok(&form)) {
        check_header(&form, out);
    }
    return form.status;
}

enum cm_status cm_header_encode(struct cm_buf *out, const struct cm_header *header)
{
    struct cm_form form = {0};
    Comity__V1__Header message = COMITY__V1__HEADER__INIT;
    Comity__V1__Field withheld[CM_FIELD_COUNT];

    check_header(&form, header);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    message.query_digest = cm_form_out_digest(&header->query_digest);
    message.agency = cm_form_out_text(header->agency);
    message.attempt = header->attempt;
    message.key_hash = cm_form_out_digest(&header->key_hash);
    message.rules_digest = cm_form_out_digest(&header->rules_digest);
    message.previous = cm_form_out_digest(&header->previous);
    message.first_index = header->first_index;
    message.count = header->count;
    message.first_key = cm_form_out_span(header->first_key);
    message.last_key = cm_form_out_span(header->last_key);
    message.root = cm_form_out_digest(&header->root);
    message.final = header->final;
    message.total = header->total;
    message.more_matched = header->more_matched;
    message.visible_from_ms = header->visible_from_ms;
    message.n_fields_withheld = cm_form_out_fields(withheld, header->fields_withheld);
    message.fields_withheld = withheld;
    message.rows_withheld = header->rows_withheld;
    return cm_form_pack(out, &message.base, CM_MAX_HEADER);
}

static void check_refusal(struct cm_form *form, const struct cm_refusal *r)
{
    cm_form_agency(form, "agency", r->agency);
    cm_form_between(form, "attempt", r->attempt, 1, UINT32_MAX);
    cm_form_require(form, (int)r->code > CM_REFUSAL_NONE && (int)r->code < CM_REFUSAL_COUNT, "code",
                    "is unknown");
    cm_form_time(form, "refused_ms", r->refused_ms);
    cm_form_text(form, "text", r->text, 0, CM_MAX_REASON);
}

enum cm_status cm_refusal_decode(struct cm_refusal *out, struct cm_arena *arena,
                                 struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Refusal *in =
        cm_form_unpack(&form, &comity__v1__refusal__descriptor, "refusal", payload, CM_MAX_REFUSAL);

    *out = (struct cm_refusal){0};
    if (!in) {
        return form.status;
    }
    cm_form_digest(&form, "query_digest", &out->query_digest, &in->query_digest);
    out->agency = in->agency;
    out->attempt = in->attempt;
    out->code = (enum cm_refusal_code)in->code;
    cm_form_digest_or_none(&form, "rules_digest", &out->rules_digest, &in->rules_digest);
    out->refused_ms = in->refused_ms;
    out->text = in->text;
    check_refusal(&form, out);
    return form.status;
}

enum cm_status cm_refusal_encode(struct cm_buf *out, const struct cm_refusal *refusal)
{
    struct cm_form form = {0};
    Comity__V1__Refusal message = COMITY__V1__REFUSAL__INIT;

    check_refusal(&form, refusal);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    message.query_digest = cm_form_out_digest(&refusal->query_digest);
    message.agency = cm_form_out_text(refusal->agency);
    message.attempt = refusal->attempt;
    message.code = (Comity__V1__RefusalCode)refusal->code;
    message.rules_digest = cm_form_out_digest_or_none(&refusal->rules_digest);
    message.refused_ms = refusal->refused_ms;
    message.text = cm_form_out_text(refusal->text);
    return cm_form_pack(out, &message.base, CM_MAX_REFUSAL);
}

void cm_form_batch_check(struct cm_form *form, const struct cm_batch *batch)
{
    size_t bytes = 0;

    cm_form_envelope_check(form, "header", &batch->header, 1u << CM_FAMILY_HEADER);
    cm_form_between(form, "rows", batch->row_count, 0, CM_MAX_BATCH_ROWS);
    cm_form_between(form, "withheld", batch->withheld_count, 0, CM_MAX_BATCH_ROWS);
    for (size_t i = 0; cm_form_ok(form) && i < batch->row_count; i++) {
        cm_form_enter(form, "rows", i);
        cm_form_between(form, "key", batch->rows[i].key.len, 1, CM_MAX_KEY);
        cm_form_between(form, "row", batch->rows[i].row.len, 1, CM_MAX_ROW);
        cm_form_leave(form);
        bytes += batch->rows[i].key.len + batch->rows[i].row.len;
    }
    cm_form_between(form, "rows", bytes, 0, CM_MAX_BATCH);
    for (size_t i = 0; cm_form_ok(form) && i < batch->withheld_count; i++) {
        cm_form_enter(form, "withheld", i);
        cm_form_between(form, "key", batch->withheld[i].key.len, 1, CM_MAX_KEY);
        cm_form_leave(form);
    }
}

void cm_form_batch(struct cm_form *form, struct cm_batch *out, const Comity__V1__Batch *in)
{
    struct cm_row *rows = cm_form_array(form, in->n_rows, sizeof *rows);
    struct cm_withheld *withheld = cm_form_array(form, in->n_withheld, sizeof *withheld);

    cm_form_envelope(form, "header", &out->header, in->header, 1u << CM_FAMILY_HEADER);
    for (size_t i = 0; cm_form_ok(form) && i < in->n_rows; i++) {
        rows[i] = (struct cm_row){
            .key = {in->rows[i]->key.data, in->rows[i]->key.len},
            .row = {in->rows[i]->row.data, in->rows[i]->row.len},
        };
    }
    for (size_t i = 0; cm_form_ok(form) && i < in->n_withheld; i++) {
        withheld[i].key = (struct cm_bytes){in->withheld[i]->key.data, in->withheld[i]->key.len};
        cm_form_enter(form, "withheld", i);
        cm_form_digest(form, "leaf", &withheld[i].leaf, &in->withheld[i]->leaf);
        cm_form_leave(form);
    }
    out->row_count = in->n_rows;
    out->rows = rows;
    out->withheld_count = in->n_withheld;
    out->withheld = withheld;
    if (cm_form_ok(form)) {
        cm_form_batch_check(form, out);
    }
}

static Comity__V1__Row **out_rows(struct cm_form *form, const struct cm_batch *in)
{
    Comity__V1__Row **list = cm_form_array(form, in->row_count, sizeof(void *));
    Comity__V1__Row *items = cm_form_array(form, in->row_count, sizeof *items);

    for (size_t i = 0; items && i < in->row_count; i++) {
        comity__v1__row__init(&items[i]);
        items[i].key = cm_form_out_span(in->rows[i].key);
        items[i].row = cm_form_out_span(in->rows[i].row);
        list[i] = &items[i];
    }
    return list;
}

static Comity__V1__Withheld **out_withheld(struct cm_form *form, const struct cm_batch *in)
{
    Comity__V1__Withheld **list = cm_form_array(form, in->withheld_count, sizeof(void *));
    Comity__V1__Withheld *items = cm_form_array(form, in->withheld_count, sizeof *items);

    for (size_t i = 0; items && i < in->withheld_count; i++) {
        comity__v1__withheld__init(&items[i]);
        items[i].key = cm_form_out_span(in->withheld[i].key);
        items[i].leaf = cm_form_out_digest(&in->withheld[i].leaf);
        list[i] = &items[i];
    }
    return list;
}

Comity__V1__Batch *cm_form_out_batch(struct cm_form *form, const struct cm_batch *in)
{
    Comity__V1__Batch *out = cm_form_array(form, 1, sizeof *out);
    struct cm_envelope_pb *header = cm_form_array(form, 1, sizeof *header);

    cm_form_batch_check(form, in);
    if (!cm_form_ok(form)) {
        return NULL;
    }
    comity__v1__batch__init(out);
    out->header = cm_form_out_envelope(form, "header", header, &in->header, 1u << CM_FAMILY_HEADER);
    out->n_rows = in->row_count;
    out->rows = out_rows(form, in);
    out->n_withheld = in->withheld_count;
    out->withheld = out_withheld(form, in);
    return out;
}

// The RFC 6962 tree's root, a leaf at a time: full subtrees wait in `waiting`, largest first.
struct root {
    struct cm_digest waiting[ROOT_DEPTH];
    size_t depth;
    size_t leaves;
};

static struct cm_digest join(const struct cm_digest *left, const struct cm_digest *right)
{
    static const uint8_t one = 1;
    const struct cm_bytes parts[] = {{&one, 1}, cm_bytes_digest(left), cm_bytes_digest(right)};
    struct cm_digest out;

    cm_sha256(&out, parts, 3);
    return out;
}

static void add_leaf(struct root *root, struct cm_digest leaf)
{
    for (size_t n = root->leaves; n & 1; n >>= 1) {
        leaf = join(&root->waiting[--root->depth], &leaf);
    }
    root->waiting[root->depth++] = leaf;
    root->leaves++;
}

static struct cm_digest close_root(struct root *root)
{
    struct cm_digest out;

    if (root->depth == 0) {
        cm_sha256_of(&out, CM_BYTES_NONE);
        return out;
    }
    out = root->waiting[--root->depth];
    while (root->depth > 0) {
        out = join(&root->waiting[--root->depth], &out);
    }
    return out;
}

// One row's or withheld leaf's key, in its place.
static void check_item(struct cm_form *form, struct cm_bytes key, const char *agency,
                       struct cm_bytes *last)
{
    check_key(form, "key", key, agency);
    cm_form_require(form, last->len == 0 || cm_bytes_compare(*last, key) < 0, "key",
                    "does not come after the one before");
    *last = key;
}

enum cm_status cm_batch_check(const struct cm_batch *batch, const struct cm_header *header,
                              struct cm_bytes prev_last_key, struct cm_error *error)
{
    struct cm_form form = {.error = error, .name = "batch"};
    struct root root = {.depth = 0};
    struct cm_bytes last = prev_last_key;
    struct cm_bytes first = CM_BYTES_NONE;
    struct cm_digest digest;

    if (batch->row_count > CM_MAX_BATCH_ROWS || batch->withheld_count > CM_MAX_BATCH_ROWS ||
        batch->row_count + batch->withheld_count != header->count) {
        return cm_fail(error, CM_INVALID, "count", "is not the number of rows");
    }
    if (batch->row_count > 0) {
        first = batch->rows[0].key;
    } else if (batch->withheld_count > 0) {
        first = batch->withheld[0].key;
    }
    for (size_t i = 0; cm_form_ok(&form) && i < batch->row_count; i++) {
        cm_form_enter(&form, "rows", i);
        check_item(&form, batch->rows[i].key, header->agency, &last);
        cm_form_leave(&form);
        cm_row_leaf(&digest, batch->rows[i].key, batch->rows[i].row);
        add_leaf(&root, digest);
    }
    for (size_t i = 0; cm_form_ok(&form) && i < batch->withheld_count; i++) {
        cm_form_enter(&form, "withheld", i);
        check_item(&form, batch->withheld[i].key, header->agency, &last);
        cm_form_leave(&form);
        add_leaf(&root, batch->withheld[i].leaf);
    }
    digest = close_root(&root);
    cm_form_require(&form, cm_bytes_equal(first, header->first_key), "first_key",
                    "is not that of the first row");
    cm_form_require(&form, header->count == 0 || cm_bytes_equal(last, header->last_key), "last_key",
                    "is not that of the last row");
    cm_form_require(&form, cm_digest_equal(&digest, &header->root), "root",
                    "does not fit the rows");
    return form.status;
}

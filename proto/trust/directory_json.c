#include "proto/trust/directory_json.h"

#include "proto/base/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cm_purpose cm_default_purposes[] = {
    {"administrative", false, 0},
    {"amber-alert", true, 0},
    {"civil", false, 0},
    {"exigent", true, 0},
    {"hit-and-run", false, 0},
    {"homicide", false, 0},
    {"human-trafficking", false, 0},
    {"immigration-civil", false, 0},
    {"immigration-criminal", false, 0},
    {"internal-audit", false, 0},
    {"kidnapping", false, 0},
    {"missing-person", false, 0},
    {"narcotics", false, 0},
    {"other", false, 0},
    {"property-crime", false, 0},
    {"protest", false, 0},
    {"repossession", false, 0},
    {"reproductive-care", false, 0},
    {"sexual-offense", false, 0},
    {"terrorism", false, 0},
    {"training", false, 0},
    {"vehicle-theft", false, 0},
    {"violent-crime", false, 0},
    {"warrant", false, 0},
};
const size_t cm_default_purpose_count = sizeof cm_default_purposes / sizeof cm_default_purposes[0];

// The first failure stays; what is read after it is not used.
struct reading {
    struct cm_arena *arena;
    struct cm_error *error;
    enum cm_status status;
    char where[sizeof((struct cm_error *)NULL)->where];
};

static void fail(struct reading *reading, enum cm_status status, const char *field,
                 const char *what)
{
    if (reading->status == CM_OK) {
        char where[2 * sizeof reading->where];
        snprintf(where, sizeof where, "%s%s%s", reading->where,
                 reading->where[0] != '\0' && field[0] != '\0' ? "." : "", field);
        reading->status = cm_fail(reading->error, status, where, "%s", what);
    }
}

static void *room(struct reading *reading, size_t count, size_t size)
{
    void *array = reading->status == CM_OK ? cm_arena_array(reading->arena, count, size) : NULL;
    if (array == NULL) {
        fail(reading, CM_MEMORY, "", "it is larger than a directory may be");
    }
    return array;
}

// fields: names of the fields that may stand in object, ending with NULL.
static void only(struct reading *reading, json_t *object, const char *const *fields)
{
    if (!json_is_object(object)) {
        fail(reading, CM_INVALID, "", "is no object");
        return;
    }
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const char *const *field = fields;
        while (*field != NULL && strcmp(*field, key) != 0) {
            field++;
        }
        if (*field == NULL) {
            char name[48];
            snprintf(name, sizeof name, "%s", key);
            fail(reading, CM_INVALID, name, "there is no such field");
        }
    }
}

static const char *copy(struct reading *reading, const char *field, const json_t *value)
{
    if (!json_is_string(value)) {
        fail(reading, CM_INVALID, field, "is no text");
        return "";
    }
    struct cm_bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    char *out = reading->status == CM_OK ? cm_arena_string(reading->arena, text) : NULL;
    if (out == NULL) {
        fail(reading, CM_MEMORY, field, "it is larger than a directory may be");
        return "";
    }
    return out;
}

// fallback NULL: required.
static const char *text(struct reading *reading, const json_t *object, const char *field,
                        const char *fallback)
{
    const json_t *value = json_object_get(object, field);
    if (value != NULL) {
        return copy(reading, field, value);
    }
    if (fallback == NULL) {
        fail(reading, CM_INVALID, field, "is missing");
        return "";
    }
    return fallback;
}

static bool yes_no(struct reading *reading, const json_t *object, const char *field, bool fallback)
{
    const json_t *value = json_object_get(object, field);
    if (value != NULL && !json_is_boolean(value)) {
        fail(reading, CM_INVALID, field, "is neither true nor false");
    }
    return value != NULL ? json_is_true(value) : fallback;
}

static uint32_t number(struct reading *reading, const json_t *object, const char *field,
                       uint32_t fallback)
{
    const json_t *value = json_object_get(object, field);
    if (value == NULL) {
        return fallback;
    }
    json_int_t whole = json_integer_value(value);
    if (!json_is_integer(value) || whole < 0 || whole > UINT32_MAX) {
        fail(reading, CM_INVALID, field, "is no whole number from 0 to 4294967295");
        return fallback;
    }
    return (uint32_t)whole;
}

// NULL for a list that was left out; else *count is its length.
static const json_t *list(struct reading *reading, const json_t *object, const char *field,
                          size_t *count)
{
    const json_t *value = json_object_get(object, field);
    *count = json_array_size(value);
    if (value != NULL && !json_is_array(value)) {
        fail(reading, CM_INVALID, field, "is no list");
    }
    return value;
}

static const char *const *texts(struct reading *reading, const json_t *object, const char *field,
                                size_t *count)
{
    const json_t *value = list(reading, object, field, count);
    const char **out = room(reading, *count, sizeof *out);
    for (size_t i = 0; out != NULL && i < *count; i++) {
        out[i] = copy(reading, field, json_array_get(value, i));
    }
    return out;
}

static const struct cm_digest *pins(struct reading *reading, const json_t *object,
                                    const char *field, size_t *count)
{
    const json_t *value = list(reading, object, field, count);
    struct cm_digest *out = room(reading, *count, sizeof *out);
    for (size_t i = 0; out != NULL && i < *count; i++) {
        const char *hex = json_string_value(json_array_get(value, i));
        if (hex == NULL || strlen(hex) != (size_t)2 * CM_DIGEST_SIZE ||
            cm_unhex(out[i].b, sizeof out[i].b, hex) != CM_OK) {
            fail(reading, CM_INVALID, field, "is no list of pins of 64 hex digits each");
        }
    }
    return out;
}

static void enter(struct reading *reading, const char *what, size_t index, const json_t *object,
                  const char *id_field)
{
    const char *id = json_string_value(json_object_get(object, id_field));
    if (id != NULL && strlen(id) <= 64) {
        snprintf(reading->where, sizeof reading->where, "%s '%s'", what, id);
    } else {
        snprintf(reading->where, sizeof reading->where, "%s %zu of the list", what, index + 1);
    }
}

static void read_agency(struct reading *reading, struct cm_agency *out, json_t *in)
{
    static const char *const fields[] = {
        "id",        "name",         "kind",           "state",           "active", "ca_pins",
        "node_pins", "case_pattern", "required_packs", "rule_signatures", NULL};
    only(reading, in, fields);
    out->id = text(reading, in, "id", NULL);
    out->name = text(reading, in, "name", out->id);
    out->kind = cm_kind_of(cm_bytes_of(text(reading, in, "kind", "other")));
    if (out->kind == CM_KIND_NONE) {
        fail(reading, CM_INVALID, "kind",
             "is none of local, sheriff, state, campus, prosecutor, federal, private, other");
    }
    out->state = text(reading, in, "state", "");
    out->active = yes_no(reading, in, "active", true);
    out->ca_pins = pins(reading, in, "ca_pins", &out->ca_pin_count);
    out->node_pins = pins(reading, in, "node_pins", &out->node_pin_count);
    out->case_pattern = text(reading, in, "case_pattern", "");
    out->required_packs = texts(reading, in, "required_packs", &out->required_pack_count);
    out->rule_signatures = number(reading, in, "rule_signatures", 1);
}

static int agency_order(const void *a, const void *b)
{
    return strcmp(((const struct cm_agency *)a)->id, ((const struct cm_agency *)b)->id);
}

static int purpose_order(const void *a, const void *b)
{
    return strcmp(((const struct cm_purpose *)a)->id, ((const struct cm_purpose *)b)->id);
}

static int gateway_order(const void *a, const void *b)
{
    return strcmp(((const struct cm_gateway_entry *)a)->name,
                  ((const struct cm_gateway_entry *)b)->name);
}

static void read_agencies(struct reading *reading, struct cm_directory *out, const json_t *root)
{
    const json_t *in = list(reading, root, "agencies", &out->agency_count);
    struct cm_agency *agencies = room(reading, out->agency_count, sizeof *agencies);
    for (size_t i = 0; reading->status == CM_OK && i < out->agency_count; i++) {
        enter(reading, "agency", i, json_array_get(in, i), "id");
        read_agency(reading, &agencies[i], json_array_get(in, i));
    }
    if (reading->status == CM_OK && out->agency_count > 0) {
        qsort(agencies, out->agency_count, sizeof *agencies, agency_order);
    }
    out->agencies = agencies;
}

static void read_purposes(struct reading *reading, struct cm_directory *out, const json_t *root)
{
    static const char *const fields[] = {"id", "case_optional", "fan_out_cap", NULL};
    const json_t *in = list(reading, root, "purposes", &out->purpose_count);
    if (in == NULL) {
        out->purposes = cm_default_purposes;
        out->purpose_count = cm_default_purpose_count;
        return;
    }
    struct cm_purpose *purposes = room(reading, out->purpose_count, sizeof *purposes);
    for (size_t i = 0; reading->status == CM_OK && i < out->purpose_count; i++) {
        json_t *object = json_array_get(in, i);
        enter(reading, "purpose", i, object, "id");
        only(reading, object, fields);
        purposes[i].id = text(reading, object, "id", NULL);
        purposes[i].case_optional = yes_no(reading, object, "case_optional", false);
        purposes[i].fan_out_cap = number(reading, object, "fan_out_cap", 0);
    }
    if (reading->status == CM_OK && out->purpose_count > 0) {
        qsort(purposes, out->purpose_count, sizeof *purposes, purpose_order);
    }
    out->purposes = purposes;
}

static void read_gateways(struct reading *reading, struct cm_directory *out, const json_t *root)
{
    static const char *const fields[] = {"name", "addresses", "pins", NULL};
    const json_t *in = list(reading, root, "gateways", &out->gateway_count);
    struct cm_gateway_entry *gateways = room(reading, out->gateway_count, sizeof *gateways);
    for (size_t i = 0; reading->status == CM_OK && i < out->gateway_count; i++) {
        json_t *object = json_array_get(in, i);
        enter(reading, "gateway", i, object, "name");
        only(reading, object, fields);
        gateways[i].name = text(reading, object, "name", NULL);
        gateways[i].addresses = texts(reading, object, "addresses", &gateways[i].address_count);
        gateways[i].pins = pins(reading, object, "pins", &gateways[i].pin_count);
    }
    if (reading->status == CM_OK && out->gateway_count > 0) {
        qsort(gateways, out->gateway_count, sizeof *gateways, gateway_order);
    }
    out->gateways = gateways;
}

static void refuse_duplicates(struct reading *reading, const struct cm_directory *d)
{
    reading->where[0] = '\0';
    for (size_t i = 1; reading->status == CM_OK && i < d->agency_count; i++) {
        if (strcmp(d->agencies[i - 1].id, d->agencies[i].id) == 0) {
            fail(reading, CM_INVALID, d->agencies[i].id, "two agencies have this id");
        }
    }
    for (size_t i = 1; reading->status == CM_OK && i < d->purpose_count; i++) {
        if (strcmp(d->purposes[i - 1].id, d->purposes[i].id) == 0) {
            fail(reading, CM_INVALID, d->purposes[i].id, "two purposes have this id");
        }
    }
    for (size_t i = 1; reading->status == CM_OK && i < d->gateway_count; i++) {
        if (strcmp(d->gateways[i - 1].name, d->gateways[i].name) == 0) {
            fail(reading, CM_INVALID, d->gateways[i].name, "two gateways have this name");
        }
    }
}

// "agencies[3].state" counts in sorted order, which people don't see: names the entry instead.
static void name_entry(struct cm_error *error, const struct cm_directory *d)
{
    const char *bracket = strchr(error->where, '[');
    if (bracket == NULL) {
        return;
    }
    char *field;
    size_t index = strtoul(bracket + 1, &field, 10);
    field += *field == ']';
    char named[sizeof error->where];
    const char *id = NULL;
    const char *what = "";
    if (strncmp(error->where, "agencies[", 9) == 0 && index < d->agency_count) {
        what = "agency";
        id = d->agencies[index].id;
    } else if (strncmp(error->where, "purposes[", 9) == 0 && index < d->purpose_count) {
        what = "purpose";
        id = d->purposes[index].id;
    } else if (strncmp(error->where, "gateways[", 9) == 0 && index < d->gateway_count) {
        what = "gateway";
        id = d->gateways[index].name;
    }
    if (id != NULL) {
        snprintf(named, sizeof named, "%s '%.40s'%.32s", what, id, field);
        memcpy(error->where, named, sizeof named);
    }
}

// Packing knows every bound of a directory: tried with a serial and dates that a draft hasn't.
static enum cm_status check(const struct cm_directory *directory, struct cm_error *error)
{
    struct cm_directory trial = *directory;
    struct cm_buf packed = {.max = CM_MAX_DIRECTORY};
    struct cm_error own = {0};
    trial.serial = 1;
    trial.issued_ms = 1;
    trial.expires_ms = 2;
    enum cm_status status = cm_directory_encode(&packed, &trial, &own);
    if (status != CM_OK) {
        name_entry(&own, directory);
        if (error != NULL) {
            *error = own;
        }
    }
    cm_buf_clear(&packed);
    return status;
}

enum cm_status cm_directory_of_json(struct cm_directory *out, struct cm_arena *arena,
                                    struct cm_bytes json, struct cm_error *error)
{
    static const char *const fields[] = {"federation", "agencies", "purposes", "gateways", NULL};
    struct reading reading = {.arena = arena, .error = error};
    memset(out, 0, sizeof *out);
    if (json.len > CM_MAX_DIRECTORY) {
        return cm_fail(error, CM_INVALID, "directory", "it is larger than %d bytes",
                       CM_MAX_DIRECTORY);
    }
    json_error_t wrong;
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &wrong);
    if (root == NULL) {
        return cm_fail(error, CM_INVALID, "directory", "line %d, column %d: %s", wrong.line,
                       wrong.column, wrong.text);
    }
    only(&reading, root, fields);
    out->federation = text(&reading, root, "federation", NULL);
    read_agencies(&reading, out, root);
    reading.where[0] = '\0';
    read_purposes(&reading, out, root);
    reading.where[0] = '\0';
    read_gateways(&reading, out, root);
    refuse_duplicates(&reading, out);
    json_decref(root);
    return reading.status == CM_OK ? check(out, error) : reading.status;
}

static json_t *json_of_texts(const char *const *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, json_string(values[i]));
    }
    return array;
}

static json_t *json_of_pins(const struct cm_digest *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        char hex[2 * CM_DIGEST_SIZE + 1];
        cm_hex(hex, cm_bytes_digest(&values[i]));
        json_array_append_new(array, json_string(hex));
    }
    return array;
}

static json_t *json_of_agency(const struct cm_agency *a)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:s, s:o, s:i}", "id", a->id, "name",
                     a->name, "kind", cm_kind_name(a->kind), "state", a->state, "active",
                     (int)a->active, "ca_pins", json_of_pins(a->ca_pins, a->ca_pin_count),
                     "node_pins", json_of_pins(a->node_pins, a->node_pin_count), "case_pattern",
                     a->case_pattern, "required_packs",
                     json_of_texts(a->required_packs, a->required_pack_count), "rule_signatures",
                     (int)a->rule_signatures);
}

// Appending checks for NULL: an entry that couldn't be made fails the whole.
static bool fill(json_t *agencies, json_t *purposes, json_t *gateways, const struct cm_directory *d)
{
    bool ok = true;
    for (size_t i = 0; i < d->agency_count; i++) {
        ok = json_array_append_new(agencies, json_of_agency(&d->agencies[i])) == 0 && ok;
    }
    for (size_t i = 0; i < d->purpose_count; i++) {
        const struct cm_purpose *p = &d->purposes[i];
        json_t *entry = json_pack("{s:s, s:b, s:I}", "id", p->id, "case_optional",
                                  (int)p->case_optional, "fan_out_cap", (json_int_t)p->fan_out_cap);
        ok = json_array_append_new(purposes, entry) == 0 && ok;
    }
    for (size_t i = 0; i < d->gateway_count; i++) {
        const struct cm_gateway_entry *g = &d->gateways[i];
        json_t *entry = json_pack("{s:s, s:o, s:o}", "name", g->name, "addresses",
                                  json_of_texts(g->addresses, g->address_count), "pins",
                                  json_of_pins(g->pins, g->pin_count));
        ok = json_array_append_new(gateways, entry) == 0 && ok;
    }
    return ok;
}

enum cm_status cm_directory_to_json(struct cm_buf *out, const struct cm_directory *directory)
{
    json_t *agencies = json_array(), *purposes = json_array(), *gateways = json_array();
    bool ok = fill(agencies, purposes, gateways, directory);
    json_t *root = json_pack("{s:s, s:o, s:o, s:o}", "federation", directory->federation,
                             "agencies", agencies, "purposes", purposes, "gateways", gateways);
    char *dumped = ok && root != NULL ? json_dumps(root, JSON_INDENT(2)) : NULL;
    enum cm_status status = dumped != NULL ? cm_buf_printf(out, "%s\n", dumped) : CM_MEMORY;
    free(dumped);
    json_decref(root);
    return status;
}

static enum cm_status of_bundle(struct cm_directory *out, struct cm_arena *arena,
                                struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_directory_bundle bundle = {0};
    struct cm_envelope envelope = {0};
    enum cm_status status = cm_directory_bundle_decode(&bundle, arena, bytes, error);
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, arena, bundle.envelope, error);
    }
    if (status == CM_OK && envelope.family != CM_FAMILY_DIRECTORY) {
        status = cm_fail(error, CM_INVALID, "payload_type", "it is no directory that is signed");
    }
    return status == CM_OK ? cm_directory_decode(out, arena, envelope.payload, error) : status;
}

enum cm_status cm_directory_read(struct cm_directory *out, struct cm_arena *arena, const char *path,
                                 struct cm_error *error)
{
    struct cm_buf file = {0};
    struct cm_bytes kept;
    enum cm_status status = cm_file_read(&file, path, CM_MAX_BUNDLE, error);
    if (status != CM_OK) {
        goto out;
    }
    status = cm_arena_bytes(arena, &kept, cm_buf_bytes(&file));
    if (status != CM_OK) {
        cm_fail(error, status, path, "it is larger than a directory may be");
        goto out;
    }
    // A bundle begins with field 1, tag 0x0a, which JSON takes for a line end: a brace tells.
    size_t at = 0;
    while (at < kept.len && strchr(" \t\r\n", kept.data[at]) != NULL && kept.data[at] != '\0') {
        at++;
    }
    bool bundle =
        kept.len > 0 && kept.data[0] == 0x0a && of_bundle(out, arena, kept, NULL) == CM_OK;
    if (!bundle && at < kept.len && kept.data[at] == '{') {
        status = cm_directory_of_json(out, arena, kept, error);
    } else if (!bundle) {
        status = of_bundle(out, arena, kept, error);
    }
out:
    cm_buf_clear(&file);
    return status;
}

#include "proto/codec/directory.h"

#include "proto/codec/form.h"

#include "comity/v1/directory.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_PINS = 64,
    MAX_PACKS = 64,
    MAX_PURPOSES = 1024,
    MAX_GATEWAYS = 1024,
    MAX_ADDRESSES = 16,
    MAX_ADDRESS = 262, // a DNS name of 255, ':' and a port
};

static void check_agency(struct cm_form *form, const struct cm_agency *agency)
{
    cm_form_agency(form, "id", agency->id);
    cm_form_text(form, "name", agency->name, 1, CM_MAX_NAME);
    cm_form_require(form, (int)agency->kind > CM_KIND_NONE && (int)agency->kind < CM_KIND_COUNT,
                    "kind", "is unknown");
    cm_form_require(form, !agency->state[0] || cm_state_known(cm_bytes_of(agency->state)), "state",
                    "is not the two capital letters of a state");
    cm_form_require(form, agency->kind != CM_KIND_FEDERAL || !agency->state[0], "state",
                    "must be empty, a federal agency has none");
    cm_form_between(form, "ca_pins", agency->ca_pin_count, 0, MAX_PINS);
    cm_form_between(form, "node_pins", agency->node_pin_count, 0, MAX_PINS);
    cm_form_text(form, "case_pattern", agency->case_pattern, 0, CM_MAX_CASE);
    cm_form_between(form, "required_packs", agency->required_pack_count, 0, MAX_PACKS);
    for (size_t i = 0; cm_form_ok(form) && i < agency->required_pack_count; i++) {
        cm_form_id(form, "required_packs", agency->required_packs[i]);
    }
    cm_form_between(form, "rule_signatures", agency->rule_signatures, 1, 2);
}

static void check_gateway(struct cm_form *form, const struct cm_gateway_entry *gateway)
{
    cm_form_id(form, "name", gateway->name);
    cm_form_between(form, "addresses", gateway->address_count, 1, MAX_ADDRESSES);
    for (size_t i = 0; cm_form_ok(form) && i < gateway->address_count; i++) {
        const char *colon = strrchr(gateway->addresses[i], ':');

        cm_form_text(form, "addresses", gateway->addresses[i], 1, MAX_ADDRESS);
        cm_form_require(form, colon && colon > gateway->addresses[i] && colon[1] != '\0',
                        "addresses", "must be host:port");
    }
    cm_form_between(form, "pins", gateway->pin_count, 1, MAX_PINS);
}

static void check_lists(struct cm_form *form, const struct cm_directory *d)
{
    for (size_t i = 0; cm_form_ok(form) && i < d->agency_count; i++) {
        cm_form_enter(form, "agencies", i);
        check_agency(form, &d->agencies[i]);
        if (i > 0) {
            cm_form_ascending(form, "id", d->agencies[i - 1].id, d->agencies[i].id);
        }
        cm_form_leave(form);
    }
    for (size_t i = 0; cm_form_ok(form) && i < d->purpose_count; i++) {
        cm_form_enter(form, "purposes", i);
        cm_form_id(form, "id", d->purposes[i].id);
        if (i > 0) {
            cm_form_ascending(form, "id", d->purposes[i - 1].id, d->purposes[i].id);
        }
        cm_form_leave(form);
    }
    for (size_t i = 0; cm_form_ok(form) && i < d->gateway_count; i++) {
        cm_form_enter(form, "gateways", i);
        check_gateway(form, &d->gateways[i]);
        if (i > 0) {
            cm_form_ascending(form, "name", d->gateways[i - 1].name, d->gateways[i].name);
        }
        cm_form_leave(form);
    }
}

static void check_directory(struct cm_form *form, const struct cm_directory *d)
{
    cm_form_id(form, "federation", d->federation);
    cm_form_between(form, "serial", d->serial, 1, INT64_MAX);
    cm_form_require(form, (d->serial == 1) == cm_digest_is_zero(&d->previous), "previous",
                    "must be empty for serial 1, and only there");
    cm_form_time(form, "issued_ms", d->issued_ms);
    cm_form_time(form, "expires_ms", d->expires_ms);
    cm_form_require(form, d->issued_ms < d->expires_ms, "expires_ms", "must be after issued_ms");
    cm_form_between(form, "agencies", d->agency_count, 0, CM_MAX_DIRECTORY_AGENCIES);
    cm_form_between(form, "purposes", d->purpose_count, 0, MAX_PURPOSES);
    cm_form_between(form, "gateways", d->gateway_count, 0, MAX_GATEWAYS);
    check_lists(form, d);
}

static void take_agency(struct cm_form *form, struct cm_agency *out, const Comity__V1__Agency *in)
{
    *out = (struct cm_agency){
        .id = in->id,
        .name = in->name,
        .kind = (enum cm_kind)in->kind,
        .state = in->state,
        .active = in->active,
        .ca_pin_count = in->n_ca_pins,
        .ca_pins = cm_form_digests(form, "ca_pins", in->ca_pins, in->n_ca_pins, MAX_PINS),
        .node_pin_count = in->n_node_pins,
        .node_pins = cm_form_digests(form, "node_pins", in->node_pins, in->n_node_pins, MAX_PINS),
        .case_pattern = in->case_pattern,
        .required_pack_count = in->n_required_packs,
        .required_packs = (const char *const *)in->required_packs,
        .rule_signatures = in->rule_signatures,
    };
}

static void take_agencies(struct cm_form *form, struct cm_directory *out,
                          const Comity__V1__Directory *in)
{
    struct cm_agency *agencies = cm_form_array(form, in->n_agencies, sizeof *agencies);

    for (size_t i = 0; agencies && cm_form_ok(form) && i < in->n_agencies; i++) {
        cm_form_enter(form, "agencies", i);
        take_agency(form, &agencies[i], in->agencies[i]);
        cm_form_leave(form);
    }
    out->agency_count = in->n_agencies;
    out->agencies = agencies;
}

static void take_purposes(struct cm_form *form, struct cm_directory *out,
                          const Comity__V1__Directory *in)
{
    struct cm_purpose *purposes = cm_form_array(form, in->n_purposes, sizeof *purposes);

    for (size_t i = 0; purposes && i < in->n_purposes; i++) {
        const Comity__V1__Purpose *p = in->purposes[i];

        purposes[i] = (struct cm_purpose){p->id, p->case_optional, p->fan_out_cap};
    }
    out->purpose_count = in->n_purposes;
    out->purposes = purposes;
}

static void take_gateways(struct cm_form *form, struct cm_directory *out,
                          const Comity__V1__Directory *in)
{
    struct cm_gateway_entry *gateways = cm_form_array(form, in->n_gateways, sizeof *gateways);

    for (size_t i = 0; gateways && cm_form_ok(form) && i < in->n_gateways; i++) {
        const Comity__V1__Gateway *g = in->gateways[i];

        cm_form_enter(form, "gateways", i);
        gateways[i] = (struct cm_gateway_entry){
            .name = g->name,
            .address_count = g->n_addresses,
            .addresses = (const char *const *)g->addresses,
            .pin_count = g->n_pins,
            .pins = cm_form_digests(form, "pins", g->pins, g->n_pins, MAX_PINS),
        };
        cm_form_leave(form);
    }
    out->gateway_count = in->n_gateways;
    out->gateways = gateways;
}

enum cm_status cm_directory_decode(struct cm_directory *out, struct cm_arena *arena,
                                   struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Directory *in = cm_form_unpack(&form, &comity__v1__directory__descriptor,
                                                     "directory", payload, CM_MAX_DIRECTORY);

    *out = (struct cm_directory){0};
    if (!in) {
        return form.status;
    }
    out->federation = in->federation;
    out->serial = in->serial;
    cm_sha256_of(&out->digest, payload);
    cm_form_digest_or_none(&form, "previous", &out->previous, &in->previous);
    out->issued_ms = in->issued_ms;
    out->expires_ms = in->expires_ms;
    take_agencies(&form, out, in);
    take_purposes(&form, out, in);
    take_gateways(&form, out, in);
    if (cm_form_ok(&form)) {
        check_directory(&form, out);
    }
    return form.status;
}

static Comity__V1__Agency **out_agencies(struct cm_form *form, const struct cm_directory *in)
{
    Comity__V1__Agency **list = cm_form_array(form, in->agency_count, sizeof(void *));
    Comity__V1__Agency *items = cm_form_array(form, in->agency_count, sizeof *items);

    for (size_t i = 0; items && i < in->agency_count; i++) {
        const struct cm_agency *a = &in->agencies[i];
        Comity__V1__Agency *out = &items[i];

        comity__v1__agency__init(out);
        out->id = cm_form_out_text(a->id);
        out->name = cm_form_out_text(a->name);
        out->kind = (Comity__V1__AgencyKind)a->kind;
        out->state = cm_form_out_text(a->state);
        out->active = a->active;
        out->n_ca_pins = a->ca_pin_count;
        out->ca_pins = cm_form_out_digests(form, a->ca_pins, a->ca_pin_count);
        out->n_node_pins = a->node_pin_count;
        out->node_pins = cm_form_out_digests(form, a->node_pins, a->node_pin_count);
        out->case_pattern = cm_form_out_text(a->case_pattern);
        out->n_required_packs = a->required_pack_count;
        out->required_packs = (char **)(uintptr_t)a->required_packs;
        out->rule_signatures = a->rule_signatures;
        list[i] = out;
    }
    return list;
}

static Comity__V1__Purpose **out_purposes(struct cm_form *form, const struct cm_directory *in)
{
    Comity__V1__Purpose **list = cm_form_array(form, in->purpose_count, sizeof(void *));
    Comity__V1__Purpose *items = cm_form_array(form, in->purpose_count, sizeof *items);

    for (size_t i = 0; items && i < in->purpose_count; i++) {
        comity__v1__purpose__init(&items[i]);
        items[i].id = cm_form_out_text(in->purposes[i].id);
        items[i].case_optional = in->purposes[i].case_optional;
        items[i].fan_out_cap = in->purposes[i].fan_out_cap;
        list[i] = &items[i];
    }
    return list;
}

static Comity__V1__Gateway **out_gateways(struct cm_form *form, const struct cm_directory *in)
{
    Comity__V1__Gateway **list = cm_form_array(form, in->gateway_count, sizeof(void *));
    Comity__V1__Gateway *items = cm_form_array(form, in->gateway_count, sizeof *items);

    for (size_t i = 0; items && i < in->gateway_count; i++) {
        const struct cm_gateway_entry *g = &in->gateways[i];

        comity__v1__gateway__init(&items[i]);
        items[i].name = cm_form_out_text(g->name);
        items[i].n_addresses = g->address_count;
        items[i].addresses = (char **)(uintptr_t)g->addresses;
        items[i].n_pins = g->pin_count;
        items[i].pins = cm_form_out_digests(form, g->pins, g->pin_count);
        list[i] = &items[i];
    }
    return list;
}

enum cm_status cm_directory_encode(struct cm_buf *out, const struct cm_directory *directory,
                                   struct cm_error *error)
{
    struct cm_form form = {.arena = cm_arena_new(CM_MAX_BUNDLE), .error = error};
    Comity__V1__Directory message = COMITY__V1__DIRECTORY__INIT;

    if (!form.arena) {
        return cm_fail(error, CM_MEMORY, "directory", "no memory");
    }
    check_directory(&form, directory);
    if (!cm_form_ok(&form)) {
        goto out;
    }
    message.federation = cm_form_out_text(directory->federation);
    message.serial = directory->serial;
    message.previous = cm_form_out_digest_or_none(&directory->previous);
    message.issued_ms = directory->issued_ms;
    message.expires_ms = directory->expires_ms;
    message.n_agencies = directory->agency_count;
    message.agencies = out_agencies(&form, directory);
    message.n_purposes = directory->purpose_count;
    message.purposes = out_purposes(&form, directory);
    message.n_gateways = directory->gateway_count;
    message.gateways = out_gateways(&form, directory);
    if (cm_form_ok(&form) && cm_form_pack(out, &message.base, CM_MAX_DIRECTORY) != CM_OK) {
        cm_form_fail(&form, CM_INVALID, "directory", "is more than %d bytes", CM_MAX_DIRECTORY);
    }
out:
    cm_arena_free(form.arena);
    return form.status;
}

static int compare_agency(const void *id, const void *agency)
{
    return strcmp(id, ((const struct cm_agency *)agency)->id);
}

static int compare_purpose(const void *id, const void *purpose)
{
    return strcmp(id, ((const struct cm_purpose *)purpose)->id);
}

static int compare_gateway(const void *name, const void *gateway)
{
    return strcmp(name, ((const struct cm_gateway_entry *)gateway)->name);
}

static const void *find(const void *key, const void *items, size_t count, size_t size,
                        int (*compare)(const void *, const void *))
{
    return count > 0 ? bsearch(key, items, count, size, compare) : NULL;
}

const struct cm_agency *cm_directory_agency(const struct cm_directory *directory, const char *id)
{
    return find(id, directory->agencies, directory->agency_count, sizeof *directory->agencies,
                compare_agency);
}

const struct cm_purpose *cm_directory_purpose(const struct cm_directory *directory, const char *id)
{
    return find(id, directory->purposes, directory->purpose_count, sizeof *directory->purposes,
                compare_purpose);
}

const struct cm_gateway_entry *cm_directory_gateway(const struct cm_directory *directory,
                                                    const char *name)
{
    return find(name, directory->gateways, directory->gateway_count, sizeof *directory->gateways,
                compare_gateway);
}

enum cm_status cm_directory_bundle_decode(struct cm_directory_bundle *out, struct cm_arena *arena,
                                          struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__DirectoryBundle *in = cm_form_unpack(
        &form, &comity__v1__directory_bundle__descriptor, "bundle", bytes, CM_MAX_BUNDLE);
    struct cm_bytes *crls;

    *out = (struct cm_directory_bundle){0};
    if (!in) {
        return form.status;
    }
    cm_form_span(&form, "envelope", &out->envelope, &in->envelope, 1,
                 CM_MAX_DIRECTORY + CM_MAX_ATTACHMENTS);
    cm_form_between(&form, "crls", in->n_crls, 0, CM_MAX_DIRECTORY_AGENCIES);
    crls = cm_form_array(&form, in->n_crls, sizeof *crls);
    for (size_t i = 0; crls && i < in->n_crls; i++) {
        cm_form_span(&form, "crls", &crls[i], &in->crls[i], 1, CM_MAX_CRL);
    }
    out->crl_count = in->n_crls;
    out->crls = crls;
    return form.status;
}

enum cm_status cm_directory_bundle_encode(struct cm_buf *out,
                                          const struct cm_directory_bundle *bundle)
{
    Comity__V1__DirectoryBundle message = COMITY__V1__DIRECTORY_BUNDLE__INIT;
    ProtobufCBinaryData *crls = NULL;
    enum cm_status status;

    if (bundle->crl_count > CM_MAX_DIRECTORY_AGENCIES) {
        return CM_INVALID;
    }
    if (bundle->crl_count > 0) {
        crls = calloc(bundle->crl_count, sizeof *crls);
        if (!crls) {
            return CM_MEMORY;
        }
    }
    for (size_t i = 0; i < bundle->crl_count; i++) {
        crls[i] = cm_form_out_span(bundle->crls[i]);
    }
    message.envelope = cm_form_out_span(bundle->envelope);
    message.n_crls = bundle->crl_count;
    message.crls = crls;
    status = cm_form_pack(out, &message.base, CM_MAX_BUNDLE);
    free(crls);
    return status;
}

uint64_t cm_directory_active(const struct cm_directory *directory)
{
    uint64_t active = 0;
    for (size_t i = 0; i < directory->agency_count; i++) {
        active += directory->agencies[i].active;
    }
    return active;
}

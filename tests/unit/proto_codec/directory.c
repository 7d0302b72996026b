#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_directory directory;
    enum cm_status status = cm_directory_decode(&directory, arena, in, error);

    return status == CM_OK ? cm_directory_encode(out, &directory, error) : status;
}

static enum cm_status again_bundle(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                   struct cm_error *error)
{
    struct cm_directory_bundle bundle;
    enum cm_status status = cm_directory_bundle_decode(&bundle, arena, in, error);

    return status == CM_OK ? cm_directory_bundle_encode(out, &bundle) : status;
}

static struct cm_digest pins[3];
static const char *const packs[] = {"us-ca"};
static const char *const addresses[] = {"127.0.0.1:7443", "[::1]:7443"};
static struct cm_agency agencies[] = {
    {.id = "ca.northport.pd",
     .name = "Northport Police Department",
     .kind = CM_KIND_LOCAL,
     .state = "CA",
     .active = true,
     .ca_pin_count = 2,
     .ca_pins = pins,
     .node_pin_count = 1,
     .node_pins = &pins[2],
     .case_pattern = "99-9999",
     .required_pack_count = 1,
     .required_packs = packs,
     .rule_signatures = 2},
    {.id = "us.customs",
     .name = "Customs",
     .kind = CM_KIND_FEDERAL,
     .state = "",
     .case_pattern = "",
     .rule_signatures = 1},
};
static struct cm_purpose purposes[] = {{"amber-alert", true, 0}, {"homicide", false, 500}};
static struct cm_gateway_entry gateways[] = {{"gw-1", 2, addresses, 1, pins}};

static struct cm_directory a_directory(void)
{
    for (size_t i = 0; i < 3; i++) {
        pins[i] = codec_digest((uint8_t)(0x10 * (i + 1)));
    }
    return (struct cm_directory){
        .federation = "west.example",
        .serial = 7,
        .previous = codec_digest(0x90),
        .issued_ms = 1767225600000,
        .expires_ms = 1769817600000,
        .agency_count = 2,
        .agencies = agencies,
        .purpose_count = 2,
        .purposes = purposes,
        .gateway_count = 1,
        .gateways = gateways,
    };
}

Test(directory, golden)
{
    struct cm_directory directory = a_directory();
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_directory_encode(&bytes, &directory, NULL), CM_OK);
    codec_expect("directory", cm_buf_bytes(&bytes), again);
    cm_buf_clear(&bytes);
}

Test(directory, decodes_every_member)
{
    struct cm_directory want = a_directory();
    struct cm_buf bytes = codec_golden("directory");
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_directory got;
    struct cm_digest digest;
    const struct cm_agency *agency;

    cr_assert_eq(cm_directory_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cm_sha256_of(&digest, cm_buf_bytes(&bytes));
    cr_expect(cm_digest_equal(&got.digest, &digest));
    cr_expect(cm_digest_equal(&got.previous, &want.previous));
    cr_expect_str_eq(got.federation, "west.example");
    cr_expect_eq(got.serial, 7);
    cr_expect_eq(got.issued_ms, want.issued_ms);
    cr_expect_eq(got.expires_ms, want.expires_ms);
    agency = cm_directory_agency(&got, "ca.northport.pd");
    cr_assert_not_null(agency);
    cr_expect_str_eq(agency->name, agencies[0].name);
    cr_expect_eq(agency->kind, CM_KIND_LOCAL);
    cr_expect_str_eq(agency->state, "CA");
    cr_expect(agency->active);
    cr_expect_eq(agency->ca_pin_count, 2);
    cr_expect(cm_digest_equal(&agency->ca_pins[1], &pins[1]));
    cr_expect(cm_digest_equal(&agency->node_pins[0], &pins[2]));
    cr_expect_str_eq(agency->case_pattern, "99-9999");
    cr_expect_str_eq(agency->required_packs[0], "us-ca");
    cr_expect_eq(agency->rule_signatures, 2);
    cr_expect_not(cm_directory_agency(&got, "us.customs")->active);
    cr_expect_null(cm_directory_agency(&got, "us.custom"));
    cr_expect_eq(cm_directory_active(&got), got.agency_count - 1);
    cr_expect(cm_directory_purpose(&got, "amber-alert")->case_optional);
    cr_expect_eq(cm_directory_purpose(&got, "homicide")->fan_out_cap, 500);
    cr_expect_null(cm_directory_purpose(&got, "civil"));
    cr_expect_str_eq(cm_directory_gateway(&got, "gw-1")->addresses[1], "[::1]:7443");
    cr_expect(cm_digest_equal(&cm_directory_gateway(&got, "gw-1")->pins[0], &pins[0]));
    cr_expect_null(cm_directory_gateway(&got, "gw-2"));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

static void refuses(const struct cm_directory *directory, const char *where)
{
    struct cm_buf out = {0};
    struct cm_error error = {0};

    cr_expect_eq(cm_directory_encode(&out, directory, &error), CM_INVALID, "%s", where);
    cr_expect_str_eq(error.where, where, "%s: %s", error.where, error.text);
    cm_buf_clear(&out);
}

Test(directory, form)
{
    struct cm_directory d = a_directory();

    d.serial = 1;
    refuses(&d, "previous");
    d = a_directory();
    d.previous = (struct cm_digest){{0}};
    refuses(&d, "previous");
    d = a_directory();
    d.expires_ms = d.issued_ms;
    refuses(&d, "expires_ms");
    d = a_directory();
    agencies[1].id = "ca.northport.pd";
    refuses(&d, "agencies[1].id");
    agencies[1].id = "customs";
    refuses(&d, "agencies[1].id");
    agencies[1].id = "us.customs";
    agencies[1].state = "CA";
    refuses(&d, "agencies[1].state");
    agencies[1].state = "";
    agencies[0].kind = CM_KIND_NONE;
    refuses(&d, "agencies[0].kind");
    agencies[0].kind = CM_KIND_LOCAL;
    agencies[0].rule_signatures = 0;
    refuses(&d, "agencies[0].rule_signatures");
    agencies[0].rule_signatures = 2;
    purposes[1].id = "amber-alert";
    refuses(&d, "purposes[1].id");
    purposes[1].id = "homicide";
    gateways[0].pin_count = 0;
    refuses(&d, "gateways[0].pins");
    gateways[0].pin_count = 1;
    gateways[0].name = "";
    refuses(&d, "gateways[0].name");
}

Test(directory, ten_thousand_agencies_and_not_one_more)
{
    static struct cm_agency many[CM_MAX_DIRECTORY_AGENCIES + 1];
    static char ids[CM_MAX_DIRECTORY_AGENCIES + 1][16];
    struct cm_directory d = a_directory();
    struct cm_arena *arena = cm_arena_new(CM_MAX_DIRECTORY);
    struct cm_directory got;
    struct cm_buf bytes = {0};

    for (size_t i = 0; i <= CM_MAX_DIRECTORY_AGENCIES; i++) {
        snprintf(ids[i], sizeof ids[i], "us.a%05zu", i);
        many[i] = agencies[0];
        many[i].id = ids[i];
    }
    d.agencies = many;
    d.agency_count = CM_MAX_DIRECTORY_AGENCIES;
    cr_assert_eq(cm_directory_encode(&bytes, &d, NULL), CM_OK);
    cr_assert_eq(cm_directory_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_str_eq(cm_directory_agency(&got, "us.a09999")->id, "us.a09999");
    d.agency_count++;
    refuses(&d, "agencies");
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(directory, bundle_golden)
{
    const struct cm_bytes crls[] = {cm_bytes_of("first"), cm_bytes_of("second")};
    struct cm_directory_bundle bundle = {cm_bytes_of("envelope"), 2, crls};
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_directory_bundle_encode(&bytes, &bundle), CM_OK);
    codec_expect("bundle", cm_buf_bytes(&bytes), again_bundle);
    cm_buf_clear(&bytes);
}

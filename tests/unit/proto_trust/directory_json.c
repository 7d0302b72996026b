#include "proto/trust/directory_json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct cm_arena *arena;

static void make_arena(void)
{
    arena = cm_arena_new(4 * CM_MAX_DIRECTORY);
}

static void free_arena(void)
{
    cm_arena_free(arena);
}

TestSuite(directory_json, .init = make_arena, .fini = free_arena);

static enum cm_status read_text(struct cm_directory *out, const char *json, struct cm_error *error)
{
    return cm_directory_of_json(out, arena, cm_bytes_of(json), error);
}

Test(directory_json, what_is_left_out_has_its_default)
{
    struct cm_directory d;
    struct cm_error error = {0};
    cr_assert_eq(read_text(&d,
                           "{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.b\"}]}",
                           &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cr_expect_str_eq(d.federation, "valley.example");
    cr_assert_eq(d.agency_count, 1);
    const struct cm_agency *a = &d.agencies[0];
    cr_expect_str_eq(a->name, "ca.b");
    cr_expect_eq(a->kind, CM_KIND_OTHER);
    cr_expect_str_eq(a->state, "");
    cr_expect(a->active);
    cr_expect_eq(a->ca_pin_count + a->node_pin_count + a->required_pack_count, 0);
    cr_expect_str_eq(a->case_pattern, "");
    cr_expect_eq(a->rule_signatures, 1);
    cr_expect_eq(d.gateway_count, 0);
    cr_assert_eq(d.purpose_count, 24);
    cr_expect(cm_directory_purpose(&d, "amber-alert")->case_optional);
    cr_expect(cm_directory_purpose(&d, "exigent")->case_optional);
    cr_expect_not(cm_directory_purpose(&d, "homicide")->case_optional);
}

Test(directory_json, default_purposes_ascend_as_a_directory_must)
{
    for (size_t i = 1; i < cm_default_purpose_count; i++) {
        cr_expect_lt(strcmp(cm_default_purposes[i - 1].id, cm_default_purposes[i].id), 0);
    }
}

Test(directory_json, every_field_is_read_and_lists_are_sorted)
{
    struct cm_directory d;
    struct cm_error error = {0};
    const char *json =
        "{\"federation\":\"valley.example\",\"agencies\":["
        "{\"id\":\"us.customs\",\"name\":\"Customs\",\"kind\":\"federal\",\"active\":false},"
        "{\"id\":\"ca.north.pd\",\"name\":\"North\",\"kind\":\"local\",\"state\":\"CA\","
        "\"ca_pins\":[\"" PIN "\"],\"node_pins\":[\"" PIN "\",\"" PIN "\"],"
        "\"case_pattern\":\"99-9999\",\"required_packs\":[\"us-ca\"],\"rule_signatures\":2}],"
        "\"purposes\":[{\"id\":\"zeal\",\"fan_out_cap\":7},{\"id\":\"alert\",\"case_optional\":"
        "true}],"
        "\"gateways\":[{\"name\":\"gw1\",\"addresses\":[\"127.0.0.1:7000\"],\"pins\":[\"" PIN
        "\"]}]}";
    cr_assert_eq(read_text(&d, json, &error), CM_OK, "%s: %s", error.where, error.text);
    cr_assert_eq(d.agency_count, 2);
    const struct cm_agency *a = &d.agencies[0];
    cr_expect_str_eq(a->id, "ca.north.pd");
    cr_expect_eq(a->kind, CM_KIND_LOCAL);
    cr_expect_str_eq(a->state, "CA");
    cr_expect_eq(a->ca_pin_count, 1);
    cr_expect_eq(a->ca_pins[0].b[1], 0x11);
    cr_expect_eq(a->node_pin_count, 2);
    cr_expect_str_eq(a->case_pattern, "99-9999");
    cr_expect_str_eq(a->required_packs[0], "us-ca");
    cr_expect_eq(a->rule_signatures, 2);
    cr_expect_not(d.agencies[1].active);
    cr_assert_eq(d.purpose_count, 2);
    cr_expect_str_eq(d.purposes[0].id, "alert");
    cr_expect_eq(d.purposes[1].fan_out_cap, 7);
    cr_assert_eq(d.gateway_count, 1);
    cr_expect_str_eq(d.gateways[0].addresses[0], "127.0.0.1:7000");
}

Test(directory_json, mistakes_are_named_with_their_entry)
{
    static const struct {
        const char *json, *where;
    } cases[] = {
        {"{", "directory"},
        {"[]", ""},
        {"{}", "federation"},
        {"{\"federation\":7}", "federation"},
        {"{\"federation\":\"valley.example\",\"agency\":[]}", "agency"},
        {"{\"federation\":\"valley.example\",\"federation\":\"other.example\"}", "directory"},
        {"{\"federation\":\"valley.example\",\"agencies\":{}}", "agencies"},
        {"{\"federation\":\"valley.example\",\"agencies\":[7]}", "agency 1 of the list"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{}]}", "agency 1 of the list.id"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\",\"stat\":\"CA\"}]}",
         "agency 'ca.a'.stat"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\",\"kind\":\"city\"}]}",
         "agency 'ca.a'.kind"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\",\"active\":\"no\"}]}",
         "agency 'ca.a'.active"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\",\"ca_pins\":[\"00\"]}]"
         "}",
         "agency 'ca.a'.ca_pins"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.b\"},{\"id\":\"ca.a\","
         "\"state\":\"XX\"}]}",
         "agency 'ca.a'.state"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\",\"kind\":\"federal\","
         "\"state\":\"CA\"}]}",
         "agency 'ca.a'.state"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\",\"rule_signatures\":3}]"
         "}",
         "agency 'ca.a'.rule_signatures"},
        {"{\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\"},{\"id\":\"ca.a\"}]}",
         "ca.a"},
        {"{\"federation\":\"valley.example\",\"purposes\":[{\"id\":\"a\",\"fan_out_cap\":-1}]}",
         "purpose 'a'.fan_out_cap"},
        {"{\"federation\":\"valley.example\",\"gateways\":[{\"name\":\"g\",\"addresses\":[\"x\"],"
         "\"pins\":[\"" PIN "\"]}]}",
         "gateway 'g'.addresses"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cm_directory d;
        struct cm_error error = {0};
        cr_expect_eq(read_text(&d, cases[i].json, &error), CM_INVALID, "%s", cases[i].json);
        cr_expect_str_eq(error.where, cases[i].where, "%s", cases[i].json);
        cr_expect_neq(error.text[0], '\0');
    }
}

Test(directory_json, written_and_read_again_it_is_the_same)
{
    struct cm_directory d, again;
    struct cm_buf first = {0}, second = {0};
    const char *json = "{\"federation\":\"valley.example\",\"agencies\":["
                       "{\"id\":\"ca.a\",\"ca_pins\":[\"" PIN "\"],\"required_packs\":[\"us-ca\"]},"
                       "{\"id\":\"ca.b\",\"active\":false}],\"gateways\":[{\"name\":\"gw1\","
                       "\"addresses\":[\"h:1\"],\"pins\":[\"" PIN "\"]}]}";
    cr_assert_eq(read_text(&d, json, NULL), CM_OK);
    cr_assert_eq(cm_directory_to_json(&first, &d), CM_OK);
    cr_assert_eq(cm_directory_of_json(&again, arena, cm_buf_bytes(&first), NULL), CM_OK);
    cr_assert_eq(cm_directory_to_json(&second, &again), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&first), cm_buf_bytes(&second)));
    cr_expect_eq(again.agency_count, 2);
    cr_expect_eq(again.purpose_count, 24);
    cm_buf_clear(&first);
    cm_buf_clear(&second);
}

static void write_file(char *path, struct cm_bytes data)
{
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, data.data, data.len), (ssize_t)data.len);
    close(file);
}

Test(directory_json, a_file_may_be_json_or_a_signed_bundle)
{
    struct cm_directory draft, got;
    struct cm_error error = {0};
    char json_path[] = "/tmp/comity-json-XXXXXX", bundle_path[] = "/tmp/comity-bundle-XXXXXX";
    const char *json = "\n {\"federation\":\"valley.example\",\"agencies\":[{\"id\":\"ca.a\"}]}";
    cr_assert_eq(read_text(&draft, json, NULL), CM_OK);
    write_file(json_path, cm_bytes_of(json));
    cr_expect_eq(cm_directory_read(&got, arena, json_path, &error), CM_OK, "%s", error.text);
    cr_expect_eq(got.agency_count, 1);

    struct cm_buf payload = {0}, envelope_bytes = {0}, bundle_bytes = {0};
    draft.serial = 1;
    draft.issued_ms = 1000;
    draft.expires_ms = 2000;
    cr_assert_eq(cm_directory_encode(&payload, &draft, NULL), CM_OK);
    struct cm_envelope envelope = {
        .family = CM_FAMILY_DIRECTORY, .payload = cm_buf_bytes(&payload), .signature_count = 1};
    cr_assert_eq(cm_envelope_encode(&envelope_bytes, &envelope), CM_OK);
    struct cm_directory_bundle bundle = {.envelope = cm_buf_bytes(&envelope_bytes)};
    cr_assert_eq(cm_directory_bundle_encode(&bundle_bytes, &bundle), CM_OK);
    write_file(bundle_path, cm_buf_bytes(&bundle_bytes));
    cr_expect_eq(cm_directory_read(&got, arena, bundle_path, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cr_expect_eq(got.serial, 1);
    cr_expect_eq(got.agency_count, 1);
    cr_expect_eq(cm_directory_read(&got, arena, "/nowhere/at/all", &error), CM_NOT_FOUND);
    unlink(json_path);
    unlink(bundle_path);
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope_bytes);
    cm_buf_clear(&bundle_bytes);
}

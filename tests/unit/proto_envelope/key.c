#include "proto/envelope/key.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct cm_bytes field(uint8_t *room, size_t size, const json_t *object, const char *name)
{
    const char *hex = json_string_value(json_object_get(object, name));
    cr_assert_not_null(hex);
    size_t len = strlen(hex) / 2;
    cr_assert_leq(len, size);
    cr_assert_eq(cm_unhex(room, len, hex), CM_OK);
    return (struct cm_bytes){room, len};
}

static void run_case(const struct cm_key *key, const json_t *test)
{
    uint8_t message[1024];
    uint8_t signature[1024];
    bool valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    enum cm_status status = cm_key_verify(key, field(message, sizeof(message), test, "msg"),
                                          field(signature, sizeof(signature), test, "sig"));
    cr_expect_eq(status, valid ? CM_OK : CM_UNAUTHENTICATED, "case %lld",
                 json_integer_value(json_object_get(test, "tcId")));
}

Test(key, agrees_with_every_wycheproof_case)
{
    json_error_t error;
    json_t *root = json_load_file(
        CM_SHARED "/data/vectors/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", 0, &error);
    cr_assert_not_null(root, "%s", error.text);
    size_t i;
    size_t j;
    size_t cases = 0;
    json_t *group;
    json_t *test;
    json_array_foreach(json_object_get(root, "testGroups"), i, group)
    {
        uint8_t spki[256];
        struct cm_key *key;
        cr_assert_eq(cm_key_new(&key, field(spki, sizeof(spki), group, "publicKeyDer")), CM_OK);
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            run_case(key, test);
            cases++;
        }
        cm_key_free(key);
    }
    cr_expect_eq(cases, (size_t)json_integer_value(json_object_get(root, "numberOfTests")));
    cr_expect_geq(cases, 262);
    json_decref(root);
}

static const char off_curve[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
                                "67ca3be2cdf93cf1f2ae3d7a8acd15d2ab6eafc87c5d1e8d9d1fb1b57b0a0e98"
                                "0000000000000000000000000000000000000000000000000000000000000000";

static enum cm_status parse(const char *hex)
{
    uint8_t spki[256];
    size_t len = strlen(hex) / 2;
    cr_assert_eq(cm_unhex(spki, len, hex), CM_OK);
    struct cm_key *key;
    enum cm_status status = cm_key_new(&key, (struct cm_bytes){spki, len});
    cm_key_free(key);
    return status;
}

Test(key, refuses_a_point_off_the_curve)
{
    cr_expect_eq(parse(off_curve), CM_INVALID);
}

#define GENERATOR_X "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define GENERATOR_Y "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

Test(key, takes_one_encoding_only)
{
    cr_expect_eq(
        parse("3059301306072a8648ce3d020106082a8648ce3d03010703420004" GENERATOR_X GENERATOR_Y),
        CM_OK);
    // compressed
    cr_expect_eq(parse("3039301306072a8648ce3d020106082a8648ce3d03010703220003" GENERATOR_X),
                 CM_INVALID);
    // hybrid
    cr_expect_eq(
        parse("3059301306072a8648ce3d020106082a8648ce3d03010703420007" GENERATOR_X GENERATOR_Y),
        CM_INVALID);
    // secp256k1's object identifier
    cr_expect_eq(parse("3056301006072a8648ce3d020106052b8104000a03420004" GENERATOR_X GENERATOR_Y),
                 CM_INVALID);
    // a byte after it, a byte too few
    cr_expect_eq(
        parse("3059301306072a8648ce3d020106082a8648ce3d03010703420004" GENERATOR_X GENERATOR_Y
              "00"),
        CM_INVALID);
    cr_expect_eq(parse("3059301306072a8648ce3d020106082a8648ce3d03010703420004" GENERATOR_X),
                 CM_INVALID);
}

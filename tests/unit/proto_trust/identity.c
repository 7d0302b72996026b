#include "proto/trust/identity.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static enum cm_status parse(const char *spiffe)
{
    struct cm_identity identity;
    return cm_identity_parse(&identity, cm_bytes_of(spiffe), NULL);
}

Test(identity, takes_a_name_apart)
{
    struct cm_identity identity;
    const char *name = "spiffe://valley.test/ca.northport.pd/supervisor/j.doe-2";
    cr_assert_eq(cm_identity_parse(&identity, cm_bytes_of(name), NULL), CM_OK);
    cr_expect_str_eq(identity.federation, "valley.test");
    cr_expect_str_eq(identity.agency, "ca.northport.pd");
    cr_expect_eq(identity.role, CM_ROLE_SUPERVISOR);
    cr_expect_str_eq(identity.name, "j.doe-2");
    cr_expect_str_eq(identity.spiffe, name);
    cr_expect(cm_digest_is_zero(&identity.key_hash));
}

Test(identity, the_underscore_goes_with_gateways_and_directory_signers_alone)
{
    cr_expect_eq(parse("spiffe://f/_/gateway/gw-1"), CM_OK);
    cr_expect_eq(parse("spiffe://f/_/directory/op"), CM_OK);
    cr_expect_eq(parse("spiffe://f/_/investigator/x"), CM_INVALID);
    cr_expect_eq(parse("spiffe://f/_/node/x"), CM_INVALID);
    cr_expect_eq(parse("spiffe://f/a.b/gateway/gw-1"), CM_INVALID);
    cr_expect_eq(parse("spiffe://f/a.b/directory/op"), CM_INVALID);
}

Test(identity, refuses_every_malformed_name)
{
    static const char *const bad[] = {
        "",
        "spiffe://",
        "spiffe://f",
        "spiffe://f/a.b",
        "spiffe://f/a.b/node",
        "spiffe://f/a.b/node/",
        "spiffe://f/a.b/node/x/y",
        "spiffe://f/a.b/node/x/",
        "spiffe:///a.b/node/x",
        "spiffe://f//node/x",
        "spiffe://f/a.b/chief/x",
        "spiffe://f/a.b//x",
        "spiffe://f/A.b/node/x",
        "spiffe://f/a_b/node/x",
        "spiffe://f/a.b/node/x y",
        "spiffe://f/a.b/node/x%20",
        "spiffe://f:1/a.b/node/x",
        "Spiffe://f/a.b/node/x",
        "https://f/a.b/node/x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_eq(parse(bad[i]), CM_INVALID, "%s", bad[i]);
    }
    static const uint8_t nul[] = "spiffe://f/a.b/node/x\0y";
    struct cm_identity identity;
    cr_expect_eq(cm_identity_parse(&identity, (struct cm_bytes){nul, sizeof(nul) - 1}, NULL),
                 CM_INVALID);
}

Test(identity, bounds_each_part)
{
    char id[CM_MAX_ID + 2];
    char name[4 * CM_MAX_ID + 64];
    memset(id, 'a', sizeof(id));
    id[CM_MAX_ID] = 0;
    snprintf(name, sizeof(name), "spiffe://%s/%s/supervisor/%s", id, id, id);
    cr_expect_eq(parse(name), CM_OK);
    id[CM_MAX_ID] = 'a';
    id[CM_MAX_ID + 1] = 0;
    snprintf(name, sizeof(name), "spiffe://%s/a/node/x", id);
    cr_expect_eq(parse(name), CM_INVALID);
    snprintf(name, sizeof(name), "spiffe://f/%s/node/x", id);
    cr_expect_eq(parse(name), CM_INVALID);
    snprintf(name, sizeof(name), "spiffe://f/a/node/%s", id);
    cr_expect_eq(parse(name), CM_INVALID);
}

Test(identity, same_is_every_part)
{
    struct cm_identity a;
    struct cm_identity b;
    cr_assert_eq(cm_identity_parse(&a, cm_bytes_of("spiffe://f/a.b/investigator/x"), NULL), CM_OK);
    cr_assert_eq(cm_identity_parse(&b, cm_bytes_of("spiffe://f/a.b/supervisor/x"), NULL), CM_OK);
    cr_expect_not(cm_identity_same(&a, &b));
    cr_assert_eq(cm_identity_parse(&b, cm_bytes_of("spiffe://f/a.b/investigator/x"), NULL), CM_OK);
    b.key_hash.b[0] = 1;
    cr_expect(cm_identity_same(&a, &b));
}

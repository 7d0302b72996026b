#include "proto/trust/cli/subject.h"

#include <criterion/criterion.h>
#include <string.h>

static struct cm_subject subject(const char *name)
{
    struct cm_subject out;
    struct cm_error error = {0};
    cr_assert_eq(cm_subject_parse(&out, name, &error), CM_OK, "%s: %s", name, error.text);
    return out;
}

Test(subject, names_tell_root_ca_and_leaf)
{
    struct cm_subject root = subject("valley.example");
    struct cm_subject ca = subject("spiffe://valley.example/ca.northport.pd");
    struct cm_subject leaf = subject("valley.example/ca.northport.pd/supervisor/asmith");
    cr_expect_eq(root.level, CM_SUBJECT_ROOT);
    cr_expect_str_eq(root.spiffe, "spiffe://valley.example");
    cr_expect_eq(ca.level, CM_SUBJECT_CA);
    cr_expect_str_eq(ca.agency, "ca.northport.pd");
    cr_expect_str_eq(ca.spiffe, "spiffe://valley.example/ca.northport.pd");
    cr_expect_eq(leaf.level, CM_SUBJECT_LEAF);
    cr_expect_eq(leaf.role, CM_ROLE_SUPERVISOR);
    cr_expect_str_eq(leaf.name, "asmith");
    cr_expect_str_eq(leaf.spiffe, "spiffe://valley.example/ca.northport.pd/supervisor/asmith");
}

Test(subject, malformed_names_are_refused)
{
    char longer[2 * CM_MAX_ID];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *const wrong[] = {"",
                                 "/",
                                 "spiffe://",
                                 "Valley.example",
                                 "valley.example/",
                                 "valley.example/_",
                                 "valley.example/ca.a/",
                                 "valley.example/ca.a/investigator",
                                 "valley.example/ca.a/investigator/",
                                 "valley.example/ca.a/investigator/jdoe/x",
                                 "valley.example/ca.a/chief/jdoe",
                                 "valley.example/ca.a/gateway/gw1",
                                 "valley.example/_/investigator/jdoe",
                                 "valley.example/ca.a/investigator/j doe",
                                 "valley.example/ca.a,DNS:x/node/n1",
                                 longer};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cm_subject out;
        cr_expect_eq(cm_subject_parse(&out, wrong[i], NULL), CM_INVALID, "%s", wrong[i]);
    }
}

Test(subject, issuers_vouch_for_their_own_names_only)
{
    struct cm_subject root = subject("valley.example");
    struct cm_subject ca = subject("valley.example/ca.a");
    struct cm_subject other_ca = subject("other.example/ca.a");
    struct cm_subject leaf = subject("valley.example/ca.a/node/n1");
    struct cm_subject foreign = subject("valley.example/ca.b/node/n1");
    struct cm_subject gateway = subject("valley.example/_/gateway/gw1");
    struct cm_subject signer = subject("valley.example/_/directory/op");
    cr_expect(cm_subject_issues(&root, &ca));
    cr_expect(cm_subject_issues(&root, &gateway));
    cr_expect(cm_subject_issues(&root, &signer));
    cr_expect(cm_subject_issues(&ca, &leaf));
    cr_expect_not(cm_subject_issues(&root, &leaf), "only its agency vouches for a person");
    cr_expect_not(cm_subject_issues(&root, &other_ca));
    cr_expect_not(cm_subject_issues(&root, &root));
    cr_expect_not(cm_subject_issues(&ca, &foreign));
    cr_expect_not(cm_subject_issues(&ca, &gateway));
    cr_expect_not(cm_subject_issues(&ca, &ca));
    cr_expect_not(cm_subject_issues(&other_ca, &leaf));
    cr_expect_not(cm_subject_issues(&leaf, &leaf));
}

Test(subject, peoples_and_cas_keys_want_a_passphrase)
{
    static const struct {
        const char *name;
        bool wants;
    } cases[] = {
        {"valley.example", true},
        {"valley.example/ca.a", true},
        {"valley.example/ca.a/investigator/j", true},
        {"valley.example/ca.a/supervisor/j", true},
        {"valley.example/ca.a/admin/j", true},
        {"valley.example/ca.a/auditor/j", true},
        {"valley.example/_/directory/op", true},
        {"valley.example/_/gateway/g", false},
        {"valley.example/ca.a/node/n", false},
        {"valley.example/ca.a/sensor/s", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cm_subject s = subject(cases[i].name);
        cr_expect_eq(cm_subject_wants_passphrase(&s), cases[i].wants, "%s", cases[i].name);
        cr_expect_gt(cm_subject_days(&s), 0);
    }
}

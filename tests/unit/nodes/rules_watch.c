#include "nodes/rules_watch.h"

#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_bundle *bundle;
static char path[PKI_PATH + 16];
static struct cm_rules_file file;
static struct cm_digest previous;

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, OWNER);
    pki_identity(pki, OWNER, CM_ROLE_ADMIN, "admin");
    trust = pki_trust(pki);
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, NULL, trust, pki->now_ms, NULL), CM_OK);
    snprintf(path, sizeof path, "%s/next", pki->dir);
    file = (struct cm_rules_file){.path = path};
}

static void tear_down(void)
{
    unlink(path);
    cm_bundle_free(bundle);
    cm_trust_unref(trust);
    pki_free(pki);
}

TestSuite(rules_watch, .init = set_up, .fini = tear_down);

// How far the sets name a directory that isn't here yet.
static uint64_t ahead;

static void put(uint64_t sequence, const struct cm_signer *signer)
{
    struct cm_buf payload = {0}, bytes = {0};
    const struct cm_rule_file text = {
        "main", cm_bytes_of("rules 1\nnode " OWNER "\npermit self to any for any back all see "
                            "all\n")};
    const struct cm_ruleset set = {
        .federation = pki->federation,
        .agency = OWNER,
        .sequence = sequence,
        .previous = previous,
        .directory_serial = cm_trust_directory(trust)->serial + ahead,
        .signed_ms = pki->now_ms,
        .language = CM_RULE_LANGUAGE,
        .main = "main",
        .file_count = 1,
        .files = &text,
    };
    cr_assert_eq(cm_ruleset_encode(&payload, &set, NULL), CM_OK);
    cm_sha256_of(&previous, cm_buf_bytes(&payload));
    cr_assert_eq(cm_dsse_sign(&bytes, CM_FAMILY_RULESET, cm_buf_bytes(&payload), signer, true),
                 CM_OK);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&bytes), 0600, NULL), CM_OK);
    cm_buf_clear(&payload);
    cm_buf_clear(&bytes);
}

static bool look(void)
{
    return cm_rules_watch(&file, bundle, trust, pki->now_ms);
}

Test(rules_watch, takes_each_signed_set_once)
{
    struct cm_signer *admin = pki_signer(pki, OWNER, CM_ROLE_ADMIN, "admin");
    cr_assert_not(look(), "no file yet");
    put(1, admin);
    cr_assert(look());
    cr_assert_not(look());
    put(2, admin);
    cr_assert(look());
    cr_assert_eq(cm_bundle_standing(bundle)->sequence, 2);
}

Test(rules_watch, what_is_not_signed_by_an_administrator_changes_nothing)
{
    put(1, pki_signer(pki, OWNER, CM_ROLE_ADMIN, "admin"));
    cr_assert(look());
    put(2, pki_signer(pki, OWNER, CM_ROLE_INVESTIGATOR, "ana"));
    cr_assert_not(look());
    cr_assert_eq(cm_file_write(path, cm_bytes_of("permit anyone"), 0600, NULL), CM_OK);
    cr_assert_not(look());
    cr_assert_eq(unlink(path), 0);
    cr_assert_not(look());
    cr_assert_eq(cm_bundle_standing(bundle)->sequence, 1);
}

Test(rules_watch, tries_again_once_the_directory_it_names_has_come)
{
    ahead = 1;
    put(1, pki_signer(pki, OWNER, CM_ROLE_ADMIN, "admin"));
    cr_assert_not(look());
    cr_assert_null(cm_bundle_standing(bundle));
    cr_assert_not(look(), "nothing has changed");
    cm_trust_unref(trust);
    pki_next(pki);
    trust = pki_trust(pki);
    cr_assert(look());
    cr_assert_eq(cm_bundle_standing(bundle)->sequence, 1);
    cr_assert_not(look());
}

#include "proto/trust/trust.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "support.h"
#include "tests/support/pki_x509.h"

#include <stdio.h>

TestSuite(trust, .init = trust_setup, .fini = trust_teardown);

static enum cm_status load_once(const struct cm_trust *older, struct cm_error *error)
{
    struct cm_trust *trust;
    enum cm_status status = trust_load(&trust, older, error);
    cm_trust_unref(trust);
    return status;
}

static void expect_stale(const struct cm_trust *older, const char *where, const char *words)
{
    struct cm_error error = {0};
    cr_expect_eq(load_once(older, &error), CM_STALE, "%s", error.text);
    cr_expect_str_eq(error.where, where);
    cr_expect_not_null(strstr(error.text, words), "%s", error.text);
}

Test(trust, a_signed_directory_is_taken_whole)
{
    struct cm_trust *trust;
    struct cm_error error = {0};
    cr_assert_eq(trust_load(&trust, NULL, &error), CM_OK, "%s: %s", error.where, error.text);
    const struct cm_directory *directory = cm_trust_directory(trust);
    cr_expect_str_eq(directory->federation, "valley.test");
    cr_expect_eq(directory->serial, 1);
    cr_expect_eq(directory->agency_count, 3);
    cr_expect_not_null(cm_directory_agency(directory, MILLTOWN));
    cr_expect_not(cm_digest_is_zero(&directory->digest));
    struct cm_trust *again; // what it hands on makes the same snapshot
    cr_assert_eq(
        cm_trust_new(&again, pki_root(pki), cm_trust_bundle(trust), NULL, pki->now_ms, &error),
        CM_OK);
    cr_expect(cm_bytes_equal(cm_trust_bundle(trust), cm_trust_bundle(again)));
    cm_trust_unref(again);
    cm_trust_unref(trust);
}

Test(trust, only_a_directory_signer_of_the_root_signs_it)
{
    pki->directory_signer = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    cr_expect_eq(load_once(NULL, NULL), CM_FORBIDDEN);
    pki->directory_signer = pki_identity(pki, NORTHPORT, CM_ROLE_ADMIN, "ann");
    cr_expect_eq(load_once(NULL, NULL), CM_FORBIDDEN);
    pki->directory_signer = pki_leaf(pki, &(struct pki_leaf){.agency = "_",
                                                             .role = CM_ROLE_DIRECTORY,
                                                             .name = "operator",
                                                             .issuer = NORTHPORT});
    EXPECT_REFUSED(load_once(NULL, error), "chain of 1");
    pki->directory_signer = pki_leaf(pki, &(struct pki_leaf){.agency = "_",
                                                             .role = CM_ROLE_DIRECTORY,
                                                             .name = "operator",
                                                             .not_after_ms = pki->now_ms - 2000});
    EXPECT_REFUSED(load_once(NULL, error), "expired");
    const struct pki_identity *revoked = pki_leaf(
        pki, &(struct pki_leaf){.agency = "_", .role = CM_ROLE_DIRECTORY, .name = "operator"});
    pki->directory_signer = revoked;
    cr_expect_eq(load_once(NULL, NULL), CM_OK);
    pki_revoke(pki, "_", revoked, 0);
    EXPECT_REFUSED(load_once(NULL, error), "root has revoked");
}

Test(trust, another_root_is_refused)
{
    struct pki *foreign = pki_new();
    struct cm_buf bundle = {0};
    struct cm_trust *trust;
    pki_bundle(pki, &bundle);
    EXPECT_REFUSED(
        cm_trust_new(&trust, pki_root(foreign), cm_buf_bytes(&bundle), NULL, pki->now_ms, error),
        "federation's root");
    cr_expect_null(trust);
    struct cm_trust *older = pki_trust(foreign);
    expect_stale(older, "root", "another federation");
    cm_trust_unref(older);
    cm_buf_clear(&bundle);
    pki_free(foreign);
}

Test(trust, the_root_must_be_a_root)
{
    struct cm_buf bundle = {0};
    struct cm_trust *trust;
    pki_bundle(pki, &bundle);
    struct pki_ca *ca = pki_find_agency(pki, NORTHPORT)->ca;
    char path[PKI_PATH];
    snprintf(path, sizeof(path), "%.200s/ca.pem", pki->dir);
    pki_write_chain(path, &ca->certificate, 1);
    struct cm_buf pem = {0};
    cr_assert_eq(cm_file_read(&pem, path, 65536, NULL), CM_OK);
    EXPECT_REFUSED(
        cm_trust_new(&trust, cm_buf_bytes(&pem), cm_buf_bytes(&bundle), NULL, pki->now_ms, error),
        "self-signed");
    EXPECT_REFUSED(
        cm_trust_new(&trust, CM_BYTES_NONE, cm_buf_bytes(&bundle), NULL, pki->now_ms, error),
        "one certificate");
    cm_buf_clear(&pem);
    cm_buf_clear(&bundle);
}

Test(trust, an_altered_byte_changes_nothing_or_is_refused)
{
    struct cm_buf bundle = {0};
    struct cm_trust *trust = pki_trust(pki);
    struct cm_digest digest = cm_trust_directory(trust)->digest;
    cm_trust_unref(trust);
    pki_bundle(pki, &bundle);
    cm_log_set_level(CM_LOG_ERROR); // many a CRL is left out here
    for (size_t i = 0; i < bundle.len; i += 7) {
        bundle.data[i] ^= 0x04;
        if (cm_trust_new(&trust, pki_root(pki), cm_buf_bytes(&bundle), NULL, pki->now_ms, NULL) ==
            CM_OK) {
            cr_expect(cm_digest_equal(&digest, &cm_trust_directory(trust)->digest), "byte %zu", i);
        }
        cm_trust_unref(trust);
        bundle.data[i] ^= 0x04;
    }
    cm_buf_clear(&bundle);
}

Test(trust, another_familys_envelope_is_no_directory)
{
    struct cm_buf envelope = {0};
    struct cm_buf bytes = {0};
    struct cm_trust *trust;
    cr_assert_eq(cm_dsse_sign(&envelope, CM_FAMILY_MANIFEST, cm_bytes_of("x"),
                              pki->directory_signer->signer, true),
                 CM_OK);
    struct cm_directory_bundle bundle = {cm_buf_bytes(&envelope), 0, NULL};
    cr_assert_eq(cm_directory_bundle_encode(&bytes, &bundle), CM_OK);
    cr_expect_eq(cm_trust_new(&trust, pki_root(pki), cm_buf_bytes(&bytes), NULL, pki->now_ms, NULL),
                 CM_INVALID);
    cm_buf_clear(&envelope);
    cm_buf_clear(&bytes);
}

Test(trust, its_own_times_and_federation_hold)
{
    pki->expires_ms = pki->now_ms;
    expect_stale(NULL, "directory.expires_ms", "expired");
    pki->expires_ms = pki->now_ms + PKI_DAY_MS;
    pki->issued_ms = pki->now_ms + CM_SKEW_MS + 1;
    expect_stale(NULL, "directory.issued_ms", "future");
    pki->issued_ms = pki->now_ms + CM_SKEW_MS;
    cr_expect_eq(load_once(NULL, NULL), CM_OK);
    pki->directory_federation = "hills.test";
    expect_stale(NULL, "directory.federation", "another federation");
}

Test(trust, serials_go_on_and_never_back)
{
    pki_next(pki); // serial 2 is what is held
    struct cm_trust *older = pki_trust(pki);
    cr_expect_eq(load_once(older, NULL), CM_OK, "the same again");

    pki->expires_ms += 1000;
    expect_stale(older, "directory.serial", "two directories");
    pki->expires_ms -= 1000;

    pki->serial = 1;
    struct cm_digest previous = pki->previous;
    memset(&pki->previous, 0, sizeof(pki->previous));
    expect_stale(older, "directory.serial", "older than 2");
    pki->serial = 2;
    pki->previous = previous;

    pki_next(pki);
    cr_expect_eq(load_once(older, NULL), CM_OK, "the next");
    pki->previous.b[0] ^= 1;
    expect_stale(older, "directory.previous", "does not follow");
    pki->serial = 4;
    cr_expect_eq(load_once(older, NULL), CM_OK, "past a gap `previous` can't be checked");
    cm_trust_unref(older);
}

Test(trust, the_highest_crl_seen_stands_and_is_handed_on)
{
    const struct pki_identity *alice = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "alice");
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    struct cm_trust *trust = pki_trust(pki);
    pki_revoke(pki, NORTHPORT, alice, pki->now_ms - 60000);
    struct cm_trust *revoking;
    cr_assert_eq(trust_load(&revoking, trust, NULL), CM_OK, "the same serial with a newer CRL");
    EXPECT_REFUSED(trust_judge(revoking, alice, error), "revoked");

    agency->revoked_count = 0;
    agency->crl_number = 1;
    for (int absent = 0; absent < 2; absent++) { // an old one, then none
        agency->crl_absent = absent == 1;
        struct cm_trust *after;
        cr_assert_eq(trust_load(&after, revoking, NULL), CM_OK);
        EXPECT_REFUSED(trust_judge(after, alice, error), "revoked");
        struct cm_trust *restarted;
        cr_assert_eq(cm_trust_new(&restarted, pki_root(pki), cm_trust_bundle(after), NULL,
                                  pki->now_ms, NULL),
                     CM_OK);
        EXPECT_REFUSED(trust_judge(restarted, alice, error), "revoked");
        cm_trust_unref(restarted);
        cm_trust_unref(after);
    }
    cm_trust_unref(revoking);
    cm_trust_unref(trust);
}

Test(trust, more_crls_than_cas_are_refused)
{
    struct cm_buf bytes = {0};
    struct cm_buf crl = {0};
    pki_bundle(pki, &bytes);
    struct cm_directory_bundle bundle;
    cr_assert_eq(cm_directory_bundle_decode(&bundle, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    pki_crl(pki, NORTHPORT, &crl);
    struct cm_bytes crls[5];
    for (size_t i = 0; i < 5; i++) {
        crls[i] = cm_buf_bytes(&crl);
    }
    for (size_t count = 4; count <= 5; count++) {
        struct cm_buf out = {0};
        struct cm_trust *trust;
        struct cm_directory_bundle many = {bundle.envelope, count, crls};
        cr_assert_eq(cm_directory_bundle_encode(&out, &many), CM_OK);
        cr_expect_eq(
            cm_trust_new(&trust, pki_root(pki), cm_buf_bytes(&out), NULL, pki->now_ms, NULL),
            count == 4 ? CM_OK : CM_INVALID);
        cm_trust_unref(trust);
        cm_buf_clear(&out);
    }
    cm_buf_clear(&crl);
    cm_buf_clear(&bytes);
}

Test(trust, garbage_is_refused)
{
    struct cm_trust *trust;
    uint8_t noise[512];
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(cm_random(noise, sizeof(noise)), CM_OK);
        cr_expect_neq(cm_trust_new(&trust, pki_root(pki),
                                   (struct cm_bytes){noise, (size_t)i * 2 + 1}, NULL, pki->now_ms,
                                   NULL),
                      CM_OK);
    }
    cr_expect_neq(cm_trust_new(&trust, pki_root(pki), CM_BYTES_NONE, NULL, pki->now_ms, NULL),
                  CM_OK);
}

#include "proto/trust/cli/ca.h"

#include "proto/base/file.h"
#include "proto/trust/cli/keyfile.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS 1795300000000
#define PASS   "correct horse"

static char folder[32];

static const char *in_folder(const char *name)
{
    static char path[2][64];
    static int which;
    which = !which;
    snprintf(path[which], sizeof path[which], "%s/%s", folder, name);
    return path[which];
}

static void make(void)
{
    snprintf(folder, sizeof folder, "/tmp/comity-ca-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void clean(void)
{
    static const char *const names[] = {"ca.key", "ca.json", "ca.pem", "ca.csr"};
    for (size_t i = 0; i < 4; i++) {
        unlink(in_folder(names[i]));
    }
    cr_expect_eq(rmdir(folder), 0, "something was left behind");
}

TestSuite(ca, .init = make, .fini = clean);

static struct cm_subject subject(const char *name)
{
    struct cm_subject out;
    cr_assert_eq(cm_subject_parse(&out, name, NULL), CM_OK);
    return out;
}

static struct cm_ca *open_ca(void)
{
    struct cm_ca *ca = NULL;
    struct cm_error error = {0};
    cr_assert_eq(cm_ca_open(&ca, folder, &error), CM_OK, "%s: %s", error.where, error.text);
    return ca;
}

// A root, open and unlocked.
static struct cm_ca *new_root(void)
{
    struct cm_subject root = subject("valley.example");
    cr_assert_eq(cm_ca_create(folder, &root, PASS, NOW_MS, 3650, NULL), CM_OK);
    struct cm_ca *ca = open_ca();
    cr_assert_eq(cm_ca_unlock(ca, PASS, NULL), CM_OK);
    return ca;
}

static X509 *issue(struct cm_ca *ca, const char *name, int days)
{
    struct cm_subject whom = subject(name);
    struct cm_error error = {0};
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
    cr_assert_eq(cm_ca_issue(&certificate, ca, &whom, key, NOW_MS, days, &error), CM_OK, "%s",
                 error.text);
    EVP_PKEY_free(key);
    return certificate;
}

static X509_CRL *crl_of(struct cm_ca *ca, uint64_t *number)
{
    struct cm_buf der = {0};
    cr_assert_eq(cm_ca_crl(&der, number, ca, NOW_MS, 24, NULL), CM_OK);
    const uint8_t *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    cr_assert_not_null(crl);
    cr_expect_eq(at, der.data + der.len);
    cm_buf_clear(&der);
    return crl;
}

static bool lists(X509_CRL *crl, X509 *certificate)
{
    X509_REVOKED *entry = NULL;
    return X509_CRL_get0_by_cert(crl, &entry, certificate) == 1;
}

Test(ca, creating_writes_a_whole_ca_and_never_over_one)
{
    struct cm_ca *ca = new_root();
    cr_expect_str_eq(cm_ca_subject(ca)->spiffe, "spiffe://valley.example");
    cr_expect_eq(X509_check_ca(cm_ca_certificate(ca)), 1);
    cm_ca_close(ca);
    struct cm_subject root = subject("valley.example");
    cr_expect_eq(cm_ca_create(folder, &root, PASS, NOW_MS, 3650, NULL), CM_INVALID);
}

Test(ca, an_agencys_ca_waits_for_its_certificate)
{
    struct cm_subject agency = subject("valley.example/ca.a");
    struct cm_error error = {0};
    struct cm_ca *ca = NULL;
    cr_assert_eq(cm_ca_create(folder, &agency, PASS, NOW_MS, 0, NULL), CM_OK);
    cr_expect_eq(access(in_folder("ca.csr"), F_OK), 0);
    cr_expect_eq(cm_ca_open(&ca, folder, &error), CM_NOT_FOUND);
    cr_expect_not_null(strstr(error.hint, "ca.csr"));
}

Test(ca, only_one_command_at_a_time_uses_it)
{
    struct cm_ca *ca = new_root(), *second = NULL;
    cr_expect_eq(cm_ca_open(&second, folder, NULL), CM_UNAVAILABLE);
    cm_ca_close(ca);
    cr_assert_eq(cm_ca_open(&second, folder, NULL), CM_OK);
    cm_ca_close(second);
}

Test(ca, a_wrong_passphrase_or_anothers_certificate_opens_nothing)
{
    struct cm_ca *ca = new_root();
    cm_ca_close(ca);
    ca = open_ca();
    cr_expect_eq(cm_ca_unlock(ca, "wrong horse", NULL), CM_UNAUTHENTICATED);
    cm_ca_close(ca);
    EVP_PKEY *other = NULL;
    unlink(in_folder("ca.key"));
    cr_assert_eq(cm_keyfile_new(&other, NULL), CM_OK);
    cr_assert_eq(cm_keyfile_save(in_folder("ca.key"), other, PASS, NULL), CM_OK);
    ca = open_ca();
    cr_expect_eq(cm_ca_unlock(ca, PASS, NULL), CM_INVALID);
    cm_ca_close(ca);
    EVP_PKEY_free(other);
}

Test(ca, it_issues_what_is_its_own_to_give_and_not_past_its_end)
{
    struct cm_ca *ca = new_root();
    X509 *gateway = issue(ca, "valley.example/_/gateway/gw1", 7300);
    cr_expect_eq(X509_verify(gateway, X509_get0_pubkey(cm_ca_certificate(ca))), 1);
    cr_expect_eq(X509_check_host(gateway, "gateway.valley.example", 0, 0, NULL), 1);
    cr_expect_eq(X509_check_purpose(gateway, X509_PURPOSE_SSL_SERVER, 0), 1);
    cr_expect_eq(cm_certs_time_ms(X509_get0_notAfter(gateway)),
                 cm_certs_time_ms(X509_get0_notAfter(cm_ca_certificate(ca))));
    struct cm_subject person = subject("valley.example/ca.a/investigator/jdoe");
    X509 *none = NULL;
    cr_expect_eq(cm_ca_issue(&none, ca, &person, X509_get0_pubkey(gateway), NOW_MS, 90, NULL),
                 CM_FORBIDDEN);
    cr_expect_null(none);
    X509_free(gateway);
    cm_ca_close(ca);
}

Test(ca, an_agencys_certificate_makes_leaves_and_no_cas)
{
    struct cm_ca *ca = new_root();
    X509 *agency = issue(ca, "valley.example/ca.a", 365);
    X509 *signer = issue(ca, "valley.example/_/directory/op", 365);
    cr_expect_eq(X509_get_pathlen(agency), 0);
    cr_expect_eq(X509_get_key_usage(agency), (uint32_t)(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
    cr_expect_eq(X509_check_ca(signer), 0);
    cr_expect_eq(X509_get_key_usage(signer), (uint32_t)KU_DIGITAL_SIGNATURE);
    cr_expect_eq(X509_check_host(signer, "gateway.valley.example", 0, 0, NULL), 0);
    X509_free(agency);
    X509_free(signer);
    cm_ca_close(ca);
}

Test(ca, revoked_certificates_stand_in_each_list_from_then_on)
{
    struct cm_ca *ca = new_root();
    X509 *one = issue(ca, "valley.example/_/gateway/gw1", 365);
    X509 *two = issue(ca, "valley.example/_/gateway/gw2", 365);
    uint64_t number = 0;
    X509_CRL *crl = crl_of(ca, &number);
    cr_expect_eq(number, 1);
    cr_expect_not(lists(crl, one));
    X509_CRL_free(crl);
    cr_assert_eq(cm_ca_revoke(ca, one, 1, NOW_MS, NULL), CM_OK);
    cr_assert_eq(cm_ca_revoke(ca, one, 4, NOW_MS + 1000, NULL), CM_OK, "again is no error");
    cm_ca_close(ca);
    ca = open_ca();
    cr_assert_eq(cm_ca_unlock(ca, PASS, NULL), CM_OK);
    crl = crl_of(ca, &number);
    cr_expect_eq(number, 2);
    cr_expect(lists(crl, one));
    cr_expect_not(lists(crl, two));
    cr_expect_eq(X509_CRL_verify(crl, X509_get0_pubkey(cm_ca_certificate(ca))), 1);
    int64_t from_ms = cm_certs_time_ms(X509_CRL_get0_lastUpdate(crl));
    cr_expect_eq(cm_certs_time_ms(X509_CRL_get0_nextUpdate(crl)) - from_ms, 24 * 3600 * 1000);
    X509_CRL_free(crl);
    X509_free(one);
    X509_free(two);
    cm_ca_close(ca);
}

Test(ca, a_name_is_revoked_with_all_that_hold_of_it)
{
    struct cm_ca *ca = new_root();
    X509 *one = issue(ca, "valley.example/_/gateway/gw1", 365);
    X509 *renewed = issue(ca, "valley.example/_/gateway/gw1", 365);
    X509 *other = issue(ca, "valley.example/_/gateway/gw2", 365);
    size_t count = 0;
    uint64_t number;
    cr_assert_eq(
        cm_ca_revoke_name(&count, ca, "spiffe://valley.example/_/gateway/gw1", 0, NOW_MS, NULL),
        CM_OK);
    cr_expect_eq(count, 2);
    cr_expect_eq(
        cm_ca_revoke_name(&count, ca, "spiffe://valley.example/_/gateway/gw1", 0, NOW_MS, NULL),
        CM_NOT_FOUND);
    X509_CRL *crl = crl_of(ca, &number);
    cr_expect(lists(crl, one) && lists(crl, renewed) && !lists(crl, other));
    X509_CRL_free(crl);
    X509_free(one);
    X509_free(renewed);
    X509_free(other);
    cm_ca_close(ca);
}

Test(ca, anothers_certificate_is_not_revoked_here)
{
    struct cm_ca *ca = new_root();
    struct cm_subject root = subject("valley.example");
    EVP_PKEY *key = NULL;
    X509 *foreign = NULL;
    cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
    struct cm_issue impostor = {&root, key, NULL, key, NOW_MS, 10};
    cr_assert_eq(cm_issue_certificate(&foreign, &impostor, NULL), CM_OK);
    cr_expect_eq(cm_ca_revoke(ca, foreign, 0, NOW_MS, NULL), CM_FORBIDDEN);
    X509_free(foreign);
    EVP_PKEY_free(key);
    cm_ca_close(ca);
}

Test(ca, a_lost_or_damaged_list_stops_it)
{
    struct cm_ca *ca = new_root();
    cm_ca_close(ca);
    static const char *const damaged[] = {
        "{", "[]", "{}",
        "{\"name\":\"spiffe://valley.example\",\"crl_number\":\"1\",\"issued\":[]}",
        "{\"name\":\"spiffe://other.example\",\"crl_number\":1,\"issued\":[]}"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        cr_assert_eq(cm_file_write(in_folder("ca.json"), cm_bytes_of(damaged[i]), 0600, NULL),
                     CM_OK);
        cr_expect_eq(cm_ca_open(&ca, folder, NULL), CM_INVALID, "%s", damaged[i]);
    }
    unlink(in_folder("ca.json"));
    cr_expect_eq(cm_ca_open(&ca, folder, NULL), CM_NOT_FOUND);
}

#include "proto/trust/cli/certs.h"

#include "proto/base/file.h"
#include "proto/trust/cli/issue.h"
#include "proto/trust/cli/keyfile.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/comity-csr-XXXXXX";

static struct cm_subject subject(const char *name)
{
    struct cm_subject out;
    cr_assert_eq(cm_subject_parse(&out, name, NULL), CM_OK);
    return out;
}

static void write_path(struct cm_bytes text)
{
    cr_assert_eq(cm_file_write(path, text, 0600, NULL), CM_OK);
}

Test(certs, a_request_gives_back_its_key_and_name)
{
    struct cm_subject whom = subject("valley.example/ca.a/investigator/jdoe"), read;
    struct cm_buf pem = {0};
    EVP_PKEY *key = NULL;
    X509_REQ *request = NULL, *again = NULL;
    cr_assert_geq(mkstemp(path), 0);
    cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
    cr_assert_eq(cm_certs_request(&request, key, &whom, NULL), CM_OK);
    cr_assert_eq(cm_certs_request_pem(&pem, request, NULL), CM_OK);
    write_path(cm_buf_bytes(&pem));
    cr_assert_eq(cm_certs_read_request(&again, &read, path, NULL), CM_OK);
    cr_expect_str_eq(read.spiffe, whom.spiffe);
    cr_expect_eq(EVP_PKEY_eq(X509_REQ_get0_pubkey(again), key), 1);
    char one[CM_FINGERPRINT_TEXT], two[CM_FINGERPRINT_TEXT];
    cr_assert_eq(cm_certs_fingerprint(one, request, NULL), CM_OK);
    cr_assert_eq(cm_certs_fingerprint(two, again, NULL), CM_OK);
    cr_expect_str_eq(one, two);
    X509_REQ_free(request);
    X509_REQ_free(again);
    EVP_PKEY_free(key);
    cm_buf_clear(&pem);
    unlink(path);
}

Test(certs, a_request_for_a_key_that_did_not_sign_it_is_refused)
{
    struct cm_subject whom = subject("valley.example/ca.a/investigator/jdoe"), read;
    struct cm_error error = {0};
    struct cm_buf pem = {0};
    EVP_PKEY *key = NULL, *stolen = NULL;
    X509_REQ *request = NULL, *again = NULL;
    cr_assert_geq(mkstemp(path), 0);
    cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
    cr_assert_eq(cm_keyfile_new(&stolen, NULL), CM_OK);
    cr_assert_eq(cm_certs_request(&request, key, &whom, NULL), CM_OK);
    cr_assert_eq(X509_REQ_set_pubkey(request, stolen), 1);
    cr_assert_eq(cm_certs_request_pem(&pem, request, NULL), CM_OK);
    write_path(cm_buf_bytes(&pem));
    cr_expect_eq(cm_certs_read_request(&again, &read, path, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "signature"));
    write_path(cm_bytes_of("no request at all"));
    cr_expect_eq(cm_certs_read_request(&again, &read, path, &error), CM_INVALID);
    write_path(
        cm_bytes_of("-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4,ENCRYPTED\n"
                    "DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END CERTIFICATE REQUEST-----\n"));
    cr_expect_eq(cm_certs_read_request(&again, &read, path, &error), CM_INVALID,
                 "it must not ask for a passphrase either");
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    EVP_PKEY_free(stolen);
    cm_buf_clear(&pem);
    unlink(path);
}

Test(certs, fingerprints_compare_by_their_digits_alone)
{
    const char *printed = "12ab-34cd-56ef";
    cr_expect(cm_certs_fingerprint_is(printed, "12ab-34cd-56ef"));
    cr_expect(cm_certs_fingerprint_is(printed, "12AB34CD56EF"));
    cr_expect(cm_certs_fingerprint_is(printed, " 12:ab:34:cd:56:ef "));
    cr_expect_not(cm_certs_fingerprint_is(printed, ""));
    cr_expect_not(cm_certs_fingerprint_is(printed, "12ab-34cd-56e"));
    cr_expect_not(cm_certs_fingerprint_is(printed, "12ab-34cd-56ef0"));
    cr_expect_not(cm_certs_fingerprint_is(printed, "12ab-34cd-56e0"));
    cr_expect_not(cm_certs_fingerprint_is(printed, "12ab-34cd-56ef/"));
}

Test(certs, the_longest_names_fit_a_certificate)
{
    char text[4 * CM_MAX_ID], id[CM_MAX_ID + 1];
    memset(id, 'a', CM_MAX_ID);
    id[CM_MAX_ID] = '\0';
    id[2] = '.';
    snprintf(text, sizeof text, "%s/%s/investigator/%s", id, id, id);
    struct cm_subject whom = subject(text), read;
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
    struct cm_issue issue = {&whom, key, NULL, key, 1795300000000, 10};
    cr_assert_eq(cm_issue_certificate(&certificate, &issue, NULL), CM_OK);
    cr_assert_eq(cm_certs_subject(&read, certificate, "certificate", NULL), CM_OK);
    cr_expect_str_eq(read.spiffe, whom.spiffe);
    cr_expect_leq(i2d_X509(certificate, NULL), (int)CM_MAX_CERTIFICATE);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

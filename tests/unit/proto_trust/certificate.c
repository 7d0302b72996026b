#include "proto/trust/certificate.h"

#include "support.h"
#include "tests/support/pki_x509.h"

TestSuite(certificate, .init = trust_setup, .fini = trust_teardown);

#define LEAF(...)                                                                                  \
    pki_leaf(pki,                                                                                  \
             &(struct pki_leaf){                                                                   \
                 .agency = NORTHPORT, .role = CM_ROLE_INVESTIGATOR, .name = "x", __VA_ARGS__})

static enum cm_status parse(const struct pki_identity *identity, struct cm_error *error)
{
    struct cm_certificate certificate;
    enum cm_status status = cm_certificate_parse(&certificate, identity->chain[0], "leaf", error);
    cm_certificate_clear(&certificate);
    return status;
}

Test(certificate, takes_a_good_leaf)
{
    struct cm_certificate certificate;
    const struct pki_identity *leaf = LEAF(.dns = "host.test");
    cr_assert_eq(cm_certificate_parse(&certificate, leaf->chain[0], "leaf", NULL), CM_OK);
    cr_expect_str_eq(certificate.uri, leaf->spiffe);
    cr_expect_not(certificate.is_ca);
    cr_expect(cm_digest_equal(cm_key_hash(certificate.key), cm_signer_key_hash(leaf->signer)));
    cr_expect_eq(certificate.not_before_ms, pki->now_ms - PKI_DAY_MS / 2);
    cr_expect_eq(certificate.not_after_ms, pki->now_ms + 90LL * PKI_DAY_MS + 1000);
    cm_certificate_clear(&certificate);
}

Test(certificate, refuses_what_is_outside_the_profile)
{
    EXPECT_REFUSED(parse(LEAF(.curve = "P-384"), error), "P-256");
    EXPECT_REFUSED(parse(LEAF(.digest = "SHA384"), error), "SHA-256");
    EXPECT_REFUSED(parse(LEAF(.second_uri = "spiffe://valley.test/x"), error), "one URI");
    EXPECT_REFUSED(parse(LEAF(.no_uri = "host.test"), error), "one URI");
    EXPECT_REFUSED(parse(LEAF(.critical_unknown = true), error), "critical");
    EXPECT_REFUSED(parse(LEAF(.repeated_unknown = true), error), "repeated");
    EXPECT_REFUSED(
        parse(LEAF(.constraints = "CA:TRUE,pathlen:-1", .key_usage = "keyCertSign,cRLSign"), error),
        "malformed");
    EXPECT_REFUSED(parse(LEAF(.key_usage = ""), error), "digitalSignature");
    EXPECT_REFUSED(parse(LEAF(.key_usage = "critical,keyAgreement"), error), "digitalSignature");
    EXPECT_REFUSED(parse(LEAF(.key_usage = "critical,digitalSignature,keyCertSign"), error),
                   "digitalSignature");
    EXPECT_REFUSED(parse(LEAF(.constraints = "critical,CA:TRUE"), error), "sign certificates");
    EXPECT_REFUSED(parse(LEAF(.extended_usage = "codeSigning"), error), "another use");
    cr_expect_eq(parse(LEAF(.extended_usage = ""), NULL), CM_OK);
    cr_expect_eq(parse(LEAF(.constraints = ""), NULL), CM_OK);
}

Test(certificate, refuses_other_bytes)
{
    struct cm_certificate certificate;
    struct cm_bytes der = LEAF(.dns = NULL)->chain[0];
    uint8_t longer[CM_MAX_CERTIFICATE + 1] = {0};
    memcpy(longer, der.data, der.len);
    EXPECT_REFUSED(
        cm_certificate_parse(&certificate, (struct cm_bytes){longer, der.len + 1}, "", error),
        "DER");
    EXPECT_REFUSED(
        cm_certificate_parse(&certificate, (struct cm_bytes){longer, der.len - 1}, "", error),
        "DER");
    EXPECT_REFUSED(cm_certificate_parse(
                       &certificate, (struct cm_bytes){longer, CM_MAX_CERTIFICATE + 1}, "", error),
                   "bytes");
    EXPECT_REFUSED(cm_certificate_parse(&certificate, CM_BYTES_NONE, "", error), "bytes");
    for (size_t i = 0; i < der.len; i += 3) { // no crash, no leak, whatever a byte becomes
        longer[i] ^= 0x21;
        if (cm_certificate_parse(&certificate, (struct cm_bytes){longer, der.len}, "", NULL) ==
            CM_OK) {
            cm_certificate_clear(&certificate);
        }
        longer[i] ^= 0x21;
    }
}

Test(certificate, reads_one_certificate_from_pem)
{
    struct cm_certificate root;
    cr_assert_eq(cm_certificate_parse_pem(&root, pki_root(pki), "root", NULL), CM_OK);
    cr_expect(root.is_ca);
    cr_expect(cm_certificate_issued(&root, &root));
    cm_certificate_clear(&root);
    struct cm_buf twice = {0};
    struct cm_bytes pem = pki_root(pki);
    cr_assert_eq(cm_buf_add(&twice, pem.data, pem.len), CM_OK);
    cr_assert_eq(cm_buf_add(&twice, pem.data, pem.len), CM_OK);
    EXPECT_REFUSED(cm_certificate_parse_pem(&root, cm_buf_bytes(&twice), "root", error), "one");
    EXPECT_REFUSED(cm_certificate_parse_pem(&root, cm_bytes_of("nothing"), "root", error), "one");
    cm_buf_clear(&twice);
}

Test(certificate, the_last_second_counts_and_no_more)
{
    struct cm_certificate certificate;
    cr_assert_eq(cm_certificate_parse(&certificate, LEAF(.dns = NULL)->chain[0], "", NULL), CM_OK);
    int64_t first = certificate.not_before_ms;
    int64_t last = certificate.not_after_ms;
    EXPECT_REFUSED(cm_certificate_dates(&certificate, first - 1, "", error), "not valid yet");
    cr_expect_eq(cm_certificate_dates(&certificate, first, "", NULL), CM_OK);
    cr_expect_eq(cm_certificate_dates(&certificate, last - 1, "", NULL), CM_OK);
    EXPECT_REFUSED(cm_certificate_dates(&certificate, last, "", error), "expired");
    cm_certificate_clear(&certificate);
}

Test(certificate, a_serial_number_is_positive)
{
    EVP_PKEY *key = pki_key(NULL);
    struct pki_cert cert = {.common_name = "x",
                            .san = "URI:spiffe://a/b",
                            .key_usage = "digitalSignature",
                            .not_after_ms = 1000};
    X509 *x509 = pki_certify(&cert, key, NULL);
    struct cm_bytes der;
    struct cm_certificate certificate;
    pki_der(&der, x509);
    EXPECT_REFUSED(cm_certificate_parse(&certificate, der, "", error), "serial");
    OPENSSL_free((void *)(uintptr_t)der.data);
    X509_free(x509);
    EVP_PKEY_free(key);
}

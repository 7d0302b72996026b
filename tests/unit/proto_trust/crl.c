#include "proto/trust/crl.h"

#include "support.h"
#include "tests/support/pki_x509.h"

#include "proto/trust/certificate.h"

TestSuite(crl, .init = trust_setup, .fini = trust_teardown);

static bool accepts(void *context, const struct cm_digest *hash)
{
    return cm_digest_equal(context, hash);
}

static enum cm_status parse(struct cm_crl **out, const char *agency, const struct cm_digest *pin,
                            struct cm_error *error)
{
    struct cm_buf der = {0};
    pki_crl(pki, agency, &der);
    enum cm_status status =
        cm_crl_parse(out, cm_buf_bytes(&der), accepts, (void *)(uintptr_t)pin, pki->now_ms, error);
    cr_expect_eq(*out != NULL, status == CM_OK);
    cm_buf_clear(&der);
    return status;
}

Test(crl, is_taken_from_a_pinned_key_alone)
{
    struct cm_crl *crl;
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    agency->crl_number = 77;
    cr_assert_eq(parse(&crl, NORTHPORT, &agency->ca->pin, NULL), CM_OK);
    cr_expect_eq(crl->number, 77);
    cr_expect_eq(crl->this_update_ms, agency->crl_this_ms);
    cr_expect_eq(crl->next_update_ms, agency->crl_next_ms);
    cr_expect(cm_digest_equal(&crl->issuer, &agency->ca->pin));
    cm_crl_unref(crl);
    EXPECT_REFUSED(parse(&crl, NORTHPORT, &pki_find_agency(pki, SOUTHGATE)->ca->pin, error),
                   "pinned");
    agency->crl_forged = true;
    EXPECT_REFUSED(parse(&crl, NORTHPORT, &agency->ca->pin, error), "pinned");
}

Test(crl, an_altered_byte_is_not_taken)
{
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    struct cm_buf der = {0};
    pki_crl(pki, NORTHPORT, &der);
    for (size_t i = 0; i < der.len; i++) {
        struct cm_crl *crl;
        der.data[i] ^= 0x10;
        cr_expect_neq(
            cm_crl_parse(&crl, cm_buf_bytes(&der), accepts, &agency->ca->pin, pki->now_ms, NULL),
            CM_OK, "byte %zu", i);
        cm_crl_unref(crl);
        der.data[i] ^= 0x10;
    }
    cm_buf_clear(&der);
}

Test(crl, one_dated_in_the_future_is_not_taken)
{
    struct cm_crl *crl;
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    agency->crl_this_ms = pki->now_ms + CM_SKEW_MS;
    agency->crl_next_ms = agency->crl_this_ms + 1000;
    cr_expect_eq(parse(&crl, NORTHPORT, &agency->ca->pin, NULL), CM_OK);
    cm_crl_unref(crl);
    agency->crl_this_ms += 1000;
    agency->crl_next_ms += 1000;
    EXPECT_REFUSED(parse(&crl, NORTHPORT, &agency->ca->pin, error), "future");
    agency->crl_this_ms = pki->now_ms;
    agency->crl_next_ms = pki->now_ms;
    EXPECT_REFUSED(parse(&crl, NORTHPORT, &agency->ca->pin, error), "later next-update");
}

static enum cm_status parse_crafted(X509_CRL *x509, struct cm_error *error)
{
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    pki_crl_sign(x509, agency->ca->key);
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(x509, &der);
    struct cm_crl *crl;
    enum cm_status status = cm_crl_parse(&crl, (struct cm_bytes){der, (size_t)len}, accepts,
                                         &agency->ca->pin, pki->now_ms, error);
    cm_crl_unref(crl);
    OPENSSL_free(der);
    X509_CRL_free(x509);
    return status;
}

static X509_CRL *craft(void)
{
    return pki_make_crl(pki_find_agency(pki, NORTHPORT)->ca, 1, pki->now_ms, pki->now_ms + 1000);
}

Test(crl, needs_a_number_and_no_critical_extension)
{
    cr_expect_eq(parse_crafted(craft(), NULL), CM_OK);
    X509_CRL *crl = craft();
    X509_EXTENSION_free(X509_CRL_delete_ext(crl, 0));
    EXPECT_REFUSED(parse_crafted(crl, error), "number");

    crl = craft();
    ASN1_INTEGER *base = ASN1_INTEGER_new();
    cr_assert_eq(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0), 1);
    EXPECT_REFUSED(parse_crafted(crl, error), "critical");

    crl = craft();
    pki_crl_add(crl, (const uint8_t[8]){1}, pki->now_ms);
    X509_REVOKED *entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), 0);
    cr_assert_eq(X509_REVOKED_add1_ext_i2d(entry, NID_crl_number, base, 1, 0), 1);
    EXPECT_REFUSED(parse_crafted(crl, error), "critical");
    ASN1_INTEGER_free(base);
}

Test(crl, judges_an_earlier_time_by_the_date_of_revocation)
{
    struct cm_crl *crl;
    struct cm_certificate leaf;
    const struct pki_identity *alice = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "alice");
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    cr_assert_eq(cm_certificate_parse(&leaf, alice->chain[0], "", NULL), CM_OK);
    cr_assert_eq(parse(&crl, NORTHPORT, &agency->ca->pin, NULL), CM_OK);
    cr_expect_not(cm_crl_revokes(crl, leaf.x509, pki->now_ms));
    cm_crl_unref(crl);

    int64_t since = agency->crl_this_ms - 60000;
    pki_revoke(pki, NORTHPORT, alice, since);
    cr_assert_eq(parse(&crl, NORTHPORT, &agency->ca->pin, NULL), CM_OK);
    cr_expect(cm_crl_revokes(crl, leaf.x509, pki->now_ms));
    cr_expect(cm_crl_revokes(crl, leaf.x509, since));
    cr_expect_not(cm_crl_revokes(crl, leaf.x509, since - 1000));
    cm_crl_unref(crl);

    agency->revoked[0].since_ms = pki->now_ms + 3600000; // a date ahead doesn't postpone it
    cr_assert_eq(parse(&crl, NORTHPORT, &agency->ca->pin, NULL), CM_OK);
    cr_expect(cm_crl_revokes(crl, leaf.x509, pki->now_ms));
    cm_crl_unref(crl);
    cm_certificate_clear(&leaf);
}

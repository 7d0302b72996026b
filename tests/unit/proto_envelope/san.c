#include "proto/envelope/san.h"

#include "tests/support/pki_x509.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status uri_of(char *out, size_t size, const char *san)
{
    EVP_PKEY *key = pki_key(NULL);
    struct pki_cert cert = {.common_name = "x", .san = san, .serial = {1}};
    X509 *certificate = pki_certify(&cert, key, NULL);
    enum cm_status status = cm_san_uri(out, size, certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}

Test(san, takes_exactly_one_uri)
{
    char uri[32];
    cr_expect_eq(uri_of(uri, sizeof(uri), "URI:spiffe://a/b,DNS:c.d"), CM_OK);
    cr_expect_str_eq(uri, "spiffe://a/b");
    cr_expect_eq(uri_of(uri, sizeof(uri), "URI:spiffe://a/b,URI:spiffe://a/c"), CM_INVALID);
    cr_expect_str_eq(uri, "");
    cr_expect_eq(uri_of(uri, sizeof(uri), "DNS:c.d"), CM_NOT_FOUND);
    cr_expect_eq(uri_of(uri, sizeof(uri), NULL), CM_NOT_FOUND);
    cr_expect_eq(uri_of(uri, sizeof(uri), "URI:spiffe://a/0123456789012345678901234567890"),
                 CM_INVALID, "too long");
}

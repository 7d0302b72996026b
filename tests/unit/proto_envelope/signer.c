#include "proto/envelope/signer.h"

#include "proto/base/file.h"
#include "proto/envelope/key.h"
#include "tests/support/pki.h"
#include "tests/support/pki_x509.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static struct pki *pki;
static const struct pki_identity *alice;

static void setup(void)
{
    pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    alice = pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "alice");
}

static void teardown(void)
{
    pki_free(pki);
}

TestSuite(signer, .init = setup, .fini = teardown);

static enum cm_status load(const char *key, const char *chain, const char *passphrase,
                           struct cm_error *error)
{
    struct cm_signer *signer;
    enum cm_status status = cm_signer_load(&signer, key, chain, passphrase, error);
    cr_expect_eq(signer != NULL, status == CM_OK);
    cm_signer_unref(signer);
    return status;
}

Test(signer, knows_its_name_key_and_chain)
{
    const struct cm_signer *signer = alice->signer;
    cr_expect_str_eq(cm_signer_spiffe(signer),
                     "spiffe://valley.test/ca.northport.pd/investigator/alice");
    struct cm_digest hash;
    cm_sha256_of(&hash, cm_signer_spki(signer));
    cr_expect(cm_digest_equal(&hash, cm_signer_key_hash(signer)));
    size_t count;
    const struct cm_bytes *chain = cm_signer_chain(signer, &count);
    cr_assert_eq(count, 2);
    cr_expect(cm_bytes_equal(chain[0], alice->chain[0]));
    cr_expect(cm_bytes_equal(chain[1], alice->chain[1]));
}

Test(signer, both_forms_of_signature_verify)
{
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(alice->signer)), CM_OK);
    struct cm_bytes data = cm_bytes_of("data");
    for (int i = 0; i < 50; i++) { // r and s have leading zeros now and then
        uint8_t raw[CM_SIGNATURE_SIZE];
        struct cm_buf der = {0};
        cr_assert_eq(cm_signer_raw(raw, alice->signer, data), CM_OK);
        cr_assert_eq(cm_signer_der(&der, alice->signer, data), CM_OK);
        cr_expect_leq(der.len, CM_MAX_SIG_DER);
        cr_expect_eq(cm_key_verify(key, data, (struct cm_bytes){raw, sizeof(raw)}), CM_OK);
        cr_expect_eq(cm_key_verify_der(key, data, cm_buf_bytes(&der)), CM_OK);
        der.data[der.len - 1] ^= 1;
        cr_expect_eq(cm_key_verify_der(key, data, cm_buf_bytes(&der)), CM_UNAUTHENTICATED);
        cm_buf_clear(&der);
    }
    cr_expect_eq(cm_key_verify_der(key, data, CM_BYTES_NONE), CM_UNAUTHENTICATED);
    cm_key_free(key);
}

Test(signer, opens_an_encrypted_key_with_its_passphrase_alone)
{
    char path[PKI_PATH];
    snprintf(path, sizeof(path), "%.200s/encrypted.key", pki->dir);
    EVP_PKEY *pkey = pki_read_key(alice->key_path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    char passphrase[] = "open sesame";
    cr_assert_eq(PEM_write_PKCS8PrivateKey(file, pkey, EVP_aes_256_cbc(), passphrase,
                                           (int)strlen(passphrase), NULL, NULL),
                 1);
    fclose(file);
    EVP_PKEY_free(pkey);
    struct cm_error error = {0};
    cr_expect_eq(load(path, alice->chain_path, passphrase, &error), CM_OK);
    cr_expect_eq(load(path, alice->chain_path, "open", &error), CM_UNAUTHENTICATED);
    cr_expect_null(strstr(error.text, "open sesame"));
    cr_expect_eq(load(path, alice->chain_path, NULL, &error), CM_UNAUTHENTICATED);
    cr_expect_not_null(strstr(error.text, "passphrase"));
}

Test(signer, refuses_a_key_that_does_not_fit_the_leaf)
{
    const struct pki_identity *bob =
        pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "bob");
    struct cm_error error = {0};
    cr_expect_eq(load(alice->key_path, bob->chain_path, NULL, &error), CM_INVALID);
    cr_expect_str_eq(error.where, bob->chain_path);
}

Test(signer, refuses_other_curves)
{
    const struct pki_identity *leaf = pki_leaf(pki, &(struct pki_leaf){.agency = "ca.northport.pd",
                                                                       .role = CM_ROLE_INVESTIGATOR,
                                                                       .name = "carl",
                                                                       .curve = "P-384"});
    cr_expect_eq(load(leaf->key_path, leaf->chain_path, NULL, NULL), CM_INVALID);
}

Test(signer, says_which_file_is_missing_or_no_pem)
{
    struct cm_error error = {0};
    cr_expect_eq(load("/nonexistent.key", alice->chain_path, NULL, &error), CM_NOT_FOUND);
    cr_expect_eq(load(alice->key_path, "/nonexistent.pem", NULL, &error), CM_NOT_FOUND);
    cr_expect_eq(load(alice->chain_path, alice->chain_path, NULL, &error), CM_INVALID);
    cr_expect_eq(load(alice->key_path, alice->key_path, NULL, &error), CM_INVALID);
}

static enum cm_status load_with_chain(struct cm_bytes pem)
{
    char path[PKI_PATH];
    snprintf(path, sizeof(path), "%.200s/chain.pem", pki->dir);
    cr_assert_eq(cm_file_write(path, pem, 0600, NULL), CM_OK);
    return load(alice->key_path, path, NULL, NULL);
}

Test(signer, bounds_the_chain_and_refuses_a_torn_certificate)
{
    struct cm_buf pem = {0};
    cr_assert_eq(cm_file_read(&pem, alice->chain_path, 65536, NULL), CM_OK);
    struct cm_bytes root = pki_root(pki);
    cr_assert_eq(cm_buf_add(&pem, root.data, root.len), CM_OK);
    cr_expect_eq(load_with_chain(cm_buf_bytes(&pem)), CM_OK, "leaf, CA and root");
    cr_expect_eq(load_with_chain((struct cm_bytes){pem.data, pem.len - 60}), CM_INVALID, "torn");
    cr_assert_eq(cm_buf_add(&pem, root.data, root.len), CM_OK);
    cr_expect_eq(load_with_chain(cm_buf_bytes(&pem)), CM_INVALID, "four");
    cm_buf_clear(&pem);
}

#include "proto/trust/signatory.h"

#include "support.h"
#include "tests/support/pki_x509.h"

TestSuite(signatory, .init = trust_setup, .fini = trust_teardown);

static enum cm_status make(const struct cm_bytes *chain, size_t count, struct cm_error *error)
{
    struct cm_certificate root;
    struct cm_signatory *signatory;
    cr_assert_eq(cm_certificate_parse_pem(&root, pki_root(pki), "root", NULL), CM_OK);
    enum cm_status status = cm_signatory_new(&signatory, &root, chain, count, error);
    cr_expect_eq(signatory != NULL, status == CM_OK);
    cm_signatory_unref(signatory);
    cm_certificate_clear(&root);
    return status;
}

static enum cm_status of(const struct pki_identity *identity, struct cm_error *error)
{
    return make(identity->chain, identity->chain_count, error);
}

#define LEAF(...)                                                                                  \
    pki_leaf(pki,                                                                                  \
             &(struct pki_leaf){                                                                   \
                 .agency = NORTHPORT, .role = CM_ROLE_INVESTIGATOR, .name = "x", __VA_ARGS__})
#define URI(rest) "spiffe://valley.test/" rest

Test(signatory, takes_a_leaf_of_its_agency_and_one_of_the_root)
{
    cr_expect_eq(of(LEAF(.dns = NULL), NULL), CM_OK);
    cr_expect_eq(of(pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1"), NULL), CM_OK);
}

Test(signatory, tolerates_the_root_and_nothing_else_at_the_end)
{
    struct cm_certificate root;
    struct cm_bytes der;
    cr_assert_eq(cm_certificate_parse_pem(&root, pki_root(pki), "root", NULL), CM_OK);
    pki_der(&der, root.x509);
    const struct pki_identity *leaf = LEAF(.dns = NULL);
    const struct pki_identity *gateway = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    const struct cm_bytes three[] = {leaf->chain[0], leaf->chain[1], der};
    cr_expect_eq(make(three, 3, NULL), CM_OK);
    const struct cm_bytes two[] = {gateway->chain[0], der};
    cr_expect_eq(make(two, 2, NULL), CM_OK);
    const struct cm_bytes again[] = {leaf->chain[0], leaf->chain[1], leaf->chain[1]};
    EXPECT_REFUSED(make(again, 3, error), "chain of 2");
    const struct cm_bytes without[] = {leaf->chain[0], der};
    EXPECT_REFUSED(make(without, 2, error), "path length 0");
    EXPECT_REFUSED(make(leaf->chain, 1, error), "chain of 2");
    EXPECT_REFUSED(make(three, 0, error), "1 to 3");
    EXPECT_REFUSED(make(&der, 1, error), "CA's certificate");
    OPENSSL_free((void *)(uintptr_t)der.data);
    cm_certificate_clear(&root);
}

Test(signatory, an_agencys_ca_vouches_for_no_other_name)
{
    EXPECT_REFUSED(of(LEAF(.issuer = SOUTHGATE), error), "own agency");
    EXPECT_REFUSED(of(LEAF(.uri = URI("ca.southgate.pd/investigator/x")), error), "own agency");
    EXPECT_REFUSED(of(LEAF(.uri = URI("_/gateway/gw-1")), error), "chain of 1");
    EXPECT_REFUSED(of(LEAF(.uri = URI("_/directory/operator")), error), "chain of 1");
    EXPECT_REFUSED(of(LEAF(.uri = "spiffe://other.test/ca.northport.pd/investigator/x"), error),
                   "another federation");
    EXPECT_REFUSED(of(LEAF(.uri = URI("ca.northport.pd")), error), "no name");
}

Test(signatory, the_root_issues_no_leaf_of_an_agency)
{
    EXPECT_REFUSED(of(LEAF(.issuer = "_"), error), "chain of 2");
}

Test(signatory, a_gateway_of_an_agencys_making_is_refused)
{
    const struct pki_identity *gateway = pki_leaf(
        pki, &(struct pki_leaf){
                 .agency = "_", .role = CM_ROLE_GATEWAY, .name = "gw-1", .issuer = NORTHPORT});
    EXPECT_REFUSED(of(gateway, error), "chain of 1");
    EXPECT_REFUSED(make(gateway->chain, 1, error), "not issued by the federation's root");
}

Test(signatory, a_swapped_or_foreign_ca_is_refused)
{
    const struct pki_identity *leaf = LEAF(.dns = NULL);
    const struct pki_identity *other = pki_identity(pki, SOUTHGATE, CM_ROLE_INVESTIGATOR, "olga");
    const struct cm_bytes swapped[] = {leaf->chain[0], other->chain[1]};
    EXPECT_REFUSED(make(swapped, 2, error), "own agency");
    // A CA of the same name with another key.
    pki_new_ca(pki, pki_find_agency(pki, NORTHPORT), NULL, NULL);
    const struct pki_identity *renewed = LEAF(.dns = "renewed.test");
    const struct cm_bytes older[] = {renewed->chain[0], leaf->chain[1]};
    EXPECT_REFUSED(make(older, 2, error), "not issued by this CA");

    struct pki *foreign = pki_new(); // the same names under another root
    pki_agency(foreign, NORTHPORT);
    const struct pki_identity *stranger =
        pki_identity(foreign, NORTHPORT, CM_ROLE_INVESTIGATOR, "alice");
    EXPECT_REFUSED(of(stranger, error), "federation's root");
    EXPECT_REFUSED(of(pki_identity(foreign, "_", CM_ROLE_GATEWAY, "gw-1"), error),
                   "federation's root");
    pki_free(foreign);
}

Test(signatory, a_ca_certifies_leaves_only_and_carries_its_own_name)
{
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    pki_new_ca(pki, agency, NULL, "critical,CA:TRUE,pathlen:1");
    EXPECT_REFUSED(of(LEAF(.dns = NULL), error), "path length 0");
    pki_new_ca(pki, agency, NULL, "critical,CA:TRUE");
    EXPECT_REFUSED(of(LEAF(.dns = NULL), error), "path length 0");
    pki_new_ca(pki, agency, URI("ca.southgate.pd"), NULL);
    EXPECT_REFUSED(of(LEAF(.dns = NULL), error), "own agency");
    pki_new_ca(pki, agency, URI("ca.northport.pd.x"), NULL);
    EXPECT_REFUSED(of(LEAF(.dns = NULL), error), "own agency");
}

Test(signatory, a_leaf_can_issue_nothing)
{
    const struct pki_identity *leaf = LEAF(.dns = NULL);
    EVP_PKEY *key = pki_read_key(leaf->key_path);
    const uint8_t *at = leaf->chain[0].data;
    struct pki_ca issuer = {.key = key,
                            .certificate = d2i_X509(NULL, &at, (long)leaf->chain[0].len)};
    struct pki_cert cert = {.common_name = "y",
                            .san = "URI:" URI("ca.northport.pd/supervisor/y"),
                            .key_usage = "critical,digitalSignature",
                            .not_before_ms = pki->now_ms - 1000,
                            .not_after_ms = pki->now_ms + 1000,
                            .serial = {1}};
    X509 *x509 = pki_certify(&cert, key, &issuer);
    struct cm_bytes chain[2] = {CM_BYTES_NONE, leaf->chain[0]};
    pki_der(&chain[0], x509);
    EXPECT_REFUSED(make(chain, 2, error), "path length 0");
    OPENSSL_free((void *)(uintptr_t)chain[0].data);
    X509_free(x509);
    X509_free(issuer.certificate);
    EVP_PKEY_free(key);
}

#include "proto/trust/signatory.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const places[CM_MAX_CHAIN] = {"chain[0]", "chain[1]", "chain[2]"};

static bool is_root(const struct cm_certificate *root, struct cm_bytes der)
{
    uint8_t *own = NULL;
    int len = i2d_X509(root->x509, &own);
    bool same = len > 0 && cm_bytes_equal(der, (struct cm_bytes){own, (size_t)len});
    OPENSSL_free(own);
    return same;
}

static enum cm_status take_leaf(struct cm_signatory *signatory, const struct cm_certificate *root,
                                struct cm_bytes der, struct cm_error *error)
{
    enum cm_status status = cm_certificate_parse(&signatory->leaf, der, places[0], error);
    if (status != CM_OK) {
        return status;
    }
    if (signatory->leaf.is_ca) {
        return cm_fail(error, CM_UNAUTHENTICATED, places[0],
                       "a CA's certificate signs nothing "
                       "but certificates and CRLs");
    }
    struct cm_identity *identity = &signatory->identity;
    if (cm_identity_parse(identity, cm_bytes_of(signatory->leaf.uri), NULL) != CM_OK) {
        return cm_fail(error, CM_UNAUTHENTICATED, places[0],
                       "the certificate's URI is no name of a federation's member");
    }
    identity->key_hash = *cm_key_hash(signatory->leaf.key);
    char of_root[sizeof(root->uri)];
    snprintf(of_root, sizeof(of_root), "spiffe://%s", identity->federation);
    if (strcmp(of_root, root->uri) != 0) {
        return cm_fail(error, CM_UNAUTHENTICATED, places[0],
                       "the certificate is of another federation");
    }
    return CM_OK;
}

// An agency's CA vouches for names of its own agency and for no further CA.
static enum cm_status take_ca(struct cm_signatory *signatory, const struct cm_certificate *root,
                              struct cm_bytes der, struct cm_error *error)
{
    struct cm_certificate *ca = &signatory->ca;
    enum cm_status status = cm_certificate_parse(ca, der, places[1], error);
    if (status != CM_OK) {
        return status;
    }
    char uri[sizeof(ca->uri)];
    snprintf(uri, sizeof(uri), "spiffe://%s/%s", signatory->identity.federation,
             signatory->identity.agency);
    const char *fault = NULL;
    if (!ca->is_ca || ca->path_length != 0) {
        fault = "the issuer's certificate is not that of a CA with path length 0";
    } else if (strcmp(ca->uri, uri) != 0) {
        fault = "the issuer is not the CA of the signer's own agency";
    } else if (!cm_certificate_issued(root, ca)) {
        fault = "the CA was not issued by the federation's root";
    } else if (!cm_certificate_issued(ca, &signatory->leaf)) {
        fault = "the signer's certificate was not issued by this CA";
    }
    return fault == NULL ? CM_OK : cm_fail(error, CM_UNAUTHENTICATED, places[1], "%s", fault);
}

static enum cm_status build(struct cm_signatory *signatory, const struct cm_certificate *root,
                            const struct cm_bytes *chain, size_t count, struct cm_error *error)
{
    enum cm_status status = take_leaf(signatory, root, chain[0], error);
    if (status != CM_OK) {
        return status;
    }
    bool by_root = strcmp(signatory->identity.agency, "_") == 0;
    size_t length = by_root ? 1 : 2;
    if (count == length + 1 && is_root(root, chain[length])) {
        count = length;
    }
    if (count != length) {
        return cm_fail(error, CM_UNAUTHENTICATED, "chain",
                       "a chain of %zu certificates was expected, without the root", length);
    }
    if (!by_root) {
        return take_ca(signatory, root, chain[1], error);
    }
    if (!cm_certificate_issued(root, &signatory->leaf)) {
        return cm_fail(error, CM_UNAUTHENTICATED, places[0],
                       "the certificate was not issued by the federation's root");
    }
    return CM_OK;
}

enum cm_status cm_signatory_new(struct cm_signatory **out, const struct cm_certificate *root,
                                const struct cm_bytes *chain, size_t count, struct cm_error *error)
{
    *out = NULL;
    if (count == 0 || count > CM_MAX_CHAIN) {
        return cm_fail(error, CM_UNAUTHENTICATED, "chain", "a chain has 1 to %d certificates",
                       (int)CM_MAX_CHAIN);
    }
    struct cm_signatory *signatory = calloc(1, sizeof(*signatory));
    if (signatory == NULL) {
        return cm_fail(error, CM_MEMORY, "chain", "out of memory");
    }
    atomic_init(&signatory->references, 1);
    enum cm_status status = build(signatory, root, chain, count, error);
    if (status != CM_OK) {
        cm_signatory_unref(signatory);
        return status;
    }
    *out = signatory;
    return CM_OK;
}

struct cm_signatory *cm_signatory_ref(struct cm_signatory *signatory)
{
    atomic_fetch_add_explicit(&signatory->references, 1, memory_order_relaxed);
    return signatory;
}

void cm_signatory_unref(struct cm_signatory *signatory)
{
    if (signatory == NULL ||
        atomic_fetch_sub_explicit(&signatory->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    cm_certificate_clear(&signatory->leaf);
    cm_certificate_clear(&signatory->ca);
    free(signatory);
}

const struct cm_identity *cm_signatory_identity(const struct cm_signatory *signatory)
{
    return &signatory->identity;
}

const struct cm_key *cm_signatory_key(const struct cm_signatory *signatory)
{
    return signatory->leaf.key;
}

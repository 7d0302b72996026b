#include "proto/trust/snapshot.h"

#include <string.h>

static bool pinned(const struct cm_digest *pins, size_t count, const struct cm_digest *hash)
{
    for (size_t i = 0; i < count; i++) {
        if (cm_digest_equal(&pins[i], hash)) {
            return true;
        }
    }
    return false;
}

static enum cm_status refuse(struct cm_error *error, const char *what)
{
    return cm_fail(error, CM_UNAUTHENTICATED, "chain", "%s", what);
}

enum cm_status cm_judge_path(const struct cm_trust *trust, const struct cm_signatory *signatory,
                             int64_t as_of_ms, struct cm_error *error)
{
    bool by_root = signatory->ca.x509 == NULL;
    enum cm_status status = cm_certificate_dates(&trust->root, as_of_ms, "root", error);
    if (status == CM_OK) {
        status = cm_certificate_dates(&signatory->leaf, as_of_ms, "chain[0]", error);
    }
    if (status == CM_OK && !by_root) {
        status = cm_certificate_dates(&signatory->ca, as_of_ms, "chain[1]", error);
    }
    if (status != CM_OK) {
        return status;
    }
    // The root is offline and signs rarely: its CRL is optional, and what it names stays revoked.
    const struct cm_crl *crl = cm_crl_set_find(&trust->crls, cm_key_hash(trust->root.key));
    const struct cm_certificate *issued = by_root ? &signatory->leaf : &signatory->ca;
    if (crl != NULL && cm_crl_revokes(crl, issued->x509, as_of_ms)) {
        return refuse(error, "the federation's root has revoked this certificate");
    }
    return CM_OK;
}

static enum cm_status judge_crl(const struct cm_trust *trust, const struct cm_signatory *signatory,
                                int64_t as_of_ms, struct cm_error *error)
{
    const struct cm_crl *crl = cm_crl_set_find(&trust->crls, cm_key_hash(signatory->ca.key));
    const char *fault = NULL;
    if (crl == NULL || X509_NAME_cmp(X509_CRL_get_issuer(crl->x509),
                                     X509_get_subject_name(signatory->ca.x509)) != 0) {
        fault = "there is no revocation list of the signer's agency";
    } else if (as_of_ms >= crl->next_update_ms) {
        fault = "the revocation list of the signer's agency is stale";
    }
    if (fault != NULL) {
        cm_fail(error, CM_UNAUTHENTICATED, "chain", "%s", fault);
        cm_error_hint(error, "the agency %s must publish a new one", signatory->identity.agency);
        return CM_UNAUTHENTICATED;
    }
    if (cm_crl_revokes(crl, signatory->leaf.x509, as_of_ms)) {
        return refuse(error, "the signer's certificate is revoked");
    }
    return CM_OK;
}

static enum cm_status judge_member(const struct cm_trust *trust,
                                   const struct cm_signatory *signatory, int64_t as_of_ms,
                                   struct cm_error *error)
{
    const struct cm_identity *identity = &signatory->identity;
    if (as_of_ms >= trust->directory.expires_ms) {
        return refuse(error, "the directory has expired");
    }
    const struct cm_agency *agency = cm_directory_agency(&trust->directory, identity->agency);
    if (agency == NULL || !agency->active) {
        return refuse(error, "the signer's agency is not an active member of the federation");
    }
    if (!pinned(agency->ca_pins, agency->ca_pin_count, cm_key_hash(signatory->ca.key))) {
        return refuse(error, "the directory does not pin this CA to the agency");
    }
    if (identity->role == CM_ROLE_NODE &&
        !pinned(agency->node_pins, agency->node_pin_count, &identity->key_hash)) {
        return refuse(error, "the directory does not pin this node's key to the agency");
    }
    return judge_crl(trust, signatory, as_of_ms, error);
}

enum cm_status cm_judge(const struct cm_trust *trust, const struct cm_signatory *signatory,
                        int64_t as_of_ms, struct cm_error *error)
{
    enum cm_status status = cm_judge_path(trust, signatory, as_of_ms, error);
    if (status != CM_OK) {
        return status;
    }
    const struct cm_identity *identity = &signatory->identity;
    if (signatory->ca.x509 != NULL) {
        return judge_member(trust, signatory, as_of_ms, error);
    }
    // An expired directory still says who a gateway is: from it a newer one may come.
    if (identity->role == CM_ROLE_GATEWAY) {
        const struct cm_gateway_entry *gateway =
            cm_directory_gateway(&trust->directory, identity->name);
        if (gateway == NULL || !pinned(gateway->pins, gateway->pin_count, &identity->key_hash)) {
            return refuse(error, "the directory does not pin this key to the gateway");
        }
    }
    return CM_OK;
}

bool cm_trust_revoked(int64_t *since_ms, const struct cm_trust *trust,
                      const struct cm_signatory *signatory)
{
    bool by_root = signatory->ca.x509 == NULL;
    const struct cm_crl *roots = cm_crl_set_find(&trust->crls, cm_key_hash(trust->root.key));
    const struct cm_crl *own =
        by_root ? NULL : cm_crl_set_find(&trust->crls, cm_key_hash(signatory->ca.key));
    const X509 *issued = by_root ? signatory->leaf.x509 : signatory->ca.x509;
    return (roots != NULL && cm_crl_names(since_ms, roots, issued)) ||
           (own != NULL && cm_crl_names(since_ms, own, signatory->leaf.x509));
}

enum cm_status cm_trust_chain(struct cm_signatory **out, struct cm_trust *trust,
                              const struct cm_bytes *chain, size_t count, int64_t as_of_ms,
                              struct cm_error *error)
{
    *out = NULL;
    if (count == 0 || count > CM_MAX_CHAIN) {
        return refuse(error, "a chain has 1 to 3 certificates");
    }
    struct cm_digest key;
    cm_chain_cache_key(&key, chain, count);
    struct cm_signatory *signatory = cm_chain_cache_find(trust->cache, &key);
    if (signatory == NULL) {
        enum cm_status status = cm_signatory_new(&signatory, &trust->root, chain, count, error);
        if (status != CM_OK) {
            return status;
        }
        cm_chain_cache_put(trust->cache, &key, signatory);
    }
    enum cm_status status = cm_judge(trust, signatory, as_of_ms, error);
    if (status != CM_OK) {
        cm_signatory_unref(signatory);
        return status;
    }
    *out = signatory;
    return CM_OK;
}

static enum cm_status find_signatory(struct cm_signatory **out, struct cm_trust *trust,
                                     const struct cm_signature *signature,
                                     struct cm_signatory *known, int64_t as_of_ms,
                                     struct cm_error *error)
{
    if (signature->chain_count > 0) {
        return cm_trust_chain(out, trust, signature->chain, signature->chain_count, as_of_ms,
                              error);
    }
    if (known == NULL || !cm_digest_equal(&signature->keyid, &known->identity.key_hash)) {
        return refuse(error, "the signature carries no certificates and its key is not known");
    }
    enum cm_status status = cm_judge(trust, known, as_of_ms, error);
    if (status == CM_OK) {
        *out = cm_signatory_ref(known);
    }
    return status;
}

static enum cm_status verify_one(struct cm_signatory **out, struct cm_trust *trust,
                                 const struct cm_envelope *envelope, size_t index,
                                 struct cm_signatory *known, int64_t as_of_ms,
                                 struct cm_error *error)
{
    const struct cm_signature *signature = &envelope->signatures[index];
    enum cm_status status = find_signatory(out, trust, signature, known, as_of_ms, error);
    if (status == CM_OK) {
        status = cm_dsse_verify(envelope, index, (*out)->leaf.key);
        if (status == CM_UNAUTHENTICATED) {
            cm_fail(error, status, "signatures", "the signature does not hold");
        }
    }
    return status;
}

static enum cm_status judge_roles(struct cm_signatory *const signatories[2], size_t count,
                                  const struct cm_family_facts *facts, struct cm_error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum cm_role role = signatories[i]->identity.role;
        if ((facts->signer_roles & (1u << role)) == 0) {
            return cm_fail(error, CM_FORBIDDEN, "signatures", "the role %s may not sign a %s",
                           cm_role_name(role), facts->name);
        }
    }
    if (count == 2) {
        const struct cm_identity *a = &signatories[0]->identity;
        const struct cm_identity *b = &signatories[1]->identity;
        bool one_person = strcmp(a->agency, b->agency) == 0 && strcmp(a->name, b->name) == 0;
        if (one_person || cm_digest_equal(&a->key_hash, &b->key_hash)) {
            return cm_fail(error, CM_FORBIDDEN, "signatures",
                           "two signatures must be of two people with a key each");
        }
    }
    return CM_OK;
}

enum cm_status cm_trust_verify(struct cm_signatory *signatories[2], struct cm_trust *trust,
                               const struct cm_envelope *envelope, struct cm_signatory *known,
                               int64_t as_of_ms, struct cm_error *error)
{
    signatories[0] = NULL;
    signatories[1] = NULL;
    const struct cm_family_facts *facts = cm_family_facts(envelope->family);
    size_t count = envelope->signature_count;
    if (facts == NULL || count == 0 || count > facts->max_signatures) {
        return cm_fail(error, CM_INVALID, "signatures", "too many or too few signatures");
    }
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < count; i++) {
        status = verify_one(&signatories[i], trust, envelope, i, known, as_of_ms, error);
    }
    if (status == CM_OK) {
        status = judge_roles(signatories, count, facts, error);
    }
    if (status != CM_OK) {
        for (size_t i = 0; i < 2; i++) {
            cm_signatory_unref(signatories[i]);
            signatories[i] = NULL;
        }
    }
    return status;
}

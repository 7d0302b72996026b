#include "proto/envelope/dsse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DECIMAL = 24 };

enum cm_status cm_dsse_pae(struct cm_buf *out, struct cm_bytes payload_type,
                           struct cm_bytes payload)
{
    size_t before = out->len;
    enum cm_status status = cm_buf_printf(out, "DSSEv1 %zu ", payload_type.len);
    if (status == CM_OK) {
        status = cm_buf_add(out, payload_type.data, payload_type.len);
    }
    if (status == CM_OK) {
        status = cm_buf_printf(out, " %zu ", payload.len);
    }
    if (status == CM_OK) {
        status = cm_buf_add(out, payload.data, payload.len);
    }
    if (status != CM_OK) {
        out->len = before;
    }
    return status;
}

// SHA-256 of the PAE without building it: payloads go up to 16 MiB.
static enum cm_status hash_pae(struct cm_digest *out, enum cm_family family,
                               struct cm_bytes payload)
{
    const struct cm_family_facts *facts = cm_family_facts(family);
    if (facts == NULL) {
        return CM_INVALID;
    }
    char start[sizeof("DSSEv1  ") + MAX_DECIMAL];
    char middle[sizeof("  ") + MAX_DECIMAL];
    struct cm_bytes type = cm_bytes_of(facts->payload_type);
    snprintf(start, sizeof(start), "DSSEv1 %zu ", type.len);
    snprintf(middle, sizeof(middle), " %zu ", payload.len);
    const struct cm_bytes parts[] = {cm_bytes_of(start), type, cm_bytes_of(middle), payload};
    cm_sha256(out, parts, sizeof(parts) / sizeof(parts[0]));
    return CM_OK;
}

static enum cm_status make_signature(struct cm_signature *out, enum cm_family family,
                                     struct cm_bytes payload, const struct cm_signer *signer,
                                     bool with_chain)
{
    struct cm_digest digest;
    enum cm_status status = hash_pae(&digest, family, payload);
    if (status != CM_OK) {
        return status;
    }
    memset(out, 0, sizeof(*out));
    out->keyid = *cm_signer_key_hash(signer);
    if (with_chain) {
        const struct cm_bytes *chain = cm_signer_chain(signer, &out->chain_count);
        memcpy(out->chain, chain, out->chain_count * sizeof(*chain));
    }
    return cm_signer_digest(out->sig, signer, &digest);
}

enum cm_status cm_dsse_sign(struct cm_buf *out, enum cm_family family, struct cm_bytes payload,
                            const struct cm_signer *signer, bool with_chain)
{
    struct cm_envelope envelope = {.family = family, .payload = payload, .signature_count = 1};
    enum cm_status status =
        make_signature(&envelope.signatures[0], family, payload, signer, with_chain);
    return status == CM_OK ? cm_envelope_encode(out, &envelope) : status;
}

enum cm_status cm_dsse_cosign(struct cm_buf *out, const struct cm_envelope *envelope,
                              const struct cm_signer *signer)
{
    const struct cm_family_facts *facts = cm_family_facts(envelope->family);
    if (facts == NULL || facts->max_signatures < 2 || envelope->signature_count != 1 ||
        cm_digest_equal(&envelope->signatures[0].keyid, cm_signer_key_hash(signer))) {
        return CM_INVALID;
    }
    struct cm_envelope both = *envelope;
    enum cm_status status =
        make_signature(&both.signatures[1], both.family, both.payload, signer, true);
    if (status != CM_OK) {
        return status;
    }
    both.signature_count = 2;
    return cm_envelope_encode(out, &both);
}

enum cm_status cm_dsse_verify(const struct cm_envelope *envelope, size_t index,
                              const struct cm_key *key)
{
    if (index >= envelope->signature_count) {
        return CM_UNAUTHENTICATED;
    }
    const struct cm_signature *signature = &envelope->signatures[index];
    struct cm_digest digest;
    if (!cm_digest_equal(&signature->keyid, cm_key_hash(key)) ||
        hash_pae(&digest, envelope->family, envelope->payload) != CM_OK) {
        return CM_UNAUTHENTICATED;
    }
    return cm_key_verify_digest(key, &digest,
                                (struct cm_bytes){signature->sig, sizeof(signature->sig)});
}

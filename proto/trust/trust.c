#include "proto/trust/trust.h"

#include "proto/trust/snapshot.h"
#include "proto/trust/succession.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// A decoded directory takes more room than its bytes, at most about this much.
enum { ARENA_CAP = 8 * CM_MAX_DIRECTORY };

struct loading {
    struct cm_trust *trust;
    const struct cm_trust *older;
    const struct cm_crl_floors *floors; // or NULL
    int64_t as_of_ms;                   // for the directory and its signer
    int64_t now_ms;                     // for the CRLs
    bool stands; // accepted before: stands also if its signer is revoked by now
    struct cm_directory_bundle bundle;
    struct cm_envelope envelope;
    struct cm_signatory *signer;
    struct cm_error *error;
};

static enum cm_status load_root(struct loading *loading, struct cm_bytes pem)
{
    struct cm_certificate *root = &loading->trust->root;
    enum cm_status status = cm_certificate_parse_pem(root, pem, "root", loading->error);
    if (status != CM_OK) {
        return status;
    }
    if (!cm_certificate_issued(root, root)) {
        return cm_fail(loading->error, CM_UNAUTHENTICATED, "root",
                       "the certificate is not that of a self-signed CA");
    }
    const struct cm_trust *older = loading->older;
    if (older != NULL && !cm_digest_equal(cm_key_hash(older->root.key), cm_key_hash(root->key))) {
        return cm_fail(loading->error, CM_STALE, "root", "this is another federation's root");
    }
    return CM_OK;
}

static enum cm_status open_envelope(struct loading *loading, struct cm_bytes given)
{
    struct cm_trust *trust = loading->trust;
    if (given.len > CM_MAX_BUNDLE) {
        return cm_fail(loading->error, CM_INVALID, "directory", "more than %d bytes",
                       (int)CM_MAX_BUNDLE);
    }
    struct cm_bytes bytes;
    enum cm_status status = cm_arena_bytes(trust->arena, &bytes, given);
    if (status == CM_OK) {
        status = cm_directory_bundle_decode(&loading->bundle, trust->arena, bytes, loading->error);
    }
    if (status == CM_OK) {
        status = cm_envelope_decode(&loading->envelope, trust->arena, loading->bundle.envelope,
                                    loading->error);
    }
    if (status == CM_OK && loading->envelope.family != CM_FAMILY_DIRECTORY) {
        status = cm_fail(loading->error, CM_INVALID, "directory.payload_type",
                         "this envelope holds no directory");
    }
    return status;
}

// The signer is issued by the root, and so known before anything of the directory is believed.
static enum cm_status verify_signature(struct loading *loading)
{
    const struct cm_signature *signature = &loading->envelope.signatures[0];
    enum cm_status status =
        cm_signatory_new(&loading->signer, &loading->trust->root, signature->chain,
                         signature->chain_count, loading->error);
    if (status == CM_OK) {
        status = cm_judge_path(loading->trust, loading->signer, loading->as_of_ms, loading->error);
    }
    if (status == CM_OK) {
        status = cm_dsse_verify(&loading->envelope, 0, loading->signer->leaf.key);
        if (status != CM_OK) {
            cm_fail(loading->error, status, "directory", "the signature does not hold");
        }
    }
    if (status == CM_OK && loading->signer->identity.role != CM_ROLE_DIRECTORY) {
        status = cm_fail(loading->error, CM_FORBIDDEN, "directory",
                         "the role %s may not sign a directory",
                         cm_role_name(loading->signer->identity.role));
    }
    return status;
}

static enum cm_status read_directory(struct loading *loading)
{
    struct cm_trust *trust = loading->trust;
    struct cm_directory *directory = &trust->directory;
    enum cm_status status =
        cm_directory_decode(directory, trust->arena, loading->envelope.payload, loading->error);
    if (status != CM_OK) {
        return status;
    }
    cm_sha256_of(&directory->digest, loading->envelope.payload);
    if (strcmp(directory->federation, loading->signer->identity.federation) != 0) {
        return cm_fail(loading->error, CM_STALE, "directory.federation",
                       "the directory is of another federation");
    }
    if (directory->issued_ms > loading->as_of_ms + CM_SKEW_MS) {
        return cm_fail(loading->error, CM_STALE, "directory.issued_ms",
                       "the directory is dated in the future");
    }
    if (directory->expires_ms <= loading->as_of_ms) {
        cm_fail(loading->error, CM_STALE, "directory.expires_ms", "the directory has expired");
        cm_error_hint(loading->error, "get the current one from the federation's operator");
        return CM_STALE;
    }
    return CM_OK;
}

static enum cm_status judge_lineage(const struct loading *loading)
{
    if (loading->older == NULL) {
        return CM_OK;
    }
    const struct cm_directory *held = &loading->older->directory;
    const struct cm_directory *next = &loading->trust->directory;
    if (next->serial < held->serial) {
        return cm_fail(loading->error, CM_STALE, "directory.serial",
                       "serial %" PRIu64 " is older than %" PRIu64 ", which is held", next->serial,
                       held->serial);
    }
    if (next->serial == held->serial && !cm_digest_equal(&next->digest, &held->digest)) {
        cm_fail(loading->error, CM_STALE, "directory.serial",
                "there are two directories with serial %" PRIu64, next->serial);
        cm_error_hint(loading->error, "the operator must be told: one of them is not genuine");
        return CM_STALE;
    }
    // Past a gap `previous` names a directory that was never seen here.
    if (next->serial - held->serial == 1 && !cm_digest_equal(&next->previous, &held->digest)) {
        cm_fail(loading->error, CM_STALE, "directory.previous",
                "serial %" PRIu64 " does not follow the directory that is held", next->serial);
        cm_error_hint(loading->error, "the operator must be told: one of them is not genuine");
        return CM_STALE;
    }
    return cm_directory_succession(held, next, next->serial - held->serial == 1, loading->error);
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, CM_DIGEST_SIZE);
}

static enum cm_status index_pins(struct cm_trust *trust)
{
    const struct cm_directory *directory = &trust->directory;
    size_t count = 0;
    for (size_t i = 0; i < directory->agency_count; i++) {
        count += directory->agencies[i].ca_pin_count;
    }
    trust->pins = cm_arena_array(trust->arena, count, sizeof(*trust->pins));
    if (trust->pins == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < directory->agency_count; i++) {
        const struct cm_agency *agency = &directory->agencies[i];
        for (size_t j = 0; j < agency->ca_pin_count; j++) {
            trust->pins[trust->pin_count++] = agency->ca_pins[j];
        }
    }
    if (count > 0) {
        qsort(trust->pins, count, sizeof(*trust->pins), compare_digests);
    }
    return CM_OK;
}

static bool signs_crls(void *context, const struct cm_digest *hash)
{
    const struct cm_trust *trust = context;
    return cm_digest_equal(hash, cm_key_hash(trust->root.key)) ||
           (trust->pin_count > 0 && bsearch(hash, trust->pins, trust->pin_count,
                                            sizeof(*trust->pins), compare_digests) != NULL);
}

static enum cm_status load_crls(struct loading *loading)
{
    struct cm_trust *trust = loading->trust;
    enum cm_status status = index_pins(trust);
    if (status != CM_OK) {
        return cm_fail(loading->error, status, "directory", "out of memory");
    }
    // One a CA and one of the root: a relay can't make us verify heaps of others.
    if (loading->bundle.crl_count > trust->pin_count + 1) {
        return cm_fail(loading->error, CM_INVALID, "directory.crls", "more CRLs than CAs");
    }
    const struct cm_crl_source source = {
        .ders = loading->bundle.crls,
        .count = loading->bundle.crl_count,
        .seen = loading->older != NULL ? &loading->older->crls : NULL,
        .floors = loading->floors,
        .accepts = signs_crls,
        .context = trust,
        .root = cm_key_hash(trust->root.key),
        .now_ms = loading->now_ms,
    };
    status = cm_crl_set_init(&trust->crls, &source);
    if (status != CM_OK) {
        return cm_fail(loading->error, status, "directory.crls", "out of memory");
    }
    // Again, now that the root's CRL is known.
    return loading->stands
               ? CM_OK
               : cm_judge_path(trust, loading->signer, loading->as_of_ms, loading->error);
}

// What is handed on and persisted holds the CRLs that stand, not those that came.
static enum cm_status encode_bundle(struct loading *loading)
{
    struct cm_trust *trust = loading->trust;
    struct cm_bytes *ders =
        cm_arena_array(trust->arena, trust->crls.count, sizeof(struct cm_bytes));
    if (ders == NULL) {
        return cm_fail(loading->error, CM_MEMORY, "directory", "out of memory");
    }
    for (size_t i = 0; i < trust->crls.count; i++) {
        ders[i] = trust->crls.crls[i]->der;
    }
    const struct cm_directory_bundle bundle = {loading->bundle.envelope, trust->crls.count, ders};
    enum cm_status status = cm_directory_bundle_encode(&trust->bundle, &bundle);
    return status == CM_OK ? CM_OK : cm_fail(loading->error, status, "directory", "out of memory");
}

static enum cm_status load(struct loading *loading, struct cm_bytes root, struct cm_bytes bundle)
{
    struct cm_trust *trust = loading->trust;
    atomic_init(&trust->references, 1);
    trust->arena = cm_arena_new(ARENA_CAP);
    if (trust->arena == NULL || cm_chain_cache_new(&trust->cache) != CM_OK) {
        return cm_fail(loading->error, CM_MEMORY, "directory", "out of memory");
    }
    enum cm_status status = load_root(loading, root);
    if (status == CM_OK) {
        status = open_envelope(loading, bundle);
    }
    if (status == CM_OK) {
        status = verify_signature(loading);
    }
    if (status == CM_OK) {
        status = read_directory(loading);
    }
    if (status == CM_OK) {
        status = judge_lineage(loading);
    }
    if (status == CM_OK) {
        status = load_crls(loading);
    }
    return status == CM_OK ? encode_bundle(loading) : status;
}

static enum cm_status make(struct cm_trust **out, struct loading *loading, struct cm_bytes root,
                           struct cm_bytes bundle)
{
    *out = NULL;
    loading->trust = calloc(1, sizeof(*loading->trust));
    if (loading->trust == NULL) {
        return cm_fail(loading->error, CM_MEMORY, "directory", "out of memory");
    }
    enum cm_status status = load(loading, root, bundle);
    cm_signatory_unref(loading->signer);
    if (status != CM_OK) {
        cm_trust_unref(loading->trust);
        return status;
    }
    *out = loading->trust;
    return CM_OK;
}

enum cm_status cm_trust_new(struct cm_trust **out, struct cm_bytes root, struct cm_bytes bundle,
                            const struct cm_trust *older, int64_t now_ms, struct cm_error *error)
{
    struct loading loading = {.older = older, .as_of_ms = now_ms, .now_ms = now_ms, .error = error};
    return make(out, &loading, root, bundle);
}

enum cm_status cm_trust_restore(struct cm_trust **out, const struct cm_trust_stored *stored,
                                struct cm_error *error)
{
    struct loading loading = {.older = stored->older,
                              .floors = stored->floors,
                              .as_of_ms = stored->as_of_ms,
                              .now_ms = stored->now_ms,
                              .stands = stored->signer_ended,
                              .error = error};
    return make(out, &loading, stored->root, stored->bundle);
}

struct cm_trust *cm_trust_ref(struct cm_trust *trust)
{
    atomic_fetch_add_explicit(&trust->references, 1, memory_order_relaxed);
    return trust;
}

void cm_trust_unref(struct cm_trust *trust)
{
    if (trust == NULL ||
        atomic_fetch_sub_explicit(&trust->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    cm_chain_cache_free(trust->cache);
    cm_crl_set_clear(&trust->crls);
    cm_certificate_clear(&trust->root);
    cm_buf_clear(&trust->bundle);
    cm_arena_free(trust->arena);
    free(trust);
}

const struct cm_directory *cm_trust_directory(const struct cm_trust *trust)
{
    return &trust->directory;
}

struct cm_bytes cm_trust_bundle(const struct cm_trust *trust)
{
    return cm_buf_bytes(&trust->bundle);
}

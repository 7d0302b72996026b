#include "proto/trust/snapshot.h"

#include <openssl/pem.h>

enum { ARENA_CAP = 8 * CM_MAX_DIRECTORY };

enum cm_status cm_trust_peek(struct cm_trust_peeked *out, struct cm_bytes bundle,
                             struct cm_error *error)
{
    struct cm_directory_bundle parts;
    struct cm_envelope envelope;
    struct cm_directory directory;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (arena == NULL) {
        return cm_fail(error, CM_MEMORY, "directory", "out of memory");
    }
    enum cm_status status = cm_directory_bundle_decode(&parts, arena, bundle, error);
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, arena, parts.envelope, error);
    }
    if (status == CM_OK) {
        status = cm_directory_decode(&directory, arena, envelope.payload, error);
    }
    if (status == CM_OK) {
        *out =
            (struct cm_trust_peeked){directory.serial, directory.issued_ms, directory.expires_ms};
    }
    cm_arena_free(arena);
    return status;
}

enum cm_status cm_trust_archived(struct cm_trust **out, const struct cm_trust *current,
                                 struct cm_bytes bundle, struct cm_error *error)
{
    struct cm_trust_peeked facts;
    char *text = NULL;
    enum cm_status status = cm_trust_peek(&facts, bundle, error);
    if (status != CM_OK) {
        return status;
    }
    BIO *pem = BIO_new(BIO_s_mem());
    if (pem == NULL || PEM_write_bio_X509(pem, current->root.x509) != 1) {
        BIO_free(pem);
        return cm_fail(error, CM_MEMORY, "root", "out of memory");
    }
    long len = BIO_get_mem_data(pem, &text);
    status = cm_trust_new(out, (struct cm_bytes){(const uint8_t *)text, (size_t)len}, bundle, NULL,
                          facts.issued_ms, error);
    BIO_free(pem);
    return status;
}

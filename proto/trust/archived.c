#include "proto/trust/snapshot.h"

#include <openssl/pem.h>

enum { ARENA_CAP = 8 * CM_MAX_DIRECTORY };

// When the directory in bundle says that it was issued; trusted only as far as the signature check
// after it.
static enum cm_status issued_at(int64_t *out, struct cm_bytes bundle, struct cm_error *error)
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
        *out = directory.issued_ms;
    }
    cm_arena_free(arena);
    return status;
}

enum cm_status cm_trust_archived(struct cm_trust **out, const struct cm_trust *current,
                                 struct cm_bytes bundle, struct cm_error *error)
{
    int64_t issued_ms = 0;
    char *text = NULL;
    enum cm_status status = issued_at(&issued_ms, bundle, error);
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
                          issued_ms, error);
    BIO_free(pem);
    return status;
}

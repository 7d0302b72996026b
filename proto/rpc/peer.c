#include "proto/rpc/peer.h"

#include "proto/codec/bounds.h"

#include <grpc/grpc_security.h>
#include <openssl/pem.h>
#include <string.h>

enum { MOST = sizeof((struct cm_peer){0}.chain) / sizeof(struct cm_bytes) };

enum cm_status cm_peer_der(struct cm_buf *out, struct cm_bytes pem, size_t *used)
{
    enum cm_status status = CM_UNAUTHENTICATED;
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    BIO *bio = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    if (!bio) {
        return CM_MEMORY;
    }
    if (PEM_read_bio(bio, &name, &header, &der, &len) != 1 || strcmp(name, PEM_STRING_X509) != 0) {
        goto out;
    }
    if (len <= 0 || len > CM_MAX_CERTIFICATE) {
        goto out;
    }
    *used = pem.len - BIO_ctrl_pending(bio);
    status = cm_buf_add(out, der, (size_t)len);
out:
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return status;
}

static struct cm_bytes property(grpc_auth_context *context, const char *name)
{
    grpc_auth_property_iterator it = grpc_auth_context_find_properties_by_name(context, name);
    const grpc_auth_property *found = grpc_auth_property_iterator_next(&it);
    // A second value would leave open which one TLS verified.
    if (!found || grpc_auth_property_iterator_next(&it)) {
        return CM_BYTES_NONE;
    }
    return (struct cm_bytes){(const uint8_t *)found->value, found->value_length};
}

// Certificates of pem after the leaf, which gRPC's chain holds on one side only.
static enum cm_status add_issuers(struct cm_buf *store, size_t *lens, size_t *count,
                                  struct cm_bytes pem)
{
    while (pem.len && *count < MOST) {
        size_t used = 0;
        size_t start = store->len;
        enum cm_status status = cm_peer_der(store, pem, &used);
        if (status) {
            return status;
        }
        size_t len = store->len - start;
        if (len == lens[0] && memcmp(store->data + start, store->data, len) == 0) {
            store->len = start;
        } else {
            lens[(*count)++] = len;
        }
        pem = (struct cm_bytes){pem.data + used, pem.len - used};
    }
    return CM_OK;
}

enum cm_status cm_peer_of_call(struct cm_peer *peer, struct cm_buf *store, grpc_call *call)
{
    size_t used = 0;
    size_t lens[MOST];
    size_t count = 1;
    *peer = (struct cm_peer){0};
    grpc_auth_context *context = grpc_call_auth_context(call);
    if (!context) {
        return CM_UNAUTHENTICATED;
    }
    enum cm_status status = CM_UNAUTHENTICATED;
    if (!grpc_auth_context_peer_is_authenticated(context)) {
        goto out;
    }
    status = cm_peer_der(store, property(context, GRPC_X509_PEM_CERT_PROPERTY_NAME), &used);
    if (status) {
        goto out;
    }
    lens[0] = store->len;
    status =
        add_issuers(store, lens, &count, property(context, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME));
    if (status) {
        goto out;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        peer->chain[i] = (struct cm_bytes){store->data + at, lens[i]};
        at += lens[i];
    }
    peer->count = count;
out:
    grpc_auth_context_release(context);
    return status;
}

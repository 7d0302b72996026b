#include "proto/envelope/agree.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

enum cm_status cm_agree(uint8_t out[CM_AGREED_SIZE], EVP_PKEY *own, struct cm_bytes theirs)
{
    struct cm_key *form;
    enum cm_status status = cm_key_new(&form, theirs);
    if (status != CM_OK) {
        return status;
    }
    cm_key_free(form);
    const uint8_t *at = theirs.data;
    size_t len = CM_AGREED_SIZE;
    EVP_PKEY *peer = d2i_PUBKEY(NULL, &at, (long)theirs.len);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    bool done = peer != NULL && context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                EVP_PKEY_derive(context, out, &len) == 1 && len == CM_AGREED_SIZE;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    ERR_clear_error();
    return done ? CM_OK : CM_INTERNAL;
}

enum cm_status cm_agree_fresh(uint8_t out[CM_AGREED_SIZE], uint8_t fresh[CM_SPKI_SIZE],
                              struct cm_bytes theirs)
{
    uint8_t *spki = NULL;
    EVP_PKEY *own = EVP_EC_gen("P-256");
    int len = own != NULL ? i2d_PUBKEY(own, &spki) : 0;
    enum cm_status status = CM_INTERNAL;
    if (len == CM_SPKI_SIZE) {
        memcpy(fresh, spki, CM_SPKI_SIZE);
        status = cm_agree(out, own, theirs);
    }
    OPENSSL_free(spki);
    EVP_PKEY_free(own);
    ERR_clear_error();
    return status;
}

#include "proto/trust/recover.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <string.h>

enum { POINT = 65 };

struct numbers {
    BN_CTX *context;
    EC_GROUP *group;
    EC_POINT *r_point;
    EC_POINT *key;
    BIGNUM *e;
    BIGNUM *r_inverse;
    BIGNUM *u1;
    BIGNUM *u2;
};

static bool numbers_init(struct numbers *n, const struct cm_digest *digest)
{
    n->context = BN_CTX_new();
    n->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    if (n->context == NULL || n->group == NULL) {
        return false;
    }
    n->r_point = EC_POINT_new(n->group);
    n->key = EC_POINT_new(n->group);
    n->e = BN_bin2bn(digest->b, CM_DIGEST_SIZE, NULL);
    n->r_inverse = BN_new();
    n->u1 = BN_new();
    n->u2 = BN_new();
    return n->r_point != NULL && n->key != NULL && n->e != NULL && n->r_inverse != NULL &&
           n->u1 != NULL && n->u2 != NULL;
}

static void numbers_clear(struct numbers *n)
{
    BN_free(n->u2);
    BN_free(n->u1);
    BN_free(n->r_inverse);
    BN_free(n->e);
    EC_POINT_free(n->key);
    EC_POINT_free(n->r_point);
    EC_GROUP_free(n->group);
    BN_CTX_free(n->context);
}

// u1 = -e/r, u2 = s/r modulo the order.
static bool multipliers(struct numbers *n, const ECDSA_SIG *pair)
{
    const BIGNUM *order = EC_GROUP_get0_order(n->group);
    const BIGNUM *s = ECDSA_SIG_get0_s(pair);
    return BN_mod_inverse(n->r_inverse, ECDSA_SIG_get0_r(pair), order, n->context) != NULL &&
           BN_mod_mul(n->u1, n->e, n->r_inverse, order, n->context) == 1 &&
           BN_sub(n->u1, order, n->u1) == 1 &&
           BN_mod_mul(n->u2, s, n->r_inverse, order, n->context) == 1;
}

// Q = u1 G + u2 R, where R has x-coordinate r and the given parity. R's x above the order is left
// out: its chance is 2^-128.
static bool candidate(uint8_t spki[CM_SPKI_SIZE], struct numbers *n, const ECDSA_SIG *pair,
                      int parity)
{
    static const uint8_t prefix[CM_SPKI_SIZE - POINT] = {
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
    memcpy(spki, prefix, sizeof(prefix));
    return EC_POINT_set_compressed_coordinates(n->group, n->r_point, ECDSA_SIG_get0_r(pair), parity,
                                               n->context) == 1 &&
           EC_POINT_mul(n->group, n->key, n->u1, n->r_point, n->u2, n->context) == 1 &&
           EC_POINT_point2oct(n->group, n->key, POINT_CONVERSION_UNCOMPRESSED,
                              spki + sizeof(prefix), POINT, n->context) == POINT;
}

size_t cm_recover(uint8_t out[CM_RECOVER_MAX][CM_SPKI_SIZE], const struct cm_digest *digest,
                  struct cm_bytes sig_der)
{
    if (sig_der.len == 0 || sig_der.len > CM_MAX_SIG_DER) {
        return 0;
    }
    size_t count = 0;
    struct numbers n = {0};
    const unsigned char *at = sig_der.data;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)sig_der.len);
    if (pair != NULL && numbers_init(&n, digest) && multipliers(&n, pair)) {
        for (int parity = 0; parity < CM_RECOVER_MAX; parity++) {
            count += candidate(out[count], &n, pair, parity) ? 1 : 0;
        }
    }
    numbers_clear(&n);
    ECDSA_SIG_free(pair);
    ERR_clear_error();
    return count;
}

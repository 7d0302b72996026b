#include "proto/ledger/access.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "comity-access-v1"

enum { DAY = 4, HEAD = DAY + CM_ACCESS_NONCE, LABEL_SIZE = sizeof LABEL - 1 };

static void aad_of(uint8_t out[LABEL_SIZE + CM_DIGEST_SIZE], struct cm_bytes entry)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, entry);
    memcpy(out, LABEL, LABEL_SIZE);
    memcpy(out + LABEL_SIZE, digest.b, sizeof digest.b);
}

static void put_day(uint8_t out[DAY], uint32_t day)
{
    for (unsigned i = 0; i < DAY; i++) {
        out[i] = (uint8_t)(day >> (8 * (DAY - 1 - i)));
    }
}

enum cm_status cm_access_day(uint32_t *out, struct cm_bytes sealed)
{
    if (sealed.len < CM_ACCESS_OVERHEAD) {
        return CM_INVALID;
    }
    *out = 0;
    for (unsigned i = 0; i < DAY; i++) {
        *out = *out << 8 | sealed.data[i];
    }
    return CM_OK;
}

// out: room for the head, clear.len bytes and the tag; the head is there already.
static bool encrypt(uint8_t *out, struct cm_bytes clear, const uint8_t key[CM_DAY_KEY_SIZE],
                    struct cm_bytes entry)
{
    uint8_t aad[LABEL_SIZE + CM_DIGEST_SIZE];
    int len = 0;
    int rest = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    aad_of(aad, entry);
    const bool done =
        context && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, out + DAY) == 1 &&
        EVP_EncryptUpdate(context, NULL, &len, aad, sizeof aad) == 1 &&
        EVP_EncryptUpdate(context, out + HEAD, &len, clear.data, (int)clear.len) == 1 &&
        EVP_EncryptFinal_ex(context, out + HEAD + len, &rest) == 1 &&
        (size_t)len + (size_t)rest == clear.len &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CM_ACCESS_TAG,
                            out + HEAD + clear.len) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

// out: room for sealed less CM_ACCESS_OVERHEAD.
static bool decrypt(uint8_t *out, struct cm_bytes sealed, const uint8_t key[CM_DAY_KEY_SIZE],
                    struct cm_bytes entry)
{
    uint8_t aad[LABEL_SIZE + CM_DIGEST_SIZE];
    uint8_t tag[CM_ACCESS_TAG];
    int len = 0;
    int rest = 0;
    const size_t size = sealed.len - CM_ACCESS_OVERHEAD;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    aad_of(aad, entry);
    memcpy(tag, sealed.data + HEAD + size, sizeof tag);
    const bool done =
        context &&
        EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, sealed.data + DAY) == 1 &&
        EVP_DecryptUpdate(context, NULL, &len, aad, sizeof aad) == 1 &&
        EVP_DecryptUpdate(context, out, &len, sealed.data + HEAD, (int)size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
        EVP_DecryptFinal_ex(context, out + len, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

enum cm_status cm_access_seal(struct cm_buf *out, const struct cm_access *access,
                              struct cm_bytes entry, int64_t recorded_ms, struct cm_day_keys *keys)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    uint8_t *room;
    // Packed in one piece: a buffer that grew would leave clear bytes behind.
    struct cm_buf clear = {.max = CM_MAX_ACCESS_RECORD};
    const uint32_t day = cm_day_of(recorded_ms);
    enum cm_status status = cm_day_keys_get(key, keys, day);
    if (status == CM_OK) {
        status = cm_access_encode(&clear, access);
    }
    if (status == CM_OK) {
        status = cm_buf_reserve(out, clear.len + CM_ACCESS_OVERHEAD, &room);
    }
    if (status == CM_OK) {
        put_day(room, day);
        status = cm_random(room + DAY, CM_ACCESS_NONCE);
    }
    if (status == CM_OK) {
        status = encrypt(room, cm_buf_bytes(&clear), key, entry) ? CM_OK : CM_INTERNAL;
    }
    if (status == CM_OK) {
        out->len += clear.len + CM_ACCESS_OVERHEAD;
    }
    cm_wipe(key, sizeof key);
    cm_wipe(clear.data, clear.len);
    cm_buf_clear(&clear);
    return status;
}

static enum cm_status no_key(struct cm_error *error, struct cm_day_keys *keys, uint32_t day)
{
    char date[CM_DAY_TEXT];
    const bool erased = day < cm_day_keys_erased_before(keys);
    cm_day_format(date, day);
    return cm_fail(error, CM_NOT_FOUND, "access",
                   erased ? "the key of %s was erased, and with it the clear values"
                          : "the key of %s is not here",
                   date);
}

enum cm_status cm_access_open(struct cm_access *out, struct cm_arena *arena, struct cm_bytes sealed,
                              struct cm_bytes entry, struct cm_day_keys *keys,
                              struct cm_error *error)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    uint32_t day;
    if (cm_access_day(&day, sealed) != CM_OK ||
        sealed.len > CM_MAX_ACCESS_RECORD + CM_ACCESS_OVERHEAD) {
        return cm_fail(error, CM_INVALID, "access", "is no access record");
    }
    if (cm_day_keys_get(key, keys, day) != CM_OK) {
        return no_key(error, keys, day);
    }
    const size_t size = sealed.len - CM_ACCESS_OVERHEAD;
    uint8_t *clear = cm_arena_alloc(arena, size);
    enum cm_status status = CM_OK;
    if (!clear) {
        status = cm_fail(error, CM_MEMORY, "access", "no memory to open it");
    } else if (!decrypt(clear, sealed, key, entry)) {
        cm_wipe(clear, size);
        status = cm_fail(error, CM_INVALID, "access",
                         "was altered, or belongs to another entry or another day's key");
    }
    cm_wipe(key, sizeof key);
    return status != CM_OK ? status
                           : cm_access_decode(out, arena, (struct cm_bytes){clear, size}, error);
}

struct place {
    struct cm_digest keyid;
    struct cm_digest chain;
    uint32_t day;
    uint64_t index;
    uint64_t written; // counts up; 0: nothing here
};

struct cm_chain_places {
    size_t count;
    uint64_t written;
    struct place places[];
};

struct cm_chain_places *cm_chain_places_new(size_t count)
{
    struct cm_chain_places *places = NULL;
    if (count > 0 && count <= (SIZE_MAX - sizeof *places) / sizeof places->places[0]) {
        places = calloc(1, sizeof *places + count * sizeof places->places[0]);
    }
    if (places) {
        places->count = count;
    }
    return places;
}

void cm_chain_places_free(struct cm_chain_places *places)
{
    free(places);
}

static bool has_chain(const struct cm_access *access)
{
    return access->question.family != CM_FAMILY_NONE && !access->chain_elsewhere &&
           access->question.signature_count == 1 && access->question.signatures[0].chain_count > 0;
}

static void chain_digest(struct cm_digest *out, const struct cm_signature *signature)
{
    cm_sha256(out, signature->chain, signature->chain_count);
}

// Sets of four, by the key: a signer displaces the oldest of a few.
static struct place *set_of(struct cm_chain_places *places, const struct cm_digest *keyid,
                            size_t *count)
{
    uint32_t hash;
    memcpy(&hash, keyid->b, sizeof hash);
    *count = places->count < 4 ? places->count : 4;
    return &places->places[(hash % (places->count / *count)) * *count];
}

void cm_chain_places_leave_out(struct cm_chain_places *places, struct cm_access *access,
                               int64_t recorded_ms)
{
    struct cm_digest chain;
    size_t count;
    if (!has_chain(access)) {
        return;
    }
    struct cm_signature *signature = &access->question.signatures[0];
    const struct place *set = set_of(places, &signature->keyid, &count);
    chain_digest(&chain, signature);
    for (size_t i = 0; i < count; i++) {
        if (set[i].written > 0 && set[i].day == cm_day_of(recorded_ms) &&
            cm_digest_equal(&set[i].keyid, &signature->keyid) &&
            cm_digest_equal(&set[i].chain, &chain)) {
            signature->chain_count = 0;
            access->chain_elsewhere = true;
            access->chain_at = set[i].index;
            return;
        }
    }
}

void cm_chain_places_written(struct cm_chain_places *places, const struct cm_access *access,
                             int64_t recorded_ms, uint64_t index)
{
    size_t count;
    if (!has_chain(access)) {
        return;
    }
    const struct cm_signature *signature = &access->question.signatures[0];
    struct place *oldest = set_of(places, &signature->keyid, &count);
    struct place *const end = oldest + count;
    for (struct place *place = oldest + 1; place < end; place++) {
        if (place->written < oldest->written) {
            oldest = place;
        }
    }
    *oldest = (struct place){.keyid = signature->keyid,
                             .day = cm_day_of(recorded_ms),
                             .index = index,
                             .written = ++places->written};
    chain_digest(&oldest->chain, signature);
}

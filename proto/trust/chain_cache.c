#include "proto/trust/chain_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 4096 };

struct place {
    struct cm_digest key;
    struct cm_signatory *signatory; // NULL: free
};

struct cm_chain_cache {
    pthread_mutex_t lock;
    struct place places[PLACES];
};

enum cm_status cm_chain_cache_new(struct cm_chain_cache **out)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return CM_MEMORY;
    }
    if (pthread_mutex_init(&(*out)->lock, NULL) != 0) {
        free(*out);
        *out = NULL;
        return CM_MEMORY;
    }
    return CM_OK;
}

void cm_chain_cache_free(struct cm_chain_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < PLACES; i++) {
        cm_signatory_unref(cache->places[i].signatory);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

void cm_chain_cache_key(struct cm_digest *out, const struct cm_bytes *chain, size_t count)
{
    struct cm_digest each[CM_MAX_CHAIN];
    for (size_t i = 0; i < count; i++) {
        cm_sha256_of(&each[i], chain[i]);
    }
    cm_sha256_of(out, (struct cm_bytes){each[0].b, count * sizeof(each[0])});
}

static struct place *place_of(struct cm_chain_cache *cache, const struct cm_digest *key)
{
    uint32_t word;
    memcpy(&word, key->b, sizeof(word));
    return &cache->places[word % PLACES];
}

struct cm_signatory *cm_chain_cache_find(struct cm_chain_cache *cache, const struct cm_digest *key)
{
    struct cm_signatory *found = NULL;
    struct place *place = place_of(cache, key);
    pthread_mutex_lock(&cache->lock);
    if (place->signatory != NULL && cm_digest_equal(&place->key, key)) {
        found = cm_signatory_ref(place->signatory);
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void cm_chain_cache_put(struct cm_chain_cache *cache, const struct cm_digest *key,
                        struct cm_signatory *signatory)
{
    struct place *place = place_of(cache, key);
    pthread_mutex_lock(&cache->lock);
    struct cm_signatory *displaced = place->signatory;
    place->key = *key;
    place->signatory = cm_signatory_ref(signatory);
    pthread_mutex_unlock(&cache->lock);
    cm_signatory_unref(displaced);
}

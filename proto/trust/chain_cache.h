// Chains whose path was verified, by their bytes. Bounded: each has one place, the newer displaces
// the older there. Locks by itself; any thread.
#ifndef CM_TRUST_CHAIN_CACHE_H
#define CM_TRUST_CHAIN_CACHE_H

#include "proto/trust/signatory.h"

struct cm_chain_cache;

enum cm_status cm_chain_cache_new(struct cm_chain_cache **out) CM_MUST_CHECK;
void cm_chain_cache_free(struct cm_chain_cache *cache);

void cm_chain_cache_key(struct cm_digest *out, const struct cm_bytes *chain, size_t count);
// A reference of the caller's, or NULL.
struct cm_signatory *cm_chain_cache_find(struct cm_chain_cache *cache, const struct cm_digest *key);
void cm_chain_cache_put(struct cm_chain_cache *cache, const struct cm_digest *key,
                        struct cm_signatory *signatory);

#endif

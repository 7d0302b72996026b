#include "proto/ledger/cli/digest_set.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

// The slot where digest is or goes; digests are SHA-256, so their bytes are hash enough.
static struct cm_digest *slot_of(const struct cm_digest_set *set, const struct cm_digest *digest)
{
    uint64_t hash;
    memcpy(&hash, digest->b, sizeof hash);
    for (size_t at = hash & (set->cap - 1);; at = (at + 1) & (set->cap - 1)) {
        if (cm_digest_is_zero(&set->slots[at]) || cm_digest_equal(&set->slots[at], digest)) {
            return &set->slots[at];
        }
    }
}

static enum cm_status grow(struct cm_digest_set *set)
{
    struct cm_digest *old = set->slots;
    const size_t old_cap = set->cap;
    const size_t cap = old_cap == 0 ? FIRST : old_cap * 2;
    struct cm_digest *slots = calloc(cap, sizeof *slots);
    if (!slots) {
        return CM_MEMORY;
    }
    set->slots = slots;
    set->cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (!cm_digest_is_zero(&old[i])) {
            *slot_of(set, &old[i]) = old[i];
        }
    }
    free(old);
    return CM_OK;
}

enum cm_status cm_digest_set_add(struct cm_digest_set *set, const struct cm_digest *digest)
{
    if (cm_digest_is_zero(digest) || cm_digest_set_has(set, digest)) {
        return CM_OK;
    }
    if (set->count + 1 > set->cap / 2) {
        const enum cm_status status = grow(set);
        if (status != CM_OK) {
            return status;
        }
    }
    *slot_of(set, digest) = *digest;
    set->count++;
    return CM_OK;
}

bool cm_digest_set_has(const struct cm_digest_set *set, const struct cm_digest *digest)
{
    return set->count > 0 && !cm_digest_is_zero(digest) && !cm_digest_is_zero(slot_of(set, digest));
}

void cm_digest_set_clear(struct cm_digest_set *set)
{
    free(set->slots);
    *set = (struct cm_digest_set){.count = 0};
}

#include "gateway/client/seen.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 1024, SLOT = 16 };

static const uint8_t none[SLOT];

// The slot of digest, or the free one where it belongs.
static uint8_t *slot_of(uint8_t (*slots)[SLOT], size_t cap, const uint8_t digest[SLOT])
{
    size_t at;
    memcpy(&at, digest, sizeof at);
    for (at &= cap - 1;; at = (at + 1) & (cap - 1)) {
        if (memcmp(slots[at], none, SLOT) == 0 || memcmp(slots[at], digest, SLOT) == 0) {
            return slots[at];
        }
    }
}

static enum cm_status grow(struct cm_seen *seen)
{
    size_t cap = seen->cap == 0 ? FIRST_CAP : seen->cap * 2;
    uint8_t(*slots)[SLOT] = calloc(cap, SLOT);
    if (slots == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < seen->cap; i++) {
        if (memcmp(seen->slots[i], none, SLOT) != 0) {
            memcpy(slot_of(slots, cap, seen->slots[i]), seen->slots[i], SLOT);
        }
    }
    free(seen->slots);
    seen->slots = slots;
    seen->cap = cap;
    return CM_OK;
}

enum cm_status cm_seen_add(struct cm_seen *seen, bool *fresh, int64_t captured_at_ms,
                           const char *agency, const char *event_id)
{
    if (seen->count >= seen->cap / 2 && grow(seen) != CM_OK) {
        return CM_MEMORY;
    }
    struct cm_digest digest;
    struct cm_bytes parts[] = {
        {(const uint8_t *)&captured_at_ms, sizeof captured_at_ms},
        {(const uint8_t *)agency, strlen(agency) + 1},
        cm_bytes_of(event_id),
    };
    cm_sha256(&digest, parts, sizeof parts / sizeof parts[0]);
    uint8_t *slot = slot_of(seen->slots, seen->cap, digest.b);
    *fresh = memcmp(slot, none, SLOT) == 0;
    if (*fresh) {
        memcpy(slot, digest.b, SLOT);
        seen->count++;
    }
    return CM_OK;
}

void cm_seen_clear(struct cm_seen *seen)
{
    free(seen->slots);
    *seen = (struct cm_seen){0};
}

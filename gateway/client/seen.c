#include "gateway/client/seen.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 1024, SLOT = 16, KEY = SLOT - 1 };

// The slot of the digest, or the free one where it belongs: its answer is 0.
static uint8_t *slot_of(uint8_t (*slots)[SLOT], size_t cap, const uint8_t *digest)
{
    size_t at;
    memcpy(&at, digest, sizeof at);
    for (at &= cap - 1;; at = (at + 1) & (cap - 1)) {
        if (slots[at][KEY] == 0 || memcmp(slots[at], digest, KEY) == 0) {
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
        if (seen->slots[i][KEY] != 0) {
            memcpy(slot_of(slots, cap, seen->slots[i]), seen->slots[i], SLOT);
        }
    }
    free(seen->slots);
    seen->slots = slots;
    seen->cap = cap;
    return CM_OK;
}

void cm_seen_begin(struct cm_seen *seen)
{
    seen->answer++;
    seen->of_answer = 0;
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
    *fresh = slot[KEY] == 0;
    if (*fresh) {
        memcpy(slot, digest.b, KEY);
        seen->count++;
        seen->unaccounted++;
    }
    seen->of_answer += slot[KEY] != seen->answer;
    slot[KEY] = seen->answer;
    return CM_OK;
}

void cm_seen_account(struct cm_seen *seen)
{
    seen->unaccounted = seen->count - seen->of_answer;
}

void cm_seen_clear(struct cm_seen *seen)
{
    free(seen->slots);
    *seen = (struct cm_seen){0};
}

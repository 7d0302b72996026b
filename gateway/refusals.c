#include "gateway/refusals.h"

#include <stdlib.h>
#include <string.h>

// Whom a full table forgets begins afresh: more is then recorded, never less.
enum { PLACES = 4096, WAYS = 4 };

const struct cm_pace_rate cm_refusals_of_key = {10, 5000};
const struct cm_pace_rate cm_refusals_of_agency = {50, 1000};
const struct cm_pace_rate cm_refusals_of_all = {200, 200};

struct place {
    struct cm_digest of;
    struct cm_pace pace;
};

struct cm_refusals {
    struct place places[PLACES]; // of keys and agencies
    struct cm_pace all;
    uint64_t counts[CM_MAX_REJECTED_CODES]; // by enum cm_status
    int64_t from_ms;                        // wall clock: the first of them
    int64_t since_ms;                       // monotonic; 0: none
    struct cm_rejected_count list[CM_MAX_REJECTED_CODES];
};

struct cm_refusals *cm_refusals_new(void)
{
    return calloc(1, sizeof(struct cm_refusals));
}

void cm_refusals_free(struct cm_refusals *refusals)
{
    free(refusals);
}

static struct cm_pace *pace_of(struct cm_refusals *refusals, const struct cm_digest *of)
{
    size_t first = (((size_t)of->b[0] << 8) | of->b[1]) * WAYS % PLACES;
    struct place *oldest = &refusals->places[first];
    for (size_t i = first; i < first + WAYS; i++) {
        struct place *place = &refusals->places[i];
        if (cm_digest_equal(&place->of, of)) {
            return &place->pace;
        }
        if (place->pace.used_until_ms < oldest->pace.used_until_ms) {
            oldest = place;
        }
    }
    *oldest = (struct place){.of = *of};
    return &oldest->pace;
}

bool cm_refusals_admit(struct cm_refusals *refusals, const struct cm_digest *key,
                       const char *agency, int64_t now_ms)
{
    struct cm_digest id;
    cm_sha256_of(&id, cm_bytes_of(agency));
    struct cm_pace *of_key = pace_of(refusals, key);
    if (cm_pace_wait(of_key, &cm_refusals_of_key, now_ms) > 0 ||
        cm_pace_wait(&refusals->all, &cm_refusals_of_all, now_ms) > 0) {
        return false;
    }
    struct cm_pace *of_agency = pace_of(refusals, &id);
    if (cm_pace_wait(of_agency, &cm_refusals_of_agency, now_ms) > 0) {
        return false;
    }
    cm_pace_use(of_agency, &cm_refusals_of_agency, now_ms);
    cm_pace_use(&refusals->all, &cm_refusals_of_all, now_ms);
    cm_pace_use(pace_of(refusals, key), &cm_refusals_of_key, now_ms);
    return true;
}

void cm_refusals_count(struct cm_refusals *refusals, enum cm_status code, int64_t wall_ms,
                       int64_t now_ms)
{
    if (code <= CM_OK || (unsigned)code >= CM_MAX_REJECTED_CODES) {
        code = CM_INTERNAL;
    }
    refusals->counts[code]++;
    if (refusals->since_ms == 0) {
        refusals->since_ms = now_ms;
        refusals->from_ms = wall_ms;
    }
}

bool cm_refusals_take(struct cm_entry *out, struct cm_refusals *refusals, int64_t wall_ms,
                      int64_t now_ms)
{
    if (refusals->since_ms == 0 || now_ms - refusals->since_ms < CM_REFUSALS_COUNT_MS) {
        return false;
    }
    *out = (struct cm_entry){
        .kind = CM_ENTRY_REJECTED,
        .from_ms = refusals->from_ms,
        // A clock that was set back makes no minute that ends before it begins.
        .to_ms = wall_ms < refusals->from_ms ? refusals->from_ms : wall_ms,
        .counts = refusals->list,
    };
    for (uint32_t code = 0; code < CM_MAX_REJECTED_CODES; code++) {
        if (refusals->counts[code] > 0) {
            refusals->list[out->count_count++] =
                (struct cm_rejected_count){code, refusals->counts[code]};
        }
    }
    memset(refusals->counts, 0, sizeof refusals->counts);
    refusals->since_ms = 0;
    return true;
}

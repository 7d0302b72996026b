#include "gateway/refusals.h"

#include <stdlib.h>

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

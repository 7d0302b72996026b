#include "gateway/admit.h"

#include "proto/base/task.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 500, SLOTS = 1024, SIGNER_PARTS = 8, AGENCY_PARTS = 4 };

struct cm_counter {
    struct cm_map_node node;
    unsigned held;
    uint64_t bytes;
    uint8_t key[];
};

struct cm_admit {
    struct cm_admit_limits limits;
    unsigned inside;
    uint64_t bytes;
    struct cm_map signers;
    struct cm_map agencies;
};

enum cm_status cm_admit_new(struct cm_admit **out, const struct cm_admit_limits *limits)
{
    struct cm_admit *admit = calloc(1, sizeof *admit);
    if (!admit) {
        return CM_MEMORY;
    }
    admit->limits = *limits;
    if (cm_map_init(&admit->signers, SLOTS) || cm_map_init(&admit->agencies, SLOTS)) {
        cm_admit_free(admit);
        return CM_MEMORY;
    }
    *out = admit;
    return CM_OK;
}

static void free_all(struct cm_map *map)
{
    struct cm_map_node *node;
    while (map->slots && (node = cm_map_next(map, NULL))) {
        cm_map_remove(map, node);
        free(CM_CONTAINER(node, struct cm_counter, node));
    }
    cm_map_clear(map);
}

void cm_admit_free(struct cm_admit *admit)
{
    if (!admit) {
        return;
    }
    free_all(&admit->signers);
    free_all(&admit->agencies);
    free(admit);
}

static enum cm_status full(const struct cm_admit *admit, struct cm_error *error, const char *whose,
                           unsigned limit)
{
    cm_fail(error, CM_EXHAUSTED, "gateway", "%s has %u %s, as many as it may", whose, limit,
            admit->limits.what);
    cm_error_hint(error, "ask again when one of them has ended");
    if (error) {
        error->retry_after_ms = RETRY_MS;
    }
    return CM_EXHAUSTED;
}

static bool over(const struct cm_admit *admit, uint64_t bytes, uint64_t parts)
{
    return admit->limits.bytes && bytes >= admit->limits.bytes / parts;
}

static enum cm_status too_much(struct cm_error *error, const char *whose)
{
    cm_fail(error, CM_EXHAUSTED, "gateway", "answers that wait fill the memory of %s", whose);
    cm_error_hint(error, "ask again when they have been taken");
    if (error) {
        error->retry_after_ms = 2 * RETRY_MS;
    }
    return CM_EXHAUSTED;
}

enum cm_status cm_admit_enter(struct cm_admit *admit, struct cm_admission *admission,
                              struct cm_error *error)
{
    if (admit->inside >= admit->limits.total) {
        return full(admit, error, "the gateway", admit->limits.total);
    }
    admit->inside++;
    admission->entered = true;
    return CM_OK;
}

// The counter under key, made when there is none; NULL when out of memory.
static struct cm_counter *counter_of(struct cm_map *map, struct cm_bytes key)
{
    struct cm_map_node *node = cm_map_find(map, key);
    if (node) {
        return CM_CONTAINER(node, struct cm_counter, node);
    }
    struct cm_counter *counter = calloc(1, sizeof *counter + key.len);
    if (!counter) {
        return NULL;
    }
    memcpy(counter->key, key.data, key.len);
    counter->node.key = (struct cm_bytes){counter->key, key.len};
    cm_map_add(map, &counter->node);
    return counter;
}

static void give(struct cm_map *map, struct cm_counter **held)
{
    struct cm_counter *counter = *held;
    *held = NULL;
    if (!counter || --counter->held > 0) {
        return;
    }
    cm_map_remove(map, &counter->node);
    free(counter);
}

static enum cm_status take(const struct cm_admit *admit, struct cm_map *map,
                           struct cm_counter **held, struct cm_bytes key, unsigned limit,
                           uint64_t parts, const char *whose, struct cm_error *error)
{
    struct cm_counter *counter = counter_of(map, key);
    if (!counter) {
        return cm_fail(error, CM_MEMORY, "gateway", "out of memory");
    }
    if (counter->held >= limit) {
        return full(admit, error, whose, limit);
    }
    if (over(admit, counter->bytes, parts)) {
        return too_much(error, whose);
    }
    counter->held++;
    *held = counter;
    return CM_OK;
}

enum cm_status cm_admit_share(struct cm_admit *admit, struct cm_admission *admission,
                              const struct cm_digest *signer, const char *agency,
                              struct cm_error *error)
{
    if (over(admit, admit->bytes, 1)) {
        return too_much(error, "the gateway");
    }
    enum cm_status status =
        take(admit, &admit->signers, &admission->signer, cm_bytes_digest(signer),
             admit->limits.per_signer, SIGNER_PARTS, "this key", error);
    if (status) {
        return status;
    }
    status = take(admit, &admit->agencies, &admission->agency, cm_bytes_of(agency),
                  admit->limits.per_agency, AGENCY_PARTS, "this agency", error);
    if (status) {
        give(&admit->signers, &admission->signer);
    }
    return status;
}

void cm_admit_hold(struct cm_admit *admit, const struct cm_admission *admission, uint64_t before,
                   uint64_t now)
{
    admit->bytes += now - before;
    if (admission->signer) {
        admission->signer->bytes += now - before;
    }
    if (admission->agency) {
        admission->agency->bytes += now - before;
    }
}

uint64_t cm_admit_bytes(const struct cm_admit *admit)
{
    return admit->bytes;
}

bool cm_admit_crowds(const struct cm_admit *admit, const struct cm_admission *admission)
{
    return over(admit, admit->bytes, 1) &&
           ((admission->signer && over(admit, admission->signer->bytes, SIGNER_PARTS)) ||
            (admission->agency && over(admit, admission->agency->bytes, AGENCY_PARTS)));
}

void cm_admit_leave(struct cm_admit *admit, struct cm_admission *admission)
{
    give(&admit->signers, &admission->signer);
    give(&admit->agencies, &admission->agency);
    if (admission->entered) {
        admit->inside--;
    }
    admission->entered = false;
}

unsigned cm_admit_inside(const struct cm_admit *admit)
{
    return admit->inside;
}

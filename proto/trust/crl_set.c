#include "proto/trust/crl_set.h"

#include "proto/base/log.h"
#include "proto/envelope/table.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LIFE_MS = 24 * 3600 * 1000 };

struct entry {
    struct cm_crl *crl;
    bool seen;
};

struct build {
    const struct cm_crl_source *source;
    struct entry *entries;
    size_t count;
    size_t left_out;
    struct cm_error first;  // why the first was left out
    struct cm_table *known; // digests of source->seen: needn't be verified again
};

// By issuer, then the highest number, then the one seen before.
static int compare(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = memcmp(a->crl->issuer.b, b->crl->issuer.b, CM_DIGEST_SIZE);
    if (order == 0) {
        order = (a->crl->number < b->crl->number) - (a->crl->number > b->crl->number);
    }
    return order != 0 ? order : (int)b->seen - (int)a->seen;
}

static void add(struct build *build, struct cm_crl *crl, bool seen)
{
    build->entries[build->count++] = (struct entry){crl, seen};
}

static enum cm_status add_seen(struct build *build)
{
    const struct cm_crl_set *seen = build->source->seen;
    if (seen == NULL || seen->count == 0) {
        return CM_OK;
    }
    enum cm_status status = cm_table_new(&build->known, seen->count);
    for (size_t i = 0; status == CM_OK && i < seen->count; i++) {
        struct cm_crl *crl = seen->crls[i];
        (void)cm_table_add(build->known, &crl->digest);
        if (build->source->accepts(build->source->context, &crl->issuer)) {
            add(build, cm_crl_ref(crl), true);
        }
    }
    return status;
}

static void leave_out(struct build *build, const struct cm_error *why)
{
    if (build->left_out++ == 0) {
        build->first = *why;
    }
}

// A list that isn't in seen, as when its CA was not pinned for a while, must not be an older one.
static bool goes_back(const struct cm_crl_source *source, const struct cm_crl *crl)
{
    return (source->seen != NULL &&
            crl->number < cm_crl_floors_find(&source->seen->floors, &crl->issuer)) ||
           (source->floors != NULL &&
            crl->number < cm_crl_floors_find(source->floors, &crl->issuer));
}

static enum cm_status add_new(struct build *build, struct cm_bytes der)
{
    const struct cm_crl_source *source = build->source;
    struct cm_digest digest;
    cm_sha256_of(&digest, der);
    if (build->known != NULL && cm_table_find(build->known, &digest) != CM_TABLE_NONE) {
        return CM_OK;
    }
    struct cm_crl *crl;
    struct cm_error error = {0};
    enum cm_status status =
        cm_crl_parse(&crl, der, source->accepts, source->context, source->now_ms, &error);
    if (status == CM_MEMORY) {
        return status;
    }
    if (status == CM_OK && crl->next_update_ms - crl->this_update_ms > MAX_LIFE_MS &&
        !cm_digest_equal(&crl->issuer, source->root)) {
        status = cm_fail(&error, CM_UNAUTHENTICATED, "crls", "the CRL lives more than 24 hours");
        cm_crl_unref(crl);
    } else if (status == CM_OK && goes_back(source, crl)) {
        status = cm_fail(&error, CM_STALE, "crls", "the CRL is older than one seen before");
        cm_crl_unref(crl);
    }
    if (status != CM_OK) {
        leave_out(build, &error);
        return CM_OK;
    }
    add(build, crl, false);
    return CM_OK;
}

static enum cm_status keep_highest(struct cm_crl_set *out, struct build *build)
{
    if (build->count == 0) {
        return CM_OK;
    }
    out->crls = calloc(build->count, sizeof(struct cm_crl *));
    out->floors.list = calloc(build->count, sizeof(*out->floors.list));
    if (out->crls == NULL || out->floors.list == NULL) {
        return CM_MEMORY;
    }
    qsort(build->entries, build->count, sizeof(*build->entries), compare);
    for (size_t i = 0; i < build->count; i++) {
        struct cm_crl *crl = build->entries[i].crl;
        if (out->count == 0 || !cm_digest_equal(&out->crls[out->count - 1]->issuer, &crl->issuer)) {
            out->crls[out->count++] = cm_crl_ref(crl);
            out->floors.list[out->floors.count++] = (struct cm_crl_floor){crl->issuer, crl->number};
        }
    }
    return CM_OK;
}

static enum cm_status raise_floors(struct cm_crl_set *out, const struct cm_crl_source *source)
{
    enum cm_status status = CM_OK;
    if (source->seen != NULL) {
        status = cm_crl_floors_merge(&out->floors, &source->seen->floors);
    }
    if (status == CM_OK && source->floors != NULL) {
        status = cm_crl_floors_merge(&out->floors, source->floors);
    }
    return status;
}

enum cm_status cm_crl_set_init(struct cm_crl_set *out, const struct cm_crl_source *source)
{
    *out = (struct cm_crl_set){0};
    struct build build = {.source = source};
    size_t most = source->count + (source->seen != NULL ? source->seen->count : 0);
    if (most == 0) {
        return raise_floors(out, source);
    }
    enum cm_status status = CM_MEMORY;
    build.entries = calloc(most, sizeof(*build.entries));
    if (build.entries == NULL) {
        goto out;
    }
    status = add_seen(&build);
    for (size_t i = 0; status == CM_OK && i < source->count; i++) {
        status = add_new(&build, source->ders[i]);
    }
    if (status == CM_OK) {
        status = keep_highest(out, &build);
    }
    if (status == CM_OK) {
        status = raise_floors(out, source);
    }
    if (build.left_out > 0) {
        cm_log(CM_LOG_WARNING, "crls-left-out", "count=%zu first=\"%s\"", build.left_out,
               build.first.text);
    }
out:
    for (size_t i = 0; i < build.count; i++) {
        cm_crl_unref(build.entries[i].crl);
    }
    free(build.entries);
    cm_table_free(build.known);
    return status;
}

void cm_crl_set_clear(struct cm_crl_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        cm_crl_unref(set->crls[i]);
    }
    free(set->crls);
    cm_crl_floors_clear(&set->floors);
    *set = (struct cm_crl_set){0};
}

static int compare_issuer(const void *key, const void *element)
{
    const struct cm_digest *issuer = key;
    const struct cm_crl *const *crl = element;
    return memcmp(issuer->b, (*crl)->issuer.b, CM_DIGEST_SIZE);
}

const struct cm_crl *cm_crl_set_find(const struct cm_crl_set *set, const struct cm_digest *issuer)
{
    if (set->count == 0) {
        return NULL;
    }
    struct cm_crl *const *found =
        bsearch(issuer, set->crls, set->count, sizeof(*set->crls), compare_issuer);
    return found != NULL ? *found : NULL;
}

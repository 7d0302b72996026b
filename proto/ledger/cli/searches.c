#include "proto/ledger/cli/searches_internal.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a year of a large agency may need; past it a shorter period helps.
static const size_t memory_cap = (size_t)16 << 30;

struct word {
    const char *text;
};

static int compare_searches(const void *a, const void *b)
{
    const struct cm_search *left = a;
    const struct cm_search *right = b;
    return memcmp(left->digest.b, right->digest.b, sizeof left->digest.b);
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

static void keep(void *node)
{
    (void)node; // the arena's
}

struct cm_searches *cm_searches_new(void)
{
    struct cm_searches *searches = calloc(1, sizeof *searches);
    if (searches == NULL) {
        return NULL;
    }
    searches->arena = cm_arena_new(memory_cap);
    searches->scratch = cm_arena_new((size_t)CM_MAX_MANIFEST * 16);
    if (searches->arena == NULL || searches->scratch == NULL) {
        cm_searches_free(searches);
        return NULL;
    }
    return searches;
}

void cm_searches_free(struct cm_searches *searches)
{
    if (searches == NULL) {
        return;
    }
    tdestroy(searches->by_digest, keep);
    tdestroy(searches->words, keep);
    free(searches->list);
    cm_arena_free(searches->arena);
    cm_arena_free(searches->scratch);
    free(searches);
}

const struct cm_source *cm_searches_sources(const struct cm_searches *searches)
{
    return searches->sources;
}

struct cm_arena *cm_searches_arena(struct cm_searches *searches)
{
    return searches->arena;
}

const char *cm_searches_word(struct cm_searches *searches, const char *word)
{
    const struct word wanted = {.text = word};
    const struct word *const *there = tfind(&wanted, &searches->words, compare_words);
    if (there != NULL) {
        return (*there)->text;
    }
    struct word *fresh = cm_arena_alloc(searches->arena, sizeof *fresh);
    char *text = cm_arena_string(searches->arena, cm_bytes_of(word));
    if (fresh == NULL || text == NULL) {
        return NULL;
    }
    fresh->text = text;
    return tsearch(fresh, &searches->words, compare_words) != NULL ? text : NULL;
}

struct cm_search *cm_searches_find(const struct cm_searches *searches,
                                   const struct cm_digest *digest)
{
    const struct cm_search wanted = {.digest = *digest};
    struct cm_search *const *there = tfind(&wanted, &searches->by_digest, compare_searches);
    return there != NULL ? *there : NULL;
}

struct cm_search *cm_searches_make(struct cm_searches *searches, const struct cm_digest *digest)
{
    struct cm_search *search = cm_searches_find(searches, digest);
    if (search != NULL) {
        return search;
    }
    search = cm_arena_alloc(searches->arena, sizeof *search);
    if (search == NULL) {
        return NULL;
    }
    search->digest = *digest;
    search->when_ms = INT64_MAX;
    search->end = &search->sightings;
    if (tsearch(search, &searches->by_digest, compare_searches) == NULL) {
        return NULL;
    }
    searches->count++;
    return search;
}

static void fill(const void *node, VISIT visit, void *context)
{
    struct cm_search ***next = context;
    if (visit == postorder || visit == leaf) {
        *(*next)++ = *(struct cm_search *const *)node;
    }
}

static int compare_times(const void *a, const void *b)
{
    const struct cm_search *left = *(struct cm_search *const *)a;
    const struct cm_search *right = *(struct cm_search *const *)b;
    if (left->when_ms != right->when_ms) {
        return left->when_ms < right->when_ms ? -1 : 1;
    }
    return compare_searches(left, right);
}

enum cm_status cm_searches_list(struct cm_search *const **out, size_t *count,
                                struct cm_searches *searches)
{
    free(searches->list);
    searches->list = calloc(searches->count + 1, sizeof *searches->list);
    if (searches->list == NULL) {
        return CM_MEMORY;
    }
    struct cm_search **next = searches->list;
    twalk_r(searches->by_digest, fill, &next);
    qsort(searches->list, searches->count, sizeof *searches->list, compare_times);
    *out = searches->list;
    *count = searches->count;
    return CM_OK;
}

// "<federation>/<agency>/node/<name>", "<federation>/gateway/<name>", each perhaps with
// "/epoch/<n>" behind.
static bool read_origin(struct cm_source *source, struct cm_searches *searches, const char *origin)
{
    char text[CM_MAX_ORIGIN + 1];
    char *parts[5] = {NULL};
    size_t count = 0;
    snprintf(text, sizeof text, "%s", origin);
    char *epoch = strstr(text, "/epoch/");
    if (epoch != NULL) {
        *epoch = '\0';
    }
    source->origin = cm_searches_word(searches, text);
    char *rest = text;
    while (rest != NULL && count < 5) {
        parts[count++] = strsep(&rest, "/");
    }
    if (count == 4 && strcmp(parts[2], "node") == 0) {
        source->agency = cm_searches_word(searches, parts[1]);
    } else if (count == 3 && strcmp(parts[1], "gateway") == 0) {
        source->gateway = cm_searches_word(searches, parts[2]);
    }
    return source->origin != NULL && (source->agency != NULL || source->gateway != NULL);
}

enum cm_status cm_searches_source(struct cm_source **out, struct cm_searches *searches,
                                  struct cm_ledger_folder *folder, unsigned party,
                                  struct cm_error *error)
{
    const struct cm_audit_record *record;
    const char *path = cm_ledger_folder_path(folder);
    enum cm_status status = cm_ledger_folder_next(&record, folder, error);
    if (status != CM_OK) {
        return status;
    }
    if (record == NULL) {
        return cm_fail(error, CM_NOT_FOUND, path, "the ledger has no entry yet");
    }
    struct cm_source *source = cm_arena_alloc(searches->arena, sizeof *source);
    if (source == NULL) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    source->path = cm_searches_word(searches, path);
    source->party = party;
    source->epochs = cm_ledger_folder_epochs(folder);
    if (source->path == NULL || !read_origin(source, searches, record->checkpoint.origin)) {
        return cm_fail(error, CM_INVALID, path, "its origin is neither a node's nor a gateway's");
    }
    struct cm_source **last = &searches->sources;
    while (*last != NULL) {
        source->number = (*last)->number + 1;
        last = &(*last)->next;
    }
    *last = source;
    *out = source;
    return cm_ledger_folder_rewind(folder, error);
}

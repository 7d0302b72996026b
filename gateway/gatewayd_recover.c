// What a crash left open: queries that the ledger has without telling how they ended. Their copies
// are made from what is sealed beside them, without the answers, which nobody knows any more.
// Start-up.
#include "gateway/gatewayd_internal.h"

#include "proto/base/folder.h"
#include "proto/base/log.h"
#include "proto/ledger/log_reader.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_OPEN = 65536, AT_ONCE = 512, ARENA = 64 * 1024 * 1024 };

static enum cm_status open_more(struct cm_gatewayd *d)
{
    size_t cap = d->open_cap ? 2 * d->open_cap : 64;
    struct cm_gatewayd_open *more = realloc(d->open, cap * sizeof *more);
    if (!more) {
        return CM_MEMORY;
    }
    d->open = more;
    d->open_cap = cap;
    return CM_OK;
}

// A query ends soon after it began: its place is near the end of the list.
static void close_open(struct cm_gatewayd *d, uint64_t index)
{
    for (size_t i = d->open_count; i-- > 0;) {
        if (d->open[i].index == index) {
            d->open_count--;
            memmove(&d->open[i], &d->open[i + 1], (d->open_count - i) * sizeof d->open[0]);
            return;
        }
    }
}

enum cm_status cm_gatewayd_recall(struct cm_gatewayd *d, uint64_t index,
                                  const struct cm_entry *entry)
{
    if (entry->kind == CM_ENTRY_MANIFEST) {
        close_open(d, entry->gateway_index);
    }
    if (entry->kind != CM_ENTRY_QUERY) {
        return CM_OK;
    }
    if (d->open_count == MAX_OPEN) {
        cm_log(CM_LOG_ERROR, "copy-not-made", "index=%llu why=\"too many queries left open\"",
               (unsigned long long)d->open[0].index);
        close_open(d, d->open[0].index);
    }
    if (d->open_count == d->open_cap && open_more(d)) {
        return CM_MEMORY;
    }
    d->open[d->open_count++] = (struct cm_gatewayd_open){index, entry->digest, entry->recorded_ms};
    return CM_OK;
}

// An entry with its access record, as they lie in the log.
struct found {
    uint64_t index;
    struct cm_bytes entry, access;
};

// Those of list (ascending by index) that the log has.
static enum cm_status fetch(const char *folder, struct cm_arena *arena, struct found *list,
                            size_t count, struct cm_error *error)
{
    struct cm_log_reader *reader;
    struct cm_log_item item = {.type = CM_ITEM_CHECKPOINT};
    size_t next = 0;
    enum cm_status status = cm_log_reader_open(&reader, folder, NULL, error);
    if (status) {
        return status;
    }
    while (!status && next < count && item.type != CM_ITEM_END) {
        status = cm_log_reader_next(&item, reader, error);
        if (status || item.type != CM_ITEM_ENTRY || item.index != list[next].index) {
            continue;
        }
        status = cm_arena_bytes(arena, &list[next].entry, item.entry);
        if (!status) {
            status = cm_arena_bytes(arena, &list[next].access, item.access);
        }
        next++;
    }
    cm_log_reader_free(reader);
    return status ? cm_fail(error, status, folder, "what a crash left open can't be read") : CM_OK;
}

static int by_index(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static const struct found *find(const struct found *list, size_t count, uint64_t index)
{
    const struct found key = {.index = index};
    return count ? bsearch(&key, list, count, sizeof *list, by_index) : NULL;
}

// One that is left open, as far as it can be read.
struct question {
    struct cm_access access;
    bool readable;
};

static void open_question(struct question *out, struct cm_gatewayd *d, struct cm_arena *arena,
                          const struct found *found)
{
    struct cm_error error = {0};
    enum cm_status status =
        cm_access_open(&out->access, arena, found->access, found->entry, d->keys, &error);
    if (!status && out->access.question.family != CM_FAMILY_QUERY) {
        status = cm_fail(&error, CM_NOT_FOUND, "access", "no question lies beside it");
    }
    out->readable = !status;
    if (status) {
        cm_log(CM_LOG_WARNING, "question-not-read", "index=%llu why=\"%s\"",
               (unsigned long long)found->index, error.text);
    }
}

static bool add_chain(struct question *question, struct cm_gatewayd *d, struct cm_arena *arena,
                      const struct found *chains, size_t count)
{
    struct cm_access with;
    const struct found *found = find(chains, count, question->access.chain_at);
    if (!found || !found->entry.len ||
        cm_access_open(&with, arena, found->access, found->entry, d->keys, NULL) ||
        with.question.signature_count == 0) {
        return false;
    }
    struct cm_signature *into = &question->access.question.signatures[0];
    const struct cm_signature *from = &with.question.signatures[0];
    into->chain_count = from->chain_count;
    memcpy(into->chain, from->chain, sizeof into->chain);
    return true;
}

static uint64_t number_of(const struct cm_gatewayd *d, const struct cm_gatewayd_open *open)
{
    return cm_copy_number(d->gateway.epoch, open->index);
}

// The end that a stored copy tells of: written before the crash, answers and all.
static enum cm_status end_of_stored(struct cm_query_end *out, struct cm_gatewayd *d,
                                    const char *agency, const struct cm_gatewayd_open *open)
{
    char folder[PATH_MAX];
    struct cm_attach_down down;
    struct cm_manifest manifest;
    struct cm_buf bytes = {0};
    struct cm_arena *arena = cm_arena_new(ARENA);
    enum cm_status status =
        arena ? cm_folder_path(folder, d->config->data, "copies", NULL) : CM_MEMORY;
    if (!status) {
        status = cm_spool_read(&bytes, folder, agency, number_of(d, open), d->keys, NULL);
    }
    if (!status) {
        status = cm_attach_down_decode(&down, arena, cm_buf_bytes(&bytes), NULL);
    }
    if (!status) {
        status = down.kind == CM_DOWN_COPY
                     ? cm_manifest_decode(&manifest, arena, down.copy.manifest.payload, NULL)
                     : CM_INVALID;
    }
    if (!status && !cm_digest_equal(&manifest.query_digest, &open->digest)) {
        status = CM_INVALID;
    }
    if (!status) {
        *out = (struct cm_query_end){.digest = open->digest,
                                     .index = open->index,
                                     .asked = (uint32_t)down.copy.leaf_count,
                                     .answered = manifest.counts[CM_OUTCOME_ANSWERED],
                                     .rows = manifest.rows};
        cm_sha256_of(&out->manifest, down.copy.manifest.payload);
    }
    cm_wipe(bytes.data, bytes.len);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
    return status;
}

static enum cm_status make_copy(struct cm_gatewayd *d, struct cm_arena *arena,
                                const struct cm_gatewayd_open *open, const struct found *found,
                                const struct question *question)
{
    struct cm_query query;
    struct cm_identity signer;
    struct cm_tree_head *head = cm_ledger_head(d->ledger);
    struct cm_gatewayd_asked asked = {
        .question = &question->access.question,
        .digest = &open->digest,
        .index = open->index,
        .recorded_ms = open->recorded_ms,
        .record = {found->entry, head->note, {0}},
    };
    enum cm_status status = cm_query_decode(&query, arena, question->access.question.payload, NULL);
    if (!status) {
        status = cm_identity_parse(&signer, cm_bytes_of(query.signer), NULL);
    }
    if (!status) {
        status = cm_ledger_prove_inclusion(&asked.record.inclusion, arena, d->ledger, open->index,
                                           head->checkpoint.size);
    }
    if (status) {
        return status;
    }
    if (!cm_copies_stored(d->copies, signer.agency, number_of(d, open))) {
        cm_gatewayd_bare_copy(d, arena, signer.agency, &asked);
        return CM_OK;
    }
    struct cm_query_end end;
    status = end_of_stored(&end, d, signer.agency, open);
    if (!status) {
        cm_gatewayd_safe(d, &end, false);
    }
    return status;
}

static enum cm_status recover(struct cm_gatewayd *d, struct cm_arena *arena, const char *folder,
                              const struct cm_gatewayd_open *open, size_t count,
                              struct cm_error *error)
{
    size_t chain_count = 0;
    struct found *found = cm_arena_array(arena, count, sizeof *found);
    struct found *chains = cm_arena_array(arena, count, sizeof *chains);
    struct question *questions = cm_arena_array(arena, count, sizeof *questions);
    if (!found || !chains || !questions) {
        return cm_fail(error, CM_MEMORY, folder, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        found[i].index = open[i].index;
    }
    enum cm_status status = fetch(folder, arena, found, count, error);
    for (size_t i = 0; !status && i < count; i++) {
        open_question(&questions[i], d, arena, &found[i]);
        if (questions[i].readable && questions[i].access.chain_elsewhere &&
            !find(chains, chain_count, questions[i].access.chain_at)) {
            chains[chain_count++].index = questions[i].access.chain_at;
            qsort(chains, chain_count, sizeof *chains, by_index);
        }
    }
    if (!status && chain_count > 0) {
        status = fetch(folder, arena, chains, chain_count, error);
    }
    for (size_t i = 0; !status && i < count; i++) {
        struct question *one = &questions[i];
        bool whole = one->readable && (!one->access.chain_elsewhere ||
                                       add_chain(one, d, arena, chains, chain_count));
        if (!whole || make_copy(d, arena, &open[i], &found[i], one)) {
            cm_log(CM_LOG_ERROR, "copy-not-made", "index=%llu", (unsigned long long)open[i].index);
        }
    }
    return status;
}

enum cm_status cm_gatewayd_recover(struct cm_gatewayd *d, const char *folder,
                                   struct cm_error *error)
{
    enum cm_status status = CM_OK;
    if (d->open_count > 0) {
        cm_log(CM_LOG_WARNING, "queries-left-open", "count=%zu", d->open_count);
    }
    for (size_t at = 0; !status && at < d->open_count; at += AT_ONCE) {
        size_t count = d->open_count - at < AT_ONCE ? d->open_count - at : AT_ONCE;
        struct cm_arena *arena = cm_arena_new(ARENA);
        status = arena ? recover(d, arena, folder, &d->open[at], count, error)
                       : cm_fail(error, CM_MEMORY, "gateway", "out of memory");
        cm_arena_free(arena);
    }
    free(d->open);
    d->open = NULL;
    d->open_count = d->open_cap = 0;
    return status;
}

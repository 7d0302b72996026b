// From a ledger's entries to sightings.
#include "proto/ledger/cli/searches_internal.h"

#include "proto/trust/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How good it is for reading: a search is as readable as the best of its sightings.
static unsigned rank(enum cm_audit_clear clear)
{
    switch (clear) {
    case CM_CLEAR_OPEN:
        return 4;
    case CM_CLEAR_DAMAGED:
        return 3;
    case CM_CLEAR_ERASED:
        return 2;
    case CM_CLEAR_NO_KEY:
        return 1;
    case CM_CLEAR_NONE:
    case CM_CLEAR_COUNT:
        return 0;
    }
    return 0;
}

static bool begins_search(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_QUERY || kind == CM_ENTRY_NODE || kind == CM_ENTRY_COPY ||
           kind == CM_ENTRY_REACH || kind == CM_ENTRY_REFUSED;
}

static bool follows_search(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_RELEASE || kind == CM_ENTRY_MANIFEST;
}

static bool set_word(const char **out, struct cm_searches *searches, const char *text)
{
    *out = cm_searches_word(searches, text != NULL ? text : "");
    return *out != NULL;
}

static bool set_text(const char **out, struct cm_searches *searches, const char *text)
{
    *out =
        text == NULL || text[0] == '\0' ? "" : cm_arena_string(searches->arena, cm_bytes_of(text));
    return *out != NULL;
}

// What is no SPIFFE name is all name.
static bool set_person(struct cm_search_values *values, struct cm_searches *searches,
                       const char *spiffe)
{
    struct cm_identity who;
    const bool usual = cm_identity_parse(&who, cm_bytes_of(spiffe), NULL) == CM_OK;
    return set_word(&values->person, searches, spiffe) &&
           set_word(&values->agency, searches, usual ? who.agency : "") &&
           set_word(&values->role, searches, usual ? cm_role_name(who.role) : "") &&
           set_word(&values->name, searches, usual ? who.name : spiffe);
}

static const struct cm_search_values *values_of(struct cm_searches *searches,
                                                const struct cm_audit_record *record)
{
    const struct cm_query *query = &record->query;
    const char *supervisor = record->approved ? record->approval.supervisor : "";
    struct cm_search_values *values = cm_arena_alloc(searches->arena, sizeof *values);
    if (values == NULL || !set_person(values, searches, query->signer) ||
        !set_text(&values->plate, searches, query->plate.plate) ||
        !set_word(&values->state, searches, query->plate.state) ||
        !set_word(&values->purpose, searches, query->purpose) ||
        !set_word(&values->case_number, searches, query->case_number) ||
        !set_word(&values->reason, searches, query->reason) ||
        !set_word(&values->on_behalf_of, searches, query->on_behalf_of) ||
        !set_word(&values->court_order, searches, query->court_order) ||
        !set_word(&values->approved_by, searches, supervisor) ||
        !set_word(&values->gateway, searches, query->gateway)) {
        return NULL;
    }
    values->key_hash = query->key_hash;
    values->action = query->action;
    values->window = query->window;
    values->issued_ms = query->issued_ms;
    values->deadline_ms = query->deadline_ms;
    return values;
}

static bool wanted_agency(const struct cm_gather *gather, const char *agency)
{
    for (size_t i = 0; i < gather->agency_count; i++) {
        if (strcmp(gather->agencies[i], agency) == 0) {
            return true;
        }
    }
    return false;
}

static bool keep_accounts(struct cm_manifest_seen *seen, struct cm_searches *searches,
                          const struct cm_manifest *manifest, const struct cm_gather *gather)
{
    size_t count = 0;
    for (size_t i = 0; i < manifest->account_count; i++) {
        count += wanted_agency(gather, manifest->accounts[i].agency);
    }
    struct cm_account_seen *kept = cm_arena_array(searches->arena, count, sizeof *kept);
    if (kept == NULL) {
        return false;
    }
    seen->accounts = kept;
    for (size_t i = 0; i < manifest->account_count; i++) {
        const struct cm_account *account = &manifest->accounts[i];
        if (!wanted_agency(gather, account->agency)) {
            continue;
        }
        struct cm_account_seen *one = &kept[seen->account_count++];
        *one = (struct cm_account_seen){.outcome = account->outcome,
                                        .rows = account->rows,
                                        .last_header = account->last_header,
                                        .elapsed_ms = account->elapsed_ms,
                                        .recorded = !cm_digest_is_zero(&account->record_digest)};
        if (!set_word(&one->agency, searches, account->agency)) {
            return false;
        }
    }
    return true;
}

// A manifest that isn't the one its entry names is not believed.
static enum cm_status keep_manifest(struct cm_sighting *sighting, struct cm_searches *searches,
                                    const struct cm_audit_record *record,
                                    const struct cm_gather *gather)
{
    struct cm_manifest manifest;
    struct cm_digest digest;
    const struct cm_envelope *envelope = &record->access.manifest;
    if (record->clear != CM_CLEAR_OPEN || envelope->family != CM_FAMILY_MANIFEST ||
        sighting->refused_unread) {
        return CM_OK;
    }
    cm_sha256_of(&digest, envelope->payload);
    if (!cm_digest_equal(&digest, &record->entry.last_digest) ||
        cm_manifest_decode(&manifest, searches->scratch, envelope->payload, NULL) != CM_OK ||
        !cm_digest_equal(&manifest.query_digest, &record->entry.digest)) {
        sighting->clear = CM_CLEAR_DAMAGED;
        return CM_OK;
    }
    struct cm_manifest_seen *seen = cm_arena_alloc(searches->arena, sizeof *seen);
    if (seen == NULL) {
        return CM_MEMORY;
    }
    seen->started_ms = manifest.started_ms;
    seen->finished_ms = manifest.finished_ms;
    seen->cut = manifest.cut;
    memcpy(seen->counts, manifest.counts, sizeof seen->counts);
    sighting->manifest = seen;
    sighting->answered = manifest.counts[CM_OUTCOME_ANSWERED];
    return keep_accounts(seen, searches, &manifest, gather) ? CM_OK : CM_MEMORY;
}

// Commitments are mostly equal in all sightings: they are kept once.
static bool keep_commitments(struct cm_sighting *sighting, struct cm_searches *searches,
                             const struct cm_search *search, const struct cm_entry *entry)
{
    const struct cm_sighting *first = search->sightings;
    if (!entry->committed) {
        return true;
    }
    if (first != NULL && first->commitments != NULL &&
        memcmp(first->commitments, &entry->commitments, sizeof entry->commitments) == 0) {
        sighting->commitments = first->commitments;
        return true;
    }
    struct cm_commitments *own = cm_arena_alloc(searches->arena, sizeof *own);
    if (own != NULL) {
        *own = entry->commitments;
    }
    sighting->commitments = own;
    return own != NULL;
}

static bool fill_sighting(struct cm_sighting *sighting, struct cm_searches *searches,
                          const struct cm_audit_record *record)
{
    const struct cm_entry *entry = &record->entry;
    const bool in_own = entry->kind == CM_ENTRY_QUERY || entry->kind == CM_ENTRY_REACH ||
                        entry->kind == CM_ENTRY_REFUSED;
    const char *own_gateway = in_own ? sighting->source->gateway : "";
    sighting->kind = entry->kind;
    sighting->epoch = record->epoch;
    sighting->index = record->index;
    sighting->recorded_ms = entry->recorded_ms;
    sighting->clear = record->clear;
    sighting->replay_key = entry->replay_key;
    sighting->gateway_index = in_own ? record->index : entry->gateway_index;
    sighting->attempt = entry->attempt;
    sighting->permitted = entry->permitted;
    sighting->refused_unread = cm_audit_record_refused(record);
    sighting->refusal =
        entry->kind == CM_ENTRY_COPY ? record->gateway_entry.refusal : entry->refusal;
    sighting->release = entry->release;
    sighting->rows = entry->rows;
    sighting->last_digest = entry->last_digest;
    sighting->asked =
        entry->kind == CM_ENTRY_COPY ? (uint32_t)record->access.leaf_count : entry->decisions;
    sighting->answered = entry->answered;
    if (record->clear == CM_CLEAR_OPEN && record->asked != CM_FAMILY_NONE) {
        cm_query_replay_key(&sighting->replay_key, &record->query);
    }
    return set_word(&sighting->gateway, searches, in_own ? own_gateway : entry->gateway) &&
           set_word(&sighting->rule, searches,
                    entry->kind == CM_ENTRY_REFUSED ? entry->text : entry->deciding_rule);
}

static enum cm_status add_sighting(struct cm_searches *searches, struct cm_search *search,
                                   const struct cm_source *source,
                                   const struct cm_audit_record *record,
                                   const struct cm_gather *gather)
{
    struct cm_sighting *sighting = cm_arena_alloc(searches->arena, sizeof *sighting);
    if (sighting == NULL) {
        return CM_MEMORY;
    }
    sighting->source = source;
    if (!fill_sighting(sighting, searches, record) ||
        !keep_commitments(sighting, searches, search, &record->entry)) {
        return CM_MEMORY;
    }
    *search->end = sighting;
    search->end = &sighting->next;
    return keep_manifest(sighting, searches, record, gather);
}

static enum cm_status add_values(struct cm_searches *searches, struct cm_search *search,
                                 const struct cm_audit_record *record)
{
    if (rank(record->clear) > rank(search->clear)) {
        search->clear = record->clear;
    }
    search->reach |= record->entry.kind == CM_ENTRY_REACH || record->asked == CM_FAMILY_REACH;
    if (search->values == NULL && record->clear == CM_CLEAR_OPEN &&
        record->asked != CM_FAMILY_NONE) {
        search->values = values_of(searches, record);
        return search->values != NULL ? CM_OK : CM_MEMORY;
    }
    return CM_OK;
}

static enum cm_status take(struct cm_searches *searches, const struct cm_source *source,
                           const struct cm_audit_record *record, const struct cm_gather *gather)
{
    const enum cm_entry_kind kind = record->entry.kind;
    const int64_t when = cm_audit_record_asked_ms(record);
    const bool in_period = when >= gather->from_ms && when < gather->to_ms;
    struct cm_search *search = NULL;
    if (follows_search(kind)) {
        search = cm_searches_find(searches, &record->entry.digest);
        return search == NULL ? CM_OK : add_sighting(searches, search, source, record, gather);
    }
    if (!in_period) {
        return CM_OK;
    }
    if (!begins_search(kind)) {
        return gather->other != NULL ? gather->other(gather->context, source, record) : CM_OK;
    }
    if (gather->wants != NULL && !gather->wants(gather->context, record)) {
        return CM_OK;
    }
    search = cm_searches_make(searches, &record->entry.digest);
    if (search == NULL) {
        return CM_MEMORY;
    }
    search->when_ms = when < search->when_ms ? when : search->when_ms;
    enum cm_status status = add_values(searches, search, record);
    return status != CM_OK ? status : add_sighting(searches, search, source, record, gather);
}

static void count_entry(struct cm_source *source, const struct cm_audit_record *record)
{
    const int64_t when = record->entry.recorded_ms;
    source->first_ms = source->entries == 0 || when < source->first_ms ? when : source->first_ms;
    source->last_ms = source->entries == 0 || when > source->last_ms ? when : source->last_ms;
    source->entries++;
}

enum cm_status cm_searches_gather(struct cm_searches *searches, struct cm_source *source,
                                  struct cm_ledger_folder *folder, const struct cm_gather *gather,
                                  struct cm_error *error)
{
    const struct cm_audit_record *record;
    enum cm_status status;
    while ((status = cm_ledger_folder_next(&record, folder, error)) == CM_OK && record != NULL) {
        cm_arena_reset(searches->scratch);
        count_entry(source, record);
        status = gather->each != NULL ? gather->each(gather->context, source, record) : CM_OK;
        if (status == CM_OK) {
            status = take(searches, source, record, gather);
        }
        if (status == CM_MEMORY) {
            cm_error_fill(error, status, source->path, "too many searches for this memory");
            cm_error_hint(error, "give a shorter period with --from and --to");
        }
        if (status != CM_OK) {
            break;
        }
    }
    source->checkpoint = cm_ledger_folder_state(folder)->checkpoint;
    return status;
}

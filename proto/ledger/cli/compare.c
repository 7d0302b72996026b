// Which searches both parties have, which are the same under another digest, which are missing.
#include "proto/ledger/cli/compare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 24 * 3600 * 1000, MAX_NAMESAKES = 64 };

const char *cm_finding_name(enum cm_finding_kind kind)
{
    static const char *const names[CM_FINDING_COUNT] = {
        [CM_FINDING_NONE] = "none",
        [CM_FINDING_MISSING] = "missing",
        [CM_FINDING_ALTERED] = "altered",
        [CM_FINDING_DIFFERS] = "differs",
        [CM_FINDING_CONTRADICTED] = "contradicted",
    };
    return names[kind < CM_FINDING_COUNT ? kind : CM_FINDING_NONE];
}

const char *cm_uncompared_text(enum cm_uncompared why)
{
    static const char *const texts[CM_UNCOMPARED_COUNT] = {
        [CM_UNCOMPARED_ERASED] = "whose requester or manifest was erased, or has no key here",
        [CM_UNCOMPARED_OUTSIDE] = "outside what the other party's ledgers cover",
        [CM_UNCOMPARED_NO_END] = "without an end at the gateway, so without a copy",
        [CM_UNCOMPARED_CUT_OFF] = "cut off: only the gateway's ledger can say how they ended",
        [CM_UNCOMPARED_NO_RELEASE] = "whose answer has no recorded end at the node",
        [CM_UNCOMPARED_NOT_SAID] = "of which no manifest here says whether the agency was asked",
        [CM_UNCOMPARED_NO_ACCOUNT] =
            "whose end the gateway doesn't know, as after a crash: only the copy can say it",
        [CM_UNCOMPARED_DAMAGED] = "whose clear values are not what was committed to: run verify",
    };
    return texts[why < CM_UNCOMPARED_COUNT ? why : CM_UNCOMPARED_NOT_SAID];
}

enum cm_status cm_compare_find(struct cm_compare *compare, const struct cm_finding *finding,
                               const char *format, ...)
{
    char text[512];
    va_list list;
    struct cm_arena *arena = cm_searches_arena(compare->searches);
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct cm_finding *kept = cm_arena_alloc(arena, sizeof *kept);
    if (kept == NULL) {
        return CM_MEMORY;
    }
    *kept = *finding;
    kept->next = NULL;
    kept->text = cm_arena_string(arena, cm_bytes_of(text));
    *compare->end = kept;
    compare->end = &kept->next;
    compare->finding_count++;
    return kept->text != NULL ? CM_OK : CM_MEMORY;
}

static unsigned party_bit(const struct cm_sighting *seen)
{
    return 1u << seen->source->party;
}

static bool is_query(const struct cm_sighting *seen)
{
    return seen->kind == CM_ENTRY_QUERY || seen->kind == CM_ENTRY_NODE ||
           (seen->kind == CM_ENTRY_COPY && !seen->refused_unread);
}

// Whose ledgers have it, as bits. What was refused at the door, or only asked about reach, is in
// one ledger alone by right.
static unsigned parties_of(const struct cm_search *search)
{
    unsigned mask = 0;
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        mask |= is_query(seen) && !search->reach ? party_bit(seen) : 0;
    }
    return mask;
}

// A search under one of the names that both parties know it by.
struct name {
    struct cm_digest key;
    struct cm_search *search;
};

struct names {
    struct name *list;
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    return memcmp(((const struct name *)a)->key.b, ((const struct name *)b)->key.b, CM_DIGEST_SIZE);
}

// Where a gateway recorded it: of 2^64 indices each is one search of that gateway's epoch.
static void place_key(struct cm_digest *out, const struct cm_sighting *seen)
{
    uint8_t index[8];
    for (size_t i = 0; i < sizeof index; i++) {
        index[i] = (uint8_t)(seen->gateway_index >> (8 * i));
    }
    const struct cm_bytes parts[] = {{index, sizeof index}, cm_bytes_of(seen->gateway)};
    cm_sha256(out, parts, 2);
}

static size_t names_of(struct name out[2], struct cm_search *search, const struct cm_sighting *seen)
{
    size_t count = 0;
    if (!is_query(seen)) {
        return 0;
    }
    if (!cm_digest_is_zero(&seen->replay_key)) {
        out[count++] = (struct name){seen->replay_key, search};
    }
    if (seen->gateway[0] != '\0') {
        out[count].search = search;
        place_key(&out[count++].key, seen);
    }
    return count;
}

// All searches by their names.
static enum cm_status collect(struct names *names, struct cm_search *const *list, size_t count)
{
    size_t room = 0;
    for (size_t i = 0; i < count; i++) {
        for (const struct cm_sighting *s = list[i]->sightings; s != NULL; s = s->next) {
            room += 2;
        }
    }
    names->list = calloc(room + 1, sizeof *names->list);
    if (names->list == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        for (const struct cm_sighting *s = list[i]->sightings; s != NULL && !list[i]->reach;
             s = s->next) {
            names->count += names_of(&names->list[names->count], list[i], s);
        }
    }
    qsort(names->list, names->count, sizeof *names->list, compare_names);
    return CM_OK;
}

static bool near(const struct cm_search *a, const struct cm_search *b)
{
    const int64_t apart = a->when_ms - b->when_ms;
    return apart > -DAY_MS && apart < DAY_MS;
}

static struct cm_search *twin_by(const struct names *names, const struct name *name)
{
    const struct name *found =
        bsearch(name, names->list, names->count, sizeof *names->list, compare_names);
    if (found == NULL) {
        return NULL;
    }
    while (found > names->list && compare_names(found - 1, name) == 0) {
        found--;
    }
    // Names are unique among honest entries: a forger's heap of equal ones costs this much each.
    for (unsigned tries = 0; tries < MAX_NAMESAKES && found < names->list + names->count &&
                             compare_names(found, name) == 0;
         tries++, found++) {
        // What the other party has, alone or as both do: its own node may hold the true one too.
        if (found->search->mark == NULL && near(found->search, name->search) &&
            (parties_of(found->search) & ~parties_of(name->search)) != 0) {
            return found->search;
        }
    }
    return NULL;
}

static struct cm_search *twin_of(const struct names *names, struct cm_search *search)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        struct name own[2];
        const size_t count = names_of(own, search, seen);
        for (size_t i = 0; i < count; i++) {
            struct cm_search *twin = twin_by(names, &own[i]);
            if (twin != NULL) {
                return twin;
            }
        }
    }
    return NULL;
}

unsigned cm_compare_parts(const struct cm_commitments *a, const struct cm_commitments *b)
{
    unsigned parts = 0;
    parts |= cm_digest_equal(&a->requester, &b->requester) ? 0 : (unsigned)CM_PART_REQUESTER;
    parts |= cm_digest_equal(&a->agency, &b->agency) ? 0 : (unsigned)CM_PART_AGENCY;
    parts |= cm_digest_equal(&a->plate, &b->plate) ? 0 : (unsigned)CM_PART_PLATE;
    parts |= cm_digest_equal(&a->purpose, &b->purpose) ? 0 : (unsigned)CM_PART_PURPOSE;
    parts |= cm_digest_equal(&a->case_number, &b->case_number) ? 0 : (unsigned)CM_PART_CASE;
    parts |= cm_digest_equal(&a->reason, &b->reason) ? 0 : (unsigned)CM_PART_REASON;
    return parts;
}

static unsigned clear_parts(const struct cm_search_values *a, const struct cm_search_values *b)
{
    unsigned parts = 0;
    parts |= strcmp(a->person, b->person) == 0 ? 0 : (unsigned)CM_PART_REQUESTER;
    parts |= strcmp(a->agency, b->agency) == 0 ? 0 : (unsigned)CM_PART_AGENCY;
    parts |= strcmp(a->plate, b->plate) == 0 ? 0 : (unsigned)CM_PART_PLATE;
    parts |= strcmp(a->purpose, b->purpose) == 0 ? 0 : (unsigned)CM_PART_PURPOSE;
    parts |= strcmp(a->case_number, b->case_number) == 0 ? 0 : (unsigned)CM_PART_CASE;
    parts |= strcmp(a->reason, b->reason) == 0 ? 0 : (unsigned)CM_PART_REASON;
    return parts;
}

static const struct cm_commitments *commitments_of(const struct cm_search *search)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        if (seen->commitments != NULL) {
            return seen->commitments;
        }
    }
    return NULL;
}

static enum cm_status find_altered(struct cm_compare *compare, struct cm_search *search,
                                   struct cm_search *twin)
{
    struct cm_finding finding = {.kind = CM_FINDING_ALTERED, .search = search, .twin = twin};
    const struct cm_commitments *a = commitments_of(search);
    const struct cm_commitments *b = commitments_of(twin);
    const char *why = "the same search with another digest";
    search->mark = twin;
    twin->mark = search;
    if (search->values != NULL && twin->values != NULL) {
        finding.parts = clear_parts(search->values, twin->values);
        why = finding.parts == 0 ? "the same search with another digest: time, window, agencies or "
                                   "evidence differ"
                                 : why;
    } else if (a != NULL && b != NULL) {
        finding.parts = cm_compare_parts(a, b);
        why = finding.parts == CM_PART_ALL
                  ? "the same search with another digest: all commitments differ, so their blind "
                    "does, and what else can't be told"
                  : why;
    }
    return cm_compare_find(compare, &finding, "%s", why);
}

static bool in_period(const struct cm_compare *compare, const struct cm_search *search)
{
    return search->when_ms >= compare->from_ms && search->when_ms < compare->to_ms;
}

// Does what another wrote of it belong to a ledger whose entries reach from first to last?
static bool covers(const struct cm_compare *compare, int64_t first_ms, int64_t last_ms,
                   int64_t when_ms)
{
    return when_ms >= first_ms && when_ms + compare->skew_ms <= last_ms;
}

// A party's ledgers of one agency, or of one gateway, as one.
struct holder {
    const char *origin;
    int64_t first_ms, last_ms;
    bool any;
};

enum holder_kind { NODES, GATEWAY };

static struct holder holder_of(const struct cm_compare *compare, unsigned party,
                               enum holder_kind kind, const char *name)
{
    struct holder holder = {0};
    for (const struct cm_source *s = cm_searches_sources(compare->searches); s != NULL;
         s = s->next) {
        const char *own = kind == NODES ? s->agency : s->gateway;
        if (s->party != party || own == NULL || strcmp(own, name) != 0) {
            continue;
        }
        holder.first_ms =
            !holder.any || s->first_ms < holder.first_ms ? s->first_ms : holder.first_ms;
        holder.last_ms = s->last_ms > holder.last_ms ? s->last_ms : holder.last_ms;
        holder.origin = s->origin;
        holder.any = true;
    }
    return holder;
}

static enum cm_status lacks(struct cm_compare *compare, const struct cm_search *search,
                            unsigned party, const struct holder *holder, const char *what)
{
    if (!covers(compare, holder->first_ms, holder->last_ms, search->when_ms)) {
        compare->uncompared[CM_UNCOMPARED_OUTSIDE]++;
        return CM_OK;
    }
    const struct cm_finding finding = {
        .kind = CM_FINDING_MISSING, .search = search, .party = party};
    return cm_compare_find(compare, &finding, "in %s: %s", holder->origin, what);
}

// No copy of a question that was refused: that says nothing of the one that was not.
static const struct cm_sighting *sighting(const struct cm_search *search, unsigned party,
                                          enum cm_entry_kind kind, const char *agency)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        if (seen->source->party == party && seen->kind == kind &&
            (is_query(seen) || kind != CM_ENTRY_COPY) &&
            (agency == NULL ||
             (seen->source->agency != NULL && strcmp(seen->source->agency, agency) == 0))) {
            return seen;
        }
    }
    return NULL;
}

// What a node recorded names the gateway's entry: the gateway has it or wrote another history.
static enum cm_status expect_gateway(struct cm_compare *compare, const struct cm_search *search,
                                     unsigned party)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        if (seen->source->party == party || !is_query(seen) || seen->kind == CM_ENTRY_QUERY) {
            continue;
        }
        const struct holder holder = holder_of(compare, party, GATEWAY, seen->gateway);
        if (!holder.any) {
            continue;
        }
        // An erased copy does not say whether it is of a question that was refused.
        const bool refused = seen->clear != CM_CLEAR_OPEN && seen->kind == CM_ENTRY_COPY &&
                             sighting(search, party, CM_ENTRY_REFUSED, NULL) != NULL;
        if (refused || sighting(search, party, CM_ENTRY_QUERY, NULL) != NULL) {
            return CM_OK;
        }
        return lacks(compare, search, party, &holder,
                     "no entry of it, though a node was shown one");
    }
    return CM_OK;
}

static bool any_kind(const struct cm_search *search, enum cm_entry_kind kind)
{
    return sighting(search, 0, kind, NULL) != NULL || sighting(search, 1, kind, NULL) != NULL;
}

static bool completed(const struct cm_search *search, unsigned party)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        const bool node = seen->kind == CM_ENTRY_NODE && !seen->permitted;
        const bool release =
            seen->kind == CM_ENTRY_RELEASE && seen->release != CM_RELEASE_CANCELLED;
        if (seen->source->party == party && (node || release)) {
            return true;
        }
    }
    return false;
}

// The requester's agency gets a copy once the gateway has signed the manifest.
static enum cm_status expect_copy(struct cm_compare *compare, const struct cm_search *search,
                                  unsigned party)
{
    if (search->values == NULL) {
        // Whose it was can't be read: it counts where that party has nodes and not the search.
        bool nodes = false;
        for (const struct cm_source *s = cm_searches_sources(compare->searches); s != NULL;
             s = s->next) {
            nodes = nodes || (s->party == party && s->agency != NULL);
        }
        if (nodes && !(parties_of(search) & 1u << party)) {
            compare->uncompared[search->clear == CM_CLEAR_DAMAGED ? CM_UNCOMPARED_DAMAGED
                                                                  : CM_UNCOMPARED_ERASED]++;
        }
        return CM_OK;
    }
    const char *agency = search->values->agency;
    const struct holder holder = holder_of(compare, party, NODES, agency);
    if (!holder.any || sighting(search, party, CM_ENTRY_COPY, agency) != NULL) {
        return CM_OK;
    }
    if (any_kind(search, CM_ENTRY_QUERY) && !any_kind(search, CM_ENTRY_MANIFEST)) {
        compare->uncompared[CM_UNCOMPARED_NO_END]++;
        return CM_OK;
    }
    if (!any_kind(search, CM_ENTRY_QUERY) && !completed(search, 1 - party)) {
        compare->uncompared[CM_UNCOMPARED_CUT_OFF]++;
        return CM_OK;
    }
    return lacks(compare, search, party, &holder,
                 "no copy of what its own person asked: dropped, or it still waits at the gateway");
}

static const struct cm_account_seen *account_of(const struct cm_manifest_seen *manifest,
                                                const char *agency)
{
    for (size_t i = 0; manifest != NULL && i < manifest->account_count; i++) {
        if (strcmp(manifest->accounts[i].agency, agency) == 0) {
            return &manifest->accounts[i];
        }
    }
    return NULL;
}

static const struct cm_manifest_seen *manifest_of(const struct cm_search *search, unsigned party)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        if (seen->source->party == party && seen->manifest != NULL) {
            return seen->manifest;
        }
    }
    return NULL;
}

// The manifest says that an agency answered: its node recorded the question first.
static enum cm_status expect_node(struct cm_compare *compare, const struct cm_search *search,
                                  unsigned party, const char *agency)
{
    const unsigned other = 1 - party;
    const struct cm_manifest_seen *manifest = manifest_of(search, other);
    if (sighting(search, party, CM_ENTRY_NODE, agency) != NULL) {
        return CM_OK;
    }
    if (manifest == NULL) {
        const bool copy = sighting(search, other, CM_ENTRY_COPY, NULL) != NULL;
        const bool query = sighting(search, other, CM_ENTRY_QUERY, NULL) != NULL;
        compare->uncompared[CM_UNCOMPARED_ERASED] += copy;
        compare->uncompared[CM_UNCOMPARED_NOT_SAID] += !copy && query;
        return CM_OK;
    }
    const struct cm_account_seen *account = account_of(manifest, agency);
    if (account == NULL || !(account->recorded || account->outcome == CM_OUTCOME_ANSWERED ||
                             account->outcome == CM_OUTCOME_WITHDRAWN)) {
        return CM_OK;
    }
    const struct holder holder = holder_of(compare, party, NODES, agency);
    return lacks(compare, search, party, &holder,
                 "no entry of it, though the manifest says that it answered or refused");
}

// Each agency of the party once, at its first ledger.
static bool first_of_agency(const struct cm_compare *compare, const struct cm_source *source)
{
    for (const struct cm_source *s = cm_searches_sources(compare->searches); s != source;
         s = s->next) {
        if (s->party == source->party && s->agency != NULL &&
            strcmp(s->agency, source->agency) == 0) {
            return false;
        }
    }
    return true;
}

static enum cm_status expect(struct cm_compare *compare, const struct cm_search *search,
                             unsigned party)
{
    enum cm_status status = expect_gateway(compare, search, party);
    if (status == CM_OK) {
        status = expect_copy(compare, search, party);
    }
    for (const struct cm_source *s = cm_searches_sources(compare->searches);
         status == CM_OK && s != NULL; s = s->next) {
        if (s->party == party && s->agency != NULL && first_of_agency(compare, s)) {
            status = expect_node(compare, search, party, s->agency);
        }
    }
    return status;
}

static enum cm_status judge(struct cm_compare *compare, const struct cm_search *search)
{
    const unsigned mask = parties_of(search);
    enum cm_status status = CM_OK;
    for (unsigned party = 0; party < CM_PARTIES; party++) {
        compare->count[party] += mask >> party & 1;
    }
    if (mask == 0) {
        return CM_OK;
    }
    if (mask == 3) {
        compare->both++;
        status = cm_compare_same(compare, search);
    }
    // Of an altered one it is known what the other party has instead.
    for (unsigned party = 0; status == CM_OK && party < CM_PARTIES; party++) {
        if (search->mark == NULL && (mask & 1u << (1 - party))) {
            status = expect(compare, search, party);
        }
    }
    return status == CM_OK ? cm_compare_manifests(compare, search) : status;
}

enum cm_status cm_compare_run(struct cm_compare *compare)
{
    struct cm_search *const *list;
    struct names names = {0};
    size_t count;
    compare->end = &compare->findings;
    enum cm_status status = cm_searches_list(&list, &count, compare->searches);
    if (status == CM_OK) {
        status = collect(&names, list, count);
    }
    for (size_t i = 0; status == CM_OK && i < count; i++) {
        const unsigned mask = parties_of(list[i]);
        const bool alone = list[i]->mark == NULL && (mask == 1 || mask == 2);
        struct cm_search *twin = alone ? twin_of(&names, list[i]) : NULL;
        if (twin != NULL && (in_period(compare, list[i]) || in_period(compare, twin))) {
            status = mask == 1 ? find_altered(compare, list[i], twin)
                               : find_altered(compare, twin, list[i]);
        }
    }
    for (size_t i = 0; status == CM_OK && i < count; i++) {
        if (in_period(compare, list[i])) {
            status = judge(compare, list[i]);
        }
    }
    free(names.list);
    return status;
}

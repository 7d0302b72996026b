#include "acl/bundle/bundle.h"

#include "acl/bundle/archive.h"
#include "acl/bundle/bundle_internal.h"
#include "acl/bundle/signers.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Out of memory, or past its bound, the oldest is forgotten: a leaf that names it is then refused.
void cm_bundle_remember(struct cm_bundle *bundle, uint64_t sequence, const struct cm_digest *digest)
{
    if (bundle->past_count == bundle->past_cap && bundle->past_cap < MAX_HISTORY) {
        size_t cap = bundle->past_cap == 0 ? 4 : bundle->past_cap * 2;
        struct past *grown = realloc(bundle->past, cap * sizeof *grown);
        if (grown != NULL) {
            bundle->past = grown;
            bundle->past_cap = cap;
        }
    }
    if (bundle->past == NULL) {
        return;
    }
    if (bundle->past_count == bundle->past_cap) {
        memmove(bundle->past, bundle->past + 1, (bundle->past_count - 1) * sizeof bundle->past[0]);
        bundle->past_count--;
    }
    bundle->past[bundle->past_count++] = (struct past){sequence, *digest};
}

static const struct past *recall(const struct cm_bundle *bundle, uint64_t sequence)
{
    for (size_t i = bundle->past_count; i > 0; i--) {
        if (bundle->past[i - 1].sequence == sequence) {
            return &bundle->past[i - 1];
        }
    }
    return NULL;
}

static const struct past *newest(const struct cm_bundle *bundle)
{
    return bundle->past_count > 0 ? &bundle->past[bundle->past_count - 1] : NULL;
}

bool cm_bundle_knows(const struct cm_bundle *bundle, uint64_t sequence,
                     const struct cm_digest *digest)
{
    const struct past *past = recall(bundle, sequence);
    return past != NULL && cm_digest_equal(&past->digest, digest);
}

bool cm_bundle_last(const struct cm_bundle *bundle, uint64_t *sequence, struct cm_digest *digest)
{
    const struct past *last = newest(bundle);
    if (last != NULL) {
        *sequence = last->sequence;
        *digest = last->digest;
    }
    return last != NULL;
}

struct cm_standing *cm_bundle_standing(const struct cm_bundle *bundle)
{
    return bundle->standing;
}

static enum cm_status check_form(const struct cm_bundle *bundle,
                                 const struct cm_directory *directory, const struct cm_ruleset *set,
                                 size_t signatures, struct cm_error *error)
{
    const struct cm_agency *agency = cm_directory_agency(directory, bundle->agency);
    if (strcmp(set->agency, bundle->agency) != 0 ||
        strcmp(set->federation, directory->federation) != 0) {
        return cm_fail(error, CM_FORBIDDEN, set->agency, "these are another agency's rules");
    }
    if (agency == NULL) {
        return cm_fail(error, CM_FORBIDDEN, bundle->agency, "is not in the directory");
    }
    if (signatures < agency->rule_signatures) {
        return cm_fail(error, CM_FORBIDDEN, bundle->agency,
                       "%" PRIu32 " administrators must sign its rules", agency->rule_signatures);
    }
    if (set->language > CM_RULE_LANGUAGE) {
        return cm_fail(error, CM_NOT_SERVED, "language",
                       "rules %" PRIu32 " need a newer version of Comity", set->language);
    }
    return CM_OK;
}

static enum cm_status fork_found(const struct cm_bundle *bundle, uint64_t sequence,
                                 struct cm_error *error)
{
    cm_log(CM_LOG_ERROR, "rules-forked", "agency=%s sequence=%" PRIu64, bundle->agency, sequence);
    return cm_fail(error, CM_STALE, bundle->agency,
                   "another rule set with sequence %" PRIu64 " was signed before", sequence);
}

static bool stands_already(const struct cm_bundle *bundle, uint64_t sequence)
{
    return bundle->standing != NULL && bundle->standing->sequence >= sequence;
}

// Whether set follows what is known. *known: its digest is of the history already. Of the folder
// one before the newest may still come to stand: a crash leaves it there.
static enum cm_status check_sequence(const struct cm_bundle *bundle, bool *known,
                                     const struct cm_ruleset *set, const struct cm_digest *digest,
                                     enum freshness from, struct cm_error *error)
{
    const struct past *same = recall(bundle, set->sequence);
    const struct past *last = newest(bundle);
    *known = same != NULL && cm_digest_equal(&same->digest, digest);
    if (same != NULL && !*known) {
        return fork_found(bundle, set->sequence, error);
    }
    if (last == NULL || (*known && (set->sequence == last->sequence || from == FROM_FOLDER ||
                                    stands_already(bundle, set->sequence)))) {
        return CM_OK;
    }
    if (set->sequence < last->sequence) {
        return cm_fail(error, CM_STALE, bundle->agency,
                       "rule set %" PRIu64 " is older than %" PRIu64, set->sequence,
                       last->sequence);
    }
    if (set->sequence == last->sequence + 1 && !cm_digest_equal(&set->previous, &last->digest)) {
        return fork_found(bundle, last->sequence, error);
    }
    return CM_OK;
}

enum cm_status cm_bundle_compile(struct cm_rules **out, const struct cm_rules_source *source,
                                 const char *agency, struct cm_error *error)
{
    struct cm_diagnostics diagnostics = {0};
    enum cm_status status = cm_rules_compile(out, source, &diagnostics);
    if (status != CM_OK && diagnostics.count > 0) {
        status = cm_fail(error, status, agency, "%.96s:%u: %.120s", diagnostics.list[0].file,
                         diagnostics.list[0].line, diagnostics.list[0].text);
    }
    cm_diagnostics_clear(&diagnostics);
    if (status == CM_OK && strcmp(cm_rules_node(*out), agency) != 0) {
        cm_rules_unref(*out);
        *out = NULL;
        status = cm_fail(error, CM_INVALID, agency, "the file is for another node");
    }
    return status;
}

// A standing made of set, under the bundle's overlay; not yet the bundle's.
static enum cm_status stand(struct cm_standing **out, const struct cm_bundle *bundle,
                            struct cm_trust *trust, const struct cm_ruleset *set,
                            const struct cm_digest *digest, const struct cm_envelope *envelope,
                            bool lenient, struct cm_error *error)
{
    struct cm_trust *named = NULL;
    struct cm_standing *standing = calloc(1, sizeof *standing);
    if (standing == NULL) {
        return cm_fail(error, CM_MEMORY, bundle->agency, "out of memory");
    }
    standing->references = 1;
    standing->sequence = set->sequence;
    standing->digest = *digest;
    standing->directory_serial = set->directory_serial;
    enum cm_status status =
        cm_archive_find(&named, bundle->folder, trust, set->directory_serial, error);
    if (status == CM_STALE && lenient) {
        cm_log(CM_LOG_WARNING, "rules-directory-unknown", "agency=%s serial=%" PRIu64,
               bundle->agency, set->directory_serial);
        named = cm_trust_ref(trust);
        status = CM_OK;
    }
    if (status == CM_OK) {
        const struct cm_rules_source source = {.main = set->main,
                                               .file_count = set->file_count,
                                               .files = set->files,
                                               .directory = cm_trust_directory(named),
                                               .retired_ok = true};
        status = cm_bundle_compile(&standing->rules, &source, bundle->agency, error);
    }
    if (status == CM_OK) {
        status = cm_envelope_encode(&standing->envelope, envelope);
    }
    // What the node withheld stays withheld until it signs another overlay.
    if (status == CM_OK) {
        status = cm_overlay_state_put(standing, &bundle->overlay);
    }
    cm_trust_unref(named);
    if (status != CM_OK) {
        cm_standing_unref(standing);
        return status;
    }
    *out = standing;
    return CM_OK;
}

enum cm_status cm_bundle_take(struct cm_bundle *bundle, struct cm_trust *trust,
                              const struct cm_envelope *envelope, enum freshness from,
                              int64_t now_ms, struct cm_error *error)
{
    struct cm_ruleset set;
    struct cm_digest digest;
    struct cm_standing *standing = NULL;
    bool known = false;
    if (envelope->family != CM_FAMILY_RULESET) {
        return cm_fail(error, CM_INVALID, bundle->agency, "is not a rule set");
    }
    struct cm_arena *arena = cm_arena_new(BUNDLE_ARENA_CAP);
    if (arena == NULL) {
        return cm_fail(error, CM_MEMORY, bundle->agency, "out of memory");
    }
    cm_sha256_of(&digest, envelope->payload);
    enum cm_status status = cm_ruleset_decode(&set, arena, envelope->payload, error);
    if (status == CM_OK) {
        status = cm_rules_signers(trust, envelope, bundle->agency, set.signed_ms, error);
    }
    if (status == CM_OK) {
        status =
            check_form(bundle, cm_trust_directory(trust), &set, envelope->signature_count, error);
    }
    if (status == CM_OK) {
        status = check_sequence(bundle, &known, &set, &digest, from, error);
    }
    // A known set can still be one that a crash, or a missing directory, kept from standing.
    bool stands = known && stands_already(bundle, set.sequence);
    bool old = from == FROM_PERSON && set.signed_ms < now_ms - FRESH_MS;
    if (status == CM_OK && !known && (old || set.signed_ms > now_ms + CM_SKEW_MS)) {
        status = cm_fail(error, CM_STALE, "signed_ms", "was not signed within the last hour");
    }
    if (status == CM_OK && !stands) {
        status = stand(&standing, bundle, trust, &set, &digest, envelope, from == FROM_NODE, error);
    }
    if (status == CM_OK && !stands && from != FROM_FOLDER) {
        status = cm_bundle_persist(bundle, trust, standing, known, error);
        if (status == CM_OK && !known) {
            cm_bundle_remember(bundle, standing->sequence, &standing->digest);
        }
    }
    if (status == CM_OK && standing != NULL) {
        cm_standing_unref(bundle->standing);
        bundle->standing = standing;
    } else {
        cm_standing_unref(standing);
    }
    cm_arena_free(arena);
    return status;
}

enum cm_status cm_bundle_accept(struct cm_bundle *bundle, struct cm_trust *trust,
                                const struct cm_envelope *ruleset, bool from_node, int64_t now_ms,
                                struct cm_error *error)
{
    return cm_bundle_take(bundle, trust, ruleset, from_node ? FROM_NODE : FROM_PERSON, now_ms,
                          error);
}

enum cm_status cm_bundle_retrust(struct cm_bundle *bundle, struct cm_trust *trust,
                                 struct cm_error *error)
{
    return bundle->folder != NULL ? cm_archive_keep(bundle->folder, trust, error) : CM_OK;
}

enum cm_status cm_bundle_open(struct cm_bundle **out, const char *agency, const char *folder,
                              struct cm_trust *trust, int64_t now_ms, struct cm_error *error)
{
    struct cm_bundle *bundle = calloc(1, sizeof *bundle);
    if (bundle == NULL || (folder != NULL && (bundle->folder = strdup(folder)) == NULL)) {
        free(bundle);
        return cm_fail(error, CM_MEMORY, agency, "out of memory");
    }
    snprintf(bundle->agency, sizeof bundle->agency, "%s", agency);
    enum cm_status status = folder != NULL ? cm_bundle_load(bundle, trust, now_ms, error) : CM_OK;
    if (status != CM_OK) {
        cm_bundle_free(bundle);
        return status;
    }
    *out = bundle;
    return CM_OK;
}

void cm_bundle_free(struct cm_bundle *bundle)
{
    if (bundle != NULL) {
        cm_standing_unref(bundle->standing);
        cm_overlay_state_clear(&bundle->overlay);
        free(bundle->past);
        free(bundle->folder);
        free(bundle);
    }
}

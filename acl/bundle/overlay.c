#include "acl/bundle/overlay.h"

#include "acl/bundle/archive.h"
#include "acl/bundle/bundle_internal.h"
#include "acl/bundle/signers.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum cm_status cm_overlay_state_put(struct cm_standing *standing, const struct overlay_state *state)
{
    if (state->rules == NULL) {
        return CM_OK;
    }
    standing->overlay = cm_rules_ref(state->rules);
    standing->overlay_revision = state->revision;
    return cm_buf_add(&standing->overlay_envelope, state->envelope.data, state->envelope.len);
}

void cm_overlay_state_clear(struct overlay_state *state)
{
    cm_rules_unref(state->rules);
    cm_buf_clear(&state->envelope);
    *state = (struct overlay_state){0};
}

// The overlay's files as includes of a main file of our own: what an include may not hold, an
// overlay may not.
enum cm_status cm_overlay_compile(struct cm_rules **out, const char *agency, size_t count,
                                  const struct cm_rule_file *given,
                                  const struct cm_directory *directory, struct cm_error *error)
{
    static const char main_path[] = "overlay main";
    struct cm_buf text = {0};
    struct cm_rule_file *files = calloc(count + 1, sizeof files[0]);
    enum cm_status status = files == NULL ? CM_MEMORY : CM_OK;
    if (status == CM_OK) {
        status = cm_buf_printf(&text, "rules 1\nnode %s\n", agency);
    }
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        if (strpbrk(given[i].path, "\"\\") != NULL) {
            status = cm_fail(error, CM_INVALID, "files.path", "holds a quote");
        } else {
            files[i + 1] = given[i];
            status = cm_buf_printf(&text, "include \"%s\"\n", given[i].path);
        }
    }
    if (status == CM_OK) {
        files[0] = (struct cm_rule_file){main_path, cm_buf_bytes(&text)};
        const struct cm_rules_source source = {.main = main_path,
                                               .file_count = count + 1,
                                               .files = files,
                                               .directory = directory,
                                               .overlay = true,
                                               .retired_ok = true};
        status = cm_bundle_compile(out, &source, agency, error);
    }
    if (status == CM_MEMORY) {
        cm_fail(error, status, agency, "its overlay takes too much memory");
    }
    cm_buf_clear(&text);
    free(files);
    return status;
}

// Negative: a is older than b.
static int compare_age(const struct overlay_state *a, const struct overlay_state *b)
{
    if (a->sequence != b->sequence) {
        return a->sequence < b->sequence ? -1 : 1;
    }
    return (a->revision > b->revision) - (a->revision < b->revision);
}

// Nothing older than the one recorded, no other one with its number, none of a set yet to come.
static enum cm_status check_age(const struct cm_bundle *bundle, const struct overlay_state *next,
                                bool live, struct cm_error *error)
{
    const struct cm_standing *standing = bundle->standing;
    int age = compare_age(next, &bundle->overlay);
    bool other = age == 0 && !cm_digest_equal(&next->digest, &bundle->overlay.digest);
    bool ahead = live && (standing == NULL || next->sequence > standing->sequence);
    if (age < 0 || other || ahead) {
        return cm_fail(error, CM_STALE, bundle->agency,
                       "overlay %" PRIu64 ".%" PRIu64 " is of a rule set yet to come, or does not "
                       "follow %" PRIu64 ".%" PRIu64 ", which is known",
                       next->sequence, next->revision, bundle->overlay.sequence,
                       bundle->overlay.revision);
    }
    return CM_OK;
}

static enum cm_status check_form(const struct cm_bundle *bundle, struct cm_trust *trust,
                                 const struct cm_envelope *envelope,
                                 const struct cm_overlay *overlay, struct cm_error *error)
{
    enum cm_status status =
        cm_rules_signers(trust, envelope, bundle->agency, overlay->signed_ms, error);
    if (status == CM_OK &&
        (strcmp(overlay->agency, bundle->agency) != 0 ||
         strcmp(overlay->federation, cm_trust_directory(trust)->federation) != 0)) {
        status = cm_fail(error, CM_FORBIDDEN, overlay->agency, "this is another agency's overlay");
    }
    return status;
}

// Whom it forbade stays so when a directory says otherwise later: it is compiled by the one that it
// names. Live, one that isn't at hand is no reason to withhold nothing.
static enum cm_status compile(struct cm_rules **out, const struct cm_bundle *bundle,
                              struct cm_trust *trust, const struct cm_overlay *overlay, bool live,
                              struct cm_error *error)
{
    struct cm_trust *named = NULL;
    enum cm_status status = CM_OK;
    if (overlay->directory_serial == 0) {
        named = cm_trust_ref(trust);
    } else {
        status = cm_archive_find(&named, bundle->folder, trust, overlay->directory_serial, error);
    }
    if (status != CM_OK && status != CM_MEMORY && live) {
        cm_log(CM_LOG_WARNING, "overlay-directory-unknown", "agency=%s serial=%" PRIu64,
               bundle->agency, overlay->directory_serial);
        named = cm_trust_ref(trust);
        status = CM_OK;
    }
    if (status == CM_OK) {
        status = cm_overlay_compile(out, overlay->agency, overlay->file_count, overlay->files,
                                    cm_trust_directory(named), error);
    }
    cm_trust_unref(named);
    return status;
}

// Verified and compiled; out is the caller's, to clear also after a failure.
static enum cm_status open_overlay(struct overlay_state *out, const struct cm_bundle *bundle,
                                   struct cm_trust *trust, const struct cm_envelope *envelope,
                                   bool live, struct cm_error *error)
{
    struct cm_overlay overlay;
    if (envelope->family != CM_FAMILY_OVERLAY) {
        return cm_fail(error, CM_INVALID, bundle->agency, "is not an overlay");
    }
    struct cm_arena *arena = cm_arena_new(BUNDLE_ARENA_CAP);
    if (arena == NULL) {
        return cm_fail(error, CM_MEMORY, bundle->agency, "out of memory");
    }
    enum cm_status status = cm_overlay_decode(&overlay, arena, envelope->payload, error);
    if (status == CM_OK) {
        status = check_form(bundle, trust, envelope, &overlay, error);
    }
    if (status == CM_OK) {
        out->sequence = overlay.sequence;
        out->revision = overlay.revision;
        cm_sha256_of(&out->digest, envelope->payload);
        status = check_age(bundle, out, live, error);
    }
    if (status == CM_OK) {
        status = compile(&out->rules, bundle, trust, &overlay, live, error);
    }
    if (status == CM_OK) {
        status = cm_envelope_encode(&out->envelope, envelope);
    }
    cm_arena_free(arena);
    return status;
}

// A copy of the standing under that overlay.
static enum cm_status overlaid(struct cm_standing **out, const struct cm_standing *standing,
                               const struct overlay_state *overlay)
{
    struct cm_standing *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return CM_MEMORY;
    }
    *copy = (struct cm_standing){
        .sequence = standing->sequence,
        .digest = standing->digest,
        .directory_serial = standing->directory_serial,
        .rules = cm_rules_ref(standing->rules),
        .references = 1,
    };
    enum cm_status status =
        cm_buf_add(&copy->envelope, standing->envelope.data, standing->envelope.len);
    if (status == CM_OK) {
        status = cm_overlay_state_put(copy, overlay);
    }
    if (status != CM_OK) {
        cm_standing_unref(copy);
        return status;
    }
    *out = copy;
    return CM_OK;
}

enum cm_status cm_bundle_accept_overlay(struct cm_bundle *bundle, struct cm_trust *trust,
                                        const struct cm_envelope *envelope, int64_t now_ms,
                                        struct cm_error *error)
{
    (void)now_ms;
    struct overlay_state next = {0};
    struct cm_standing *standing = NULL;
    enum cm_status status = open_overlay(&next, bundle, trust, envelope, true, error);
    bool held = bundle->overlay.envelope.len == 0;
    if (status != CM_OK || (compare_age(&next, &bundle->overlay) == 0 && !held)) {
        goto out; // refused, or the one that lies there
    }
    status = overlaid(&standing, bundle->standing, &next);
    if (status != CM_OK) {
        cm_fail(error, status, bundle->agency, "out of memory");
        goto out;
    }
    status = cm_bundle_persist_overlay(bundle, trust, &next, error);
    if (status != CM_OK) {
        goto out;
    }
    cm_standing_unref(bundle->standing);
    bundle->standing = standing;
    standing = NULL;
    cm_overlay_state_clear(&bundle->overlay);
    bundle->overlay = next;
    next = (struct overlay_state){0};
out:
    cm_standing_unref(standing);
    cm_overlay_state_clear(&next);
    return status;
}

bool cm_bundle_overlay(const struct cm_bundle *bundle, uint64_t *sequence, uint64_t *revision)
{
    *sequence = bundle->overlay.sequence;
    *revision = bundle->overlay.revision;
    return bundle->overlay.sequence > 0 && bundle->overlay.envelope.len == 0;
}

// In place of an overlay that can't be had: its number stays, so that nothing older comes back.
static enum cm_status forbid_all(struct cm_bundle *bundle, struct cm_trust *trust,
                                 struct cm_error *error)
{
    const struct cm_rule_file file = {"lost.rules", cm_bytes_of("rules 1\nforbid anyone\n")};
    enum cm_status status = cm_overlay_compile(&bundle->overlay.rules, bundle->agency, 1, &file,
                                               cm_trust_directory(trust), error);
    return status == CM_OK ? CM_OK
                           : cm_fail(error, status, bundle->agency, "its overlay can't be held");
}

enum cm_status cm_bundle_load_overlay(struct cm_bundle *bundle, struct cm_trust *trust,
                                      const struct cm_envelope *envelope, struct cm_error *error)
{
    struct overlay_state found = {0};
    struct cm_error why = {.where = "overlay", .text = "its file is missing or can't be read"};
    enum cm_status status = CM_NOT_FOUND;
    if (envelope == NULL && bundle->overlay.sequence == 0) {
        return CM_OK;
    }
    if (envelope != NULL) {
        status = open_overlay(&found, bundle, trust, envelope, false, &why);
    }
    if (status == CM_OK) {
        bundle->overlay = found;
        return CM_OK;
    }
    cm_overlay_state_clear(&found);
    cm_log(CM_LOG_ERROR, "overlay-lost",
           "agency=%s overlay=%" PRIu64 ".%" PRIu64 " where=%s error=\"%s\" "
           "hint=\"all is denied until its file is restored or the node signs another\"",
           bundle->agency, bundle->overlay.sequence, bundle->overlay.revision, why.where, why.text);
    return forbid_all(bundle, trust, error);
}

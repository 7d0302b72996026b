// What counts at this node: the set that administrators signed, less what their rule file no longer
// shows, less what operators switched off; and what operators say of the wire.
#include "nodes/noded_internal.h"

#include "acl/bundle/overlay.h"
#include "nodes/sharing.h"
#include "nodes/withhold.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_CAP = 32 * 1024 * 1024 };

static int64_t mono(void)
{
    return cm_mono_ms(cm_clock_system());
}

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

// The set that stands, decoded; false without one.
static bool decode_set(struct cm_ruleset *out, struct cm_arena *arena,
                       const struct cm_standing *standing)
{
    struct cm_envelope envelope;
    return standing && arena &&
           cm_envelope_decode(&envelope, arena, cm_buf_bytes(&standing->envelope), NULL) == CM_OK &&
           cm_ruleset_decode(out, arena, envelope.payload, NULL) == CM_OK;
}

// What the file of sharing says as an overlay's part, and that it is one.
static enum cm_status read_sharing(struct cm_buf *out, const struct cm_noded *noded, bool was_off,
                                   struct cm_error *error)
{
    struct cm_buf text = {0};
    struct cm_ruleset set;
    struct cm_rules *rules = NULL;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    const bool have_set = decode_set(&set, arena, cm_bundle_standing(noded->node.bundle));
    enum cm_status status = cm_sharing_read(&text, noded->rules_folder, error);
    if (status == CM_NOT_FOUND && !was_off) {
        *error = (struct cm_error){.text = ""};
        status = CM_OK;
    }
    if (!status) {
        status = cm_sharing_compose(out, cm_buf_bytes(&text), have_set ? &set : NULL, error);
    }
    if (!status && out->len > 0) {
        const struct cm_rule_file file = {CM_SHARING_FILE, cm_buf_bytes(out)};
        status = cm_overlay_compile(&rules, noded->node.agency, 1, &file,
                                    cm_trust_directory(noded->node.trust), error);
    }
    cm_rules_unref(rules);
    cm_arena_free(arena);
    cm_buf_clear(&text);
    return status;
}

// A file that is gone or damaged switches nothing on.
static void take_sharing(struct cm_withholding *wanted, struct cm_noded *noded,
                         const struct cm_withholding *now)
{
    struct cm_error error = {.text = ""};
    struct cm_error *before = &noded->sharing_error;
    if (read_sharing(&wanted->sharing, noded, now->sharing.len > 0, &error)) {
        wanted->sharing.len = 0;
        if (cm_buf_add(&wanted->sharing, now->sharing.data, now->sharing.len)) {
            wanted->sharing.len = 0; // cm_withhold has no memory either
        }
        if (strcmp(before->text, error.text) != 0) {
            cm_log(CM_LOG_ERROR, "sharing-not-understood",
                   "file=%s/%s where=%s error=\"%s\" action=\"what was off stays off: comity node "
                   "share off, or on\"",
                   noded->rules_folder, CM_SHARING_FILE, error.where, error.text);
        }
    }
    *before = error;
}

static void publish(struct cm_noded *noded, int64_t since_ms)
{
    cm_noded_rules_changed(noded);
    const struct cm_standing *standing = cm_bundle_standing(noded->node.bundle);
    cm_log(CM_LOG_INFO, "overlay-signed",
           "what=\"%s in %" PRId64 " ms\" sequence=%" PRIu64 " overlay=%" PRIu64,
           noded->overlay_shrank ? "less is withheld" : "narrowed", mono() - since_ms,
           standing->sequence, standing->overlay_revision);
}

static enum cm_status copy(struct cm_buf *out, const struct cm_buf *in)
{
    return cm_buf_add(out, in->data, in->len);
}

// edits: what the rule file no longer shows of the set that stands; NULL: as before. Whether the
// standing changed.
static bool withhold(struct cm_noded *noded, const struct cm_buf *edits)
{
    struct cm_node *node = &noded->node;
    const struct cm_standing *standing = cm_bundle_standing(node->bundle);
    struct cm_withholding now = {0}, wanted = {0};
    struct cm_error error = {.text = ""};
    bool changed = false;
    enum cm_status status = cm_withholding_read(&now, node->bundle, &error);
    // A lost overlay may have hidden anything: only another signed set makes this node forget it.
    const bool held = now.lost && !(edits && standing && standing->sequence > now.sequence);
    if (!status && standing && !held) {
        wanted.sequence = edits || now.sequence == 0 ? standing->sequence : now.sequence;
        status = copy(&wanted.edits, edits ? edits : &now.edits);
        take_sharing(&wanted, noded, &now);
    }
    if (!status && standing && !held) {
        status = cm_withhold(&changed, node->bundle, node->trust, node->signer, node->agency,
                             &wanted, wall(), &error);
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "overlay-not-signed", "status=%s where=%s error=\"%s\"",
               cm_status_name(status), error.where, error.text);
    }
    noded->rules_error = error;
    // Only for the log's words: edits take away, sharing loses a line when it is on again.
    noded->overlay_shrank =
        wanted.edits.len < now.edits.len || wanted.sharing.len < now.sharing.len;
    cm_withholding_clear(&now);
    cm_withholding_clear(&wanted);
    return changed;
}

// The rule file

static void log_edits(const struct cm_noded *noded)
{
    const struct cm_edits *judged = &noded->judged;
    const char *file = noded->config->rule_file;
    switch (judged->state) {
    case CM_EDITS_NONE:
        break;
    case CM_EDITS_COUNT:
        cm_log(CM_LOG_INFO, "rule-file-counts", "file=%s", file);
        break;
    case CM_EDITS_WAIT:
        cm_log(CM_LOG_WARNING, "rule-file-waits",
               "file=%s what=\"%s\" action=\"see it: comity acl pending; sign it: comity acl "
               "apply\"",
               file, judged->text);
        break;
    case CM_EDITS_BAD:
        cm_log(CM_LOG_ERROR, "rule-file-bad",
               "file=%s at=%s error=\"%s\" action=\"the rules before go on: mend the file\"", file,
               judged->where, judged->text);
        break;
    }
    if (judged->state != CM_EDITS_BAD && judged->hides_more) {
        cm_log(CM_LOG_WARNING, "rule-file-hides-more",
               "file=%s why=\"until it is signed, rows of cameras in sites are hidden too\"", file);
    }
}

static struct cm_digest standing_digest(const struct cm_noded *noded)
{
    const struct cm_standing *standing = cm_bundle_standing(noded->node.bundle);
    return standing ? standing->digest : (struct cm_digest){{0}};
}

// Whether the set and the directory are still those that the job looked at.
static bool is_current(const struct cm_noded *noded)
{
    const struct cm_edits_source *source = &noded->edits.source;
    const struct cm_digest digest = standing_digest(noded);
    return noded->edits.trust == noded->node.trust &&
           (source->standing ? cm_digest_equal(&source->standing->digest, &digest)
                             : cm_digest_is_zero(&digest));
}

// What edits took away of this very set stays away until another is signed.
static enum cm_status prepare(struct cm_noded *noded)
{
    struct cm_noded_edits *edits = &noded->edits;
    struct cm_standing *standing = cm_bundle_standing(noded->node.bundle);
    const struct cm_digest digest = standing_digest(noded);
    struct cm_withholding now;
    enum cm_status status = cm_withholding_read(&now, noded->node.bundle, NULL);
    const bool judged = noded->judged_by == cm_trust_directory(noded->node.trust)->serial &&
                        cm_digest_equal(&noded->judged_over, &digest) &&
                        noded->judged.state != CM_EDITS_BAD;
    edits->withheld.len = 0;
    if (!status && standing && now.sequence == standing->sequence) {
        status = copy(&edits->withheld, &now.edits);
    }
    cm_withholding_clear(&now);
    if (status) {
        return status;
    }
    edits->trust = cm_trust_ref(noded->node.trust);
    edits->files = noded->judged.files;
    edits->source = (struct cm_edits_source){
        .file = noded->config->rule_file,
        .packs = noded->config->packs,
        .agency = noded->node.agency,
        .standing = cm_standing_ref(standing),
        .directory = cm_trust_directory(edits->trust),
        .withheld = cm_buf_bytes(&edits->withheld),
        .known = judged ? &edits->files : NULL,
        .now_ms = wall(),
    };
    return CM_OK;
}

static void forget(struct cm_noded_edits *edits)
{
    cm_trust_unref(edits->trust);
    cm_standing_unref((struct cm_standing *)edits->source.standing);
    edits->trust = NULL;
    edits->source.standing = NULL;
}

// Whether the standing changed.
static bool take_edits(struct cm_noded *noded)
{
    struct cm_noded_edits *edits = &noded->edits;
    if (!is_current(noded)) {
        edits->due = true;
        cm_edits_clear(&edits->found);
        return false;
    }
    if (edits->found.same) {
        cm_edits_clear(&edits->found);
        return false;
    }
    cm_edits_clear(&noded->judged);
    noded->judged = edits->found;
    edits->found = (struct cm_edits){.state = CM_EDITS_NONE};
    noded->judged_by = cm_trust_directory(edits->trust)->serial;
    noded->judged_over = standing_digest(noded);
    log_edits(noded);
    return noded->judged.state != CM_EDITS_BAD && withhold(noded, &noded->judged.narrowed);
}

static void edits_work(struct cm_job *job)
{
    struct cm_noded_edits *edits = CM_CONTAINER(job, struct cm_noded_edits, job);
    cm_edits_judge(&edits->found, &edits->source);
}

static void edits_done(struct cm_job *job)
{
    struct cm_noded_edits *edits = CM_CONTAINER(job, struct cm_noded_edits, job);
    struct cm_noded *noded = CM_CONTAINER(edits, struct cm_noded, edits);
    edits->busy = false;
    const bool changed = take_edits(noded);
    const int64_t since_ms = edits->since_ms;
    forget(edits);
    if (changed) {
        publish(noded, since_ms);
    }
    if (edits->due) {
        cm_noded_judge_edits(noded, mono());
    }
}

void cm_noded_judge_edits(struct cm_noded *noded, int64_t since_ms)
{
    struct cm_noded_edits *edits = &noded->edits;
    if (edits->busy || !noded->workers) {
        edits->due = edits->busy;
        return;
    }
    edits->due = false;
    edits->since_ms = since_ms;
    edits->job = (struct cm_job){.work = edits_work, .done = edits_done};
    enum cm_status status = prepare(noded);
    if (!status) {
        status = cm_workers_submit(noded->workers, &edits->job);
        edits->busy = !status;
    }
    if (status) {
        forget(edits);
        edits->due = true; // at the next tick
    }
}

// Operators

static void look_at_wire(struct cm_noded *noded)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s", noded->rules_folder, CM_DETACHED_FILE);
    const bool detached = access(path, F_OK) == 0;
    if (detached == noded->detached) {
        return;
    }
    noded->detached = detached;
    cm_log(CM_LOG_WARNING, detached ? "wire-off" : "wire-on", "why=\"comity node %s\"",
           detached ? "detach" : "attach");
    cm_noded_meet_gateways(noded, NULL);
}

static void look_at_directory(struct cm_noded *noded)
{
    struct stat now, *last = &noded->directory_file;
    if (stat(noded->config->directory, &now) != 0 ||
        (now.st_ino == last->st_ino && now.st_size == last->st_size &&
         now.st_mtim.tv_sec == last->st_mtim.tv_sec &&
         now.st_mtim.tv_nsec == last->st_mtim.tv_nsec)) {
        return;
    }
    *last = now;
    cm_noded_read_directory(noded);
}

static bool look_at_set(struct cm_noded *noded)
{
    struct cm_node *node = &noded->node;
    return cm_rules_watch(&noded->rules, node->bundle, node->trust, wall());
}

void cm_noded_look(struct cm_noded *noded, int64_t since_ms)
{
    look_at_wire(noded);
    look_at_directory(noded);
    if (look_at_set(noded)) {
        cm_noded_rules_changed(noded);
    }
    if (withhold(noded, NULL)) {
        publish(noded, since_ms);
    }
    cm_noded_read_journal(noded); // names the overlay that came of it
    cm_noded_judge_edits(noded, since_ms);
}

void cm_noded_look_first(struct cm_noded *noded)
{
    look_at_wire(noded);
    (void)look_at_set(noded);
    if (stat(noded->config->directory, &noded->directory_file) != 0) {
        noded->directory_file = (struct stat){.st_ino = 0};
    }
    cm_noded_find_line(noded);
    (void)withhold(noded, NULL);
    if (prepare(noded) == CM_OK) {
        edits_work(&noded->edits.job);
        (void)take_edits(noded);
    }
    forget(&noded->edits);
}

static void on_folder(void *context, int64_t since_ms)
{
    struct cm_noded *noded = context;
    if (!noded->node.draining) {
        cm_noded_look(noded, since_ms);
    }
}

static const char *folder_of(char out[PATH_MAX], const char *path)
{
    snprintf(out, PATH_MAX, "%s", path);
    return dirname(out);
}

enum cm_status cm_noded_watch(struct cm_noded *noded, struct cm_error *error)
{
    const struct cm_noded_config *config = noded->config;
    char rules[PATH_MAX], file[PATH_MAX], directory[PATH_MAX];
    const char *paths[5] = {noded->rules_folder, folder_of(rules, noded->rules.path),
                            folder_of(directory, config->directory)};
    size_t count = 3;
    if (config->rule_file) {
        paths[count++] = folder_of(file, config->rule_file);
        paths[count++] = config->packs;
    }
    const struct cm_folders_options folders = {.count = count,
                                               .paths = paths,
                                               .poster = cm_loop_poster(noded->loop),
                                               .changed = on_folder,
                                               .context = noded};
    const struct cm_control_options control = {.folder = config->data,
                                               .poster = cm_loop_poster(noded->loop),
                                               .asked = cm_noded_asked,
                                               .auditor = cm_noded_serve_auditor,
                                               .context = noded};
    cm_noded_open_audit(noded, noded->ledger_folder);
    const enum cm_status status = cm_folders_watch(&noded->folders, &folders, error);
    return status ? status : cm_control_open(&noded->control, &control, error);
}

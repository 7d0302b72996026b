#include "nodes/edits.h"

#include "acl/bundle/overlay.h"
#include "acl/diff.h"
#include "acl/files.h"
#include "acl/narrow.h"

#include <stdio.h>
#include <string.h>

enum { NAMES = 4 }; // agencies named in what waits
#define ARENA_CAP ((size_t)256 * 1024 * 1024)

const char *cm_edits_state_name(enum cm_edits_state state)
{
    switch (state) {
    case CM_EDITS_NONE:
        break;
    case CM_EDITS_COUNT:
        return "counts";
    case CM_EDITS_WAIT:
        return "waits";
    case CM_EDITS_BAD:
        return "error";
    }
    return "none";
}

static void bad(struct cm_edits *out, const struct cm_error *error)
{
    out->state = CM_EDITS_BAD;
    snprintf(out->where, sizeof out->where, "%s", error->where);
    snprintf(out->text, sizeof out->text, "%s%s%s", error->text, error->hint[0] ? ": " : "",
             error->hint);
}

static void digest_files(struct cm_digest *out, const struct cm_acl_files *files)
{
    struct cm_digest chain[2] = {{{0}}};
    for (size_t i = 0; i < files->count; i++) {
        const struct cm_bytes parts[] = {
            cm_bytes_digest(&chain[0]),
            {(const uint8_t *)files->list[i].path, strlen(files->list[i].path) + 1},
            files->list[i].text};
        cm_sha256(&chain[1], parts, sizeof parts / sizeof *parts);
        chain[0] = chain[1];
    }
    *out = chain[0];
}

// As an administrator's `comity acl check` would: an unknown name is an error.
static struct cm_rules *compile(struct cm_edits *out, const struct cm_acl_files *files,
                                const struct cm_edits_source *source)
{
    struct cm_rules *rules = NULL;
    struct cm_diagnostics found = {0};
    const struct cm_rules_source rules_source = {.main = files->main,
                                                 .file_count = files->count,
                                                 .files = files->list,
                                                 .directory = source->directory,
                                                 .now_ms = source->now_ms};
    const enum cm_status status = cm_rules_compile(&rules, &rules_source, &found);
    struct cm_error error = {.text = "out of memory"};
    for (size_t i = 0; status && i < found.count; i++) {
        const struct cm_diagnostic *one = &found.list[i];
        if (one->severity == CM_SEVERITY_ERROR) {
            snprintf(error.where, sizeof error.where, "%.60s:%u:%u", one->file, one->line,
                     one->column);
            snprintf(error.text, sizeof error.text, "%s", one->text);
            snprintf(error.hint, sizeof error.hint, "%s", one->hint);
            break;
        }
    }
    if (status) {
        bad(out, &error);
    } else if (strcmp(cm_rules_node(rules), source->agency) != 0) {
        cm_fail(&error, CM_INVALID, files->main, "is for another node: %s", cm_rules_node(rules));
        bad(out, &error);
        cm_rules_unref(rules);
        rules = NULL;
    }
    cm_diagnostics_clear(&found);
    return rules;
}

static bool group_widens(const struct cm_change_group *group)
{
    for (uint32_t i = 0; i < group->change_count; i++) {
        for (uint32_t j = 0; j < group->changes[i].line_count; j++) {
            if (cm_change_line_widens(&group->changes[i].lines[j])) {
                return true;
            }
        }
    }
    return false;
}

// What doesn't fit is left out.
static void say(struct cm_edits *out, const char *before, const char *words)
{
    const size_t len = strlen(out->text);
    snprintf(out->text + len, sizeof out->text - len, "%s%s", len > 0 ? before : "", words);
}

static void name_who_gains(struct cm_edits *out, const struct cm_diff *diff)
{
    char more[32];
    unsigned count = 0;
    for (uint32_t i = 0; i < diff->group_count; i++) {
        const struct cm_change_group *group = &diff->groups[i];
        for (uint32_t j = 0; group_widens(group) && j < group->agency_count; j++) {
            if (count++ == 0) {
                say(out, "", "more for ");
            }
            if (count <= NAMES) {
                say(out, count > 1 ? ", " : "", diff->cells->agencies[group->agencies[j]]);
            }
        }
    }
    if (count > NAMES) {
        snprintf(more, sizeof more, " and %u others", count - NAMES);
        say(out, "", more);
    }
}

static void say_what_waits(struct cm_edits *out, const struct cm_diff *diff)
{
    name_who_gains(out, diff);
    if (diff->retain_s[0] != diff->retain_s[1]) {
        say(out, ", ", "another `retain`");
    }
    if (diff->discloses[0] != diff->discloses[1]) {
        say(out, ", ", "another `disclose denial`");
    }
    if (out->text[0] == '\0') {
        say(out, "", "limits"); // that narrow: no forbid says them
    }
}

static enum cm_status compare(struct cm_edits *out, const struct cm_edits_source *source,
                              struct cm_rules *proposed, struct cm_rules *withheld,
                              struct cm_error *error)
{
    bool exact = true;
    const struct cm_diff *diff;
    const struct cm_side set = {source->standing ? source->standing->rules : NULL, NULL,
                                source->directory};
    const struct cm_side counts = {set.rules, withheld, source->directory};
    const struct cm_side files = {proposed, NULL, source->directory};
    const struct cm_side both = {proposed, withheld, source->directory};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena
                                ? cm_diff_make(&diff, arena, &counts, &files, source->now_ms, error)
                                : cm_fail(error, CM_MEMORY, source->file, "out of memory");
    if (!status && set.rules) {
        status = cm_narrow_make(&out->narrowed, &exact, &set, &both, source->now_ms, error);
        out->hides_more = !exact;
    }
    if (!status) {
        out->state = cm_diff_waits(diff) ? CM_EDITS_WAIT : CM_EDITS_COUNT;
    }
    if (!status && out->state == CM_EDITS_WAIT) {
        say_what_waits(out, diff);
    }
    cm_arena_free(arena);
    return status;
}

static enum cm_status compile_withheld(struct cm_rules **out, const struct cm_edits_source *source,
                                       struct cm_error *error)
{
    const struct cm_rule_file file = {CM_OVERLAY_EDITS, source->withheld};
    return source->withheld.len == 0
               ? CM_OK
               : cm_overlay_compile(out, source->agency, 1, &file, source->directory, error);
}

void cm_edits_judge(struct cm_edits *out, const struct cm_edits_source *source)
{
    struct cm_acl_files files = {0};
    struct cm_rules *proposed = NULL, *withheld = NULL;
    struct cm_error error = {.text = ""};
    *out = (struct cm_edits){.state = CM_EDITS_NONE};
    if (!source->file) {
        // Nobody edits here: what was taken away stays so until another set is signed.
        if (cm_buf_add(&out->narrowed, source->withheld.data, source->withheld.len)) {
            cm_fail(&error, CM_MEMORY, "rules", "out of memory");
            bad(out, &error);
        }
        return;
    }
    if (cm_acl_files_read(&files, source->file, source->packs, &error)) {
        bad(out, &error);
        return;
    }
    digest_files(&out->files, &files);
    out->same = source->known && cm_digest_equal(&out->files, source->known);
    proposed = out->same ? NULL : compile(out, &files, source);
    if (proposed && (compile_withheld(&withheld, source, &error) ||
                     compare(out, source, proposed, withheld, &error))) {
        bad(out, &error);
    }
    cm_rules_unref(withheld);
    cm_rules_unref(proposed);
    cm_acl_files_clear(&files);
}

void cm_edits_clear(struct cm_edits *edits)
{
    cm_buf_clear(&edits->narrowed);
    *edits = (struct cm_edits){.state = CM_EDITS_NONE};
}

#include "acl/cli/causes.h"

#include "acl/members.h"

#include <stdio.h>
#include <string.h>

#define ARENA_CAP ((size_t)512 * 1024 * 1024)

struct finding {
    const struct cm_causes_source *source;
    struct cm_causes *out;
    struct cm_rules *signed_then; // the set as it was signed
    struct cm_rules *signed_now;  // its files by the current directory
    struct cm_error *error;
};

const char *cm_cause_kind_name(enum cm_cause_kind kind)
{
    static const char *const names[] = {"none", "file", "pack", "directory", "program"};
    return names[kind];
}

static void add(struct finding *finding, enum cm_cause_kind kind, const char *name, bool widens,
                const char *text)
{
    struct cm_causes *out = finding->out;
    if (out->count == CM_MOST_CAUSES) {
        out->more++;
        return;
    }
    struct cm_cause *cause = &out->list[out->count++];
    *cause = (struct cm_cause){.kind = kind, .widens = widens, .name = name};
    snprintf(cause->text, sizeof cause->text, "%s", text);
}

// NULL when the files have errors by themselves.
static enum cm_status compile(struct cm_rules **out, const struct cm_ruleset *set,
                              const struct cm_rule_file *files, size_t count,
                              const struct cm_directory *directory)
{
    struct cm_diagnostics diagnostics = {0};
    const struct cm_rules_source source = {.main = set->main,
                                           .file_count = count,
                                           .files = files,
                                           .directory = directory,
                                           .retired_ok = true};
    enum cm_status status = cm_rules_compile(out, &source, &diagnostics);
    cm_diagnostics_clear(&diagnostics);
    return status == CM_INVALID ? CM_OK : status;
}

static const struct cm_rule_file *file_in(const struct cm_rule_file *files, size_t count,
                                          const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

// The set's files with one of them as proposed: another text, added or gone.
static size_t replace_one(struct cm_rule_file out[CM_MAX_RULE_FILES + 1],
                          const struct cm_ruleset *set, const char *path,
                          const struct cm_rule_file *proposed)
{
    size_t count = 0;
    for (size_t i = 0; i < set->file_count; i++) {
        if (strcmp(set->files[i].path, path) != 0) {
            out[count++] = set->files[i];
        }
    }
    if (proposed != NULL) {
        out[count++] = *proposed;
    }
    return count;
}

// Whether it waits when this one file counts as proposed; also when that can't be told.
static enum cm_status file_widens(bool *out, struct finding *finding, const char *path,
                                  const struct cm_rule_file *proposed)
{
    const struct cm_causes_source *source = finding->source;
    struct cm_rule_file files[CM_MAX_RULE_FILES + 1];
    struct cm_rules *rules = NULL;
    const struct cm_diff *diff;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    size_t count = replace_one(files, source->set, path, proposed);
    enum cm_status status =
        arena == NULL ? CM_MEMORY : compile(&rules, source->set, files, count, source->now);
    *out = true;
    if (status == CM_OK && rules != NULL && finding->signed_now != NULL) {
        const struct cm_side old = {finding->signed_now, NULL, source->now};
        const struct cm_side new = {rules, NULL, source->now};
        status = cm_diff_make(&diff, arena, &old, &new, source->now_ms, finding->error);
        *out = status != CM_OK || cm_diff_waits(diff);
    }
    cm_rules_unref(rules);
    cm_arena_free(arena);
    return status;
}

static enum cm_status note_file(struct finding *finding, const char *path,
                                const struct cm_rule_file *then, const struct cm_rule_file *now)
{
    bool pack = strchr(path, '.') == NULL;
    bool widens;
    char text[192];
    enum cm_status status = file_widens(&widens, finding, path, now);
    snprintf(text, sizeof text, "%s %.100s %s", pack ? "the statute pack" : "the file", path,
             then == NULL  ? "is included now"
             : now == NULL ? "is no longer included"
             : pack        ? "is another one than was signed"
                           : "was edited");
    add(finding, pack ? CM_CAUSE_PACK : CM_CAUSE_FILE, path, widens, text);
    return status;
}

static enum cm_status find_files(struct finding *finding)
{
    const struct cm_ruleset *set = finding->source->set;
    const struct cm_acl_files *files = finding->source->files;
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < set->file_count; i++) {
        const struct cm_rule_file *now = file_in(files->list, files->count, set->files[i].path);
        if (now == NULL || !cm_bytes_equal(now->text, set->files[i].text)) {
            status = note_file(finding, set->files[i].path, &set->files[i], now);
        }
    }
    for (size_t i = 0; status == CM_OK && i < files->count; i++) {
        if (file_in(set->files, set->file_count, files->list[i].path) == NULL) {
            status = note_file(finding, files->list[i].path, NULL, &files->list[i]);
        }
    }
    return status;
}

static bool pins_kept(const struct cm_agency *then, const struct cm_agency *now)
{
    for (size_t i = 0; i < now->ca_pin_count; i++) {
        bool kept = false;
        for (size_t j = 0; j < then->ca_pin_count; j++) {
            kept = kept || cm_digest_equal(&then->ca_pins[j], &now->ca_pins[i]);
        }
        if (!kept) {
            return false;
        }
    }
    return true;
}

static const char *state_of(const struct cm_agency *agency)
{
    return agency->state == NULL || agency->state[0] == '\0' ? "no state" : agency->state;
}

// What the directory changed about an agency; false: nothing that rules look at.
static bool say_agency(char text[192], const struct cm_agency *then, const struct cm_agency *now)
{
    if (now == NULL) {
        return false;
    }
    if (then == NULL) {
        snprintf(text, 192, "the directory: %.100s is new", now->id);
    } else if (now->active && !then->active) {
        snprintf(text, 192, "the directory: %.100s is active again", now->id);
    } else if (now->kind != then->kind) {
        snprintf(text, 192, "the directory: %.100s is %s, was %s", now->id, cm_kind_name(now->kind),
                 cm_kind_name(then->kind));
    } else if (strcmp(state_of(now), state_of(then)) != 0) {
        snprintf(text, 192, "the directory: %.100s is of %s, was of %s", now->id, state_of(now),
                 state_of(then));
    } else if (!pins_kept(then, now)) {
        snprintf(text, 192, "the directory: %.100s has another CA key", now->id);
    } else {
        return false;
    }
    return true;
}

static bool group_gains(const struct cm_change_group *group)
{
    for (uint32_t c = 0; c < group->change_count; c++) {
        for (uint32_t i = 0; i < group->changes[c].line_count; i++) {
            if (cm_change_line_widens(&group->changes[c].lines[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool purpose_gains(const struct cm_diff *diff, const char *purpose)
{
    const struct cm_cells *cells = diff->cells;
    uint32_t index = cm_names_find(cells->purposes, cells->purpose_count, purpose);
    for (uint32_t g = 0; index != CM_NO_INDEX && g < diff->group_count; g++) {
        for (uint32_t c = 0; c < diff->groups[g].change_count; c++) {
            uint64_t covered = diff->groups[g].changes[c].purposes;
            if ((covered >> cells->purpose_class[index] & 1) != 0 &&
                group_gains(&diff->groups[g])) {
                return true;
            }
        }
    }
    return false;
}

static void note_directory(struct finding *finding, const struct cm_diff *diff)
{
    char text[192];
    const struct cm_directory *then = finding->source->then;
    const struct cm_directory *now = finding->source->now;
    for (uint32_t g = 0; g < diff->group_count; g++) {
        const struct cm_change_group *group = &diff->groups[g];
        for (uint32_t a = 0; group_gains(group) && a < group->agency_count; a++) {
            const char *id = diff->cells->agencies[group->agencies[a]];
            if (say_agency(text, cm_directory_agency(then, id), cm_directory_agency(now, id))) {
                add(finding, CM_CAUSE_DIRECTORY, id, true, text);
            }
        }
    }
    for (size_t i = 0; i < now->purpose_count; i++) {
        const char *id = now->purposes[i].id;
        if (cm_directory_purpose(then, id) == NULL && purpose_gains(diff, id)) {
            snprintf(text, sizeof text, "the directory: the purpose %.100s is new", id);
            add(finding, CM_CAUSE_DIRECTORY, id, true, text);
        }
    }
}

// What the set's own files would show if they were signed by the current directory.
static enum cm_status find_directory(struct finding *finding)
{
    const struct cm_causes_source *source = finding->source;
    const struct cm_diff *diff;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena == NULL ? CM_MEMORY : CM_OK;
    if (status == CM_OK && finding->signed_then != NULL && finding->signed_now != NULL) {
        const struct cm_side old = {finding->signed_then, NULL, source->now};
        const struct cm_side new = {finding->signed_now, NULL, source->now};
        status = cm_diff_make(&diff, arena, &old, &new, source->now_ms, finding->error);
        if (status == CM_OK) {
            note_directory(finding, diff);
        }
    }
    cm_arena_free(arena);
    return status;
}

static void find_program(struct finding *finding)
{
    char text[192];
    const struct cm_ruleset *set = finding->source->set;
    if (set->language != CM_RULE_LANGUAGE) {
        snprintf(text, sizeof text, "this program writes rules %d, the set was signed as rules %u",
                 CM_RULE_LANGUAGE, (unsigned)set->language);
        add(finding, CM_CAUSE_PROGRAM, "rules", true, text);
    }
}

// Several that only widen together are all named.
static void name_together(struct finding *finding)
{
    bool named = false;
    for (size_t i = 0; i < finding->out->count; i++) {
        named = named || finding->out->list[i].widens;
    }
    for (size_t i = 0; !named && i < finding->out->count; i++) {
        finding->out->list[i].widens = cm_diff_waits(finding->source->diff);
    }
}

enum cm_status cm_causes_find(struct cm_causes *out, const struct cm_causes_source *source,
                              struct cm_error *error)
{
    const struct cm_ruleset *set = source->set;
    struct finding finding = {.source = source, .out = out, .error = error};
    *out = (struct cm_causes){.count = 0};
    enum cm_status status =
        compile(&finding.signed_then, set, set->files, set->file_count, source->then);
    if (status == CM_OK) {
        status = compile(&finding.signed_now, set, set->files, set->file_count, source->now);
    }
    if (status == CM_OK) {
        status = find_files(&finding);
    }
    if (status == CM_OK) {
        status = find_directory(&finding);
    }
    find_program(&finding);
    name_together(&finding);
    cm_rules_unref(finding.signed_then);
    cm_rules_unref(finding.signed_now);
    return status == CM_MEMORY ? cm_fail(error, CM_MEMORY, "rules", "out of memory") : status;
}

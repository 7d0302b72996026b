// Two rule sets, parted by a byte 0xff: their difference and its reverse agree, and the overlay
// that narrows the first compiles and leaves of it nothing that the second does not show.
#include "acl/diff.h"
#include "acl/narrow.h"
#include "rules_domain.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_CAP = 256 * 1024 * 1024 };

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

// NULL past a bound on the work.
static const struct cm_diff *diff_of(struct cm_arena *arena, const struct cm_side *old,
                                     const struct cm_side *new)
{
    struct cm_error error;
    const struct cm_diff *diff = NULL;
    enum cm_status status = cm_diff_make(&diff, arena, old, new, FUZZ_NOW_MS, &error);
    check(status == CM_OK || status == CM_EXHAUSTED || status == CM_MEMORY);
    return status == CM_OK ? diff : NULL;
}

static struct cm_rules *compile_overlay(struct cm_buf *text, const char *node)
{
    char main_text[160];
    struct cm_rules *rules = NULL;
    struct cm_diagnostics diagnostics = {0};
    snprintf(main_text, sizeof main_text, "rules 1\nnode %s\ninclude \"narrowed.rules\"\n", node);
    const struct cm_rule_file files[] = {{"main.rules", cm_bytes_of(main_text)},
                                         {"narrowed.rules", cm_buf_bytes(text)}};
    const struct cm_rules_source source = {.main = "main.rules",
                                           .file_count = 2,
                                           .files = files,
                                           .directory = &fuzz_directory,
                                           .overlay = true,
                                           .retired_ok = true};
    check(cm_rules_compile(&rules, &source, &diagnostics) == CM_OK);
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

static void check_narrow(struct cm_arena *arena, const struct cm_side *old,
                         const struct cm_side *new)
{
    bool exact;
    struct cm_buf text = {0};
    struct cm_error error;
    struct cm_side under = *old;
    enum cm_status status = cm_narrow_make(&text, &exact, old, new, FUZZ_NOW_MS, &error);
    if (status == CM_OK && text.len > 0) {
        struct cm_rules *overlay = compile_overlay(&text, cm_rules_node(old->rules));
        under.overlay = overlay;
        const struct cm_diff *rest = diff_of(arena, &under, new);
        for (uint32_t g = 0; rest != NULL && g < rest->group_count; g++) {
            for (uint32_t c = 0; c < rest->groups[g].change_count; c++) {
                const struct cm_change *change = &rest->groups[g].changes[c];
                for (uint32_t i = 0; i < change->line_count; i++) {
                    check(change->lines[i].is.per_agency > 0);
                }
            }
        }
        cm_rules_unref(overlay);
    }
    cm_buf_clear(&text);
}

static void compare(const struct cm_rules *left, const struct cm_rules *right)
{
    const struct cm_side old = {left, NULL, &fuzz_directory};
    const struct cm_side new = {right, NULL, &fuzz_directory};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    const struct cm_diff *there = diff_of(arena, &old, &new);
    const struct cm_diff *back = diff_of(arena, &new, &old);
    const struct cm_diff *none = diff_of(arena, &old, &old);
    check(none == NULL || none->group_count == 0);
    if (there != NULL && back != NULL) {
        check(there->group_count == back->group_count);
        check(cm_diff_widens(there) == cm_diff_narrows(back));
        check(cm_diff_narrows(there) == cm_diff_widens(back));
        if (strcmp(cm_rules_node(left), cm_rules_node(right)) == 0) {
            check_narrow(arena, &old, &new);
        }
    }
    cm_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, 0xff, size);
    if (end == NULL) {
        return 0;
    }
    size_t len = (size_t)(end - data);
    struct cm_rules *left = fuzz_compile(data, len, false, false);
    struct cm_rules *right =
        left == NULL ? NULL : fuzz_compile(end + 1, size - len - 1, false, false);
    if (right != NULL) {
        compare(left, right);
    }
    cm_rules_unref(left);
    cm_rules_unref(right);
    return 0;
}

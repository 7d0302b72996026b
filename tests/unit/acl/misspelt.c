// A misspelt name can never widen or silently narrow. Every word of every example that names
// something, a keyword too, is misspelt in every small way, one at a time. Then the file has an
// error, or it means the very same. Only a site's cameras are an open set, which no list can check:
// there the difference must be shown, and be about that camera alone.
#include "acl/diff.h"

#include "proto/trust/directory_json.h"
#include "valley.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLES CM_SOURCE "/deploy/examples/rules/"
#define STATUTES CM_SOURCE "/acl/statutes/"

enum { MOST_FILES = 16, MOST_WORD = 128 };

struct subject {
    size_t count; // files[0] is the main one
    struct cm_rule_file files[MOST_FILES];
    const struct cm_directory *directory;
    struct cm_rules *rules;
    size_t tried, refused, same, shown;
};

// One token of one file and what stands there instead.
struct mutant {
    size_t file;
    size_t offset, len; // of the name, without @ and quotes
    bool camera;
    char was[MOST_WORD];
    char now[MOST_WORD + 2];
};

// Files stay in memory until the test's process ends.
enum { MOST_TEXTS = 64 };
static struct cm_buf texts[MOST_TEXTS];
static size_t texts_kept;

static struct cm_bytes read_whole(const char *path)
{
    struct cm_buf text = {0};
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    uint8_t part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;) {
        cr_assert(cm_buf_add(&text, part, n) == CM_OK);
    }
    fclose(file);
    cr_assert_lt(texts_kept, MOST_TEXTS);
    texts[texts_kept++] = text;
    return cm_buf_bytes(&text);
}

static struct cm_rules *compile(const struct subject *subject, const struct cm_rule_file *files)
{
    return try_compile((struct cm_rules_source){.main = files[0].path,
                                                .file_count = subject->count,
                                                .files = files,
                                                .directory = subject->directory},
                       NULL);
}

static bool named(const struct cm_cells *cells, uint32_t class, const struct mutant *mutant)
{
    for (uint32_t i = 0; i < cells->camera_count; i++) {
        if (cells->camera_class[i] == class && strcmp(cells->cameras[i], mutant->was) != 0 &&
            strcmp(cells->cameras[i], mutant->now) != 0) {
            return false;
        }
    }
    return class != 0;
}

// That camera, under its name or the misspelt one, and no other.
static bool is_about_camera(const struct cm_diff *diff, const struct mutant *mutant)
{
    for (uint32_t g = 0; g < diff->group_count; g++) {
        for (uint32_t c = 0; c < diff->groups[g].change_count; c++) {
            const struct cm_change *change = &diff->groups[g].changes[c];
            for (uint32_t class = 0; class < diff->cells->camera_class_count; class ++) {
                if (cm_bit(change->cameras, class) && !named(diff->cells, class, mutant)) {
                    return false;
                }
            }
        }
    }
    return diff->group_count > 0;
}

static void judge(struct subject *subject, const struct mutant *mutant,
                  const struct cm_rules *rules)
{
    const struct cm_diff *diff;
    struct cm_error error = {.text = ""};
    struct cm_arena *arena = cm_arena_new(1 << 26);
    const struct cm_side old = {subject->rules, NULL, subject->directory};
    const struct cm_side new = {rules, NULL, subject->directory};
    cr_assert(cm_diff_make(&diff, arena, &old, &new, NOON_MS, &error) == CM_OK, "%s", error.text);
    bool same = diff->group_count == 0 && !cm_diff_widens(diff) && !cm_diff_narrows(diff) &&
                diff->sharing_off[0] == diff->sharing_off[1];
    bool shown = !same && mutant->camera && is_about_camera(diff, mutant);
    cr_expect(same || shown, "%s: %s instead of %s is taken and means something else",
              subject->files[mutant->file].path, mutant->now, mutant->was);
    subject->same += same;
    subject->shown += shown;
    cm_arena_free(arena);
}

static void try_mutant(struct subject *subject, const struct mutant *mutant)
{
    struct cm_rule_file files[MOST_FILES];
    struct cm_buf text = {0};
    struct cm_bytes old = subject->files[mutant->file].text;
    size_t end = mutant->offset + mutant->len;
    if (strcmp(mutant->was, mutant->now) == 0) {
        return;
    }
    memcpy(files, subject->files, sizeof files);
    cr_assert(cm_buf_add(&text, old.data, mutant->offset) == CM_OK);
    cr_assert(cm_buf_add(&text, mutant->now, strlen(mutant->now)) == CM_OK);
    cr_assert(cm_buf_add(&text, old.data + end, old.len - end) == CM_OK);
    files[mutant->file].text = cm_buf_bytes(&text);
    struct cm_rules *rules = compile(subject, files);
    subject->tried++;
    subject->refused += rules == NULL;
    if (rules != NULL) {
        judge(subject, mutant, rules);
    }
    cm_rules_unref(rules);
    cm_buf_clear(&text);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void misspell(struct subject *subject, struct mutant *mutant)
{
    const char *was = mutant->was;
    int len = (int)strlen(was);
    size_t size = sizeof mutant->now;
    for (int i = 0; i < len; i++) {
        snprintf(mutant->now, size, "%.*s%s", i, was, was + i + 1);
        try_mutant(subject, mutant);
        snprintf(mutant->now, size, "%.*s%c%s", i + 1, was, was[i], was + i + 1);
        try_mutant(subject, mutant);
        snprintf(mutant->now, size, "%s", was);
        mutant->now[i] = is_letter(was[i]) ? (char)(was[i] ^ 0x20) : was[i];
        try_mutant(subject, mutant);
        snprintf(mutant->now, size, "%s", was);
        mutant->now[i] = was[i + 1] == '\0' ? was[i] : was[i + 1];
        mutant->now[i + 1] = was[i + 1] == '\0' ? '\0' : was[i];
        try_mutant(subject, mutant);
    }
    snprintf(mutant->now, size, "%ss", was);
    try_mutant(subject, mutant);
}

static bool names_something(const struct cm_token *token, bool note)
{
    bool letter = false;
    for (const char *c = token->text; *c != '\0'; c++) {
        letter |= is_letter(*c);
    }
    return letter && (token->kind == CM_TOKEN_WORD || token->kind == CM_TOKEN_GROUP ||
                      (token->kind == CM_TOKEN_TEXT && !note));
}

static void misspell_file(struct subject *subject, size_t index)
{
    struct cm_diagnostics diagnostics = {0};
    struct cm_arena *arena = cm_arena_new(1 << 22);
    struct cm_lexer lexer;
    bool note = false;
    bool site = false;
    bool list = false;
    cm_lexer_init(&lexer, &subject->files[index], arena, &diagnostics);
    for (struct cm_token t; (t = cm_lexer_next(&lexer)).kind != CM_TOKEN_END;) {
        enum cm_statement statement =
            t.kind == CM_TOKEN_WORD ? cm_statement_of(t.text) : CM_STATEMENT_NONE;
        site = statement == CM_STATEMENT_NONE ? site : statement == CM_STATEMENT_SITE;
        list = statement == CM_STATEMENT_NONE && (list || t.kind == CM_TOKEN_EQUALS);
        if (names_something(&t, note)) {
            size_t sign = t.kind == CM_TOKEN_WORD ? 0 : 1;
            struct mutant mutant = {.file = index,
                                    .offset = t.place.offset + sign,
                                    .len = strlen(t.text),
                                    .camera = site && list};
            cr_assert_lt(mutant.len, MOST_WORD);
            snprintf(mutant.was, sizeof mutant.was, "%s", t.text);
            misspell(subject, &mutant);
        }
        note = t.kind == CM_TOKEN_WORD && strcmp(t.text, "note") == 0;
    }
    cr_assert_eq(diagnostics.errors, 0);
    cm_arena_free(arena);
}

static int is_rules(const struct dirent *entry)
{
    const char *ending = strrchr(entry->d_name, '.');
    return ending != NULL && strcmp(ending, ".rules") == 0;
}

// All statute packs, behind the main file.
static void add_packs(struct subject *subject)
{
    static struct cm_rule_file packs[MOST_FILES];
    static char names[MOST_FILES][16];
    static size_t found;
    struct dirent **entries;
    int count = found > 0 ? 0 : scandir(STATUTES, &entries, is_rules, alphasort);
    cr_assert(found > 0 || (count > 0 && count < MOST_FILES));
    for (int i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof path, STATUTES "%s", entries[i]->d_name);
        snprintf(names[found], sizeof *names, "%.*s", (int)strcspn(entries[i]->d_name, "."),
                 entries[i]->d_name);
        packs[found] = (struct cm_rule_file){names[found], read_whole(path)};
        found++;
        free(entries[i]);
    }
    if (count > 0) {
        free(entries);
    }
    memcpy(subject->files + subject->count, packs, found * sizeof *packs);
    subject->count += found;
}

static void misspell_example(const char *folder, const char *name,
                             const struct cm_directory *directory)
{
    char path[1024];
    snprintf(path, sizeof path, "%s%s", folder, name);
    struct subject subject = {
        .count = 1, .files = {{name, read_whole(path)}}, .directory = directory};
    add_packs(&subject);
    subject.rules = compile(&subject, subject.files);
    cr_assert_not_null(subject.rules, "%s", path);
    misspell_file(&subject, 0);
    cr_expect_gt(subject.refused, 200, "%s: %zu", name, subject.refused);
    cr_expect_eq(subject.tried, subject.refused + subject.same + subject.shown, "%s", name);
    cm_rules_unref(subject.rules);
}

// required: with the packs that agencies of that state must include.
static const struct cm_directory *read_directory(bool required)
{
    static struct cm_directory directory;
    static struct cm_agency agencies[64];
    static struct cm_arena *arena;
    struct cm_error error;
    if (arena == NULL) {
        arena = cm_arena_new(1 << 24);
        cr_assert(cm_directory_read(&directory, arena, EXAMPLES "directory.json", &error) == CM_OK,
                  "%s", error.text);
    }
    cr_assert_leq(directory.agency_count, 64);
    for (size_t i = 0; i < directory.agency_count && !required; i++) {
        agencies[i] = directory.agencies[i];
        agencies[i].required_pack_count = 0;
    }
    if (!required) {
        directory.agencies = agencies;
    }
    return &directory;
}

static void misspell_folder(const char *folder, bool required)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_rules, alphasort);
    cr_assert_geq(count, 5);
    for (int i = 0; i < count; i++) {
        misspell_example(folder, entries[i]->d_name, read_directory(required));
        free(entries[i]);
    }
    free(entries);
}

Test(misspelt, no_example_means_something_else_by_one_wrong_letter, .timeout = 300)
{
    misspell_folder(EXAMPLES, true);
}

Test(misspelt, nor_do_the_rules_of_the_demo, .timeout = 300)
{
    misspell_folder(CM_SOURCE "/deploy/demo.d/rules/", false);
}

// Each pack alone, included by an agency that permits everything.
Test(misspelt, nor_does_a_statute_pack, .timeout = 300)
{
    struct subject all = {.count = 0};
    add_packs(&all);
    for (size_t i = 0; i < all.count; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "rules 1 node ca.northport.pd include \"%s\" "
                 "permit anyone to any for any back all see all",
                 all.files[i].path);
        struct subject subject = {.count = 2,
                                  .files = {file_of("main.rules", text), all.files[i]},
                                  .directory = read_directory(false)};
        subject.rules = compile(&subject, subject.files);
        cr_assert_not_null(subject.rules, "%s", all.files[i].path);
        misspell_file(&subject, 1);
        cr_expect_gt(subject.refused, 100, "%s", all.files[i].path);
        cr_expect_eq(subject.shown, 0);
        cm_rules_unref(subject.rules);
    }
}

// The open set: a camera that is misspelt leaves its site, and the difference says so.
Test(misspelt, a_misspelt_camera_is_shown_as_a_difference)
{
    struct subject subject = {
        .count = 1,
        .files = {file_of(
            "main.rules",
            "rules 1 node ca.northport.pd site staff = door, \"Gate 3\" "
            "permit anyone to any for any back all see all forbid not self at staff")},
        .directory = &valley};
    subject.rules = compile(&subject, subject.files);
    misspell_file(&subject, 0);
    cr_expect_gt(subject.shown, 20, "%zu", subject.shown);
    cm_rules_unref(subject.rules);
}

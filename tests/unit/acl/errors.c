// Files and the messages that they get, NAME.rules beside NAME.expected, to be read by people:
// mistakes/ holds those that administrators make, errors/ what is left of the grammar, warnings/
// what compiles. With CM_WRITE_EXPECTED set in the environment the files are written instead.
#include "valley.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER CM_SOURCE "/tests/unit/acl/"

enum { MOST_FILES = 16 };

static struct cm_buf read_whole(const char *path)
{
    struct cm_buf text = {0};
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    uint8_t part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;) {
        cr_assert(cm_buf_add(&text, part, n) == CM_OK);
    }
    fclose(file);
    return text;
}

static int is_rules(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 6 && strcmp(entry->d_name + len - 6, ".rules") == 0;
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void compare(const char *folder, const char *name, const struct cm_buf *printed)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s/%.*s.expected", folder, (int)strlen(name) - 6, name);
    if (getenv("CM_WRITE_EXPECTED") != NULL) {
        FILE *file = fopen(path, "wb");
        cr_assert_not_null(file);
        cr_assert(printed->len == 0 || fwrite(printed->data, printed->len, 1, file) == 1);
        fclose(file);
        return;
    }
    struct cm_buf expected = read_whole(path);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&expected), cm_buf_bytes(printed)),
              "%s prints\n%.*s\ninstead of\n%.*s", name, (int)printed->len,
              (const char *)printed->data, (int)expected.len, (const char *)expected.data);
    cm_buf_clear(&expected);
}

static void check(const char *folder, const char *name, struct cm_rule_file *files, size_t count)
{
    char path[512];
    struct cm_diagnostics diagnostics = {0};
    struct cm_buf printed = {0};
    snprintf(path, sizeof path, FOLDER "%s/%s", folder, name);
    struct cm_buf text = read_whole(path);
    files[0] = (struct cm_rule_file){name, cm_buf_bytes(&text)};
    struct cm_rules *rules = try_compile((struct cm_rules_source){.main = name,
                                                                  .file_count = count,
                                                                  .files = files,
                                                                  .lint = true,
                                                                  .served = 1u << CM_ACTION_LOOKUP},
                                         &diagnostics);
    cr_expect_eq(rules == NULL, strcmp(folder, "warnings") != 0, "%s", name);
    cr_assert(cm_diagnostics_print(&printed, &diagnostics) == CM_OK);
    compare(folder, name, &printed);
    for (size_t i = 0; i < diagnostics.count; i++) {
        cr_expect_leq(strlen(diagnostics.list[i].hint), 76, "%s: %s", name,
                      diagnostics.list[i].hint);
    }
    cm_rules_unref(rules);
    cm_diagnostics_clear(&diagnostics);
    cm_buf_clear(&printed);
    cm_buf_clear(&text);
}

Test(errors, every_mistake_gets_its_message)
{
    struct dirent **entries;
    struct cm_rule_file files[MOST_FILES] = {0};
    struct cm_buf texts[MOST_FILES] = {0};
    char names[MOST_FILES][64];
    int found = scandir(FOLDER "errors/files", &entries, is_file, alphasort);
    cr_assert(found > 0 && found < MOST_FILES);
    for (int i = 0; i < found; i++) {
        char path[512];
        snprintf(names[i], sizeof names[i], "%.63s", entries[i]->d_name);
        snprintf(path, sizeof path, FOLDER "errors/files/%s", names[i]);
        texts[i] = read_whole(path);
        files[i + 1] = (struct cm_rule_file){names[i], cm_buf_bytes(&texts[i])};
        free(entries[i]);
    }
    free(entries);
    static const char *const folders[] = {"errors", "mistakes", "warnings"};
    for (size_t f = 0; f < 3; f++) {
        char path[512];
        snprintf(path, sizeof path, FOLDER "%s", folders[f]);
        int cases = scandir(path, &entries, is_rules, alphasort);
        cr_assert(cases >= 5);
        for (int i = 0; i < cases; i++) {
            check(folders[f], entries[i]->d_name, files, (size_t)found + 1);
            free(entries[i]);
        }
        free(entries);
    }
    for (int i = 0; i < found; i++) {
        cm_buf_clear(&texts[i]);
    }
}

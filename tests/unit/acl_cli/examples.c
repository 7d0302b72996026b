// The example files of the documentation: right, and without a warning, on the day they were
// written for.
#include "acl/expect.h"
#include "acl/files.h"
#include "proto/base/file.h"
#include "proto/trust/directory_json.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#define FOLDER CM_SOURCE "/deploy/examples/rules/"

// 2026-12-01T12:00:00Z
#define NOON_MS INT64_C(1796126400000)

static void run_expectations(const char *path, const struct cm_rules *rules,
                             const struct cm_directory *directory)
{
    char beside[512];
    struct cm_buf text = {0};
    struct cm_error error;
    struct cm_diagnostics errors = {0};
    struct cm_diagnostics failures = {0};
    size_t count = 0;
    snprintf(beside, sizeof beside, "%.*s.acltest", (int)(strlen(path) - strlen(".rules")), path);
    cr_assert(cm_file_read(&text, beside, CM_MAX_EXPECT_FILE, &error) == CM_OK, "%s", beside);
    const struct cm_rule_file file = {.path = beside, .text = cm_buf_bytes(&text)};
    cr_expect(cm_expect_run(&count, &file, rules, directory, NOON_MS, &errors, &failures) == CM_OK);
    cr_expect_geq(count, 10);
    cr_expect_eq(errors.count + failures.count, 0, "%s:%u: %s", beside,
                 failures.count > 0 ? (unsigned)failures.list[0].line : 0,
                 failures.count > 0 ? failures.list[0].text : "");
    cm_diagnostics_clear(&errors);
    cm_diagnostics_clear(&failures);
    cm_buf_clear(&text);
}

static void check(const char *path, const struct cm_directory *directory)
{
    struct cm_acl_files files;
    struct cm_error error;
    struct cm_diagnostics diagnostics = {0};
    struct cm_rules *rules = NULL;
    struct cm_buf printed = {0};
    cr_assert(cm_acl_files_read(&files, path, CM_SOURCE "/acl/statutes", &error) == CM_OK, "%s",
              error.text);
    const struct cm_rules_source source = {.main = files.main,
                                           .file_count = files.count,
                                           .files = files.list,
                                           .directory = directory,
                                           .now_ms = NOON_MS,
                                           .lint = true,
                                           .served = 1u << CM_ACTION_LOOKUP};
    enum cm_status status = cm_rules_compile(&rules, &source, &diagnostics);
    cr_assert(cm_diagnostics_print(&printed, &diagnostics) == CM_OK);
    cr_expect(status == CM_OK && diagnostics.count == 0, "%.*s", (int)printed.len,
              (const char *)printed.data);
    run_expectations(path, rules, directory);
    cm_buf_clear(&printed);
    cm_diagnostics_clear(&diagnostics);
    cm_rules_unref(rules);
    cm_acl_files_clear(&files);
}

Test(examples, every_file_is_clean_and_means_what_is_expected)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_directory directory;
    struct cm_error error;
    glob_t found;
    cr_assert(cm_directory_read(&directory, arena, FOLDER "directory.json", &error) == CM_OK, "%s",
              error.text);
    cr_assert_eq(glob(FOLDER "*.rules", 0, NULL, &found), 0);
    cr_assert_geq(found.gl_pathc, 5);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        check(found.gl_pathv[i], &directory);
    }
    globfree(&found);
    cm_arena_free(arena);
}

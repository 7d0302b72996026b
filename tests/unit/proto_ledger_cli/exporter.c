#include "proto/ledger/cli/exporter.h"

#include "made.h"
#include "proto/base/file.h"
#include "proto/ledger/cli/verifier.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pki *pki;
static struct made made;
static char to[96];

static void begin(void)
{
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
    made_asked(&made, &(struct made_question){.plate = "7XYZ987", .reason = "seen near a fire"});
    made_checkpoint(&made);
    made_write(&made);
    made_publish(&made);
    snprintf(to, sizeof to, "%s/copy", made.folder);
}

static void end(void)
{
    made_close(&made);
    pki_free(pki);
}

TestSuite(exporter, .init = begin, .fini = end);

static enum cm_status copy(bool with_keys, bool with_lines, struct cm_error *error)
{
    struct cm_ledger_folder *folder;
    const struct cm_exporter_options options = {to, with_keys, with_lines};
    cr_assert_eq(cm_ledger_folder_open(&folder, made.folder, NULL, error), CM_OK);
    const enum cm_status status = cm_export(folder, &options, error);
    cm_ledger_folder_close(folder);
    return status;
}

static struct cm_verified verified(void)
{
    struct cm_verified out;
    struct cm_ledger_folder *folder;
    const struct cm_verifier_options options = {.key = NULL};
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_ledger_folder_open(&folder, to, NULL, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_verify(&out, folder, &options, &error), CM_OK, "%s", error.text);
    cm_ledger_folder_close(folder);
    return out;
}

Test(exporter, a_copy_verifies_and_shows_nothing_without_keys)
{
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_buf_add(&made.log, "cut off", 7), CM_OK);
    made_write(&made);
    cr_assert_eq(copy(false, false, &error), CM_OK, "%s: %s", error.where, error.text);
    const struct cm_verified v = verified();
    cr_expect_eq(v.problems, 0);
    cr_expect_eq(v.entries, 1);
    cr_expect_eq(v.torn, 0, "what no checkpoint covers is no part of a copy");
    cr_expect_eq(v.clear[CM_CLEAR_NO_KEY], 1);
}

Test(exporter, with_keys_it_shows_all)
{
    struct cm_error error = {.text = ""};
    struct stat stat_of;
    cr_assert_eq(copy(true, false, &error), CM_OK, "%s: %s", error.where, error.text);
    const struct cm_verified v = verified();
    cr_expect_eq(v.problems, 0);
    cr_expect_eq(v.clear[CM_CLEAR_OPEN], 1);
    char path[128];
    snprintf(path, sizeof path, "%s/log", to);
    cr_assert_eq(stat(path, &stat_of), 0);
    cr_expect_eq(stat_of.st_mode & 07777, 0600);
}

Test(exporter, a_copy_tells_what_was_erased)
{
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_day_keys_erase(made.keys, cm_day_of(pki->now_ms) + 2, NULL, NULL), CM_OK);
    cr_assert_eq(copy(false, false, &error), CM_OK, "%s: %s", error.where, error.text);
    cr_expect_eq(verified().clear[CM_CLEAR_ERASED], 1);
}

Test(exporter, lines_are_objects_for_programs)
{
    char path[128];
    struct cm_buf text = {0};
    struct cm_error error = {.text = ""};
    cr_assert_eq(copy(false, true, &error), CM_OK, "%s: %s", error.where, error.text);
    snprintf(path, sizeof path, "%s/entries.jsonl", to);
    cr_assert_eq(cm_file_read(&text, path, 1 << 20, NULL), CM_OK);
    json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(json, "kind")), "node");
    const json_t *values = json_object_get(json, "values");
    cr_expect_str_eq(json_string_value(json_object_get(values, "plate")), "7XYZ987");
    cr_expect_str_eq(json_string_value(json_object_get(values, "reason")), "seen near a fire");
    json_decref(json);
    cm_buf_clear(&text);
}

Test(exporter, nothing_that_is_there_is_written_over)
{
    struct cm_error error = {.text = ""};
    char path[128];
    cr_assert_eq(mkdir(to, 0700), 0);
    snprintf(path, sizeof path, "%s/mine", to);
    cr_assert_eq(cm_file_write(path, cm_bytes_of("x"), 0600, NULL), CM_OK);
    cr_expect_eq(copy(false, false, &error), CM_INVALID);
    cr_expect_str_eq(error.text, "is not empty");
}

#include "proto/ledger/cli/folder_args.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct cm_cli_args args;

static void give(int key, char *value)
{
    args.given[args.given_count].key = key;
    args.given[args.given_count++].value = value;
}

Test(folder_args, certificate_and_key_go_together)
{
    char name[] = "comity audit show", path[] = "/nowhere";
    char *argv[] = {name, path, NULL};
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    cr_expect_eq(cm_audit_folder_open(&folder, path, &args, 2, argv, &error), CM_NOT_FOUND);
    give('C', path);
    cr_expect_eq(cm_audit_folder_open(&folder, path, &args, 2, argv, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "--chain");
    give('K', path);
    cr_expect_eq(cm_audit_folder_open(&folder, path, &args, 2, argv, &error), CM_NOT_FOUND);
}

// More than is recorded of them must do no harm.
Test(folder_args, arguments_may_be_of_any_length)
{
    enum { LARGE = 3 * CM_MAX_ACCESS_TEXT };
    char name[] = "comity audit show", path[] = "/nowhere";
    char *large = malloc(LARGE + 1);
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    char *argv[] = {name, large, path, large, NULL};
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    cr_expect_eq(cm_audit_folder_open(&folder, path, &args, 4, argv, &error), CM_NOT_FOUND);
    for (size_t len = CM_MAX_ACCESS_TEXT - 12; len < CM_MAX_ACCESS_TEXT + 4; len++) {
        large[len] = '\0';
        cr_expect_eq(cm_audit_folder_open(&folder, path, &args, 4, argv, &error), CM_NOT_FOUND);
        large[len] = 'x';
    }
    free(large);
}

Test(folder_args, values_leave_the_process_list)
{
    char plate[] = "8ABC123", other[] = "7XYZ987";
    give('p', plate);
    give('w', other);
    cm_audit_hide(&args, 'p');
    for (size_t i = 0; i < sizeof plate; i++) {
        cr_expect_eq(plate[i], 0);
    }
    cr_expect_str_eq(other, "7XYZ987");
}

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
    char path[] = "/nowhere";
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    cr_expect_eq(cm_audit_folder_open(&folder, path, &args, "", &error), CM_NOT_FOUND);
    give('C', path);
    cr_expect_eq(cm_audit_folder_open(&folder, path, &args, "", &error), CM_INVALID);
    cr_expect_str_eq(error.where, "--chain");
    give('K', path);
    cr_expect_eq(cm_audit_folder_open(&folder, path, &args, "", &error), CM_NOT_FOUND);
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
    char out[CM_MAX_ACCESS_TEXT + 1];
    cm_audit_arguments(out, 4, argv);
    cr_expect_str_eq(out, "…");
    for (size_t len = CM_MAX_ACCESS_TEXT - 12; len < CM_MAX_ACCESS_TEXT + 4; len++) {
        large[len] = '\0';
        cm_audit_arguments(out, 4, argv);
        cr_expect_leq(strlen(out), CM_MAX_ACCESS_TEXT);
        large[len] = 'x';
    }
    free(large);
}

// A key's passphrase is asked for, and a daemon waited for, only when the plate is out of sight.
Test(folder_args, values_leave_the_process_list_and_are_recorded_all_the_same)
{
    char name[] = "comity audit show", option[] = "--plate", path[] = "/nowhere";
    char plate[] = "8ABC123", other[] = "7XYZ987";
    char *argv[] = {name, option, plate, path, NULL};
    char out[CM_MAX_ACCESS_TEXT + 1];
    cm_audit_arguments(out, 4, argv);
    give('p', plate);
    give('w', other);
    cm_audit_hide(&args, 'p');
    for (size_t i = 0; i < sizeof plate; i++) {
        cr_expect_eq(plate[i], 0);
    }
    cr_expect_str_eq(other, "7XYZ987");
    cr_expect_str_eq(out, "--plate 8ABC123 /nowhere");
}

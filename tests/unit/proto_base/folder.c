#include "proto/base/folder.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(folder, is_made_once_for_its_owner_alone)
{
    char above[] = "/tmp/cm-folder-XXXXXX";
    char path[PATH_MAX];
    struct stat facts;
    struct cm_error error = {.text = ""};
    cr_assert_not_null(mkdtemp(above));
    cr_assert_eq(cm_folder_make_in(path, above, "one", NULL), CM_OK);
    cr_assert_eq(cm_folder_make(path, NULL), CM_OK, "it is there");
    cr_assert_eq(stat(path, &facts), 0);
    cr_expect_eq(facts.st_mode & 07777, 0700);
    cr_expect_eq(cm_folder_sync(above, NULL), CM_OK);
    cr_assert_eq(rmdir(path), 0);
    cr_expect_eq(cm_folder_sync(path, &error), CM_IO);
    cr_expect_str_eq(error.where, path);
    cr_expect_eq(cm_folder_make_in(path, above, "not/there", &error), CM_IO);
    cr_expect_str_eq(error.where, path);
    cr_expect_str_not_empty(error.hint);
    cr_assert_eq(rmdir(above), 0);
}

Test(folder, a_path_is_whole_or_refused)
{
    static char name[PATH_MAX];
    char path[PATH_MAX];
    memset(name, 'x', sizeof name - 1);
    cr_expect_eq(cm_folder_path(path, "/", name, NULL), CM_INVALID);
    cr_expect_eq(cm_folder_make_in(path, "/", name, NULL), CM_INVALID);
    name[PATH_MAX - 3] = '\0';
    cr_expect_eq(cm_folder_path(path, "a", name, NULL), CM_OK);
    cr_expect_eq(strlen(path), PATH_MAX - 1);
}

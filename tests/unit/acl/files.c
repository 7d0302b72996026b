#include "acl/files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Which files belong to a set is found before there is a directory to judge words by.
Test(files, a_comma_that_is_missing_among_purposes_is_left_to_the_compiler)
{
    char folder[] = "/tmp/comity-files-XXXXXX";
    char path[128];
    struct cm_acl_files files;
    struct cm_error error;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/main.rules", folder);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("rules 1 node ca.northport.pd include \"none-such\" forbid self for civil protest", file);
    fclose(file);
    cr_expect(cm_acl_files_read(&files, path, folder, &error) == CM_OK, "%s", error.text);
    cr_expect_eq(files.count, 1);
    cm_acl_files_clear(&files);
    unlink(path);
    rmdir(folder);
}

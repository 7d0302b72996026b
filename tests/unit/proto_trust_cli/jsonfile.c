#include "proto/trust/cli/jsonfile.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(jsonfile, saved_and_loaded_and_never_made_twice)
{
    char path[] = "/tmp/comity-json-XXXXXX";
    cr_assert_geq(mkstemp(path), 0);
    json_t *root = json_pack("{s:i}", "a", 7), *again = NULL;
    cr_expect_eq(cm_jsonfile_save(path, root, 0600, true, NULL), CM_INVALID);
    cr_assert_eq(cm_jsonfile_save(path, root, 0600, false, NULL), CM_OK);
    cr_assert_eq(cm_jsonfile_load(&again, path, 100, NULL), CM_OK);
    cr_expect(json_equal(root, again));
    json_decref(again);
    cr_expect_eq(cm_jsonfile_load(&again, path, 5, NULL), CM_MEMORY);
    json_decref(root);
    unlink(path);
}

Test(jsonfile, mistakes_are_told_by_line)
{
    char path[] = "/tmp/comity-json-XXXXXX";
    struct cm_error error = {0};
    json_t *root = NULL;
    cr_assert_geq(mkstemp(path), 0);
    cr_assert_eq(cm_file_write(path, cm_bytes_of("{\n\"a\": 7,\n\"a\": 8}"), 0600, NULL), CM_OK);
    cr_expect_eq(cm_jsonfile_load(&root, path, 100, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "line 3"));
    cr_assert_eq(cm_file_write(path, cm_bytes_of("[]"), 0600, NULL), CM_OK);
    cr_expect_eq(cm_jsonfile_load(&root, path, 100, &error), CM_INVALID);
    cr_expect_null(root);
    unlink(path);
}

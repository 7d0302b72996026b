#include "acl/cli/judged.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 2 * CM_MAX_DIAGNOSTICS };

// More than are kept are still counted as what they are.
Test(judged, counts_more_errors_than_it_lists)
{
    char folder[] = "/tmp/comity-judged-XXXXXX";
    char path[64];
    char printed[65536] = "";
    struct cm_buf text = {0};
    struct cm_judged judged;
    struct cm_error error;
    const struct cm_directory directory = {.federation = "valley.test"};
    cr_redirect_stderr();
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/main.rules", folder);
    cr_assert(cm_buf_printf(&text, "rules 1\n") == CM_OK);
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert(cm_buf_printf(&text, "forbid\n") == CM_OK);
    }
    cr_assert(cm_file_write(path, cm_buf_bytes(&text), 0600, NULL) == CM_OK);
    cr_assert(cm_judged_by(&judged, path, &directory, folder, &error) == CM_OK);
    cr_expect_geq(judged.diagnostics.errors, MANY);
    cm_judged_print(&judged);
    fflush(stderr);
    size_t len = fread(printed, 1, sizeof printed - 1, cr_get_redirected_stderr());
    cr_expect(len > 20 && strcmp(printed + len - 13, ", 0 warnings\n") == 0, "%s",
              printed + (len > 100 ? len - 100 : 0));
    cm_judged_clear(&judged);
    cm_buf_clear(&text);
    unlink(path);
    rmdir(folder);
}

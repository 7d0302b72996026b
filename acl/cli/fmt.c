#include "acl/cli/fmt.h"

#include "acl/cli/diagnostics_json.h"
#include "acl/cli/judged.h"
#include "acl/format.h"
#include "proto/base/cli_args.h"
#include "proto/base/file.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct argp_option options[] = {
    {"check", 'c', NULL, 0, "Write nothing; exit with 1 when the layout is another", 0},
    {"in-place", 'i', NULL, 0, "Replace the file instead of printing it", 0},
    {"directory", 'd', "FILE", 0, "Look up all names first, in the signed directory or its JSON",
     0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"json", 'j', NULL, 0, "An object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE",
    .about = "Lay a rule file out in the one common form. Comments stay, words and their order "
             "too.\vA file with errors is left alone. With --in-place the new file is written "
             "beside and then takes the old one's name.",
    .least_words = 1,
    .most_words = 1,
};

static enum cm_status format(struct cm_buf *old, struct cm_buf *new,
                             struct cm_diagnostics *diagnostics, const char *path,
                             struct cm_error *error)
{
    char base[PATH_MAX];
    snprintf(base, sizeof base, "%s", path);
    enum cm_status status = cm_file_read(old, path, CM_MAX_RULESET, error);
    if (status != CM_OK) {
        return status;
    }
    const struct cm_rule_file file = {.path = basename(base), .text = cm_buf_bytes(old)};
    status = cm_format(new, &file, diagnostics);
    if (status == CM_INVALID) {
        cm_error_fill(error, status, path, "has errors: its layout was left alone");
    } else if (status == CM_INTERNAL) {
        cm_error_fill(error, status, path,
                      "the new layout lost something: the file was left alone");
        cm_error_hint(error, "please report this with the file");
    } else if (status != CM_OK) {
        cm_error_fill(error, status, path, "out of memory");
    }
    return status;
}

static enum cm_status check_names(const struct cm_cli_args *args, struct cm_error *error)
{
    struct cm_judged judged;
    if (cm_cli_get(args, 'd') == NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_judged_load(&judged, args->words[0], cm_cli_get(args, 'd'),
                                           cm_cli_get(args, 'p'), error);
    if (status == CM_OK && judged.rules == NULL) {
        cm_judged_print(&judged);
        cm_error_fill(error, CM_INVALID, args->words[0], "has errors: its layout was left alone");
        status = CM_INVALID;
    }
    if (status == CM_OK || status == CM_INVALID) {
        cm_judged_clear(&judged);
    }
    return status;
}

// Where a link leads, with the rights that the file has.
static enum cm_status replace(const char *path, const struct cm_buf *text, struct cm_error *error)
{
    char real[PATH_MAX];
    struct stat info;
    if (realpath(path, real) == NULL || stat(real, &info) != 0 || !S_ISREG(info.st_mode)) {
        return cm_fail(error, CM_IO, path, "is no file that can be replaced");
    }
    return cm_file_write(real, cm_buf_bytes(text), info.st_mode & 07777, error);
}

static void print_problems(const struct cm_diagnostics *diagnostics)
{
    struct cm_buf text = {0};
    if (cm_diagnostics_print(&text, diagnostics) == CM_OK && text.len > 0) {
        fwrite(text.data, 1, text.len, stderr);
    }
    cm_buf_clear(&text);
}

int cm_acl_fmt(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_error error;
    struct cm_buf old = {0};
    struct cm_buf new = {0};
    struct cm_diagnostics diagnostics = {0};
    cm_cli_parse(&args, &usage, argc, argv);
    const char *path = args.words[0];
    bool json = cm_cli_get(&args, 'j') != NULL;
    bool check = cm_cli_get(&args, 'c') != NULL;
    bool in_place = cm_cli_get(&args, 'i') != NULL;
    enum cm_status status = check_names(&args, &error);
    if (status == CM_OK) {
        status = format(&old, &new, &diagnostics, path, &error);
    }
    bool same = status == CM_OK && cm_bytes_equal(cm_buf_bytes(&old), cm_buf_bytes(&new));
    if (status == CM_OK && in_place && !check && !same) {
        status = replace(path, &new, &error);
    }
    if (json) {
        cm_json_print(json_pack("{s:b, s:b, s:o}", "valid", status == CM_OK, "formatted", same,
                                "diagnostics", cm_diagnostics_json(&diagnostics)));
    } else {
        print_problems(&diagnostics);
        if (status == CM_OK && check && !same) {
            printf("%s: comity acl fmt --in-place would change its layout\n", path);
        } else if (status == CM_OK && !check && !in_place) {
            fwrite(new.data, 1, new.len, stdout);
        }
    }
    int code = status == CM_OK && !(check && !same) ? CM_EXIT_OK : CM_EXIT_FAILED;
    if (status != CM_OK) {
        cm_cli_error(&error);
    }
    cm_diagnostics_clear(&diagnostics);
    cm_buf_clear(&old);
    cm_buf_clear(&new);
    return code;
}

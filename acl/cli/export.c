#include "acl/cli/export.h"

#include "acl/cli/judged.h"
#include "acl/export_cedar.h"
#include "proto/base/cli_args.h"
#include "proto/base/file.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static const struct argp_option options[] = {
    {"cedar", 'c', NULL, 0, "As Cedar policies, schema and entities", 0},
    {"out", 'o', "DIR", 0, "Write the three files there; else the policies are printed", 0},
    {"directory", 'd', "FILE", 0, CM_ACL_DIRECTORY_HELP, 0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"json", 'j', NULL, 0, "Print all three as one object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE",
    .about = "Write a rule file, with all that it includes, in the language of Cedar.\v"
             "Cedar then allows exactly the points that the rules make visible.",
    .required = "c",
    .least_words = 1,
    .most_words = 1,
};

static enum cm_status write_all(const char *folder, const struct cm_cedar *cedar,
                                struct cm_error *error)
{
    const struct {
        const char *name;
        const struct cm_buf *text;
    } files[] = {{"policies.cedar", &cedar->policies},
                 {"schema.cedarschema", &cedar->schema},
                 {"entities.json", &cedar->entities}};
    char path[PATH_MAX];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return cm_fail(error, CM_IO, folder, "%s", strerror(errno));
    }
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < sizeof files / sizeof *files; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        status = len < 0 || len >= (int)sizeof path
                     ? cm_fail(error, CM_INVALID, folder, "the path is too long")
                     : cm_file_write(path, cm_buf_bytes(files[i].text), 0644, error);
    }
    return status;
}

static enum cm_status print_json(const struct cm_cedar *cedar, struct cm_error *error)
{
    json_t *entities = json_loadb((const char *)cedar->entities.data, cedar->entities.len, 0, NULL);
    json_t *object =
        json_pack("{s:s%, s:s%, s:o}", "policies", cedar->policies.data, cedar->policies.len,
                  "schema", cedar->schema.data, cedar->schema.len, "entities", entities);
    bool good = object != NULL && json_dumpf(object, stdout, JSON_INDENT(2)) == 0;
    putchar('\n');
    json_decref(object);
    return good ? CM_OK : cm_fail(error, CM_IO, "standard output", "could not be written");
}

static enum cm_status export_to(const struct cm_judged *judged, const struct cm_cli_args *args,
                                struct cm_error *error)
{
    const struct cm_rules_source source = {
        .main = judged->files.main,
        .file_count = judged->files.count,
        .files = judged->files.list,
        .directory = &judged->directory,
    };
    const char *folder = cm_cli_get(args, 'o');
    struct cm_cedar cedar;
    enum cm_status status = cm_cedar_export(&cedar, &source, &judged->directory);
    if (status != CM_OK) {
        return cm_fail(error, status, args->words[0], "could not be written as Cedar");
    }
    if (folder != NULL) {
        status = write_all(folder, &cedar, error);
    }
    if (status == CM_OK && cm_cli_get(args, 'j') != NULL) {
        status = print_json(&cedar, error);
    } else if (status == CM_OK && folder == NULL) {
        fwrite(cedar.policies.data, 1, cedar.policies.len, stdout);
    }
    cm_cedar_clear(&cedar);
    return status;
}

int cm_acl_export(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_judged judged;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    if (cm_judged_load(&judged, args.words[0], cm_cli_get(&args, 'd'), cm_cli_get(&args, 'p'),
                       &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    int code = CM_EXIT_FAILED;
    if (judged.rules == NULL) {
        cm_judged_print(&judged);
    } else {
        code = export_to(&judged, &args, &error) == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
    }
    cm_judged_clear(&judged);
    return code;
}

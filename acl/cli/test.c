#include "acl/cli/test.h"

#include "acl/cli/diagnostics_json.h"
#include "acl/expect.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

static const struct argp_option options[] = {
    {"rules", 'r', "FILE", 0, "The rule file, instead of the one beside it of the same name", 0},
    {"directory", 'd', "FILE", 0, CM_ACL_DIRECTORY_HELP, 0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"json", 'j', NULL, 0, "An object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE.acltest",
    .about = "Run the expectations that you keep beside a rule file.\v"
             "One expectation a line:\n\n"
             "  expect AGENCY role:ROLE to ACTION for PURPOSE [with EVIDENCE] age D\n"
             "      [camera NAME] [on DATE] sees FIELDS | denied\n\n"
             "The fields are exact; `sees plate` is a row without any. Exit code 0: all hold, 1: "
             "one does not, or a file has errors.",
    .least_words = 1,
    .most_words = 1,
};

struct outcome {
    size_t count;
    struct cm_diagnostics errors;
    struct cm_diagnostics failures;
};

static void clear(struct outcome *outcome)
{
    cm_diagnostics_clear(&outcome->errors);
    cm_diagnostics_clear(&outcome->failures);
}

// What the expectations themselves have wrong is in outcome->errors.
static enum cm_status run(struct outcome *out, const char *path, const struct cm_judged *judged,
                          struct cm_error *error)
{
    struct cm_buf text = {0};
    *out = (struct outcome){0};
    enum cm_status status = cm_file_read(&text, path, CM_MAX_EXPECT_FILE, error);
    if (status == CM_OK) {
        const struct cm_rule_file file = {.path = path, .text = cm_buf_bytes(&text)};
        status = cm_expect_run(&out->count, &file, judged->rules, &judged->directory,
                               cm_wall_ms(cm_clock_system()), &out->errors, &out->failures);
        if (status == CM_INVALID) {
            status = CM_OK;
        } else if (status != CM_OK) {
            cm_error_fill(error, status, path, "out of memory");
        }
    }
    cm_buf_clear(&text);
    return status;
}

static void print_list(const struct cm_diagnostics *list)
{
    struct cm_buf text = {0};
    if (cm_diagnostics_print(&text, list) == CM_OK && text.len > 0) {
        fwrite(text.data, 1, text.len, stderr);
    }
    cm_buf_clear(&text);
}

static bool holds(const struct outcome *outcome)
{
    return outcome->errors.errors == 0 && outcome->failures.errors == 0;
}

static void print(const struct outcome *outcome, const char *path)
{
    size_t errors = outcome->errors.errors;
    print_list(&outcome->errors);
    print_list(&outcome->failures);
    if (errors > 0) {
        fprintf(stderr, "%s: %zu error%s; nothing was tested\n", path, errors,
                errors == 1 ? "" : "s");
    } else if (!holds(outcome)) {
        fprintf(stderr, "%s: of %zu expectation%s %zu %s not hold\n", path, outcome->count,
                outcome->count == 1 ? "" : "s", outcome->failures.errors,
                outcome->failures.errors == 1 ? "does" : "do");
    }
}

// valley.rules beside valley.acltest; what has no such ending is taken or given it.
static bool name_beside(char out[PATH_MAX], const char *path, const char *ending, const char *other)
{
    size_t len = strlen(path);
    size_t cut = strlen(ending);
    if (len > cut && strcmp(path + len - cut, ending) == 0) {
        len -= cut;
    }
    int written = snprintf(out, PATH_MAX, "%.*s%s", (int)len, path, other);
    return written > 0 && written < PATH_MAX;
}

enum cm_status cm_acl_test_beside(bool *held, const char *rules_path,
                                  const struct cm_judged *judged, struct cm_error *error)
{
    char path[PATH_MAX];
    struct outcome outcome;
    *held = false;
    if (!name_beside(path, rules_path, ".rules", ".acltest")) {
        return cm_fail(error, CM_INVALID, "rules", "the path is too long");
    }
    enum cm_status status = run(&outcome, path, judged, error);
    if (status == CM_NOT_FOUND) {
        *held = true;
        status = CM_OK;
    } else if (status == CM_OK) {
        print(&outcome, path);
        *held = holds(&outcome);
    }
    clear(&outcome);
    return status;
}

static enum cm_status load(struct cm_judged *judged, const struct cm_cli_args *args,
                           struct cm_error *error)
{
    char path[PATH_MAX];
    const char *rules = cm_cli_get(args, 'r');
    const char *endings[] = {".rules", ""};
    for (size_t i = 0; rules == NULL && i < 2; i++) {
        if (!name_beside(path, args->words[0], ".acltest", endings[i])) {
            return cm_fail(error, CM_INVALID, "FILE.acltest", "the path is too long");
        }
        rules = access(path, F_OK) == 0 && strcmp(path, args->words[0]) != 0 ? path : NULL;
    }
    if (rules == NULL) {
        cm_error_fill(error, CM_NOT_FOUND, args->words[0],
                      "there is no rule file of the same name beside it");
        cm_error_hint(error, "say which: --rules FILE");
        return CM_NOT_FOUND;
    }
    return cm_judged_load(judged, rules, cm_cli_get(args, 'd'), cm_cli_get(args, 'p'), error);
}

static int test(const struct cm_judged *judged, const char *path, bool json)
{
    struct cm_error error;
    struct outcome outcome = {0};
    if (judged->rules != NULL && run(&outcome, path, judged, &error) != CM_OK) {
        clear(&outcome);
        return cm_cli_fail(&error);
    }
    bool held = judged->rules != NULL && holds(&outcome);
    if (json) {
        cm_json_print(json_pack("{s:b, s:I, s:I, s:o, s:o, s:o}", "held", held, "expectations",
                                (json_int_t)outcome.count, "failed",
                                (json_int_t)outcome.failures.errors, "rules",
                                cm_diagnostics_json(&judged->diagnostics), "errors",
                                cm_diagnostics_json(&outcome.errors), "failures",
                                cm_diagnostics_json(&outcome.failures)));
    } else if (judged->rules == NULL) {
        cm_judged_print(judged);
    } else {
        print(&outcome, path);
        if (held) {
            printf("%s: %zu expectation%s, all hold\n", path, outcome.count,
                   outcome.count == 1 ? "" : "s");
        }
    }
    clear(&outcome);
    return held ? CM_EXIT_OK : CM_EXIT_FAILED;
}

int cm_acl_test(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_judged judged;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    if (load(&judged, &args, &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    int code = test(&judged, args.words[0], cm_cli_get(&args, 'j') != NULL);
    cm_judged_clear(&judged);
    return code;
}

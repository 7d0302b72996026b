// `comity audit report`.
#include "proto/ledger/cli/audit_more.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/period.h"
#include "proto/ledger/cli/report_print.h"
#include "proto/ledger/cli/trusts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERIOUS                                                                                    \
    "violent-crime,homicide,sexual-offense,kidnapping,amber-alert,missing-person,"                 \
    "human-trafficking,terrorism,exigent"

enum { MINUTE_MS = 60 * 1000, MOST = 1000000 };

static const struct argp_option options[] = {
    CM_AUDIT_PERIOD_OPTIONS,
    {"public", 'p', NULL, 0, "counts alone: no plate, reason, case or person", 0},
    {"small", 's', "N", 0, "with --public: withhold counts below N", 0},
    {"format", 'o', "FORMAT", 0, "text, csv (a line for each search) or json; default text", 0},
    {"out", 'O', "FILE", 0, "write it there, for you alone; FILE must not exist", 0},
    {"review", 'r', "FILE", 0, "a review that was signed into a file; may be repeated", 0},
    {"repeat", 'n', "N", 0, "flag N searches of one plate by one person; default 5", 1},
    {"repeat-no-case", 'c', "N", 0, "the same without a case; default 2", 1},
    {"same-reason", 'w', "N", 0, "flag N reasons alike in one agency; default 5", 1},
    {"together", 'm', "MINUTES", 0, "one person at two places within; default 10", 1},
    {"serious", 'S', "PURPOSES", 0, "what counts as a serious crime, with commas between", 1},
    CM_AUDIT_TRUST_OPTIONS,
    CM_AUDIT_FOLDER_OPTIONS,
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    "DIR…",
    "Writes who searched which plate, when and why, what was released to whom, what stands out and "
    "what nobody has reviewed, from the ledgers in DIR: those of all nodes of an agency, say.\v"
    "All times are UTC. For the record of Cal. Civ. Code 1798.90.52: --format csv. Run `comity "
    "audit verify` on each DIR first. Memory: 1 to 2 KiB for each search of the period.",
    NULL,
    1,
    CM_CLI_MAX_WORDS};

struct asked {
    struct cm_cli_args args;
    struct cm_report_options options;
    struct cm_report_view view;
    const char *format;
};

static enum cm_status read_args(struct asked *asked, struct cm_error *error)
{
    const struct cm_cli_args *args = &asked->args;
    struct cm_report_options *o = &asked->options;
    const char *format = cm_cli_get(args, 'o');
    const char *serious = cm_cli_get(args, 'S');
    asked->format = format != NULL ? format : "text";
    o->serious = serious != NULL ? serious : SERIOUS;
    o->repeat = (uint64_t)cm_cli_get_number(args, 'n', "repeat", 5, 1, MOST);
    o->repeat_no_case = (uint64_t)cm_cli_get_number(args, 'c', "repeat-no-case", 2, 1, MOST);
    o->same_reason = (uint64_t)cm_cli_get_number(args, 'w', "same-reason", 5, 2, MOST);
    o->together_ms = cm_cli_get_number(args, 'm', "together", 10, 0, MOST) * MINUTE_MS;
    asked->view.public_only = cm_cli_get(args, 'p') != NULL;
    asked->view.small = (uint64_t)cm_cli_get_number(args, 's', "small", 0, 0, MOST);
    if (strcmp(asked->format, "text") != 0 && strcmp(asked->format, "csv") != 0 &&
        strcmp(asked->format, "json") != 0) {
        return cm_fail(error, CM_INVALID, "--format", "is text, csv or json");
    }
    if (asked->view.small > 0 && !asked->view.public_only) {
        return cm_fail(error, CM_INVALID, "--small", "goes with --public");
    }
    return cm_audit_period(&o->from_ms, &o->to_ms, args, error);
}

static enum cm_status read_reviews(struct cm_report *report, const struct cm_cli_args *args,
                                   const struct cm_trusts *trusts, struct cm_error *error)
{
    struct cm_arena *arena = cm_searches_arena(report->searches);
    const char *path;
    for (size_t i = 0; (path = cm_cli_nth(args, 'r', i)) != NULL; i++) {
        struct cm_review *review = cm_arena_alloc(arena, sizeof *review);
        if (review == NULL) {
            return cm_fail(error, CM_MEMORY, path, "out of memory");
        }
        enum cm_status status = cm_review_read(review, arena, path, trusts, error);
        if (status != CM_OK) {
            cm_error_hint(error, "in %.100s", path);
            return status;
        }
        cm_report_add_review(report, review);
    }
    return CM_OK;
}

static enum cm_status gather(struct cm_report *report, const struct asked *asked,
                             const struct cm_trusts *trusts, const char *arguments,
                             struct cm_error *error)
{
    enum cm_status status = read_reviews(report, &asked->args, trusts, error);
    for (size_t i = 0; status == CM_OK && i < asked->args.word_count; i++) {
        struct cm_ledger_folder *folder = NULL;
        status =
            cm_audit_folder_open(&folder, asked->args.words[i], &asked->args, arguments, error);
        if (status == CM_OK) {
            status = cm_report_gather(report, folder, trusts, error);
        }
        cm_ledger_folder_close(folder);
    }
    return status == CM_OK ? cm_report_finish(report, error) : status;
}

FILE *cm_audit_out(const char *path, struct cm_error *error)
{
    if (path == NULL) {
        return stdout;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL) {
        cm_error_fill(error, CM_IO, path, "can't be made: %s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
    }
    return out;
}

enum cm_status cm_audit_out_end(FILE *out, const char *path, enum cm_status printed,
                                struct cm_error *error)
{
    bool well = fflush(out) == 0 && ferror(out) == 0;
    if (out != stdout) {
        well = fsync(fileno(out)) == 0 && well;
        well = fclose(out) == 0 && well;
    }
    if (path != NULL && (!well || printed != CM_OK)) {
        (void)unlink(path);
    }
    if (!well) {
        return cm_fail(error, CM_IO, path != NULL ? path : "standard output",
                       "could not be written");
    }
    return printed == CM_OK ? CM_OK : cm_fail(error, printed, "json", "out of memory");
}

static enum cm_status print(const struct cm_report *report, const struct asked *asked,
                            struct cm_error *error)
{
    enum cm_status status = CM_OK;
    const char *path = cm_cli_get(&asked->args, 'O');
    FILE *out = cm_audit_out(path, error);
    if (out == NULL) {
        return CM_IO;
    }
    if (strcmp(asked->format, "csv") == 0) {
        cm_report_csv(out, report, &asked->view);
    } else if (strcmp(asked->format, "json") == 0) {
        status = cm_report_json(out, report, &asked->view);
    } else {
        cm_report_text(out, report, &asked->view);
    }
    return cm_audit_out_end(out, path, status, error);
}

int cm_audit_report(int argc, char **argv)
{
    static struct asked asked;
    static struct cm_report report;
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    struct cm_trusts trusts = {.count = 0};
    struct cm_error error = {0};
    cm_cli_parse(&asked.args, &usage, argc, argv);
    cm_audit_arguments(arguments, argc, argv);
    enum cm_status status = read_args(&asked, &error);
    if (status == CM_OK) {
        status = cm_trusts_load(&trusts, &asked.args, &error);
    }
    if (status == CM_OK) {
        status = cm_report_init(&report, &asked.options, &error);
    }
    if (status == CM_OK) {
        status = gather(&report, &asked, &trusts, arguments, &error);
    }
    if (status == CM_OK) {
        status = print(&report, &asked, &error);
    }
    cm_report_clear(&report);
    cm_trusts_clear(&trusts);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

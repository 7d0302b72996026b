// `comity audit subject`: everything that was asked about one plate, for a records request.
#include "proto/codec/directory.h"
#include "proto/ledger/cli/audit_more.h"
#include "proto/ledger/cli/digest_set.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/paragraph.h"
#include "proto/ledger/cli/period.h"
#include "proto/ledger/cli/subject.h"

static const struct argp_option options[] = {
    {"plate", 'p', "PLATE", 0, "the plate, however it is written", 0},
    {"state", 's', "STATE", 0, "only questions about that state's plates, or any state's", 0},
    {"redact", 'r', NULL, 0, "leave out other people's names, case numbers and reasons", 0},
    {"json", 'j', NULL, 0, "an object for programs", 0},
    {"out", 'O', "FILE", 0, "write it there, for you alone; FILE must not exist", 0},
    CM_AUDIT_PERIOD_OPTIONS,
    CM_AUDIT_FOLDER_OPTIONS,
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    "DIR…",
    "Writes everything that was asked about one plate and what was released of it, from the "
    "ledgers "
    "in DIR.\vLedgers hold no detections: what a search found is in the store, as long as it is "
    "kept. Searches whose clear values were erased can't be told apart and are counted. All times "
    "are UTC.",
    "p",
    1,
    CM_CLI_MAX_WORDS};

struct folders {
    size_t count;
    struct cm_ledger_folder *list[CM_CLI_MAX_WORDS];
};

static enum cm_status read_plate(struct cm_subject *subject, const struct cm_cli_args *args,
                                 struct cm_error *error)
{
    const char *state = cm_cli_get(args, 's');
    if (cm_plate_normalise(subject->plate, cm_bytes_of(cm_cli_get(args, 'p'))) != CM_OK) {
        return cm_fail(error, CM_INVALID, "--plate", "has no letters or digits, or too many");
    }
    if (state != NULL && !cm_state_known(cm_bytes_of(state))) {
        return cm_fail(error, CM_INVALID, "--state", "must be the two capital letters of a state");
    }
    snprintf(subject->state, sizeof subject->state, "%s", state != NULL ? state : "");
    return cm_audit_period(&subject->from_ms, &subject->to_ms, args, error);
}

static enum cm_status gather(struct cm_subject *subject, struct folders *folders,
                             const struct cm_cli_args *args, const char *arguments,
                             struct cm_error *error)
{
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < args->word_count; i++) {
        status = cm_audit_folder_open(&folders->list[i], args->words[i], args, arguments, error);
        folders->count += status == CM_OK;
    }
    return status == CM_OK ? cm_subject_gather(subject, folders->list, folders->count, error)
                           : status;
}

static enum cm_status print(const struct cm_subject *subject, const struct cm_cli_args *args,
                            struct cm_error *error)
{
    enum cm_status status = CM_OK;
    const char *path = cm_cli_get(args, 'O');
    const bool redact = cm_cli_get(args, 'r') != NULL;
    FILE *out = cm_audit_out(path, error);
    if (out == NULL) {
        return CM_IO;
    }
    if (cm_cli_get(args, 'j') != NULL) {
        status = cm_subject_json(out, subject, redact);
    } else {
        cm_subject_text(out, subject, redact);
    }
    return cm_audit_out_end(out, path, status, error);
}

int cm_audit_subject(int argc, char **argv)
{
    static struct cm_cli_args args;
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    struct folders folders = {0};
    struct cm_subject subject = {.plate = ""};
    struct cm_error error = {0};
    cm_cli_parse(&args, &usage, argc, argv);
    enum cm_status status = read_plate(&subject, &args, &error);
    cm_audit_arguments(arguments, argc, argv);
    cm_audit_hide(&args, 'p');
    if (status == CM_OK) {
        status = gather(&subject, &folders, &args, arguments, &error);
    }
    if (status == CM_OK) {
        status = print(&subject, &args, &error);
    }
    for (size_t i = 0; i < folders.count; i++) {
        cm_ledger_folder_close(folders.list[i]);
    }
    cm_subject_clear(&subject);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

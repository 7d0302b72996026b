// `comity audit review`: an auditor signs to have looked at a period's entries.
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/base/when.h"
#include "proto/ledger/cli/audit_more.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/live.h"
#include "proto/ledger/cli/paragraph.h"
#include "proto/ledger/cli/period.h"
#include "proto/ledger/cli/review.h"
#include "proto/trust/identity.h"

#include <inttypes.h>

static const struct argp_option options[] = {
    CM_AUDIT_PERIOD_OPTIONS,
    {"epoch", 'e', "N", 0, "of a ledger that was restored: which epoch; default the newest", 0},
    {"note", 'n', "TEXT", 0, "what you found, or did about it", 0},
    {"out", 'O', "FILE", 0, "of a copy: the signed review; FILE must not exist", 0},
    CM_AUDIT_FOLDER_OPTIONS,
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    "DIR",
    "Signs that you, an auditor, looked at the entries of a period. A running node "
    "records it in its ledger; of a copy it goes to --out, for `comity audit report --review`.\v"
    "Read `comity audit report` before. All times are UTC.",
    "CK",
    1,
    1};

static enum cm_status measure(struct cm_review *review, struct cm_arena *arena,
                              struct cm_ledger_folder *folder, int64_t from_ms, int64_t to_ms,
                              struct cm_error *error)
{
    const struct cm_audit_record *record;
    enum cm_status status;
    while ((status = cm_ledger_folder_next(&record, folder, error)) == CM_OK && record != NULL) {
        if (record->epoch == review->epoch) {
            status = cm_review_take(review, arena, record, from_ms, to_ms);
        }
        if (status != CM_OK) {
            return cm_fail(error, status, cm_ledger_folder_path(folder), "out of memory");
        }
    }
    if (status == CM_OK && review->from >= review->to) {
        return cm_fail(error, CM_NOT_FOUND, cm_ledger_folder_path(folder),
                       "has no entry of that period in epoch %" PRIu64, review->epoch);
    }
    return status;
}

// The daemon records what it is asked for, and who signed it.
static enum cm_status record_live(const struct cm_review *review, const char *path,
                                  const struct cm_cli_args *args, struct cm_error *error)
{
    struct cm_ledger_folder *again = NULL;
    struct cm_buf arguments = {.max = CM_MAX_ACCESS_TEXT};
    const struct cm_audit_credentials credentials = {.certificate = cm_cli_get(args, 'C'),
                                                     .key = cm_cli_get(args, 'K'),
                                                     .passphrase_file = cm_cli_get(args, 'F'),
                                                     .command = CM_REVIEW_COMMAND};
    enum cm_status status = cm_review_format(&arguments, review);
    if (status == CM_OK) {
        status = cm_buf_add(&arguments, "", 1);
    }
    if (status != CM_OK) {
        cm_error_fill(error, status, "--note", "is too long");
    } else {
        struct cm_audit_credentials with = credentials;
        with.arguments = (const char *)arguments.data;
        status = cm_ledger_folder_open(&again, path, &with, error);
    }
    cm_ledger_folder_close(again);
    cm_buf_clear(&arguments);
    return status;
}

static enum cm_status sign_file(struct cm_review *review, const struct cm_cli_args *args,
                                struct cm_error *error)
{
    struct cm_signer *signer = NULL;
    struct cm_buf out = {0};
    const char *path = cm_cli_get(args, 'O');
    const struct cm_audit_credentials credentials = {.certificate = cm_cli_get(args, 'C'),
                                                     .key = cm_cli_get(args, 'K'),
                                                     .passphrase_file = cm_cli_get(args, 'F')};
    if (path == NULL) {
        cm_error_fill(error, CM_INVALID, "--out", "is needed: a copy of a ledger is not changed");
        return CM_INVALID;
    }
    struct cm_identity who;
    enum cm_status status = cm_live_signer(&signer, &credentials, error);
    if (status == CM_OK) {
        status = cm_identity_parse(&who, cm_bytes_of(cm_signer_spiffe(signer)), error);
    }
    if (status == CM_OK && who.role != CM_ROLE_AUDITOR) {
        status = cm_fail(error, CM_FORBIDDEN, "--chain",
                         "is no auditor's certificate: no report would count the review");
    }
    if (status == CM_OK) {
        review->signed_ms = cm_wall_ms(cm_clock_system());
        status = cm_review_sign(&out, review, signer, error);
    }
    if (status == CM_OK) {
        status = cm_file_create(path, cm_buf_bytes(&out), 0644, error);
    }
    cm_buf_clear(&out);
    cm_signer_unref(signer);
    return status;
}

static void say(const struct cm_review *review, const char *where)
{
    char root[2 * CM_DIGEST_SIZE + 1];
    cm_hex(root, cm_bytes_digest(&review->root));
    cm_paragraph(stdout, 0,
                 "Signed: entries %" PRIu64 " to %" PRIu64 " of %s looked at, %" PRIu64
                 " of them about searches; of %" PRIu64 " entries with root %s. %s",
                 review->from, review->to - 1, review->origin, review->searches, review->size, root,
                 where);
}

static enum cm_status run(const struct cm_cli_args *args, const char *arguments,
                          struct cm_arena *arena, struct cm_error *error)
{
    int64_t from_ms;
    int64_t to_ms;
    struct cm_ledger_folder *folder = NULL;
    const char *note = cm_cli_get(args, 'n');
    struct cm_review review = {.note = note != NULL ? note : "", .from = UINT64_MAX};
    enum cm_status status = cm_audit_period(&from_ms, &to_ms, args, error);
    if (status == CM_OK) {
        status = cm_audit_folder_open(&folder, args->words[0], args, arguments, error);
    }
    if (status == CM_OK) {
        const uint64_t epochs = cm_ledger_folder_epochs(folder);
        review.epoch = (uint64_t)cm_cli_get_number(args, 'e', "epoch", (long long)epochs, 1,
                                                   (long long)epochs);
        status = measure(&review, arena, folder, from_ms, to_ms, error);
    }
    const bool live = folder != NULL && cm_ledger_folder_is_live(folder);
    cm_ledger_folder_close(folder);
    if (status == CM_OK) {
        status = live ? record_live(&review, args->words[0], args, error)
                      : sign_file(&review, args, error);
    }
    if (status == CM_OK) {
        say(&review, live ? "The daemon recorded it." : "Keep the file beside the copy.");
    }
    return status;
}

int cm_audit_review(int argc, char **argv)
{
    static struct cm_cli_args args;
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    struct cm_error error = {0};
    cm_cli_parse(&args, &usage, argc, argv);
    cm_audit_arguments(arguments, argc, argv);
    struct cm_arena *arena = cm_arena_new((size_t)64 * 1024);
    enum cm_status status = arena != NULL ? run(&args, arguments, arena, &error)
                                          : cm_fail(&error, CM_MEMORY, "review", "out of memory");
    cm_arena_free(arena);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

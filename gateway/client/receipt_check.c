#include "gateway/client/receipt_desk.h"

#include "gateway/client/printer.h"
#include "gateway/client/receipt_print.h"
#include "gateway/client/settings.h"
#include "gateway/client/summary.h"
#include "proto/base/cli_args.h"
#include "proto/base/file.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"

#include <jansson.h>
#include <string.h>

enum { MAX_ROOT = 16 * 1024 };

static const struct argp_option options[] = {
    {"print", 'p', NULL, 0, "Print it whole, as an exhibit", 0},
    {"json", 'j', NULL, 0, "Rows, manifest and verdict as JSON, an object a line", 0},
    {"root", 'r', "FILE", 0, "The federation's root certificate, if not that of client.ini", 0},
    {"directory", 'd', "FILE", 0, "The newest directory that you trust, to hold it against", 0},
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE",
    .about = "Verify a receipt offline: directory, revocation lists, certificates, signatures, "
             "rows, the gateway's and the nodes' proofs, as of the time that the gateway recorded."
             "\vIt needs no more than the federation's root certificate.",
    .least_words = 1,
    .most_words = 1,
};

struct check {
    const struct cm_cli_args *args;
    struct cm_settings settings; // zeroed when --root says it all
    struct cm_buf root;
    struct cm_trust *newest;
    struct cm_buf file;
    struct cm_receipt receipt;
    struct cm_replay replay;
    struct cm_printer printer;
    uint64_t rows;
    struct cm_error error;
};

static enum cm_status load_newest(struct check *check, const char *path)
{
    struct cm_buf bundle = {0};
    enum cm_status status = cm_file_read(&bundle, path, CM_MAX_BUNDLE, &check->error);
    if (status == CM_OK) {
        status = cm_trust_new(&check->newest, cm_buf_bytes(&check->root), cm_buf_bytes(&bundle),
                              NULL, cm_wall_ms(cm_clock_system()), &check->error);
    }
    cm_buf_clear(&bundle);
    return status;
}

// What the checker believes: nothing of it comes from the receipt.
static enum cm_status load_trust(struct check *check)
{
    const char *root = cm_cli_get(check->args, 'r');
    const char *directory = cm_cli_get(check->args, 'd');
    enum cm_status status = CM_OK;
    if (root == NULL) {
        status = cm_settings_load_unsigned(&check->settings, cm_cli_get(check->args, 'C'),
                                           &check->error);
        if (status == CM_NOT_FOUND) {
            cm_error_hint(&check->error, "or give --root FILE, the federation's root certificate");
        }
        root = check->settings.tls.root_path;
    }
    if (status == CM_OK) {
        status = cm_file_read(&check->root, root, MAX_ROOT, &check->error);
    }
    if (status == CM_OK && directory != NULL) {
        status = load_newest(check, directory);
    } else if (status == CM_OK && check->settings.store != NULL) {
        check->newest = cm_directory_store_newest(check->settings.store);
    }
    return status;
}

static void print_row(void *context, const struct cm_detection *row)
{
    struct check *check = context;
    check->rows++;
    if (check->printer.out != NULL) {
        cm_printer_row(&check->printer, row);
    } else {
        cm_exhibit_row(stdout, check->rows, row);
    }
}

static enum cm_status replay(struct check *check, bool rows)
{
    const struct cm_replay_options how = {
        .root = cm_buf_bytes(&check->root),
        .newest = check->newest,
        .row = rows ? print_row : NULL,
        .context = check,
    };
    cm_replay_clear(&check->replay);
    return cm_replay_run(&check->replay, &check->receipt, &how, &check->error);
}

static json_t *verdict(const struct check *check, enum cm_status status)
{
    const struct cm_replay *replayed = &check->replay;
    char when[CM_WHEN_SIZE];
    char digest[2 * CM_DIGEST_SIZE + 1];
    const struct cm_query *query = replayed->query;
    if (status != CM_OK) {
        char where[sizeof check->error.where];
        char why[sizeof check->error.text];
        return json_pack("{s:b, s:s, s:s}", "holds", 0, "where",
                         cm_plain(where, sizeof where, check->error.where), "why",
                         cm_plain(why, sizeof why, check->error.text));
    }
    cm_hex(digest, cm_bytes_digest(&replayed->checked.digest));
    json_t *object =
        json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "holds", 1, "requester",
                  query->signer, "plate", query->plate.plate, "purpose", query->purpose, "case",
                  query->case_number, "reason", query->reason, "query_digest", digest, "recorded",
                  cm_when_utc(when, replayed->recorded_ms));
    json_object_set_new(object, "saved", json_string(cm_when_utc(when, replayed->saved_ms)));
    json_object_set_new(object, "compared", json_boolean(replayed->compared));
    return object;
}

static int end_json(struct check *check, enum cm_status status)
{
    if (status == CM_OK && cm_printer_end(&check->printer, check->replay.manifest, 0) != CM_OK) {
        return CM_EXIT_FAILED;
    }
    json_t *object = json_pack("{s:o}", "receipt", verdict(check, status));
    json_dumpf(object, stdout, JSON_COMPACT);
    puts("");
    json_decref(object);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return CM_EXIT_FAILED;
    }
    return status == CM_OK ? CM_EXIT_OK : CM_EXIT_DISHONEST;
}

static void say_fault(const struct check *check)
{
    printf("does not hold: ");
    char text[sizeof check->error];
    char plain[sizeof check->error];
    cm_cli_wrap(stdout,
                cm_plain(plain, sizeof plain, cm_error_format(text, sizeof text, &check->error)),
                15, 7);
}

// The rows are printed in a second run over the same bytes, once the first has found that all
// holds.
static int tell(struct check *check, enum cm_status status)
{
    const bool json = cm_cli_get(check->args, 'j') != NULL;
    const bool print = cm_cli_get(check->args, 'p') != NULL;
    struct cm_digest digest;
    if (json) {
        check->printer = (struct cm_printer){.format = CM_FORMAT_JSON, .out = stdout};
        return end_json(check, status == CM_OK ? replay(check, true) : status);
    }
    if (status == CM_OK && print) {
        cm_sha256_of(&digest, cm_buf_bytes(&check->file));
        cm_exhibit_begin(stdout, &check->replay, &digest);
        status = replay(check, true);
    }
    if (status == CM_OK && print) {
        cm_exhibit_end(stdout, &check->replay, cm_wall_ms(cm_clock_system()));
    } else {
        cm_receipt_print_holds(stdout, &check->replay);
    }
    if (status != CM_OK) {
        say_fault(check);
        return CM_EXIT_DISHONEST;
    }
    if (!print) {
        cm_receipt_print_unknown(stdout, &check->replay);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? CM_EXIT_OK : CM_EXIT_FAILED;
}

static int judge(struct check *check)
{
    enum cm_status status =
        cm_receipt_read(&check->receipt, cm_buf_bytes(&check->file), &check->error);
    if (status == CM_OK) {
        status = replay(check, false);
    }
    if (status == CM_MEMORY || status == CM_INTERNAL) {
        return cm_cli_fail(&check->error);
    }
    return tell(check, status);
}

int cm_receipt_check(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct check check;
    cm_cli_parse(&args, &usage, argc, argv);
    check = (struct check){.args = &args};
    enum cm_status status = load_trust(&check);
    if (status == CM_OK) {
        status =
            cm_file_read(&check.file, args.words[0], CM_MAX_RECEIPT + CM_MAX_BUNDLE, &check.error);
    }
    int code = status == CM_OK ? judge(&check) : cm_cli_fail(&check.error);
    cm_replay_clear(&check.replay);
    cm_trust_unref(check.newest);
    cm_buf_clear(&check.file);
    cm_buf_clear(&check.root);
    cm_settings_clear(&check.settings);
    return code;
}

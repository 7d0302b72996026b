#include "proto/base/file.h"
#include "proto/base/plain.h"
#include "proto/ledger/cli/audit.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/trusts.h"
#include "proto/ledger/cli/verifier.h"
#include "proto/ledger/cli/vkey_args.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PRINTED = 100, PLAIN = 1024, KEY_HEX = 16, LABEL = 14 };

static const struct argp_option options[] = {
    {"vkey", 'v', "KEY", 0, "the key that signs the ledger: a verifier key, or a file with one", 3},
    CM_AUDIT_TRUST_OPTIONS,
    {"seen", 's', "NOTE", 0, "a checkpoint of this ledger that somebody kept; may be repeated", 3},
    {"last-signature", 'l', NULL, 0, "of the checkpoints' signatures, check each epoch's last", 4},
    CM_AUDIT_FOLDER_OPTIONS,
    {0}};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "DIR",
    .about =
        "Verifies a ledger: every frame and entry of its log, every checkpoint, the tiles "
        "and witnesses' signatures beside it, and what each access record says.\vDIR is a "
        "ledger's folder or the data folder of a node or gateway, or a copy of either. Nothing "
        "in it is changed. Whose key signs the ledger is taken from --vkey or --directory; "
        "without both, from the folder itself, which proves only that it fits together.",
    .least_words = 1,
    .most_words = 1,
};

struct notes {
    size_t count;
    struct cm_buf texts[CM_MAX_SEEN_NOTES];
    struct cm_bytes list[CM_MAX_SEEN_NOTES];
};

static enum cm_status load_notes(struct notes *out, const struct cm_cli_args *args,
                                 struct cm_error *error)
{
    const char *path;
    enum cm_status status = CM_OK;
    while (status == CM_OK && (path = cm_cli_nth(args, 's', out->count)) != NULL) {
        if (out->count == CM_MAX_SEEN_NOTES) {
            return cm_fail(error, CM_INVALID, "--seen", "at most %d can be given",
                           CM_MAX_SEEN_NOTES);
        }
        struct cm_buf *text = &out->texts[out->count];
        status = cm_file_read(text, path, CM_MAX_CHECKPOINT, error);
        out->list[out->count++] = cm_buf_bytes(text);
    }
    return status;
}

static void print_problem(void *context, const struct cm_problem *problem)
{
    char text[PLAIN];
    char line[2 * PLAIN];
    char at[64] = "";
    uint64_t *printed = context;
    if (++*printed > MAX_PRINTED) {
        return;
    }
    if (problem->at_entry) {
        snprintf(at, sizeof at, "entry %" PRIu64 ", ", problem->index);
    }
    if (problem->epoch > 1) {
        const size_t len = strlen(at);
        snprintf(at + len, sizeof at - len, "epoch %" PRIu64 ", ", problem->epoch);
    }
    cm_plain(text, sizeof text, problem->text);
    snprintf(line, sizeof line, "%s%s: %s%s%s", at, problem->where, text,
             problem->hint[0] != '\0' ? ". " : "", problem->hint);
    fputs("WRONG  ", stdout);
    cm_cli_wrap(stdout, line, 7, 7);
}

// A line with a label, wrapped under it.
static void say(const char *label, const char *format, ...) CM_PRINTF(2, 3);
static void say(const char *label, const char *format, ...)
{
    char text[PLAIN];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("%-*s", LABEL, label);
    cm_cli_wrap(stdout, text, LABEL, LABEL);
}

static void say_log(const struct cm_verified *v, bool last_signature)
{
    char hex[2 * CM_DIGEST_SIZE + 1];
    say("ledger", "%s, %" PRIu64 " epoch%s", v->origin, v->epochs, v->epochs == 1 ? "" : "s");
    say("log", "%" PRIu64 " entries, %" PRIu64 " checkpoints; the last of size %" PRIu64,
        v->entries, v->checkpoints, v->head.size);
    cm_hex(hex, cm_bytes_digest(&v->head.root));
    say("root", "%s", hex);
    cm_hex(hex, cm_bytes_digest(&v->key_hash));
    say("key", "%.*s…, %" PRIu64 " signatures of checkpoints checked%s", KEY_HEX, hex,
        v->signatures, last_signature ? " (--last-signature)" : "");
    if (v->lost > 0) {
        say("gap",
            "%" PRIu64 " entries that witnesses saw were lost with what was restored from: the "
            "statements of later epochs say so",
            v->lost);
    }
    if (v->torn > 0) {
        say("end",
            "%" PRIu64 " bytes after the last checkpoint are no part of it: room, or a write that "
            "was cut off",
            v->torn);
    }
}

static void say_beside(const struct cm_verified *v, bool live)
{
    if (live) {
        say("beside it", "not looked at: the ledger is in use");
    } else if (v->cosigned_size > 0) {
        say("beside it", "tiles %s; cosigned to size %" PRIu64 " by %u",
            v->published ? "compared" : "not compared", v->cosigned_size, v->cosigners);
    } else {
        say("beside it", "tiles %s; no witness's signature kept",
            v->published ? "compared" : "not compared");
    }
    if (v->seen > 0) {
        say("seen", "%u checkpoints that others kept were looked for", v->seen);
    }
}

static void print_result(const struct cm_verified *v, bool live, bool last_signature)
{
    say_log(v, last_signature);
    say("clear values",
        "%" PRIu64 " entries open and as they were committed to; %" PRIu64 " erased; %" PRIu64
        " without their key here; %" PRIu64 " never had any",
        v->clear[CM_CLEAR_OPEN], v->clear[CM_CLEAR_ERASED], v->clear[CM_CLEAR_NO_KEY],
        v->clear[CM_CLEAR_NONE]);
    say("signatures", "%" PRIu64 " questions and %" PRIu64 " manifests in them checked",
        v->questions, v->copies);
    say_beside(v, live);
    if (v->problems > MAX_PRINTED) {
        printf("%" PRIu64 " more are not shown\n", v->problems - MAX_PRINTED);
    }
    printf("%s\n",
           v->problems == 0 ? "nothing wrong was found" : "THIS LEDGER IS NOT AS IT MUST BE");
}

// What is wrong with the ledger gets a code of its own; what is wrong with the call does not.
static int end(enum cm_status status, const struct cm_verified *v, bool reading,
               const struct cm_error *error)
{
    if (status != CM_OK) {
        (void)cm_cli_fail(error);
        return reading && (status == CM_INVALID || status == CM_UNAUTHENTICATED)
                   ? CM_EXIT_AUDIT_WRONG
                   : CM_EXIT_FAILED;
    }
    if (!v->vouched) {
        cm_cli_say(
            "NOBODY VOUCHES FOR THE KEY: it is the one in the folder itself. That the ledger "
            "is whose it says, and not one made anew, shows only with --vkey or --directory");
    }
    return v->problems > 0 ? CM_EXIT_AUDIT_WRONG : CM_EXIT_OK;
}

static enum cm_status load(struct cm_verifier_options *o, struct notes *notes,
                           struct cm_trusts *trusts, const struct cm_cli_args *args,
                           struct cm_error *error)
{
    struct cm_buf text = {0};
    enum cm_status status = cm_trusts_load(trusts, args, error);
    if (status == CM_OK && cm_cli_get(args, 'v')) {
        status = cm_audit_vkey(&o->key, &text, cm_cli_get(args, 'v'), error);
        cm_buf_clear(&text);
    }
    if (status == CM_OK) {
        status = load_notes(notes, args, error);
    }
    o->trusts = trusts->list;
    o->trust_count = trusts->count;
    o->seen = notes->list;
    o->seen_count = notes->count;
    o->last_signature = cm_cli_get(args, 'l') != NULL;
    return status;
}

int cm_audit_verify(int argc, char **argv)
{
    static struct cm_cli_args args;
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    static struct notes notes;
    uint64_t printed = 0;
    struct cm_verified verified = {.problems = 0};
    struct cm_verifier_options o = {.problem = print_problem, .context = &printed};
    struct cm_error error = {.text = ""};
    struct cm_trusts trusts = {.count = 0};
    struct cm_ledger_folder *folder = NULL;
    cm_cli_parse(&args, &usage, argc, argv);
    cm_audit_arguments(arguments, argc, argv);
    enum cm_status status = load(&o, &notes, &trusts, &args, &error);
    const bool reading = status == CM_OK;
    if (reading) {
        status = cm_audit_folder_open(&folder, args.words[0], &args, arguments, &error);
    }
    if (status == CM_OK) {
        status = cm_verify(&verified, folder, &o, &error);
    }
    if (status == CM_OK) {
        print_result(&verified, cm_ledger_folder_is_live(folder), o.last_signature);
    }
    const int code = end(status, &verified, reading, &error);
    cm_ledger_folder_close(folder);
    cm_trusts_clear(&trusts);
    cm_key_free(o.key);
    for (size_t i = 0; i < notes.count; i++) {
        cm_buf_clear(&notes.texts[i]);
    }
    return code;
}

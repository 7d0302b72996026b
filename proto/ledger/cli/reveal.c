#include "proto/base/file.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"
#include "proto/ledger/cli/audit.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/revealed.h"
#include "proto/ledger/cli/stream_proof.h"
#include "proto/ledger/cli/vkey_args.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1024 * 1024, CHECK_ARENA = 4 * 1024 * 1024, PLAIN = 2 * CM_MAX_REASON };

static const struct argp_option options[] = {
    {"value", 'l', "LABEL", 0,
     "requester, agency, plate, purpose, case or reason; may be repeated; default: all", 1},
    {"question", 'q', NULL, 0, "with the signed question whole: all that was asked", 1},
    {"epoch", 'e', "N", 0, "of which epoch INDEX is; default: the newest", 1},
    {"out", 'o', "FILE", 0, "where to; default: standard output", 1},
    {"check", 'c', "FILE", 0, "check what was revealed, without a ledger", 2},
    {"vkey", 'v', "KEY", 0, "the key that signs the ledger: a verifier key, or a file with one", 2},
    CM_AUDIT_FOLDER_OPTIONS,
    {0}};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "DIR INDEX | --check FILE",
    .about = "Reveals clear values of one entry, with the proof that they are what was recorded.\v"
             "Only the values asked for are revealed: each has a key of its own, from which no "
             "other follows. --check verifies such a file; whose key must have signed it is said "
             "by --vkey.",
    .most_words = 2,
};

struct reveal {
    const struct cm_cli_args *args;
    uint64_t epoch, index;
    unsigned labels;
    json_t *json;
    struct cm_buf note, vkey;
    uint64_t size;
};

static enum cm_status take_index(struct reveal *r, const char *text, struct cm_error *error)
{
    char *end;
    errno = 0;
    r->index = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        return cm_fail(error, CM_INVALID, "INDEX",
                       "must be a number, as comity audit show says it");
    }
    return CM_OK;
}

static enum cm_status take_labels(struct reveal *r, struct cm_error *error)
{
    const char *name;
    for (size_t i = 0; (name = cm_cli_nth(r->args, 'l', i)) != NULL; i++) {
        const enum cm_revealed_label label = cm_revealed_label_of(name);
        if (label == CM_LABEL_COUNT) {
            return cm_fail(error, CM_INVALID, "--value", "%s is none of the values", name);
        }
        r->labels |= 1u << label;
    }
    r->labels = r->labels ? r->labels : (1u << CM_LABEL_COUNT) - 1;
    return CM_OK;
}

static enum cm_status go_to_epoch(struct cm_ledger_folder *folder, uint64_t epoch,
                                  struct cm_error *error)
{
    bool more = true;
    enum cm_status status = cm_ledger_folder_rewind(folder, error);
    while (status == CM_OK && more && cm_ledger_folder_epoch(folder) < epoch) {
        status = cm_ledger_folder_next_epoch(folder, &more, error);
    }
    return status;
}

static enum cm_status take_record(struct reveal *r, const struct cm_audit_record *record,
                                  struct cm_error *error)
{
    if (record->index != r->index) {
        return CM_OK;
    }
    if (!record->entry.committed) {
        return cm_fail(error, CM_INVALID, "INDEX", "the entry (%s) commits to no values",
                       cm_entry_kind_name(record->entry.kind));
    }
    if (record->asked != CM_FAMILY_QUERY || record->clear != CM_CLEAR_OPEN) {
        return cm_fail(error, CM_NOT_FOUND, "INDEX", "its values can't be revealed: %s",
                       record->why.text[0] != '\0' ? record->why.text
                                                   : "no question lies beside it");
    }
    r->json = cm_revealed_of(record, r->labels, cm_cli_get(r->args, 'q') != NULL);
    return r->json ? CM_OK : cm_fail(error, CM_MEMORY, "reveal", "out of memory");
}

// The first pass: the entry, and the newest checkpoint.
static enum cm_status find(struct reveal *r, struct cm_ledger_folder *folder,
                           struct cm_error *error)
{
    struct cm_log_item item = {.type = CM_ITEM_END};
    const struct cm_audit_record *record;
    enum cm_status status = go_to_epoch(folder, r->epoch, error);
    do {
        status = status != CM_OK ? status : cm_ledger_folder_step(&item, &record, folder, error);
        if (status == CM_OK && record) {
            status = take_record(r, record, error);
        }
    } while (status == CM_OK && item.type != CM_ITEM_END);
    if (status != CM_OK) {
        return status;
    }
    const struct cm_log_state *state = cm_ledger_folder_state(folder);
    r->size = state->checkpoint.size;
    return r->json ? cm_buf_add(&r->note, state->note.data, state->note.len)
                   : cm_fail(error, CM_NOT_FOUND, "INDEX", "the ledger holds %" PRIu64 " entries",
                             r->size);
}

// The second pass. A log in use may have grown since.
static enum cm_status prove(struct reveal *r, struct cm_ledger_folder *folder,
                            struct cm_error *error)
{
    struct cm_log_item item;
    struct cm_inclusion inclusion;
    const struct cm_audit_record *record;
    struct cm_stream_proof *proof = cm_stream_proof_new(r->index, r->size);
    enum cm_status status = proof ? go_to_epoch(folder, r->epoch, error)
                                  : cm_fail(error, CM_MEMORY, "reveal", "out of memory");
    for (uint64_t next = 0; status == CM_OK && next < r->size;) {
        status = cm_ledger_folder_step(&item, &record, folder, error);
        if (status == CM_OK && item.type == CM_ITEM_END) {
            status = cm_fail(error, CM_INVALID, "log", "it changed while it was read");
        } else if (status == CM_OK && item.type == CM_ITEM_ENTRY) {
            cm_stream_proof_add(proof, item.index, &item.leaf);
            next = item.index + 1;
        }
    }
    if (status == CM_OK) {
        cm_stream_proof_end(&inclusion, proof);
        status =
            cm_revealed_prove(r->json, &inclusion, cm_buf_bytes(&r->note), cm_buf_bytes(&r->vkey));
    }
    cm_stream_proof_free(proof);
    return status;
}

static enum cm_status load_vkey(struct reveal *r, struct cm_ledger_folder *folder,
                                struct cm_error *error)
{
    char path[PATH_MAX + 8];
    struct cm_key *key = NULL;
    const char *given = cm_cli_get(r->args, 'v');
    if (!given) {
        snprintf(path, sizeof path, "%s/vkey", cm_ledger_folder_path(folder));
        given = path;
    }
    const enum cm_status status = cm_audit_vkey(&key, &r->vkey, given, error);
    cm_key_free(key);
    return status;
}

// What is handed out must hold.
static enum cm_status check_own(struct reveal *r, struct cm_error *error)
{
    static struct cm_revealed revealed;
    struct cm_arena *arena = cm_arena_new(CHECK_ARENA);
    const enum cm_status status =
        arena ? cm_revealed_check(&revealed, arena, r->json, NULL, error) : CM_MEMORY;
    cm_arena_free(arena);
    return status;
}

static enum cm_status put(struct reveal *r, struct cm_error *error)
{
    const char *path = cm_cli_get(r->args, 'o');
    char *text = json_dumps(r->json, JSON_INDENT(1));
    enum cm_status status = text ? CM_OK : cm_fail(error, CM_MEMORY, "reveal", "out of memory");
    if (text && path) {
        status = cm_file_create(path, cm_bytes_of(text), 0600, error);
    } else if (text && (puts(text) < 0 || fflush(stdout) != 0)) {
        status = cm_fail(error, CM_IO, "reveal", "standard output can't be written");
    }
    if (text) {
        cm_wipe(text, strlen(text));
    }
    free(text);
    return status;
}

static int reveal(const struct cm_cli_args *args, int argc, char **argv)
{
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    struct cm_error error = {.text = ""};
    struct cm_ledger_folder *folder = NULL;
    struct reveal r = {.args = args};
    cm_audit_arguments(arguments, argc, argv);
    enum cm_status status = take_index(&r, args->words[1], &error);
    if (status == CM_OK) {
        status = take_labels(&r, &error);
    }
    if (status == CM_OK) {
        status = cm_audit_folder_open(&folder, args->words[0], args, arguments, &error);
    }
    if (status == CM_OK) {
        const long long newest = (long long)cm_ledger_folder_epochs(folder);
        r.epoch = (uint64_t)cm_cli_get_number(args, 'e', "--epoch", newest, 1, newest);
        status = load_vkey(&r, folder, &error);
    }
    if (status == CM_OK) {
        status = find(&r, folder, &error);
    }
    if (status == CM_OK) {
        status = prove(&r, folder, &error);
    }
    if (status == CM_OK) {
        status = check_own(&r, &error);
    }
    if (status == CM_OK) {
        status = put(&r, &error);
    }
    json_decref(r.json);
    cm_buf_clear(&r.note);
    cm_buf_clear(&r.vkey);
    cm_ledger_folder_close(folder);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

static void print_revealed(const struct cm_revealed *revealed)
{
    char hex[2 * CM_DIGEST_SIZE + 1];
    char when[CM_WHEN_SIZE];
    char value[PLAIN];
    cm_hex(hex, cm_bytes_digest(&revealed->key_hash));
    printf("ledger     %s\nentry      %" PRIu64 " of %" PRIu64 ", %s, recorded %s\nsigned by  key "
           "%.16s…\n",
           revealed->origin, revealed->index, revealed->size,
           cm_entry_kind_name(revealed->entry.kind), cm_when_utc(when, revealed->entry.recorded_ms),
           hex);
    for (unsigned label = 0; label < CM_LABEL_COUNT; label++) {
        if (revealed->values[label]) {
            printf("%-9s  ", cm_revealed_label_name((enum cm_revealed_label)label));
            cm_cli_wrap(stdout, cm_plain(value, sizeof value, revealed->values[label]), 11, 11);
        }
    }
    if (revealed->question) {
        printf("question   signed by %s\n", cm_plain(value, sizeof value, revealed->query.signer));
    }
    puts("all of it is proved");
}

static int check(const struct cm_cli_args *args)
{
    static struct cm_revealed revealed;
    struct cm_error error = {.text = ""};
    struct cm_buf text = {0};
    struct cm_buf vkey = {0};
    struct cm_key *key = NULL;
    json_t *json = NULL;
    struct cm_arena *arena = cm_arena_new(CHECK_ARENA);
    enum cm_status status = cm_file_read(&text, cm_cli_get(args, 'c'), MAX_FILE, &error);
    if (status == CM_OK && cm_cli_get(args, 'v')) {
        status = cm_audit_vkey(&key, &vkey, cm_cli_get(args, 'v'), &error);
    }
    const bool reading = status == CM_OK;
    if (reading) {
        json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
        status = json && arena ? cm_revealed_check(&revealed, arena, json, key, &error)
                               : cm_fail(&error, CM_INVALID, cm_cli_get(args, 'c'), "is no JSON");
    }
    if (status == CM_OK) {
        print_revealed(&revealed);
        if (!key) {
            cm_cli_say("NOBODY VOUCHES FOR THE KEY: it is the one in the file itself. Compare it "
                       "with the ledger's own, or give that with --vkey");
        }
    } else {
        (void)cm_cli_fail(&error);
    }
    json_decref(json);
    cm_key_free(key);
    cm_arena_free(arena);
    cm_wipe(text.data, text.len);
    cm_buf_clear(&text);
    cm_buf_clear(&vkey);
    return status == CM_OK ? CM_EXIT_OK : reading ? CM_EXIT_AUDIT_WRONG : CM_EXIT_FAILED;
}

int cm_audit_reveal(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &usage, argc, argv);
    const bool checking = cm_cli_get(&args, 'c') != NULL;
    if (args.word_count != (checking ? 0u : 2u)) {
        cm_cli_say("name a ledger's folder and an entry's index, or --check FILE");
        return CM_EXIT_USAGE;
    }
    return checking ? check(&args) : reveal(&args, argc, argv);
}

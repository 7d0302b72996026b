#include "gateway/client/receipt_desk.h"

#include "gateway/client/receipt_kept.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/when.h"
#include "proto/codec/gateway.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHORT_ID = 12, SCRATCH_CAP = 8 * CM_MAX_LOOKUP_RESPONSE };

static const struct argp_option options[] = {
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {"passphrase-file", 'P', "FILE", 0, "Your key's passphrase", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .about = "List the answers of the last 24 hours that can be saved as receipts, newest first. "
             "They are encrypted to your key.",
};

// The last message; an answer that did not hold ends without it.
static bool find_manifest(struct cm_manifest *out, struct cm_arena *arena,
                          const struct cm_receipt *receipt)
{
    struct cm_bytes rest = receipt->responses;
    struct cm_bytes last;
    struct cm_bytes response;
    struct cm_lookup_response decoded;
    last = CM_BYTES_NONE;
    while (cm_receipt_next(&response, &rest)) {
        last = response;
    }
    return cm_lookup_response_decode(&decoded, arena, last, NULL) == CM_OK &&
           decoded.kind == CM_LOOKUP_MANIFEST &&
           cm_manifest_decode(out, arena, decoded.u.envelope.payload, NULL) == CM_OK;
}

static void print_one(const struct cm_answer_file *file, const struct cm_receipt *receipt,
                      struct cm_arena *arena)
{
    struct cm_query query;
    struct cm_manifest manifest;
    char when[CM_WHEN_SIZE];
    if (cm_receipt_question(&query, arena, receipt->question, NULL) != CM_OK) {
        printf("%-25s  %.*s  is damaged\n", cm_when_local(when, file->kept_ms), SHORT_ID, file->id);
        return;
    }
    printf("%-25s  %.*s  %-12s  ", cm_when_local(when, file->kept_ms), SHORT_ID, file->id,
           query.gateway);
    if (find_manifest(&manifest, arena, receipt)) {
        printf("%8" PRIu64, manifest.rows);
    } else {
        printf("%8s", "no end");
    }
    printf("  %s %s\n", query.plate.plate, query.plate.state);
}

static enum cm_status print_all(const struct cm_answers *answers, const struct cm_signer *owner,
                                struct cm_error *error)
{
    struct cm_arena *arena = cm_arena_new(SCRATCH_CAP);
    if (arena == NULL) {
        return cm_fail(error, CM_MEMORY, "", "out of memory");
    }
    if (answers->count > 0) {
        printf("%-25s  %-*s  %-12s  %8s  %s\n", "TIME", SHORT_ID, "ID", "GATEWAY", "ROWS", "PLATE");
    }
    for (size_t i = answers->count; i-- > 0;) {
        struct cm_buf clear = {0};
        struct cm_receipt receipt;
        cm_arena_reset(arena);
        enum cm_status status =
            cm_receipt_open_kept(&clear, &receipt, answers, answers->files[i].id, owner, error);
        if (status == CM_OK) {
            print_one(&answers->files[i], &receipt, arena);
        } else {
            cm_cli_error(error);
        }
        cm_receipt_close_kept(&clear);
    }
    cm_arena_free(arena);
    return CM_OK;
}

static void say_counts(const struct cm_answers *answers)
{
    if (answers->unfinished > 0) {
        cm_cli_say("%zu unfinished: a lookup is under way, or died within minutes",
                   answers->unfinished);
    }
    if (answers->expired > 0) {
        cm_cli_say("%zu older than 24 hours, or left behind by a lookup that died, removed",
                   answers->expired);
    }
    if (answers->count == 0) {
        puts("no answer is kept");
    }
}

int cm_receipt_list(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_settings settings;
    struct cm_answers answers;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    enum cm_status status =
        cm_settings_load(&settings, cm_cli_get(&args, 'C'), cm_cli_get(&args, 'P'), &error);
    if (status != CM_OK) {
        return cm_cli_fail(&error);
    }
    status = cm_answers_open(&answers, settings.folder, cm_wall_ms(cm_clock_system()), &error);
    if (status == CM_OK) {
        status = print_all(&answers, settings.signer, &error);
        say_counts(&answers);
        cm_answers_clear(&answers);
    }
    cm_settings_clear(&settings);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

#include "gateway/client/receipt_replay.h"

#include "gateway/client/book_take.h"
#include "gateway/client/receipt_facts.h"
#include "proto/trust/succession.h"

#include <inttypes.h>
#include <string.h>

enum { KEPT_CAP = 256 * 1024 * 1024, MESSAGE_CAP = 8 * CM_MAX_LOOKUP_RESPONSE };

struct replaying {
    struct cm_replay *out;
    const struct cm_receipt *receipt;
    const struct cm_replay_options *options;
    struct cm_arena *message; // for one
    struct cm_envelope question;
    struct cm_error *error;
};

struct still_clock {
    struct cm_clock clock;
    int64_t ms;
};

static int64_t still_ms(const struct cm_clock *clock)
{
    return ((const struct still_clock *)clock)->ms;
}

static void ignore_row(void *context, const struct cm_detection *row)
{
    (void)context;
    (void)row;
}

// The gateway's entry says when. That it lies under the gateway's checkpoint is seen later.
static enum cm_status read_time(struct replaying *r)
{
    struct cm_lookup_response first;
    struct cm_entry entry;
    struct cm_bytes bytes;
    struct cm_bytes rest = r->receipt->responses;
    cm_arena_reset(r->message);
    if (!cm_receipt_next(&bytes, &rest)) {
        return cm_fail(r->error, CM_INVALID, "answer", "there is none");
    }
    enum cm_status status = cm_lookup_response_decode(&first, r->message, bytes, r->error);
    if (status == CM_OK && first.kind != CM_LOOKUP_ACCEPTED) {
        status =
            cm_fail(r->error, CM_INVALID, "answer", "does not begin with the gateway's record");
    }
    if (status == CM_OK) {
        status = cm_entry_decode(&entry, r->message, first.u.accepted.entry, r->error);
    }
    if (status == CM_OK) {
        r->out->recorded_ms = entry.recorded_ms;
    }
    return status;
}

static enum cm_status judge_directory(struct replaying *r)
{
    struct cm_replay *out = r->out;
    enum cm_status status = cm_trust_new(&out->trust, r->options->root, r->receipt->directory, NULL,
                                         out->recorded_ms, r->error);
    // A list that does not verify is left out of a snapshot; none may stand here that is not used.
    if (status == CM_OK && !cm_bytes_equal(cm_trust_bundle(out->trust), r->receipt->directory)) {
        status =
            cm_fail(r->error, CM_INVALID, "directory", "a revocation list in it does not hold");
    }
    if (status == CM_OK) {
        out->directory = cm_trust_directory(out->trust);
        status = cm_facts_directory(out, r->options->root, r->receipt->directory, r->error);
    }
    return status;
}

static enum cm_status judge_gateway(struct replaying *r)
{
    struct cm_replay *out = r->out;
    enum cm_status status = cm_trust_chain(&out->gateway, out->trust, &r->receipt->gateway, 1,
                                           out->recorded_ms, r->error);
    if (status == CM_OK && cm_signatory_identity(out->gateway)->role != CM_ROLE_GATEWAY) {
        status =
            cm_fail(r->error, CM_UNAUTHENTICATED, "gateway", "the certificate is of no gateway");
    }
    return status == CM_OK
               ? cm_facts_paper(out, "gateway", r->receipt->gateway, out->gateway, r->error)
               : status;
}

static enum cm_status judge_question(struct replaying *r)
{
    struct cm_replay *out = r->out;
    const struct cm_query_expectation expectation = {
        .gateway = cm_signatory_identity(out->gateway)->name,
        .actions = ~0u,
        .now_ms = out->recorded_ms,
    };
    enum cm_status status =
        cm_envelope_decode(&r->question, out->arena, r->receipt->question, r->error);
    if (status == CM_OK && r->question.family != CM_FAMILY_QUERY) {
        status = cm_fail(r->error, CM_INVALID, "question", "is another message");
    }
    if (status == CM_OK) {
        status = cm_query_check(&out->checked, out->arena, out->trust, &r->question, &expectation,
                                r->error);
    }
    if (status == CM_OK) {
        out->query = &out->checked.query;
        status = cm_facts_question(out, &r->question, r->error);
    }
    return status;
}

// Damage is found before anything costly is done.
static enum cm_status judge_whole(struct replaying *r)
{
    int64_t saved_ms;
    return cm_receipt_verify(&saved_ms, r->receipt, NULL, r->error);
}

static enum cm_status judge_saved(struct replaying *r)
{
    int64_t saved_ms;
    enum cm_status status = cm_receipt_verify(&saved_ms, r->receipt,
                                              cm_signatory_key(r->out->checked.signer), r->error);
    if (status == CM_OK) {
        r->out->saved_ms = saved_ms;
    }
    return status;
}

static enum cm_status take(struct replaying *r, struct cm_bytes bytes)
{
    struct cm_lookup_response response;
    cm_arena_reset(r->message);
    enum cm_status status = cm_lookup_response_decode(&response, r->message, bytes, r->error);
    if (status == CM_OK) {
        status = cm_book_take(r->out->book, &response, r->error);
    }
    return status == CM_OK ? cm_facts_response(r->out, &response, r->error) : status;
}

static enum cm_status judge_answer(struct replaying *r)
{
    struct cm_replay *out = r->out;
    struct still_clock *clock = cm_arena_alloc(out->arena, sizeof *clock);
    if (clock == NULL) {
        return cm_fail(r->error, CM_MEMORY, "answer", "out of memory");
    }
    *clock = (struct still_clock){{still_ms, still_ms}, out->recorded_ms};
    const struct cm_book_options options = {
        .trust = out->trust,
        .gateway = out->gateway,
        .query_digest = out->checked.digest,
        .key_hash = cm_signatory_identity(out->checked.signer)->key_hash,
        .limit = out->query->limit,
        .order = out->query->order,
        .agencies = out->query->agencies,
        .agency_count = out->query->agency_count,
        .clock = &clock->clock,
        .row = r->options->row != NULL ? r->options->row : ignore_row,
        .context = r->options->context,
    };
    struct cm_bytes rest = r->receipt->responses;
    struct cm_bytes response;
    enum cm_status status = cm_book_new(&out->book, &options);
    if (status != CM_OK) {
        return cm_fail(r->error, status, "answer", "out of memory");
    }
    while (status == CM_OK && cm_receipt_next(&response, &rest)) {
        status = take(r, response);
    }
    if (status == CM_OK && cm_book_ended(out->book) == NULL) {
        status = cm_fail(r->error, CM_INVALID, "answer", "ends without the gateway's manifest");
    }
    if (status == CM_OK) {
        out->manifest = cm_book_ended(out->book);
    }
    return status;
}

// A directory that the checker knows must be of one line with the one in the receipt.
static enum cm_status compare_lines(struct replaying *r)
{
    const struct cm_directory *held = cm_trust_directory(r->options->newest);
    const struct cm_directory *ours = r->out->directory;
    const struct cm_directory *before = held->serial < ours->serial ? held : ours;
    const struct cm_directory *after = before == held ? ours : held;
    bool next = after->serial - before->serial == 1;
    if (strcmp(held->federation, ours->federation) != 0) {
        return cm_fail(r->error, CM_STALE, "directory", "is of another federation than yours");
    }
    if ((held->serial == ours->serial && !cm_digest_equal(&held->digest, &ours->digest)) ||
        (next && !cm_digest_equal(&after->previous, &before->digest))) {
        cm_fail(r->error, CM_STALE, "directory",
                "serial %" PRIu64 " is not of one line with your serial %" PRIu64, ours->serial,
                held->serial);
        cm_error_hint(r->error, "one of the two is not genuine: tell the federation's operator");
        return CM_STALE;
    }
    return held->serial == ours->serial ? CM_OK
                                        : cm_directory_succession(before, after, next, r->error);
}

static enum cm_status compare(struct replaying *r)
{
    struct cm_replay *out = r->out;
    if (r->options->newest == NULL) {
        return CM_OK;
    }
    enum cm_status status = compare_lines(r);
    for (size_t i = 0; i < out->paper_count && status == CM_OK; i++) {
        struct cm_replay_paper *paper = &out->papers[i];
        int64_t since_ms;
        if (paper->signatory == NULL ||
            !cm_trust_revoked(&since_ms, r->options->newest, paper->signatory)) {
            continue;
        }
        paper->revoked_ms = since_ms;
        if (since_ms <= out->recorded_ms) {
            status =
                cm_fail(r->error, CM_UNAUTHENTICATED, "certificate",
                        "of the %s: revoked since, as of a time before the answer", paper->whose);
        }
    }
    out->compared = status == CM_OK;
    return status;
}

static enum cm_status run(struct replaying *r)
{
    static enum cm_status (*const steps[])(struct replaying * r) = {
        judge_whole,    read_time,   judge_directory, judge_gateway,
        judge_question, judge_saved, judge_answer,    compare,
    };
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == CM_OK; i++) {
        status = steps[i](r);
    }
    return status;
}

enum cm_status cm_replay_run(struct cm_replay *replay, const struct cm_receipt *receipt,
                             const struct cm_replay_options *options, struct cm_error *error)
{
    *replay = (struct cm_replay){.arena = cm_arena_new(KEPT_CAP)};
    struct replaying r = {.out = replay,
                          .receipt = receipt,
                          .options = options,
                          .message = cm_arena_new(MESSAGE_CAP),
                          .error = error};
    enum cm_status status = replay->arena != NULL && r.message != NULL
                                ? run(&r)
                                : cm_fail(error, CM_MEMORY, "receipt", "out of memory");
    cm_arena_free(r.message);
    return status;
}

void cm_replay_clear(struct cm_replay *replay)
{
    for (size_t i = 0; i < replay->paper_count; i++) {
        cm_signatory_unref(replay->papers[i].signatory);
    }
    cm_checked_query_clear(&replay->checked);
    cm_book_free(replay->book);
    cm_signatory_unref(replay->gateway);
    cm_trust_unref(replay->trust);
    cm_arena_free(replay->arena);
    *replay = (struct cm_replay){0};
}

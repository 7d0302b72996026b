#include "gateway/session_witness.h"

#include "gateway/session_internal.h"
#include "proto/base/log.h"
#include "proto/ledger/cosign.h"

#include <inttypes.h>
#include <string.h>

enum { PROOF_ARENA_CAP = 64 * 1024, BURST = 16, BURST_MS = 8000 };

static int64_t mono(const struct cm_session *session)
{
    return cm_mono_ms(session->sessions->options.gateway->ports->clock);
}

static struct cm_epoch_owner owner_of(const struct cm_session *session)
{
    return (struct cm_epoch_owner){cm_signatory_identity(session->node),
                                   cm_signatory_key(session->node)};
}

static uint64_t hello_epoch(const struct cm_session *session)
{
    struct cm_epoch_statement statement;
    const struct cm_envelope *envelope = &session->up.hello.epoch;
    if (envelope->family == CM_FAMILY_NONE ||
        cm_epoch_statement_decode(&statement, session->arena, envelope->payload, NULL)) {
        return 1;
    }
    return statement.epoch;
}

enum cm_status cm_session_witness_hello(struct cm_session *session, struct cm_error *error)
{
    struct cm_session_witness *witness = &session->witness;
    const struct cm_epoch_owner owner = owner_of(session);
    witness->seen_note.len = 0;
    const enum cm_status status =
        cm_witness_read(&witness->seen, &witness->seen_note,
                        session->sessions->options.witnessed_folder, &owner, error);
    witness->due = witness->seen.size > 0;
    session->witnessed_size = witness->seen.epoch == hello_epoch(session) ? witness->seen.size : 0;
    return status;
}

void cm_session_witness_begin(struct cm_session *session, bool differs)
{
    struct cm_session_witness *witness = &session->witness;
    const struct cm_witnessed *own = session->sessions->options.witnessed;
    if (differs && own->epoch > 1) {
        session->tree_size = 0; // it may have seen the epoch before
    }
    witness->begun_ms = witness->since_ms = mono(session);
    witness->offer_due = cm_ledger_head(session->sessions->options.ledger)->checkpoint.size > 0;
}

void cm_session_witness_clear(struct cm_session *session)
{
    struct cm_session_witness *witness = &session->witness;
    cm_tree_head_unref(witness->shown);
    cm_arena_free(witness->arena);
    cm_trust_unref(witness->trust);
    cm_buf_clear(&witness->seen_note);
    cm_signer_unref(witness->signer);
    cm_buf_clear(&witness->line);
}

// The node's ledger.

// Worker.
static void judge_work(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, witness.job);
    struct cm_session_witness *witness = &session->witness;
    const struct cm_gateway *gateway = session->sessions->options.gateway;
    const struct cm_epoch_owner owner = owner_of(session);
    witness->seen_note.len = 0;
    witness->status =
        cm_witness_read(&witness->seen, &witness->seen_note,
                        session->sessions->options.witnessed_folder, &owner, &witness->error);
    if (!witness->status) {
        witness->status =
            cm_witness_judge(&witness->verdict, &witness->seen, &witness->offered, &owner,
                             witness->trust, cm_wall_ms(gateway->ports->clock), &witness->error);
    }
}

// Worker: remembered first, signed then.
static void sign_work(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, witness.job);
    struct cm_session_witness *witness = &session->witness;
    const struct cm_gateway *gateway = session->sessions->options.gateway;
    const struct cm_bytes note = witness->offered.checkpoint;
    witness->line.len = 0;
    if (witness->seen.size != witness->verdict.shown.size ||
        witness->seen.epoch != witness->verdict.shown.epoch) {
        witness->status = cm_witness_keep(session->sessions->options.witnessed_folder,
                                          cm_signatory_key(session->node), note, &witness->error);
    }
    if (!witness->status && cm_cosign(&witness->line, note,
                                      cm_wall_ms(gateway->ports->clock) / 1000, witness->signer)) {
        witness->status = cm_fail(&witness->error, CM_INTERNAL, "checkpoint", "can't be signed");
    }
}

static bool may_record(const struct cm_session *session)
{
    return cm_pace_wait(&session->party->findings, &cm_pace_of_findings, mono(session)) == 0;
}

static void report(struct cm_session *session)
{
    const struct cm_sessions_options *options = &session->sessions->options;
    const struct cm_session_witness *witness = &session->witness;
    const struct cm_witness_verdict *verdict = &witness->verdict;
    struct cm_party *party = session->party;
    const struct cm_entry entry = {
        .kind = CM_ENTRY_WITNESS,
        .text = verdict->checkpoint.origin,
        .finding = verdict->finding,
        .old_size = witness->seen.size,
        .old_root = witness->seen.size ? witness->seen.root : (struct cm_digest){{0}},
        .new_size = verdict->shown.size,
        .new_root = verdict->shown.size ? verdict->shown.root : (struct cm_digest){{0}},
        .digest = verdict->statement_digest,
    };
    const bool bad = verdict->finding != CM_WITNESS_EPOCH;
    cm_log(bad ? CM_LOG_ERROR : CM_LOG_WARNING, "ledger-witnessed",
           "agency=%s origin=%s finding=%s seen_epoch=%" PRIu64 " seen_size=%" PRIu64
           " size=%" PRIu64 "%s",
           party->id, verdict->checkpoint.origin, cm_witness_finding_name(verdict->finding),
           witness->seen.epoch, witness->seen.size, verdict->shown.size,
           bad ? " action=\"ask the agency what became of its ledger; it must recover it\"" : "");
    options->gateway->counters.findings += bad;
    // The same again and again, at each attempt to attach, is one finding; and nobody fills our
    // ledger with ever other lies.
    if ((party->found == verdict->finding && party->found_size == verdict->shown.size &&
         cm_digest_equal(&party->found_root, &verdict->shown.root)) ||
        !may_record(session)) {
        return;
    }
    cm_pace_use(&party->findings, &cm_pace_of_findings, mono(session));
    party->found = verdict->finding;
    party->found_size = verdict->shown.size;
    party->found_root = verdict->shown.root;
    options->on_finding(options->context, &entry);
}

static void work_on(struct cm_session *session, struct cm_workers *workers,
                    void (*work)(struct cm_job *job), void (*done)(struct cm_job *job));

// The work is back; false: the session is closed, and perhaps gone.
static bool back(struct cm_session *session)
{
    session->witness.busy = false;
    if (session->closed && !session->stream && !session->busy) {
        cm_session_free(session);
        return false;
    }
    return !session->closed;
}

static void signed_it(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, witness.job);
    if (!back(session)) {
        return;
    }
    if (session->witness.status) {
        cm_log(CM_LOG_ERROR, "checkpoint-not-kept", "agency=%s where=%s error=\"%s\"",
               session->party->id, session->witness.error.where, session->witness.error.text);
        cm_session_close(session, CM_UNAVAILABLE, &session->witness.error);
        return;
    }
    session->witness.answer_due = true;
    cm_session_pump(session);
}

static void judged(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, witness.job);
    struct cm_session_witness *witness = &session->witness;
    if (!back(session)) {
        return;
    }
    // An epoch counts only with its entry.
    if (!witness->status && witness->verdict.finding && !may_record(session)) {
        witness->status = cm_fail(&witness->error, CM_EXHAUSTED, "attach.epoch",
                                  "too much was found in this agency's ledgers of late");
    }
    if (!witness->status) {
        witness->due = false;
        if (witness->verdict.finding) {
            report(session);
        }
        work_on(session, session->sessions->options.slow, sign_work, signed_it);
    } else if (witness->status == CM_STALE && witness->verdict.finding) {
        witness->due = true;
        witness->answer_due = true;
        report(session);
    } else {
        cm_log(CM_LOG_WARNING, "node-broke-protocol", "agency=%s field=%s error=\"%s\"",
               session->party->id, witness->error.where, witness->error.text);
        cm_session_close(session, witness->status, &witness->error);
        return;
    }
    cm_session_pump(session);
}

static void work_on(struct cm_session *session, struct cm_workers *workers,
                    void (*work)(struct cm_job *job), void (*done)(struct cm_job *job))
{
    struct cm_session_witness *witness = &session->witness;
    struct cm_gateway_ports *ports = session->sessions->options.gateway->ports;
    struct cm_error error;
    witness->job = (struct cm_job){.work = work, .done = done};
    witness->busy = true;
    if (workers ? cm_workers_submit(workers, &witness->job) == CM_OK
                : ports->submit(ports, &witness->job) == CM_OK) {
        return;
    }
    witness->busy = false;
    cm_fail(&error, CM_EXHAUSTED, "attach.checkpoint", "the gateway is overloaded");
    cm_session_close(session, CM_EXHAUSTED, &error);
}

// Another session of the same key, which is being replaced, may still be at it.
static bool another_busy(const struct cm_session *session)
{
    for (const struct cm_session *one = session->sessions->opened; one; one = one->opened_next) {
        if (one != session && one->witness.busy &&
            cm_digest_equal(&one->key_hash, &session->key_hash)) {
            return true;
        }
    }
    return false;
}

static enum cm_status copy_offer(struct cm_session_witness *witness,
                                 const struct cm_witness_checkpoint *offered)
{
    struct cm_bytes raw = CM_BYTES_NONE;
    struct cm_consistency *proof = &witness->offered.consistency;
    const size_t size = offered->consistency.count * sizeof *proof->hashes;
    struct cm_digest *hashes =
        cm_arena_array(witness->arena, offered->consistency.count, sizeof *hashes);
    witness->offered = *offered;
    if (!hashes ||
        cm_arena_bytes(witness->arena, &witness->offered.checkpoint, offered->checkpoint)) {
        return CM_MEMORY;
    }
    if (size > 0) {
        memcpy(hashes, offered->consistency.hashes, size);
    }
    proof->hashes = hashes;
    if (offered->epoch.family == CM_FAMILY_NONE) {
        return CM_OK;
    }
    struct cm_buf again = {0};
    enum cm_status status = cm_envelope_encode(&again, &offered->epoch);
    if (!status) {
        status = cm_arena_bytes(witness->arena, &raw, cm_buf_bytes(&again));
    }
    cm_buf_clear(&again);
    return status ? status : cm_envelope_decode(&witness->offered.epoch, witness->arena, raw, NULL);
}

enum cm_status cm_session_checkpoint(struct cm_session *session,
                                     const struct cm_witness_checkpoint *offered,
                                     struct cm_error *error)
{
    struct cm_session_witness *witness = &session->witness;
    const struct cm_gateway *gateway = session->sessions->options.gateway;
    const int64_t now_ms = mono(session);
    if (now_ms - witness->since_ms >= BURST_MS) {
        witness->since_ms = now_ms;
        witness->answered = 0;
    }
    if (witness->busy || witness->answer_due || witness->answered++ == BURST) {
        return cm_fail(error, CM_EXHAUSTED, "attach.checkpoint",
                       "checkpoints come faster than they are answered");
    }
    if (another_busy(session)) {
        return cm_fail(error, CM_EXHAUSTED, "attach.checkpoint",
                       "the session before is still being looked at");
    }
    cm_arena_free(witness->arena);
    cm_trust_unref(witness->trust);
    cm_signer_unref(witness->signer);
    witness->arena = cm_arena_new(CM_EPOCH_ARENA);
    witness->trust = cm_trust_ref(gateway->trust);
    witness->signer = cm_signer_ref(gateway->signer);
    if (!witness->arena || copy_offer(witness, offered)) {
        return cm_fail(error, CM_MEMORY, "attach.checkpoint", "out of memory");
    }
    work_on(session, NULL, judge_work, judged);
    return CM_OK;
}

// Ours.

enum cm_status cm_session_cosignature(struct cm_session *session,
                                      const struct cm_cosignature *answer, struct cm_error *error)
{
    const struct cm_sessions_options *options = &session->sessions->options;
    struct cm_session_witness *witness = &session->witness;
    struct cm_tree_head *shown = witness->shown;
    if (!shown) {
        return cm_fail(error, CM_INVALID, "attach.cosignature", "nothing was shown");
    }
    witness->shown = NULL;
    enum cm_status status;
    if (answer->size > 0) {
        status = cm_witnessed_take(options->witnessed, shown, answer, session->node,
                                   options->gateway->trust,
                                   cm_wall_ms(options->gateway->ports->clock), error);
        witness->cosigned = shown->checkpoint.size;
    } else {
        cm_log(CM_LOG_ERROR, "checkpoint-refused", "agency=%s size=%" PRIu64, session->party->id,
               shown->checkpoint.size);
        status = cm_witnessed_shown(options->witnessed, options->ledger, answer->seen, error);
        if (status == CM_STALE) {
            options->on_refuted(options->context);
        } else if (!status) {
            status = cm_fail(error, CM_INVALID, "attach.cosignature",
                             "it refuses, and what it saw is in our ledger");
        }
    }
    cm_tree_head_unref(shown);
    return status;
}

static bool send_offer(struct cm_session *session)
{
    const struct cm_sessions_options *options = &session->sessions->options;
    struct cm_session_witness *witness = &session->witness;
    struct cm_tree_head *head = cm_ledger_head(options->ledger);
    struct cm_attach_down down = {
        .kind = CM_DOWN_CHECKPOINT,
        .checkpoint = {.checkpoint = head->note, .epoch = options->witnessed->statement}};
    struct cm_arena *arena = cm_arena_new(PROOF_ARENA_CAP);
    enum cm_status status = arena ? CM_OK : CM_MEMORY;
    witness->offer_due = false;
    // A node that saw more than there is will say so.
    if (!status && session->tree_size <= head->checkpoint.size) {
        status = cm_ledger_prove_consistency(&down.checkpoint.consistency, arena, options->ledger,
                                             session->tree_size, head->checkpoint.size);
    }
    const bool sent = !status && cm_session_write(session, &down);
    if (sent) {
        session->tree_size = head->checkpoint.size;
        witness->shown = cm_tree_head_ref(head);
    } else {
        cm_log(CM_LOG_ERROR, "checkpoint-not-shown", "agency=%s", session->party->id);
    }
    cm_arena_free(arena);
    return true;
}

static bool send_answer(struct cm_session *session)
{
    struct cm_session_witness *witness = &session->witness;
    struct cm_attach_down down = {.kind = CM_DOWN_COSIGNATURE};
    struct cm_cosignature *answer = &down.cosignature;
    witness->answer_due = false;
    if (witness->status) {
        answer->seen = cm_buf_bytes(&witness->seen_note);
    } else {
        answer->size = witness->verdict.shown.size;
        answer->line = cm_buf_bytes(&witness->line);
        answer->chain = cm_signer_chain(witness->signer, &answer->chain_count);
    }
    const bool sent = cm_session_write(session, &down);
    if (witness->status) {
        cm_session_close(session, CM_STALE, &witness->error);
    }
    return sent && !witness->status;
}

bool cm_session_witness_waits(const struct cm_session *session)
{
    return session->witness.answer_due || (session->witness.offer_due && !session->witness.shown);
}

bool cm_session_witness_send(struct cm_session *session)
{
    return session->witness.answer_due ? send_answer(session) : send_offer(session);
}

// Asks don't wait for ever for a node to show what it once had.
static bool overdue(const struct cm_session *session)
{
    const struct cm_session_witness *witness = &session->witness;
    return witness->due && !witness->busy && !witness->answer_due &&
           mono(session) - witness->begun_ms > CM_HELLO_MS;
}

static void close_overdue(struct cm_session *session)
{
    struct cm_error error;
    cm_fail(&error, CM_LATE, "attach.checkpoint", "no checkpoint of your ledger within %d ms",
            CM_HELLO_MS);
    cm_session_close(session, CM_LATE, &error);
}

void cm_sessions_show(struct cm_sessions *sessions, bool at_once)
{
    const uint64_t size = cm_ledger_head(sessions->options.ledger)->checkpoint.size;
    for (struct cm_session *one = sessions->opened, *next; one; one = next) {
        struct cm_session_witness *witness = &one->witness;
        next = one->opened_next;
        if (one->attached && !one->closed && overdue(one)) {
            close_overdue(one);
        }
        if (!one->attached || one->closed || witness->shown || size <= witness->cosigned) {
            continue;
        }
        const int64_t now_ms = mono(one);
        if (at_once || now_ms >= witness->offer_at_ms) {
            witness->offer_at_ms = now_ms + sessions->options.witness_every_ms;
            witness->offer_due = true;
            cm_session_pump(one);
        }
    }
}

bool cm_sessions_showing(const struct cm_sessions *sessions)
{
    for (const struct cm_session *one = sessions->opened; one; one = one->opened_next) {
        if (one->attached && !one->closed && (one->witness.shown || one->witness.offer_due)) {
            return true;
        }
    }
    return false;
}

// Witnesses: this node's ledger is shown to the gateway, which signs; the gateway's is judged
// against what was seen of it, remembered, and signed.
#include "nodes/attach_internal.h"

#include "proto/base/log.h"
#include "proto/ledger/cosign.h"

#include <inttypes.h>
#include <string.h>

enum {
    PROOF_ARENA_CAP = 64 * 1024,
    REFUSED_FAILURES = 4, // after which it is dialled slowly
    BURST = 32, // over all sessions with a gateway, which may restart a few times meanwhile
    BURST_MS = 8000,
};

static int64_t mono(const struct cm_attach *attach)
{
    return cm_mono_ms(attach->options.node->ports->clock);
}

// Our ledger.

// from: what the gateway saw of it.
static void show(struct cm_attach *attach, uint64_t from)
{
    struct cm_attach_witness *witness = &attach->witness;
    struct cm_tree_head *head = cm_ledger_head(attach->options.ledger);
    struct cm_attach_up up = {
        .kind = CM_UP_CHECKPOINT,
        .checkpoint = {.checkpoint = head->note, .epoch = attach->options.witnessed->statement}};
    struct cm_arena *arena = cm_arena_new(PROOF_ARENA_CAP);
    enum cm_status status = arena ? CM_OK : CM_MEMORY;
    // A gateway that saw more than there is will show it.
    if (!status && from <= head->checkpoint.size && head->checkpoint.size > 0) {
        status = cm_ledger_prove_consistency(&up.checkpoint.consistency, arena,
                                             attach->options.ledger, from, head->checkpoint.size);
    }
    if (!status) {
        cm_tree_head_unref(witness->shown);
        witness->shown = cm_tree_head_ref(head);
        witness->show_at_ms = mono(attach) + attach->options.witness_every_ms;
        status = cm_attach_queue(attach, &up);
    }
    cm_arena_free(arena);
    if (status) {
        cm_log(CM_LOG_ERROR, "checkpoint-not-shown", "gateway=%s status=%s", attach->asker.gateway,
               cm_status_name(status));
        cm_attach_break(attach, "our ledger could not be shown");
    }
}

void cm_attach_witness_begin(struct cm_attach *attach, uint64_t seen)
{
    attach->witness.cosigned = seen;
    if (cm_ledger_head(attach->options.ledger)->checkpoint.size > 0 || seen > 0) {
        show(attach, seen);
    }
}

void cm_attach_show(struct cm_attach *attach, bool at_once)
{
    struct cm_attach_witness *witness = &attach->witness;
    const uint64_t size = cm_ledger_head(attach->options.ledger)->checkpoint.size;
    if (attach->phase == CM_ATTACH_ATTACHED && !witness->shown && size > witness->cosigned &&
        (at_once || mono(attach) >= witness->show_at_ms)) {
        show(attach, witness->cosigned);
    }
}

bool cm_attach_showing(const struct cm_attach *attach)
{
    return attach->phase == CM_ATTACH_ATTACHED && attach->witness.shown;
}

bool cm_attach_take_cosignature(struct cm_attach *attach, const struct cm_cosignature *answer)
{
    const struct cm_attach_options *options = &attach->options;
    struct cm_attach_witness *witness = &attach->witness;
    struct cm_tree_head *shown = witness->shown;
    struct cm_error error = {.text = "nothing was shown to it"};
    enum cm_status status = CM_INVALID;
    witness->shown = NULL;
    if (shown && answer->size > 0) {
        status = cm_witnessed_take(options->witnessed, shown, answer, attach->asker.signatory,
                                   options->node->trust, cm_wall_ms(options->node->ports->clock),
                                   &error);
        witness->cosigned = shown->checkpoint.size;
    } else if (shown) {
        cm_log(CM_LOG_ERROR, "checkpoint-refused", "gateway=%s size=%" PRIu64,
               attach->asker.gateway, shown->checkpoint.size);
        status = cm_witnessed_shown(options->witnessed, options->ledger, answer->seen, &error);
        if (!status) {
            status = cm_fail(&error, CM_INVALID, "cosignature",
                             "it refuses, and what it saw is in our ledger");
        }
    }
    cm_tree_head_unref(shown);
    if (!status) {
        return true;
    }
    attach->failures = REFUSED_FAILURES;
    cm_attach_break(attach, error.text);
    if (status == CM_STALE) {
        options->on_refuted(options->context);
    }
    return false;
}

// The gateway's.

static void done_with(struct cm_attach_witness *witness)
{
    cm_arena_free(witness->arena);
    witness->arena = NULL;
}

static void found(struct cm_attach *attach, const struct cm_witness_verdict *verdict)
{
    struct cm_attach_witness *witness = &attach->witness;
    const struct cm_seen *seen = &attach->asker.head;
    const struct cm_seen *shown = &verdict->shown;
    const bool bad = verdict->finding != CM_WITNESS_EPOCH;
    const struct cm_entry entry = {
        .kind = CM_ENTRY_WITNESS,
        .text = verdict->checkpoint.origin,
        .finding = verdict->finding,
        .old_size = seen->size,
        .old_root = seen->size ? seen->root : (struct cm_digest){{0}},
        .new_size = shown->size,
        .new_root = shown->size ? shown->root : (struct cm_digest){{0}},
        .digest = verdict->statement_digest,
    };
    cm_log(bad ? CM_LOG_ERROR : CM_LOG_WARNING, "ledger-witnessed",
           "gateway=%s origin=%s finding=%s seen_epoch=%" PRIu64 " seen_size=%" PRIu64
           " size=%" PRIu64 "%s",
           attach->asker.gateway, verdict->checkpoint.origin,
           cm_witness_finding_name(verdict->finding), seen->epoch, seen->size, shown->size,
           bad ? " action=\"ask the federation's operator what became of the gateway's ledger\""
               : "");
    const bool again = witness->finding == verdict->finding &&
                       witness->found.epoch == shown->epoch && witness->found.size == shown->size &&
                       cm_digest_equal(&witness->found.root, &shown->root);
    witness->finding = verdict->finding;
    witness->found = *shown;
    if (!again) { // the same at each attempt to attach is one finding
        attach->options.on_finding(attach->options.context, &entry);
    }
}

static void refuse(struct cm_attach *attach)
{
    const struct cm_attach_up up = {.kind = CM_UP_COSIGNATURE,
                                    .cosignature.seen = cm_buf_bytes(&attach->heads.note)};
    attach->failures = REFUSED_FAILURES;
    // After what is queued, so that the gateway learns why.
    if (cm_attach_queue(attach, &up)) {
        cm_attach_break(attach, "its ledger is not the one that was seen");
    } else {
        attach->leaving = true;
        cm_stream_read(attach->stream);
        cm_attach_pump(attach);
    }
}

static void sign(struct cm_attach *attach)
{
    const struct cm_node *node = attach->options.node;
    struct cm_attach_up up = {.kind = CM_UP_COSIGNATURE};
    struct cm_cosignature *answer = &up.cosignature;
    struct cm_buf line = {0};
    enum cm_status status = cm_cosign(&line, attach->witness.offered.checkpoint,
                                      cm_wall_ms(node->ports->clock) / 1000, node->signer);
    answer->size = attach->witness.size;
    answer->line = cm_buf_bytes(&line);
    answer->chain = cm_signer_chain(node->signer, &answer->chain_count);
    if (!status && attach->phase == CM_ATTACH_ATTACHED) {
        status = cm_attach_queue(attach, &up);
    }
    cm_buf_clear(&line);
    if (status) {
        cm_attach_break(attach, "its checkpoint could not be signed");
    }
}

static void kept(struct cm_keep *keep)
{
    struct cm_attach *attach = CM_CONTAINER(keep, struct cm_attach, witness.keep);
    attach->witness.keeping = false;
    if (attach->phase == CM_ATTACH_ATTACHED && attach->witness.arena) {
        if (keep->status) {
            cm_attach_break(attach, "its checkpoint could not be remembered");
        } else {
            sign(attach);
        }
    }
    done_with(&attach->witness);
}

// What a session's later asks are held against.
static enum cm_status adopt(struct cm_attach *attach, const struct cm_witness_verdict *verdict)
{
    if (verdict->finding) {
        found(attach, verdict);
    } else {
        attach->witness.finding = CM_WITNESS_NONE;
    }
    attach->asker.head = verdict->shown;
    return cm_checkpoint_epoch_origin(attach->asker.origin, attach->base, verdict->shown.epoch);
}

void cm_attach_judge_checkpoint(struct cm_attach *attach)
{
    struct cm_attach_witness *witness = &attach->witness;
    const struct cm_node *node = attach->options.node;
    struct cm_witness_verdict verdict;
    struct cm_error error = {.text = "out of memory"};
    if (!witness->arena || witness->keeping || attach->asker.turn ||
        attach->phase != CM_ATTACH_ATTACHED) {
        return;
    }
    const struct cm_epoch_owner owner = {cm_signatory_identity(attach->asker.signatory),
                                         cm_signatory_key(attach->asker.signatory)};
    enum cm_status status =
        cm_witness_judge(&verdict, &attach->asker.head, &witness->offered, &owner, node->trust,
                         cm_wall_ms(node->ports->clock), &error);
    if (!status) {
        status = adopt(attach, &verdict);
    }
    if (!status) {
        witness->keep = (struct cm_keep){.done = kept};
        witness->keeping = true;
        witness->size = verdict.shown.size;
        cm_head_store_keep(&attach->heads, &witness->keep, verdict.shown.size,
                           witness->offered.checkpoint);
        cm_stream_read(attach->stream);
        return;
    }
    if (status == CM_STALE && verdict.finding) {
        found(attach, &verdict);
        refuse(attach);
    } else {
        cm_attach_break(attach, error.text);
    }
    done_with(witness);
}

bool cm_attach_take_checkpoint(struct cm_attach *attach, struct cm_arena *arena,
                               const struct cm_witness_checkpoint *offered)
{
    struct cm_attach_witness *witness = &attach->witness;
    const int64_t now_ms = mono(attach);
    if (now_ms - witness->since_ms >= BURST_MS) {
        witness->since_ms = now_ms;
        witness->taken = 0;
    }
    if (witness->arena || attach->leaving || witness->taken++ == BURST) {
        cm_arena_free(arena);
        cm_attach_break(attach, "checkpoints come faster than they are answered");
        return false;
    }
    witness->arena = arena;
    witness->offered = *offered;
    // Nothing is read before it is judged; then it reads on by itself.
    cm_attach_judge_checkpoint(attach);
    return false;
}

void cm_attach_witness_end(struct cm_attach *attach)
{
    struct cm_attach_witness *witness = &attach->witness;
    cm_tree_head_unref(witness->shown);
    witness->shown = NULL;
    attach->leaving = false;
    if (!witness->keeping) {
        done_with(witness);
    }
}

enum cm_witness_finding cm_attach_finding(const struct cm_attach *attach)
{
    const enum cm_witness_finding finding = attach->witness.finding;
    return finding == CM_WITNESS_EPOCH ? CM_WITNESS_NONE : finding;
}

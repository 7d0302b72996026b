// Copies of what our own people asked: from the session to the ledger and back.
#include "nodes/attach_internal.h"

#include "proto/base/log.h"

bool cm_attach_take_copy(struct cm_attach *attach, struct cm_arena *arena,
                         const struct cm_copy *copy, size_t bytes)
{
    const enum cm_status status =
        cm_copies_take(&attach->copies, arena, copy, attach->asker.signatory, bytes);
    if (status) {
        cm_attach_break(attach, "a copy could not be taken");
        return false;
    }
    attach->copies_held = attach->copies.bytes > MAX_COPIES_HELD;
    return true;
}

static void copied(void *context, uint64_t number)
{
    struct cm_attach *attach = context;
    const struct cm_attach_up up = {.kind = CM_UP_COPIED, .copied = number};
    if (attach->phase == CM_ATTACH_ATTACHED && cm_attach_queue(attach, &up)) {
        cm_attach_break(attach, "a copy could not be acknowledged");
    }
}

static void forged(void *context, const struct cm_error *error)
{
    cm_attach_back_off(context, error->text);
}

static void ended(void *context)
{
    struct cm_attach *attach = context;
    if (!attach->copies_held || attach->copies.bytes > MAX_COPIES_HELD) {
        return;
    }
    attach->copies_held = false;
    if (attach->stream && !attach->reading_held) {
        cm_stream_read(attach->stream);
    }
}

const struct cm_copies_ops cm_attach_copies_ops = {
    .copied = copied,
    .forged = forged,
    .ended = ended,
};

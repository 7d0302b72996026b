// What goes up a session: Hello, refusals and withdrawals, rules, credits, the directory.
#include "nodes/attach_internal.h"

#include "acl/bundle/bundle.h"
#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

// Credits go back so many at a time; three quarters of the window are always with the gateway.
enum { CREDIT_LOT = CM_CREDITS / 4 };

static enum cm_status write_up(struct cm_attach *attach, const struct cm_attach_up *up)
{
    attach->out.len = 0;
    enum cm_status status = cm_attach_up_encode(&attach->out, up);
    if (!status) {
        status = cm_stream_write(attach->stream, cm_buf_bytes(&attach->out));
    }
    return status;
}

// The standing's envelopes again as messages, from arena; family NONE where there is none.
static enum cm_status envelopes(struct cm_envelope *set, struct cm_envelope *overlay,
                                struct cm_arena *arena, const struct cm_standing *standing)
{
    *set = *overlay = (struct cm_envelope){.family = CM_FAMILY_NONE};
    if (!standing) {
        return CM_OK;
    }
    enum cm_status status = cm_envelope_decode(set, arena, cm_buf_bytes(&standing->envelope), NULL);
    if (!status && standing->overlay_envelope.len > 0) {
        status =
            cm_envelope_decode(overlay, arena, cm_buf_bytes(&standing->overlay_envelope), NULL);
    }
    return status;
}

enum cm_status cm_attach_hello(struct cm_attach *attach)
{
    struct cm_node *node = attach->options.node;
    const struct cm_standing *standing = cm_bundle_standing(node->bundle);
    struct cm_envelope set;
    struct cm_attach_up up = {.kind = CM_UP_HELLO};
    struct cm_hello *hello = &up.hello;
    struct cm_arena *arena = cm_arena_new(RULES_ARENA_CAP);
    if (!arena) {
        return CM_MEMORY;
    }
    enum cm_status status = envelopes(&set, &hello->overlay, arena, standing);
    hello->agency = node->agency;
    memcpy(hello->instance, attach->options.instance, sizeof hello->instance);
    hello->protocol_min = hello->protocol_max = CM_PROTOCOL;
    hello->rule_language = CM_RULE_LANGUAGE;
    hello->rule_set_count = standing ? 1 : 0;
    hello->rule_sets = &set;
    hello->directory_serial = cm_trust_directory(node->trust)->serial;
    hello->tree_size = attach->asker.head.size;
    hello->tree_root = attach->asker.head.root;
    hello->credits = node->store ? CM_CREDITS : 0; // without one it is asked nothing
    hello->epoch = attach->options.witnessed->statement;
    attach->rules_due = false;
    attach->credits = 0;
    if (!status) {
        status = write_up(attach, &up);
    }
    cm_arena_free(arena);
    return status;
}

static enum cm_status send_rules(struct cm_attach *attach)
{
    struct cm_attach_up up = {.kind = CM_UP_RULES_CHANGED};
    struct cm_arena *arena = cm_arena_new(RULES_ARENA_CAP);
    if (!arena) {
        return CM_MEMORY;
    }
    attach->rules_due = false;
    enum cm_status status = envelopes(&up.envelope, &up.overlay, arena,
                                      cm_bundle_standing(attach->options.node->bundle));
    if (!status) {
        status = write_up(attach, &up);
    }
    cm_arena_free(arena);
    return status;
}

static enum cm_status send_credits(struct cm_attach *attach)
{
    const struct cm_attach_up up = {.kind = CM_UP_CREDIT, .credits = attach->credits};
    attach->credits = 0;
    return write_up(attach, &up);
}

static enum cm_status send_first(struct cm_attach *attach)
{
    struct cm_attach_message *message = attach->first;
    attach->queued--;
    const enum cm_status status = cm_stream_write(attach->stream, cm_buf_bytes(&message->bytes));
    attach->first = message->next;
    if (!attach->first) {
        attach->last = &attach->first;
    }
    cm_buf_clear(&message->bytes);
    free(message);
    return status;
}

static enum cm_status send_part(struct cm_attach *attach)
{
    const struct cm_attach_up up = {
        .kind = CM_UP_DIRECTORY,
        .directory =
            cm_directory_part_at(cm_trust_bundle(attach->pushed),
                                 cm_trust_directory(attach->pushed)->serial, attach->part++)};
    return write_up(attach, &up);
}

void cm_attach_pump(struct cm_attach *attach)
{
    enum cm_status status = CM_OK;
    while (!status && attach->phase == CM_ATTACH_ATTACHED && cm_stream_writable(attach->stream)) {
        // Narrowed rules before anything that could wait.
        if (attach->rules_due) {
            status = send_rules(attach);
        } else if (attach->first) {
            status = send_first(attach);
        } else if (attach->credits >= CREDIT_LOT) {
            status = send_credits(attach);
        } else if (attach->part < attach->parts) {
            status = send_part(attach);
        } else if (attach->leaving) {
            attach->phase = CM_ATTACH_ENDING;
            cm_stream_finish(attach->stream, CM_OK, NULL);
        } else {
            return;
        }
    }
    if (status) {
        cm_attach_break(attach, "a message could not be sent");
    }
}

enum cm_status cm_attach_queue(struct cm_attach *attach, const struct cm_attach_up *up)
{
    struct cm_attach_message *message =
        attach->queued < MAX_QUEUED ? calloc(1, sizeof *message) : NULL;
    if (!message) {
        return attach->queued < MAX_QUEUED ? CM_MEMORY : CM_EXHAUSTED;
    }
    const enum cm_status status = cm_attach_up_encode(&message->bytes, up);
    if (status) {
        cm_buf_clear(&message->bytes);
        free(message);
        return status;
    }
    attach->queued++;
    *attach->last = message;
    attach->last = &message->next;
    cm_attach_pump(attach);
    return CM_OK;
}

void cm_attach_push_directory(struct cm_attach *attach, uint64_t have)
{
    struct cm_trust *trust = attach->options.node->trust;
    const uint64_t serial = cm_trust_directory(trust)->serial;
    if (have >= serial ||
        (attach->pushed && cm_trust_directory(attach->pushed)->serial >= serial)) {
        return;
    }
    cm_trust_unref(attach->pushed);
    attach->pushed = cm_trust_ref(trust);
    attach->part = 0;
    attach->parts = cm_directory_part_count(cm_trust_bundle(trust));
    cm_attach_pump(attach);
}

void cm_attach_clear_up(struct cm_attach *attach)
{
    while (attach->first) {
        struct cm_attach_message *message = attach->first;
        attach->first = message->next;
        cm_buf_clear(&message->bytes);
        free(message);
    }
    attach->last = &attach->first;
    attach->queued = 0;
    cm_trust_unref(attach->pushed);
    attach->pushed = NULL;
    attach->part = attach->parts = 0;
}

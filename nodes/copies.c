#include "nodes/copies.h"

#include "nodes/copy_check.h"
#include "nodes/own_entry.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdlib.h>

struct cm_copy_item {
    struct cm_copies *copies;
    struct cm_copy_item *next;
    struct cm_arena *arena;
    struct cm_copy copy;
    struct cm_signatory *gateway;
    struct cm_trust *trust;
    unsigned session;
    size_t bytes;
    struct cm_job job;
    enum cm_status status;
    struct cm_error error;
    struct cm_entry entry;
    bool recording;
    struct cm_own_entry own;
};

static void end(struct cm_copy_item *item)
{
    struct cm_copies *copies = item->copies;
    struct cm_copy_item **link = &copies->first;
    while (*link != item) {
        link = &(*link)->next;
    }
    *link = item->next;
    copies->bytes -= item->bytes;
    cm_own_entry_clear(&item->own);
    cm_signatory_unref(item->gateway);
    cm_trust_unref(item->trust);
    cm_arena_free(item->arena);
    free(item);
    copies->ops->ended(copies->context);
}

static const char *gateway_of(const struct cm_copy_item *item)
{
    return cm_signatory_identity(item->gateway)->name;
}

static void acknowledge(const struct cm_copy_item *item)
{
    struct cm_copies *copies = item->copies;
    if (item->session == copies->session) {
        copies->ops->copied(copies->context, item->copy.number);
    }
}

// Not acknowledged: the gateway keeps it and sends it again.
static void not_kept(const struct cm_copy_item *item, enum cm_status status)
{
    cm_log(CM_LOG_ERROR, "copy-not-kept",
           "gateway=%s number=%" PRIu64 " status=%s where=%s "
           "error=\"%s\"",
           gateway_of(item), item->copy.number, cm_status_name(status), item->error.where,
           item->error.text);
}

static void landed(struct cm_append *append)
{
    struct cm_copy_item *item = CM_CONTAINER(append, struct cm_copy_item, own.append);
    struct cm_node *node = item->copies->node;
    cm_own_entry_landed(&item->own, node);
    enum cm_status status = append->status;
    if (!status) {
        node->counters.copies++;
        cm_log(CM_LOG_INFO, "copy-kept", "gateway=%s number=%" PRIu64, gateway_of(item),
               item->copy.number);
        status = cm_copies_seen_add(&node->copies_seen, &item->entry);
    }
    if (status) {
        not_kept(item, status);
    } else {
        acknowledge(item);
    }
    end(item);
}

static bool under_way(const struct cm_copy_item *item)
{
    const struct cm_copy_item *other = item->copies->first;
    while (other && (!other->recording || other->entry.gateway_index != item->entry.gateway_index ||
                     !cm_digest_equal(&other->entry.digest, &item->entry.digest))) {
        other = other->next;
    }
    return other != NULL;
}

static void record(struct cm_copy_item *item)
{
    struct cm_node *node = item->copies->node;
    const struct cm_access access = {
        .question = item->copy.query,
        .gateway_record = item->copy.record,
        .leaf_count = item->copy.leaf_count,
        .leaves = item->copy.leaves,
        .manifest = item->copy.manifest,
        .person = "",
        .text = "",
    };
    item->recording = true;
    item->entry.recorded_ms = cm_wall_ms(node->ports->clock);
    const enum cm_status status =
        cm_own_entry_append(&item->own, node, &item->entry, &access, landed);
    if (status) {
        not_kept(item, status);
        end(item);
    }
}

static void check_work(struct cm_job *job)
{
    struct cm_copy_item *item = CM_CONTAINER(job, struct cm_copy_item, job);
    const struct cm_copy_expectation expectation = {.agency = item->copies->node->agency,
                                                    .gateway = item->gateway};
    item->status = cm_copy_check(&item->entry, item->arena, item->trust, &item->copy, &expectation,
                                 &item->error);
}

static void checked(struct cm_job *job)
{
    struct cm_copy_item *item = CM_CONTAINER(job, struct cm_copy_item, job);
    struct cm_copies *copies = item->copies;
    const bool lies = item->status == CM_INVALID || item->status == CM_FORBIDDEN;
    if (item->status) {
        copies->node->counters.copies_refused++;
        not_kept(item, item->status);
        if (lies && item->session == copies->session) {
            copies->ops->forged(copies->context, &item->error);
        }
    } else if (cm_copies_seen_has(&copies->node->copies_seen, &item->entry)) {
        acknowledge(item);
    } else if (!under_way(item)) {
        record(item);
        return;
    }
    end(item);
}

enum cm_status cm_copies_take(struct cm_copies *copies, struct cm_arena *arena,
                              const struct cm_copy *copy, struct cm_signatory *gateway,
                              size_t bytes)
{
    struct cm_node_ports *ports = copies->node->ports;
    struct cm_copy_item *item = calloc(1, sizeof *item);
    if (!item) {
        cm_arena_free(arena);
        return CM_MEMORY;
    }
    *item = (struct cm_copy_item){.copies = copies,
                                  .arena = arena,
                                  .copy = *copy,
                                  .gateway = cm_signatory_ref(gateway),
                                  .trust = cm_trust_ref(copies->node->trust),
                                  .session = copies->session,
                                  .bytes = bytes,
                                  .job = {.work = check_work, .done = checked},
                                  .next = copies->first};
    copies->first = item;
    copies->bytes += bytes;
    const enum cm_status status = ports->submit(ports, &item->job);
    if (status) {
        end(item);
    }
    return status;
}

void cm_copies_lost(struct cm_copies *copies)
{
    copies->session++;
}

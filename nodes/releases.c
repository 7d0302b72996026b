#include "nodes/releases.h"

#include "nodes/ports.h"
#include "proto/base/log.h"

#include <stdlib.h>

struct cm_release {
    struct cm_release *next;
    struct cm_node *node;
    struct cm_entry entry;
    struct cm_own_entry own;
};

static void drop(struct cm_release *release, enum cm_status status)
{
    if (status) {
        char id[17];
        cm_hex(id, (struct cm_bytes){release->entry.digest.b, 8});
        cm_log(CM_LOG_ERROR, "release-not-recorded", "digest=%s status=%s", id,
               cm_status_name(status));
    }
    cm_own_entry_clear(&release->own);
    free(release);
}

static void landed(struct cm_append *append)
{
    struct cm_release *release = CM_CONTAINER(append, struct cm_release, own.append);
    release->node->releases.in_flight--;
    drop(release, append->status);
}

// Whether it is to be tried again.
static bool try_again(struct cm_release *release)
{
    struct cm_node *node = release->node;
    cm_own_entry_clear(&release->own);
    const enum cm_status status =
        cm_own_entry_append(&release->own, node, &release->entry, NULL, landed);
    if (!status) {
        node->releases.in_flight++;
    } else if (status != CM_EXHAUSTED) {
        drop(release, status);
    }
    return status == CM_EXHAUSTED;
}

void cm_release_record(struct cm_node *node, const struct cm_release_facts *facts)
{
    struct cm_release **last = &node->releases.waiting;
    struct cm_release *release = calloc(1, sizeof *release);
    if (!release) {
        cm_log(CM_LOG_ERROR, "release-not-recorded", "status=%s", cm_status_name(CM_MEMORY));
        return;
    }
    release->node = node;
    release->entry = (struct cm_entry){
        .kind = CM_ENTRY_RELEASE,
        .recorded_ms = cm_wall_ms(node->ports->clock),
        .digest = facts->query,
        .attempt = facts->attempt,
        .release = facts->outcome,
        .rows = facts->rows,
        .last_digest = facts->last_header,
        .recipient = facts->recipient,
        .gateway = "",
        .deciding_rule = "",
        .agency = "",
        .text = "",
    };
    while (*last) {
        last = &(*last)->next;
    }
    if (last != &node->releases.waiting || try_again(release)) {
        *last = release;
    }
}

void cm_releases_retry(struct cm_node *node)
{
    while (node->releases.waiting) {
        struct cm_release *first = node->releases.waiting;
        node->releases.waiting = first->next;
        first->next = NULL;
        if (try_again(first)) {
            first->next = node->releases.waiting;
            node->releases.waiting = first;
            return;
        }
    }
}

bool cm_releases_done(const struct cm_node *node)
{
    return !node->releases.waiting && node->releases.in_flight == 0;
}

void cm_releases_drop(struct cm_node *node)
{
    while (node->releases.waiting) {
        struct cm_release *first = node->releases.waiting;
        node->releases.waiting = first->next;
        drop(first, CM_EXHAUSTED);
    }
}

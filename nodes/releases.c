#include "nodes/releases.h"

#include "nodes/own_entry.h"
#include "proto/base/log.h"

#include <stdlib.h>

struct release {
    struct cm_node *node;
    struct cm_digest query;
    struct cm_own_entry own;
};

static void end(struct release *release, enum cm_status status)
{
    if (status) {
        char id[17];
        cm_hex(id, (struct cm_bytes){release->query.b, 8});
        cm_log(CM_LOG_ERROR, "release-not-recorded", "digest=%s status=%s", id,
               cm_status_name(status));
    }
    release->node->releases--;
    cm_own_entry_clear(&release->own);
    free(release);
}

static void landed(struct cm_append *append)
{
    struct release *release = CM_CONTAINER(append, struct release, own.append);
    struct cm_node *node = release->node;
    end(release, append->status);
    cm_append_queue_retry(&node->appends);
}

void cm_release_record(struct cm_node *node, const struct cm_release_facts *facts)
{
    struct release *release = calloc(1, sizeof *release);
    if (!release) {
        cm_log(CM_LOG_ERROR, "release-not-recorded", "status=%s", cm_status_name(CM_MEMORY));
        return;
    }
    const struct cm_entry entry = {
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
    release->node = node;
    release->query = facts->query;
    node->releases++;
    const enum cm_status status = cm_own_entry_queue(&release->own, node, &entry, NULL, landed);
    if (status) {
        end(release, status);
    }
}

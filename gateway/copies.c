#include "gateway/copies_internal.h"

#include "proto/base/folder.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANE_SLOTS = 1024 };

uint64_t cm_copy_number(uint64_t epoch, uint64_t index)
{
    enum { INDEX_BITS = 40 }; // more entries than a disk holds
    return (epoch - 1) << INDEX_BITS | index;
}

static struct cm_lane *find_lane(const struct cm_copies *copies, const char *agency)
{
    struct cm_map_node *node = cm_map_find(&copies->lanes, cm_bytes_of(agency));
    return node ? CM_CONTAINER(node, struct cm_lane, by_id) : NULL;
}

// Agencies are the directory's, so lanes are as few.
static struct cm_lane *lane_of(struct cm_copies *copies, const char *agency)
{
    struct cm_lane *lane = find_lane(copies, agency);
    if (lane || strlen(agency) > CM_MAX_ID || !(lane = calloc(1, sizeof *lane))) {
        return lane;
    }
    snprintf(lane->id, sizeof lane->id, "%s", agency);
    lane->copies = copies;
    lane->by_id.key = cm_bytes_of(lane->id);
    cm_map_add(&copies->lanes, &lane->by_id);
    return lane;
}

static enum cm_status found(void *context, const struct cm_spooled *file)
{
    struct cm_lane *lane = lane_of(context, file->agency);
    return lane ? cm_copies_know(lane, &(struct cm_lane_file){.is = *file}) : CM_MEMORY;
}

enum cm_status cm_copies_new(struct cm_copies **out, const struct cm_copies_options *options,
                             struct cm_error *error)
{
    struct cm_copies *copies = calloc(1, sizeof *copies);
    if (!copies || cm_map_init(&copies->lanes, LANE_SLOTS)) {
        free(copies);
        return cm_fail(error, CM_MEMORY, "copies", "out of memory");
    }
    copies->options = *options;
    snprintf(copies->folder, sizeof copies->folder, "%s", options->folder);
    enum cm_status status = cm_folder_make(copies->folder, error);
    if (!status) {
        status = cm_spool_list(copies->folder, found, copies, error);
    }
    if (status) {
        cm_copies_free(copies);
        return status;
    }
    *out = copies;
    return CM_OK;
}

void cm_copies_free(struct cm_copies *copies)
{
    if (!copies) {
        return;
    }
    struct cm_map_node *node;
    while ((node = cm_map_next(&copies->lanes, NULL))) {
        struct cm_lane *lane = CM_CONTAINER(node, struct cm_lane, by_id);
        while (lane->first) {
            cm_copies_drop(lane->first);
        }
        cm_map_remove(&copies->lanes, node);
        free(lane->files);
        free(lane);
    }
    cm_map_clear(&copies->lanes);
    free(copies->gathering);
    free(copies);
}

void cm_copies_drop(struct cm_copy_held *copy)
{
    struct cm_lane *lane = copy->lane;
    struct cm_copy_held **link = &lane->first, *before = NULL;
    while (*link != copy) {
        before = *link;
        link = &(*link)->next;
    }
    *link = copy->next;
    if (lane->last == copy) {
        lane->last = before;
    }
    lane->sent -= copy->state == CM_COPY_SENT;
    lane->read = lane->read == copy ? NULL : lane->read;
    lane->copies->held -= copy->message.len;
    lane->copies->counts.waiting--;
    cm_wipe(copy->message.data, copy->message.len);
    cm_buf_clear(&copy->message);
    free(copy);
}

static bool takes(const struct cm_lane *lane)
{
    return lane->taker && !lane->silent && !lane->copies->flushing;
}

void cm_copies_ready(struct cm_lane *lane)
{
    if (takes(lane)) {
        lane->copies->options.ready(lane->copies->options.context, lane->id);
    }
}

static uint64_t held_of(const struct cm_lane *lane)
{
    uint64_t held = 0;
    for (const struct cm_copy_held *copy = lane->first; copy; copy = copy->next) {
        held += copy->message.len;
    }
    return held;
}

void cm_copies_add(struct cm_copies *copies, const char *agency, struct cm_buf *message,
                   const struct cm_query_end *end)
{
    struct cm_lane *lane = lane_of(copies, agency);
    struct cm_copy_held *copy = NULL;
    if (lane && copies->held + message->len <= copies->options.held) {
        copy = calloc(1, sizeof *copy);
    }
    if (!copy) {
        copies->counts.put_off++;
        cm_log(CM_LOG_WARNING, "copy-put-off", "agency=%s number=%llu", agency,
               (unsigned long long)end->number);
        cm_wipe(message->data, message->len);
        cm_buf_clear(message);
        return;
    }
    copy->lane = lane;
    copy->number = end->number;
    copy->end = *end;
    copy->message = *message;
    *message = (struct cm_buf){0};
    copies->held += copy->message.len;
    copies->counts.waiting++;
    if (lane->last) {
        lane->last->next = copy;
    } else {
        lane->first = copy;
    }
    lane->last = copy;
    // A node that takes slowly has an eighth of the memory; what comes then goes to disk.
    if (takes(lane) && held_of(lane) <= copies->options.held / 8) {
        cm_copies_ready(lane);
    } else {
        cm_copies_store(copy);
    }
}

bool cm_copies_stored(const struct cm_copies *copies, const char *agency, uint64_t number)
{
    const struct cm_lane *lane = find_lane(copies, agency);
    return lane && cm_copies_file(lane, number);
}

// Out of memory: to disk, where it isn't there yet.
static void put_away(struct cm_copy_held *copy)
{
    struct cm_lane_file *file = copy->on_disk ? cm_copies_file(copy->lane, copy->number) : NULL;
    if (file) {
        file->tried = copy->tried;
        file->failures = copy->failures;
    }
    if (copy->on_disk) {
        cm_copies_drop(copy);
    } else {
        cm_copies_store(copy);
    }
}

static bool workers(const struct cm_copy_held *copy)
{
    return copy->state == CM_COPY_STORING || copy->state == CM_COPY_READING;
}

// Nobody takes them.
static void give_up(struct cm_lane *lane)
{
    for (struct cm_copy_held *copy = lane->first, *next; copy; copy = next) {
        next = copy->next;
        if (!workers(copy)) {
            put_away(copy);
        }
    }
}

static void give_to(struct cm_lane *lane, uint64_t session)
{
    lane->taker = session;
    lane->silent = false;
    lane->unheard = 0;
    cm_copies_ready(lane);
    cm_copies_read(lane);
}

void cm_copies_attach(struct cm_copies *copies, const char *agency, uint64_t session)
{
    struct cm_lane *lane = lane_of(copies, agency);
    if (lane && (!lane->taker || lane->silent)) {
        give_to(lane, session);
    }
}

void cm_copies_detach(struct cm_copies *copies, const char *agency, uint64_t session, uint64_t next)
{
    struct cm_lane *lane = find_lane(copies, agency);
    if (!lane || lane->taker != session) {
        return;
    }
    lane->taker = 0;
    // Of those that it had, one may be why it ended: after a few such ends that one waits aside.
    for (struct cm_copy_held *copy = lane->first; copy; copy = copy->next) {
        copy->failures += copy->state == CM_COPY_SENT;
    }
    give_up(lane);
    if (next) {
        give_to(lane, next);
    }
}

bool cm_copies_take(struct cm_bytes *message, struct cm_copies *copies, const char *agency,
                    uint64_t session)
{
    struct cm_lane *lane = find_lane(copies, agency);
    if (!lane || lane->taker != session || !takes(lane) || lane->sent >= CM_COPIES_WINDOW) {
        return false;
    }
    struct cm_copy_held *copy = lane->first;
    while (copy && copy->state != CM_COPY_WAITS) {
        copy = copy->next;
    }
    if (!copy) {
        return false;
    }
    copy->state = CM_COPY_SENT;
    copy->sent_ms = cm_mono_ms(copies->options.clock);
    lane->sent++;
    *message = cm_buf_bytes(&copy->message);
    return true;
}

static void safe(struct cm_copy_held *copy)
{
    struct cm_copies *copies = copy->lane->copies;
    if (copy->on_disk) {
        cm_copies_remove(copy->lane, copy->number);
    } else {
        copies->options.safe(copies->options.context, &copy->end, false);
    }
}

void cm_copies_acknowledge(struct cm_copies *copies, const char *agency, uint64_t number)
{
    struct cm_lane *lane = find_lane(copies, agency);
    if (!lane) {
        return;
    }
    struct cm_copy_held *copy = lane->first;
    while (copy && copy->number != number) {
        copy = copy->next;
    }
    if (copy && copy->state == CM_COPY_STORING) {
        copy->acknowledged = true;
    } else if (copy && copy->state == CM_COPY_SENT) {
        copies->counts.acknowledged++;
        safe(copy);
        cm_copies_drop(copy);
    } else if (!copy && cm_copies_file(lane, number)) {
        copies->counts.acknowledged++;
        cm_copies_remove(lane, number); // later than it was waited for
    } else {
        return; // of what was never sent, or twice
    }
    lane->silent = false;
    lane->unheard = 0;
    cm_copies_ready(lane);
    cm_copies_read(lane);
}

// What it doesn't acknowledge in time it may find wanting, or be slow; the others go on.
static void look_at(struct cm_lane *lane, int64_t now_ms)
{
    for (struct cm_copy_held *copy = lane->first, *next; copy; copy = next) {
        next = copy->next;
        if (copy->state != CM_COPY_SENT || now_ms - copy->sent_ms < CM_COPIES_ACK_MS) {
            continue;
        }
        cm_log(CM_LOG_WARNING, "copy-not-acknowledged", "agency=%s number=%llu session=%llu",
               lane->id, (unsigned long long)copy->number, (unsigned long long)lane->taker);
        copy->tried = lane->taker;
        lane->unheard++;
        put_away(copy);
    }
    if (lane->unheard >= CM_COPIES_WINDOW && !lane->silent) {
        lane->silent = true;
        give_up(lane);
    }
    cm_copies_ready(lane);
    cm_copies_read(lane);
}

void cm_copies_look(struct cm_copies *copies)
{
    int64_t now_ms = cm_mono_ms(copies->options.clock);
    for (struct cm_map_node *node = NULL; (node = cm_map_next(&copies->lanes, node));) {
        struct cm_lane *lane = CM_CONTAINER(node, struct cm_lane, by_id);
        if (lane->first) {
            look_at(lane, now_ms);
        }
    }
    cm_copies_write(copies);
}

void cm_copies_flush(struct cm_copies *copies)
{
    copies->flushing = true;
    for (struct cm_map_node *node = NULL; (node = cm_map_next(&copies->lanes, node));) {
        give_up(CM_CONTAINER(node, struct cm_lane, by_id));
    }
    cm_copies_write(copies);
}

bool cm_copies_idle(const struct cm_copies *copies)
{
    return copies->jobs == 0 && copies->counts.waiting == 0;
}

void cm_copies_erased(struct cm_copies *copies, uint32_t before_day)
{
    for (struct cm_map_node *node = NULL; (node = cm_map_next(&copies->lanes, node));) {
        struct cm_lane *lane = CM_CONTAINER(node, struct cm_lane, by_id);
        for (size_t i = lane->file_count; i-- > 0;) {
            if (lane->files[i].is.day < before_day) {
                cm_copies_remove(lane, lane->files[i].is.number);
            }
        }
    }
}

struct cm_copies_counts cm_copies_count(const struct cm_copies *copies)
{
    return copies->counts;
}

// Copies to their files, many at a time, and from them: jobs in order, on one worker.
#include "gateway/copies_internal.h"

#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

static size_t place_of(const struct cm_lane *lane, uint64_t number)
{
    size_t low = 0, high = lane->file_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lane->files[middle].is.number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct cm_lane_file *cm_copies_file(const struct cm_lane *lane, uint64_t number)
{
    size_t at = place_of(lane, number);
    return at < lane->file_count && lane->files[at].is.number == number ? &lane->files[at] : NULL;
}

static void count_bytes(struct cm_lane *lane, int64_t change)
{
    lane->file_bytes = (uint64_t)((int64_t)lane->file_bytes + change);
    lane->copies->file_bytes = (uint64_t)((int64_t)lane->copies->file_bytes + change);
}

static enum cm_status know(struct cm_lane *lane, const struct cm_lane_file *file)
{
    struct cm_lane_file *known = cm_copies_file(lane, file->is.number);
    if (known) {
        count_bytes(lane, -(int64_t)known->is.size);
        *known = *file;
        return CM_OK;
    }
    if (lane->file_count == lane->file_cap) {
        size_t cap = lane->file_cap ? 2 * lane->file_cap : 16;
        struct cm_lane_file *more = realloc(lane->files, cap * sizeof *more);
        if (!more) {
            return CM_MEMORY;
        }
        lane->files = more;
        lane->file_cap = cap;
    }
    size_t at = place_of(lane, file->is.number);
    memmove(&lane->files[at + 1], &lane->files[at],
            (lane->file_count - at) * sizeof lane->files[0]);
    lane->files[at] = *file;
    lane->file_count++;
    lane->copies->counts.files++;
    return CM_OK;
}

enum cm_status cm_copies_know(struct cm_lane *lane, const struct cm_lane_file *file)
{
    enum cm_status status = know(lane, file);
    if (!status) {
        count_bytes(lane, (int64_t)file->is.size);
    }
    return status;
}

static void forget(struct cm_lane *lane, uint64_t number)
{
    struct cm_lane_file *file = cm_copies_file(lane, number);
    if (!file) {
        return;
    }
    count_bytes(lane, -(int64_t)file->is.size);
    size_t at = (size_t)(file - lane->files);
    lane->file_count--;
    memmove(file, file + 1, (lane->file_count - at) * sizeof *file);
    lane->copies->counts.files--;
}

static bool submit(struct cm_copies *copies, struct cm_job *job, void (*work)(struct cm_job *),
                   void (*done)(struct cm_job *))
{
    *job = (struct cm_job){.work = work, .done = done};
    if (copies->options.submit(copies->options.context, job)) {
        return false;
    }
    copies->jobs++;
    return true;
}

struct removal {
    struct cm_job job;
    struct cm_copies *copies;
    char agency[CM_MAX_ID + 1];
    uint64_t number;
};

static void remove_work(struct cm_job *job)
{
    struct removal *removal = CM_CONTAINER(job, struct removal, job);
    struct cm_error error = {0};
    if (cm_spool_remove(removal->copies->folder, removal->agency, removal->number, &error)) {
        cm_log(CM_LOG_ERROR, "copy-not-removed", "where=%s error=\"%s\"", error.where, error.text);
    }
}

static void removed(struct cm_job *job)
{
    struct removal *removal = CM_CONTAINER(job, struct removal, job);
    removal->copies->jobs--;
    free(removal);
}

// A file that stays by mischance is sent again after the next start: nodes know what they have.
void cm_copies_remove(struct cm_lane *lane, uint64_t number)
{
    struct removal *removal = calloc(1, sizeof *removal);
    forget(lane, number);
    if (removal) {
        removal->copies = lane->copies;
        memcpy(removal->agency, lane->id, sizeof removal->agency);
        removal->number = number;
    }
    if (!removal || !submit(lane->copies, &removal->job, remove_work, removed)) {
        cm_log(CM_LOG_ERROR, "copy-not-removed", "agency=%s", lane->id);
        free(removal);
    }
}

static void store_work(struct cm_job *job)
{
    struct cm_copy_batch *batch = CM_CONTAINER(job, struct cm_copy_batch, job);
    const struct cm_copies_options *options = &batch->copies->options;
    cm_spool_write(batch->copies->folder, batch->items, batch->count, cm_wall_ms(options->clock),
                   options->keys);
}

// Not safe, so made again from the ledger at the next start.
static void put_off(struct cm_copy_held *copy, const char *where, const char *why)
{
    struct cm_copies *copies = copy->lane->copies;
    cm_log(CM_LOG_ERROR, "copy-not-stored", "agency=%s number=%llu where=%s error=\"%s\"",
           copy->lane->id, (unsigned long long)copy->number, where, why);
    copies->counts.put_off++;
    cm_copies_drop(copy);
}

static void stored(struct cm_copy_held *copy, const struct cm_spool_item *item)
{
    struct cm_lane *lane = copy->lane;
    struct cm_copies *copies = lane->copies;
    enum cm_status status = item->status;
    if (!status) {
        status = know(lane, &(struct cm_lane_file){item->file, copy->tried, copy->failures});
    }
    if (status) {
        count_bytes(lane, -(int64_t)item->file.size);
        put_off(copy, item->error.where, item->error.text);
    } else {
        copies->counts.stored++;
        copies->options.safe(copies->options.context, &copy->end, false);
        if (copy->acknowledged) {
            copies->counts.acknowledged++;
            cm_copies_remove(lane, copy->number);
        }
        cm_copies_drop(copy);
    }
    cm_copies_read(lane);
}

static void all_stored(struct cm_job *job)
{
    struct cm_copy_batch *batch = CM_CONTAINER(job, struct cm_copy_batch, job);
    batch->copies->jobs--;
    for (size_t i = 0; i < batch->count; i++) {
        stored(batch->held[i], &batch->items[i]);
    }
    free(batch);
}

void cm_copies_write(struct cm_copies *copies)
{
    struct cm_copy_batch *batch = copies->gathering;
    if (batch && submit(copies, &batch->job, store_work, all_stored)) {
        copies->gathering = NULL; // else it is tried again
    }
}

static bool has_room(const struct cm_lane *lane, uint64_t size)
{
    const struct cm_copies_options *options = &lane->copies->options;
    return lane->file_bytes + size <= options->stored_agency &&
           lane->copies->file_bytes + size <= options->stored;
}

static bool gather(struct cm_copies *copies, struct cm_copy_held *copy, uint64_t size)
{
    struct cm_copy_batch *batch = copies->gathering;
    if (!batch && !(batch = copies->gathering = calloc(1, sizeof *batch))) {
        return false;
    }
    if (batch->count == CM_COPIES_BATCH) {
        return false;
    }
    struct cm_spool_item *item = &batch->items[batch->count];
    memcpy(item->file.agency, copy->lane->id, sizeof item->file.agency);
    item->file.number = copy->number;
    item->file.size = size;
    item->clear = cm_buf_bytes(&copy->message);
    batch->held[batch->count++] = copy;
    batch->copies = copies;
    batch->bytes += size;
    return true;
}

void cm_copies_store(struct cm_copy_held *copy)
{
    struct cm_lane *lane = copy->lane;
    struct cm_copies *copies = lane->copies;
    uint64_t size = copy->message.len + CM_SPOOL_OVERHEAD;
    if (cm_copies_file(lane, copy->number)) {
        put_off(copy, copies->folder, "its name is taken"); // never written over
        return;
    }
    if (!has_room(lane, size)) {
        copies->counts.lost++;
        cm_log(CM_LOG_ERROR, "copy-lost",
               "agency=%s number=%llu why=\"the room for copies on disk is full\"", lane->id,
               (unsigned long long)copy->number);
        copies->options.safe(copies->options.context, &copy->end, true);
        cm_copies_drop(copy);
        return;
    }
    if (!gather(copies, copy, size)) {
        put_off(copy, copies->folder, "too many wait to be written");
        return;
    }
    lane->sent -= copy->state == CM_COPY_SENT;
    copy->state = CM_COPY_STORING;
    count_bytes(lane, (int64_t)size);
    const struct cm_copy_batch *batch = copies->gathering;
    if (batch->count == CM_COPIES_BATCH || batch->bytes > copies->options.held / 4) {
        cm_copies_write(copies);
    }
}

static void read_work(struct cm_job *job)
{
    struct cm_copy_held *copy = CM_CONTAINER(job, struct cm_copy_held, job);
    struct cm_copies *copies = copy->lane->copies;
    copy->status = cm_spool_read(&copy->message, copies->folder, copy->lane->id, copy->number,
                                 copies->options.keys, &copy->error);
}

static void read_done(struct cm_job *job)
{
    struct cm_copy_held *copy = CM_CONTAINER(job, struct cm_copy_held, job);
    struct cm_lane *lane = copy->lane;
    uint64_t number = copy->number;
    enum cm_status status = copy->status;
    lane->copies->jobs--;
    lane->copies->held += copy->message.len;
    if (!status && lane->taker && !lane->silent && !lane->copies->flushing) {
        copy->state = CM_COPY_WAITS;
        cm_copies_ready(lane);
        return;
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "copy-not-read", "agency=%s where=%s error=\"%s\"", lane->id,
               copy->error.where, copy->error.text);
    }
    cm_copies_drop(copy);
    if (status == CM_NOT_FOUND) {
        cm_copies_remove(lane, number);
        cm_copies_read(lane);
    } else if (status == CM_INVALID) {
        forget(lane, number); // the file stays, for whoever looks into it
        cm_copies_read(lane);
    }
}

static const struct cm_lane_file *next_file(const struct cm_lane *lane)
{
    for (size_t i = 0; i < lane->file_count; i++) {
        const struct cm_lane_file *file = &lane->files[i];
        if (file->tried != lane->taker && file->failures < CM_COPIES_FAILURES) {
            return file;
        }
    }
    return NULL;
}

void cm_copies_read(struct cm_lane *lane)
{
    struct cm_copies *copies = lane->copies;
    if (lane->read || !lane->taker || lane->silent || copies->flushing) {
        return;
    }
    const struct cm_lane_file *file = next_file(lane);
    struct cm_copy_held *copy = file ? calloc(1, sizeof *copy) : NULL;
    if (!copy) {
        return;
    }
    copy->lane = lane;
    copy->number = file->is.number;
    copy->failures = file->failures;
    copy->on_disk = true;
    copy->state = CM_COPY_READING;
    if (!submit(copies, &copy->job, read_work, read_done)) {
        free(copy);
        return;
    }
    lane->read = copy;
    copies->counts.waiting++;
    if (lane->last) {
        lane->last->next = copy;
    } else {
        lane->first = copy;
    }
    lane->last = copy;
}

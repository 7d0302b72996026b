#include "tests/bench/appends.h"

#include "proto/ledger/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CALLERS = 1024, ARENA = 64 * 1024 };

struct crowd {
    struct cm_bench_appends *bench;
    struct cm_samples *samples;
    int64_t until_ns;
    unsigned running;
    uint64_t done;
    enum cm_status status;
};

struct caller {
    struct crowd *crowd;
    struct cm_append append;
    int64_t begun_ns;
    uint8_t entry[CM_BENCH_ENTRY];
    uint8_t access[CM_BENCH_ACCESS];
};

static void start(struct caller *caller);

static void done(struct cm_append *append)
{
    struct caller *caller = CM_CONTAINER(append, struct caller, append);
    struct crowd *crowd = caller->crowd;
    struct cm_inclusion proof;
    enum cm_status status = append->status;
    cm_arena_reset(crowd->bench->arena);
    if (status == CM_OK) {
        status = cm_ledger_prove_inclusion(&proof, crowd->bench->arena, crowd->bench->ledger,
                                           append->index, append->head->checkpoint.size);
        cm_tree_head_unref(append->head);
    }
    const int64_t now = cm_bench_wall_ns();
    cm_samples_add(crowd->samples, now - caller->begun_ns);
    crowd->running--;
    crowd->done++;
    if (status != CM_OK) {
        crowd->status = status;
    } else if (now < crowd->until_ns && crowd->status == CM_OK) {
        start(caller);
    }
}

static void start(struct caller *caller)
{
    struct crowd *crowd = caller->crowd;
    const uint64_t number = crowd->bench->seed++;
    memcpy(caller->entry, &number, sizeof number);
    memcpy(caller->access, &number, sizeof number);
    caller->append = (struct cm_append){.entry = {caller->entry, sizeof caller->entry},
                                        .access = {caller->access, sizeof caller->access},
                                        .done = done};
    caller->begun_ns = cm_bench_wall_ns();
    const enum cm_status status = cm_ledger_append(crowd->bench->ledger, &caller->append);
    if (status != CM_OK) {
        crowd->status = status;
    } else {
        crowd->running++;
    }
}

// Sizes of the batches since the last look, each with its checkpoint.
static enum cm_status read_batches(struct cm_buf *sizes, uint64_t *entries,
                                   struct cm_bench_appends *bench)
{
    char path[4096];
    struct cm_frame_reader reader;
    snprintf(path, sizeof path, "%s/log", bench->folder);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum cm_status status = fd < 0 ? CM_IO : cm_frame_reader_init(&reader, fd);
    if (status != CM_OK) {
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    uint64_t begun = bench->log_end;
    for (uint64_t at = begun; at < reader.size && status == CM_OK;) {
        struct cm_frame frame;
        status = cm_frame_read(&frame, &reader, at);
        if (status == CM_OK && frame.type == CM_FRAME_NONE) {
            status = CM_INVALID;
        }
        at = frame.end;
        *entries += frame.type == CM_FRAME_ENTRY;
        if (status == CM_OK && frame.type == CM_FRAME_CHECKPOINT) {
            const uint32_t bytes = (uint32_t)(at - begun);
            status = cm_buf_add(sizes, &bytes, sizeof bytes);
            begun = at;
        }
    }
    bench->log_end = begun;
    cm_frame_reader_clear(&reader);
    close(fd);
    return status;
}

static bool write_batch(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const ssize_t wrote = write(fd, data, len);
        if (wrote <= 0) {
            return false;
        }
        data += wrote;
        len -= (size_t)wrote;
    }
    return fdatasync(fd) == 0;
}

static enum cm_status write_bare(struct cm_bench_rate *out, struct cm_samples *flushes,
                                 const struct cm_bench_appends *bench, struct cm_bytes sizes)
{
    char path[4096];
    uint8_t *data = calloc(1, (size_t)2 * CM_MAX_LOG_BATCH);
    snprintf(path, sizeof path, "%s/bare", bench->folder);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && data != NULL;
    const int64_t begun = cm_bench_wall_ns();
    int64_t last = begun;
    for (size_t i = 0; i < sizes.len && fine; i += sizeof(uint32_t)) {
        uint32_t len;
        memcpy(&len, sizes.data + i, sizeof len);
        fine = write_batch(fd, data, len);
        const int64_t now = cm_bench_wall_ns();
        cm_samples_add(flushes, now - last);
        last = now;
    }
    out->bare_ns += cm_bench_wall_ns() - begun;
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    free(data);
    return fine ? CM_OK : cm_fail(bench->error, CM_IO, path, "%s", strerror(errno));
}

static enum cm_status run_crowd(struct cm_bench_rate *out, struct cm_samples *samples,
                                struct cm_bench_appends *bench, unsigned callers, unsigned ms)
{
    struct caller *all = calloc(callers, sizeof *all);
    struct crowd crowd = {.bench = bench, .samples = samples};
    if (all == NULL) {
        return CM_MEMORY;
    }
    const int64_t begun = cm_bench_wall_ns();
    crowd.until_ns = begun + (int64_t)ms * 1000000;
    for (unsigned i = 0; i < callers && crowd.status == CM_OK; i++) {
        all[i].crowd = &crowd;
        start(&all[i]);
    }
    while (crowd.running > 0) {
        pump_one(&bench->pump);
    }
    out->ledger_ns += cm_bench_wall_ns() - begun;
    free(all);
    return crowd.status;
}

enum cm_status cm_bench_appends_run(struct cm_bench_rate *out, struct cm_samples *samples,
                                    struct cm_samples *flushes, struct cm_bench_appends *bench,
                                    unsigned callers, unsigned ms)
{
    struct cm_buf sizes = {0};
    enum cm_status status = run_crowd(out, samples, bench, callers, ms);
    if (status == CM_OK) {
        status = read_batches(&sizes, &out->entries, bench);
    }
    out->flushes += sizes.len / sizeof(uint32_t);
    if (status == CM_OK) {
        status = write_bare(out, flushes, bench, cm_buf_bytes(&sizes));
    }
    cm_buf_clear(&sizes);
    return status == CM_OK ? CM_OK : cm_fail(bench->error, status, "ledger", "can't be measured");
}

enum cm_status cm_bench_appends_open(struct cm_bench_appends *bench, const char *folder,
                                     struct cm_signer *signer, struct cm_error *error)
{
    *bench = (struct cm_bench_appends){.folder = folder,
                                       .log_end = CM_LOG_MAGIC_SIZE,
                                       .arena = cm_arena_new(ARENA),
                                       .error = error};
    pump_init(&bench->pump);
    if (bench->arena == NULL) {
        return cm_fail(error, CM_MEMORY, "ledger", "out of memory");
    }
    const struct cm_ledger_options options = {.folder = folder,
                                              .signer = signer,
                                              .poster = &bench->pump.poster,
                                              .max_waiting = MOST_CALLERS,
                                              .publish_ms = 1000};
    return cm_ledger_open(&bench->ledger, &options, error);
}

void cm_bench_appends_close(struct cm_bench_appends *bench)
{
    cm_ledger_close(bench->ledger);
    pump_drain(&bench->pump);
    cm_arena_free(bench->arena);
}

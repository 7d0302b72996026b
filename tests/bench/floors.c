#include "tests/bench/floors.h"

#include "proto/base/arena.h"
#include "proto/envelope/key.h"
#include "proto/ledger/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SIGNATURES = 2000,
    FLUSHES = 500,
    FLUSHES_MOST_MS = 5000,
    PAGE_ROWS = CM_MAX_BATCH_ROWS,
    ARENA_CAP = 16 * 1024 * 1024,
};

static double micros(int64_t ns, size_t count)
{
    return (double)ns / 1000 / (double)count;
}

static enum cm_status time_signatures(struct cm_bench_signature *out,
                                      const struct cm_signer *signer, const struct cm_key *key,
                                      struct cm_bytes message)
{
    uint8_t sig[CM_SIGNATURE_SIZE];
    enum cm_status status = CM_OK;
    int64_t begun = cm_bench_thread_ns();
    for (int i = 0; i < SIGNATURES && status == CM_OK; i++) {
        status = cm_signer_raw(sig, signer, message);
    }
    out->sign_us = micros(cm_bench_thread_ns() - begun, SIGNATURES);
    begun = cm_bench_thread_ns();
    for (int i = 0; i < SIGNATURES && status == CM_OK; i++) {
        status = cm_key_verify(key, message, (struct cm_bytes){sig, sizeof sig});
    }
    out->verify_us = micros(cm_bench_thread_ns() - begun, SIGNATURES);
    return status;
}

enum cm_status cm_bench_signature(struct cm_bench_signature *out, const struct cm_signer *signer,
                                  size_t bytes, struct cm_error *error)
{
    struct cm_key *key = NULL;
    uint8_t *message = calloc(1, bytes);
    enum cm_status status = message != NULL ? CM_OK : CM_MEMORY;
    if (status == CM_OK) {
        status = cm_key_new(&key, cm_signer_spki(signer));
    }
    if (status == CM_OK) {
        status = time_signatures(out, signer, key, (struct cm_bytes){message, bytes});
    }
    cm_key_free(key);
    free(message);
    return status == CM_OK ? CM_OK : cm_fail(error, status, "signature", "cannot be measured");
}

static bool time_flushes(struct cm_bench_durable *out, int fd, const uint8_t *data, size_t bytes)
{
    const int64_t wall = cm_bench_wall_ns();
    const int64_t cpu = cm_bench_thread_ns();
    size_t count = 0;
    while (count < FLUSHES && cm_bench_wall_ns() - wall < (int64_t)FLUSHES_MOST_MS * 1000000) {
        if (write(fd, data, bytes) != (ssize_t)bytes || fdatasync(fd) != 0) {
            return false;
        }
        count++;
    }
    out->cpu_us = micros(cm_bench_thread_ns() - cpu, count);
    out->wall_us = micros(cm_bench_wall_ns() - wall, count);
    return true;
}

enum cm_status cm_bench_durable(struct cm_bench_durable *out, const char *folder, size_t bytes,
                                struct cm_error *error)
{
    char path[4096];
    const int len = snprintf(path, sizeof path, "%s/bench.flushes", folder);
    uint8_t *data = calloc(1, bytes);
    if (len < 0 || (size_t)len >= sizeof path || data == NULL) {
        free(data);
        return cm_fail(error, CM_MEMORY, folder, "out of memory, or too long");
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool done = fd >= 0 && time_flushes(out, fd, data, bytes);
    const int number = errno;
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    free(data);
    return done ? CM_OK : cm_fail(error, CM_IO, path, "%s", strerror(number));
}

static enum cm_status count_frames(struct cm_bench_log *out, struct cm_frame_reader *reader,
                                   uint64_t from)
{
    const uint64_t size = reader->size;
    uint64_t at = from > 0 ? from : CM_LOG_MAGIC_SIZE;
    *out = (struct cm_bench_log){.end = size, .bytes = size > at ? size - at : 0};
    while (at < size) {
        struct cm_frame frame;
        if (cm_frame_read(&frame, reader, at) != CM_OK || frame.type == CM_FRAME_NONE) {
            return CM_INVALID;
        }
        out->entries += frame.type == CM_FRAME_ENTRY;
        out->flushes += frame.type == CM_FRAME_CHECKPOINT;
        at = frame.end;
    }
    return CM_OK;
}

enum cm_status cm_bench_log_read(struct cm_bench_log *out, const char *path, uint64_t from,
                                 struct cm_error *error)
{
    struct cm_frame_reader reader = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cm_fail(error, CM_IO, path, "%s", strerror(errno));
    }
    enum cm_status status = cm_frame_reader_init(&reader, fd);
    if (status == CM_OK) {
        status = count_frames(out, &reader, from);
    }
    cm_frame_reader_clear(&reader);
    close(fd);
    return status == CM_OK ? CM_OK : cm_fail(error, status, path, "this is no whole ledger");
}

static enum cm_status ask_store(uint64_t *rows, struct cm_store *store, struct cm_arena *arena,
                                struct cm_detection *page, const struct cm_store_query *query,
                                struct cm_error *error)
{
    struct cm_cursor *cursor = NULL;
    size_t count = 1;
    *rows = 0;
    enum cm_status status = store->ops->find(store, &cursor, query, error);
    while (status == CM_OK && count > 0) {
        cm_arena_reset(arena);
        status = store->ops->next(cursor, arena, page, PAGE_ROWS, &count, error);
        *rows += status == CM_OK ? count : 0;
    }
    if (cursor != NULL) {
        store->ops->close_cursor(cursor);
    }
    return status;
}

enum cm_status cm_bench_store(struct cm_samples *samples, struct cm_bench_plate *plates,
                              size_t plate_count, size_t asks, struct cm_store *store,
                              const struct cm_window *window, struct cm_error *error)
{
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    struct cm_detection *page = calloc(PAGE_ROWS, sizeof *page);
    enum cm_status status =
        arena != NULL && page != NULL ? CM_OK : cm_fail(error, CM_MEMORY, "store", "out of memory");
    // The first round opens pages and statements; it isn't counted.
    for (size_t i = 0; i < plate_count + asks && status == CM_OK; i++) {
        struct cm_bench_plate *plate = &plates[i % plate_count];
        const struct cm_store_query query = {.plate = plate->text, .state = "", .window = *window};
        const int64_t begun = cm_bench_wall_ns();
        status = ask_store(&plate->rows, store, arena, page, &query, error);
        if (i >= plate_count) {
            cm_samples_add(samples, cm_bench_wall_ns() - begun);
        }
    }
    free(page);
    cm_arena_free(arena);
    return status;
}

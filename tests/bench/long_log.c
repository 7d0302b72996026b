#include "tests/bench/long_log.h"

#include "proto/ledger/log_reader.h"
#include "proto/ledger/merkle.h"
#include "tests/bench/appends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 64 };

static enum cm_status add_batch(struct cm_buf *out, struct cm_frontier *frontier, unsigned count,
                                struct cm_signer *signer)
{
    uint8_t bytes[CM_BENCH_ENTRY] = {0};
    struct cm_checkpoint checkpoint = {.size = 0};
    struct cm_buf note = {0};
    enum cm_status status = cm_checkpoint_origin(checkpoint.origin, cm_signer_spiffe(signer));
    for (unsigned i = 0; i < count && status == CM_OK; i++) {
        const struct cm_bytes entry = {bytes, sizeof bytes};
        struct cm_digest leaf;
        memcpy(bytes, &frontier->size, sizeof frontier->size);
        cm_merkle_leaf(&leaf, entry);
        cm_frontier_add(frontier, &leaf);
        status = cm_frame_add(out, CM_FRAME_ENTRY, entry);
    }
    checkpoint.size = frontier->size;
    cm_frontier_root(&checkpoint.root, frontier);
    if (status == CM_OK) {
        status = cm_checkpoint_sign(&note, &checkpoint, signer);
    }
    if (status == CM_OK) {
        status = cm_frame_add(out, CM_FRAME_CHECKPOINT, cm_buf_bytes(&note));
    }
    cm_buf_clear(&note);
    return status;
}

enum cm_status cm_bench_long_log_write(const char *folder, uint64_t entries,
                                       struct cm_signer *signer, struct cm_error *error)
{
    char path[4096];
    struct cm_frontier frontier = {.size = 0};
    struct cm_buf batch = {0};
    snprintf(path, sizeof path, "%s/log", folder);
    FILE *file = fopen(path, "we");
    bool fine = file != NULL && fwrite(CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE, 1, file) == 1;
    while (fine && frontier.size < entries) {
        const uint64_t left = entries - frontier.size;
        batch.len = 0;
        fine =
            add_batch(&batch, &frontier, left < BATCH ? (unsigned)left : BATCH, signer) == CM_OK &&
            fwrite(batch.data, batch.len, 1, file) == 1;
    }
    if (file != NULL && fclose(file) != 0) {
        fine = false;
    }
    cm_buf_clear(&batch);
    return fine ? CM_OK : cm_fail(error, CM_IO, path, "a long log can't be written");
}

static enum cm_status verify(struct cm_bench_verified *out, const char *folder,
                             struct cm_signer *signer)
{
    struct cm_log_reader *reader;
    struct cm_log_item item;
    struct cm_checkpoint checkpoint;
    struct cm_key *key = NULL;
    enum cm_status status = cm_log_reader_open(&reader, folder, NULL, NULL);
    if (status != CM_OK) {
        return status;
    }
    do {
        status = cm_log_reader_next(&item, reader, NULL);
    } while (status == CM_OK && item.type != CM_ITEM_END);
    if (status == CM_OK) {
        status = cm_key_new(&key, cm_signer_spki(signer));
    }
    if (status == CM_OK) {
        status = cm_checkpoint_open(&checkpoint, cm_log_reader_state(reader)->note, key, NULL);
    }
    if (status == CM_OK) {
        out->entries = checkpoint.size;
        out->bytes = cm_log_reader_state(reader)->end;
    }
    cm_key_free(key);
    cm_log_reader_free(reader);
    return status;
}

static enum cm_status start(struct cm_bench_verified *out, const char *folder,
                            struct cm_signer *signer)
{
    struct pump pump;
    struct cm_ledger *ledger;
    pump_init(&pump);
    const struct cm_ledger_options options = {
        .folder = folder, .signer = signer, .poster = &pump.poster, .max_waiting = 1};
    const enum cm_status status = cm_ledger_open(&ledger, &options, NULL);
    if (status == CM_OK) {
        out->entries = cm_ledger_head(ledger)->checkpoint.size;
        cm_ledger_close(ledger);
        pump_drain(&pump);
    }
    return status;
}

typedef enum cm_status task(struct cm_bench_verified *out, const char *folder,
                            struct cm_signer *signer);

// Child: its word is what it writes.
static void run_apart(int out, task *run, const char *folder, struct cm_signer *signer)
{
    struct cm_bench_verified verified = {0};
    const bool fine = run(&verified, folder, signer) == CM_OK &&
                      write(out, &verified, sizeof verified) == (ssize_t)sizeof verified;
    _exit(fine ? 0 : 1);
}

static int64_t of_timeval(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

static enum cm_status measure(struct cm_bench_verified *out, task *run, const char *folder,
                              struct cm_signer *signer, struct cm_error *error)
{
    int ends[2];
    int code = 1;
    struct rusage used = {0};
    if (pipe(ends) != 0) {
        return cm_fail(error, CM_IO, folder, "no pipe");
    }
    const int64_t begun = cm_bench_wall_ns();
    const pid_t child = fork();
    if (child == 0) {
        run_apart(ends[1], run, folder, signer);
    }
    close(ends[1]);
    const bool told = read(ends[0], out, sizeof *out) == (ssize_t)sizeof *out;
    close(ends[0]);
    if (child < 0 || wait4(child, &code, 0, &used) != child || code != 0 || !told) {
        return cm_fail(error, CM_INVALID, folder, "the long log isn't found to hold");
    }
    out->wall_ns = cm_bench_wall_ns() - begun;
    out->cpu_ns = of_timeval(used.ru_utime) + of_timeval(used.ru_stime);
    out->memory = (uint64_t)used.ru_maxrss * 1024;
    return CM_OK;
}

enum cm_status cm_bench_long_log_verify(struct cm_bench_verified *out, const char *folder,
                                        struct cm_signer *signer, struct cm_error *error)
{
    return measure(out, verify, folder, signer, error);
}

enum cm_status cm_bench_long_log_start(struct cm_bench_verified *out, const char *folder,
                                       struct cm_signer *signer, struct cm_error *error)
{
    return measure(out, start, folder, signer, error);
}

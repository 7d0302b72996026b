// A ledger's log from an untrusted folder: whatever it holds, what is given counts up, what is
// covered ends where the file says, and that much by itself reads the same.
#include "harness.h"

#include "ledger_parts.h"

#include "proto/ledger/log_reader.h"
#include "proto/ledger/merkle.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 256 * 1024 };

static void must(bool holds, const char *law)
{
    if (!holds) {
        fprintf(stderr, "broken: %s\n", law);
        abort();
    }
}

// Over what was packed so far, by nobody's key: the reader looks at no signature.
static void add_checkpoint(struct cm_buf *log, const struct cm_frontier *frontier)
{
    struct cm_buf note = {0}, root = {0};
    struct cm_digest digest;
    cm_frontier_root(&digest, frontier);
    must(cm_base64(&root, cm_bytes_digest(&digest)) == CM_OK &&
             cm_buf_printf(&note,
                           FUZZ_ORIGIN "\n%llu\n%.*s\n\n\xe2\x80\x94 " FUZZ_ORIGIN " AAAAAAAA\n",
                           (unsigned long long)frontier->size, (int)root.len,
                           (const char *)root.data) == CM_OK &&
             cm_frame_add(log, CM_FRAME_CHECKPOINT, cm_buf_bytes(&note)) == CM_OK,
         "memory");
    cm_buf_clear(&note);
    cm_buf_clear(&root);
}

static void pack_frames(struct cm_buf *log, const uint8_t *data, size_t size)
{
    struct cm_frontier frontier = {.size = 0};
    must(cm_buf_add(log, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE) == CM_OK, "memory");
    while (size >= 3) {
        const enum cm_frame_type type = (enum cm_frame_type)(1 + data[0] % 3);
        size_t len = (size_t)data[1] << 8 | data[2];
        len = len < size - 3 ? len : size - 3;
        const struct cm_bytes bytes = {data + 3, len};
        if (type == CM_FRAME_CHECKPOINT && len == 0) {
            add_checkpoint(log, &frontier);
        } else if (cm_frame_add(log, type, bytes) == CM_OK && type == CM_FRAME_ENTRY) {
            struct cm_digest leaf;
            cm_merkle_leaf(&leaf, bytes);
            cm_frontier_add(&frontier, &leaf);
        }
        data += 3 + len;
        size -= 3 + len;
    }
    must(cm_buf_add(log, data, size) == CM_OK, "memory");
}

struct outcome {
    enum cm_status status;
    uint64_t entries, end, torn;
    struct cm_checkpoint head;
};

static void read_items(struct outcome *out, struct cm_log_reader *reader, struct cm_error *error)
{
    struct cm_log_item item;
    uint64_t last = 0;
    do {
        out->status = cm_log_reader_next(&item, reader, error);
        if (out->status || item.type == CM_ITEM_END) {
            break;
        }
        must(item.offset > last || out->entries == 0, "items ascend in the log");
        last = item.offset;
        if (item.type == CM_ITEM_ENTRY) {
            must(item.index == out->entries++, "indices count up");
            must(item.entry.len > 0, "no entry is empty");
        } else {
            must(item.checkpoint.size == out->entries, "a checkpoint covers what was given");
        }
    } while (true);
    const struct cm_log_state *state = cm_log_reader_state(reader);
    out->end = state->end;
    out->torn = state->torn;
    out->head = state->checkpoint;
}

static struct outcome read_log(int fd)
{
    struct outcome out = {.entries = 0};
    struct cm_log_reader *reader = NULL;
    struct cm_error error = {.text = ""};
    out.status = cm_log_reader_open_fd(&reader, fd, NULL, &error);
    if (!out.status) {
        read_items(&out, reader, &error);
    }
    must(out.status == CM_OK || (out.status == CM_INVALID && error.text[0] != '\0'),
         "it reads, or the refusal says why");
    cm_log_reader_free(reader);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cm_buf log = {0};
    if (size == 0 || size > MOST) {
        return 0;
    }
    if (data[0] % LOG_PART_COUNT == LOG_FRAMES) {
        pack_frames(&log, data + 1, size - 1);
    } else {
        must(cm_buf_add(&log, data + 1, size - 1) == CM_OK, "memory");
    }
    const int fd = memfd_create("log", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, log.data, log.len) == (ssize_t)log.len, "a file");
    const struct outcome whole = read_log(fd);
    if (whole.status == CM_OK) {
        must(whole.end + whole.torn == log.len, "all of the file is accounted for");
        must(whole.entries == whole.head.size, "the last checkpoint covers all");
        must(ftruncate(fd, (off_t)whole.end) == 0, "a file");
        const struct outcome cut = read_log(fd);
        must(cut.status == CM_OK && cut.torn == 0 && cut.end == whole.end &&
                 cut.entries == whole.entries && cm_digest_equal(&cut.head.root, &whole.head.root),
             "without its torn end it reads the same");
    }
    close(fd);
    cm_buf_clear(&log);
    return 0;
}

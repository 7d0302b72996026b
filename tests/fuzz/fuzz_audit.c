// What auditors are handed by somebody else: a daemon's messages, a revealed entry, a log. The
// first byte says which.
#include "harness.h"
#include "proto/ledger/audit_wire.h"
#include "proto/ledger/cli/revealed.h"
#include "proto/ledger/log_reader.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ARENA = 4 * 1024 * 1024 };

static void hello(struct cm_bytes bytes)
{
    uint8_t challenge[CM_TOKEN_SIZE];
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_buf again = {0};
    if (cm_audit_hello_decode(challenge, origin, bytes, NULL) == CM_OK &&
        (cm_audit_hello_encode(&again, challenge, origin) != CM_OK ||
         !cm_bytes_equal(cm_buf_bytes(&again), bytes))) {
        abort();
    }
    cm_buf_clear(&again);
}

static void verdict(struct cm_bytes bytes)
{
    struct cm_day_keys *keys = NULL;
    struct cm_error error = {.text = ""};
    if (cm_audit_verdict_decode(&keys, bytes, &error) == CM_OK) {
        cm_day_keys_free(keys);
    } else if (keys || error.text[0] == '\0') {
        abort();
    }
}

static void revealed(struct cm_bytes bytes)
{
    static struct cm_revealed out;
    struct cm_error error = {.text = ""};
    struct cm_arena *arena = cm_arena_new(ARENA);
    json_t *json = json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    if (arena && json) {
        (void)!cm_revealed_check(&out, arena, json, NULL, &error);
    }
    json_decref(json);
    cm_arena_free(arena);
}

static void log_file(struct cm_bytes bytes)
{
    struct cm_log_reader *reader;
    struct cm_log_item item = {.type = CM_ITEM_END};
    const int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len &&
        cm_log_reader_open_fd(&reader, fd, NULL, NULL) == CM_OK) {
        while (cm_log_reader_next(&item, reader, NULL) == CM_OK && item.type != CM_ITEM_END) {
            ;
        }
        cm_log_reader_free(reader);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const each[])(struct cm_bytes) = {hello, verdict, revealed, log_file};
    if (size > 0) {
        each[data[0] % 4]((struct cm_bytes){data + 1, size - 1});
    }
    return 0;
}

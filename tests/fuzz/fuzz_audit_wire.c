// What comes over the control socket's talk with an auditor: a message, and the keys in one.
#include "harness.h"

#include "ledger_parts.h"

#include "proto/ledger/audit_wire.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 32 * 1024, LARGEST = 4096, HEAD = 4 };

static void must(bool holds, const char *law)
{
    if (!holds) {
        fprintf(stderr, "broken: %s\n", law);
        abort();
    }
}

static void try_verdict(struct cm_bytes in)
{
    struct cm_day_keys *keys = NULL, *twice = NULL;
    struct cm_buf again = {0};
    struct cm_error error = {.text = ""};
    const enum cm_status status = cm_audit_verdict_decode(&keys, in, &error);
    must((status == CM_OK) == (keys != NULL), "keys come with a good verdict alone");
    if (status == CM_OK) {
        must(cm_audit_verdict_ok(&again, keys) == CM_OK &&
                 cm_audit_verdict_decode(&twice, cm_buf_bytes(&again), NULL) == CM_OK &&
                 cm_day_keys_count(keys) == cm_day_keys_count(twice) &&
                 cm_day_keys_erased_before(keys) == cm_day_keys_erased_before(twice),
             "keys that were handed over can be handed on");
    }
    cm_day_keys_free(keys);
    cm_day_keys_free(twice);
    cm_buf_clear(&again);
}

static void try_stream(struct cm_bytes in)
{
    int ends[2], fds[CM_MAX_AUDIT_FDS];
    size_t count = 1;
    struct cm_buf out = {0};
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a socket");
    must(send(ends[0], in.data, in.len, MSG_DONTWAIT) == (ssize_t)in.len || in.len == 0, "room");
    must(shutdown(ends[0], SHUT_WR) == 0, "a socket");
    const enum cm_status status = cm_audit_receive(&out, ends[1], LARGEST, fds, &count, NULL);
    must(count == 0, "no descriptor came");
    must(status == CM_OK ? out.len <= LARGEST && out.len + HEAD <= in.len &&
                               (out.len == 0 || memcmp(out.data, in.data + HEAD, out.len) == 0)
                         : out.len == 0,
         "a message is what was sent, or nothing");
    close(ends[0]);
    close(ends[1]);
    cm_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > MOST) {
        return 0;
    }
    const struct cm_bytes in = {data + 1, size - 1};
    switch ((enum fuzz_wire_part)(data[0] % WIRE_PART_COUNT)) {
    case WIRE_VERDICT:
        try_verdict(in);
        break;
    case WIRE_STREAM:
    case WIRE_PART_COUNT:
        try_stream(in);
        break;
    }
    return 0;
}

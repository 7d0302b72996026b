#include "proto/ledger/audit_wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LENGTH = 4, KEY_LINE = 4 + CM_DAY_KEY_SIZE };

static void put_u32be(uint8_t out[4], uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (8 * (3 - i)));
    }
}

static uint32_t u32be(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static enum cm_status gone(struct cm_error *error)
{
    return cm_fail(error, CM_UNAVAILABLE, "control", "the other end hung up or took too long");
}

static bool send_all(int socket, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const ssize_t sent = send(socket, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

union room {
    struct cmsghdr head;
    uint8_t bytes[CMSG_SPACE(CM_MAX_AUDIT_FDS * sizeof(int))];
};

// The length, whole, with the descriptors.
static bool send_head(int socket, uint8_t head[LENGTH], const int *fds, size_t count)
{
    union room room = {0};
    struct iovec part = {.iov_base = head, .iov_len = LENGTH};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;
    if (count > 0) {
        message.msg_control = room.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *control = CMSG_FIRSTHDR(&message);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(control), fds, count * sizeof(int));
    }
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent > 0 && send_all(socket, head + sent, LENGTH - (size_t)sent);
}

enum cm_status cm_audit_send(int socket, struct cm_bytes message, const int *fds, size_t count,
                             struct cm_error *error)
{
    uint8_t head[LENGTH];
    if (count > CM_MAX_AUDIT_FDS || message.len > CM_MAX_AUDIT_VERDICT) {
        return cm_fail(error, CM_INVALID, "control", "too much for one message");
    }
    for (unsigned i = 0; i < LENGTH; i++) {
        head[i] = (uint8_t)(message.len >> (8 * i));
    }
    return send_head(socket, head, fds, count) && send_all(socket, message.data, message.len)
               ? CM_OK
               : gone(error);
}

struct taken {
    int fds[CM_MAX_AUDIT_FDS];
    size_t count;
};

static void take_fds(struct taken *taken, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (taken->count < CM_MAX_AUDIT_FDS) {
                taken->fds[taken->count++] = fd;
            } else {
                close(fd);
            }
        }
    }
}

static bool receive_all(int socket, uint8_t *out, size_t len, struct taken *taken)
{
    while (len > 0) {
        union room room;
        struct iovec part = {.iov_base = out, .iov_len = len};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = room.bytes,
                                 .msg_controllen = sizeof room.bytes};
        const ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got >= 0) {
            take_fds(taken, &message);
        }
        if (got <= 0) {
            return false;
        }
        out += got;
        len -= (size_t)got;
    }
    return true;
}

// Of full size at once: a buffer that grows would leave keys behind in freed memory.
static enum cm_status receive(struct cm_buf *out, int socket, size_t max, struct taken *taken,
                              struct cm_error *error)
{
    uint8_t head[LENGTH];
    uint8_t *room;
    size_t len = 0;
    if (!receive_all(socket, head, sizeof head, taken)) {
        return gone(error);
    }
    for (unsigned i = 0; i < LENGTH; i++) {
        len |= (size_t)head[i] << (8 * i);
    }
    if (len > max) {
        return cm_fail(error, CM_INVALID, "control", "the message is larger than %zu bytes", max);
    }
    if (cm_buf_reserve(out, len, &room) != CM_OK) {
        return cm_fail(error, CM_MEMORY, "control", "no memory for the message");
    }
    if (!receive_all(socket, room, len, taken)) {
        cm_wipe(room, len);
        return gone(error);
    }
    out->len += len;
    return CM_OK;
}

enum cm_status cm_audit_receive(struct cm_buf *out, int socket, size_t max,
                                int fds[CM_MAX_AUDIT_FDS], size_t *count, struct cm_error *error)
{
    struct taken taken = {.count = 0};
    const enum cm_status status = receive(out, socket, max, &taken, error);
    const bool keep = status == CM_OK && fds;
    for (size_t i = 0; i < taken.count; i++) {
        if (keep) {
            fds[i] = taken.fds[i];
        } else {
            close(taken.fds[i]);
        }
    }
    if (count) {
        *count = keep ? taken.count : 0;
    }
    return status;
}

enum cm_status cm_audit_hello_encode(struct cm_buf *out, const uint8_t challenge[CM_TOKEN_SIZE],
                                     const char *origin)
{
    const struct cm_bytes name = cm_bytes_of(origin);
    uint8_t *room;
    if (name.len == 0 || name.len > CM_MAX_ORIGIN) {
        return CM_INVALID;
    }
    if (cm_buf_reserve(out, CM_TOKEN_SIZE + name.len, &room) != CM_OK) {
        return CM_MEMORY;
    }
    memcpy(room, challenge, CM_TOKEN_SIZE);
    memcpy(room + CM_TOKEN_SIZE, name.data, name.len);
    out->len += CM_TOKEN_SIZE + name.len;
    return CM_OK;
}

enum cm_status cm_audit_hello_decode(uint8_t challenge[CM_TOKEN_SIZE],
                                     char origin[CM_MAX_ORIGIN + 1], struct cm_bytes message,
                                     struct cm_error *error)
{
    if (message.len <= CM_TOKEN_SIZE || message.len > CM_MAX_AUDIT_HELLO ||
        !cm_utf8_valid(
            (struct cm_bytes){message.data + CM_TOKEN_SIZE, message.len - CM_TOKEN_SIZE})) {
        return cm_fail(error, CM_INVALID, "control", "what runs there answers no auditor");
    }
    memcpy(challenge, message.data, CM_TOKEN_SIZE);
    snprintf(origin, CM_MAX_ORIGIN + 1, "%.*s", (int)(message.len - CM_TOKEN_SIZE),
             (const char *)message.data + CM_TOKEN_SIZE);
    return CM_OK;
}

enum cm_status cm_audit_verdict_ok(struct cm_buf *out, struct cm_day_keys *keys)
{
    uint8_t *room;
    const size_t count = cm_day_keys_count(keys);
    size_t used = 5;
    if (cm_buf_reserve(out, 5 + count * KEY_LINE, &room) != CM_OK) {
        return CM_MEMORY;
    }
    room[0] = CM_OK;
    put_u32be(room + 1, cm_day_keys_erased_before(keys));
    // From the last: what is erased meanwhile goes from the front, and nothing is left out.
    uint32_t sent = UINT32_MAX;
    for (size_t i = count; i > 0; i--) {
        const uint32_t day = cm_day_keys_day(keys, i - 1);
        if (day < sent && cm_day_keys_get(room + used + 4, keys, day) == CM_OK) {
            put_u32be(room + used, day);
            used += KEY_LINE;
            sent = day;
        }
    }
    out->len += used;
    return CM_OK;
}

enum cm_status cm_audit_verdict_refuse(struct cm_buf *out, enum cm_status status,
                                       const struct cm_error *error)
{
    char text[CM_MAX_AUDIT_TEXT];
    const uint8_t code = (uint8_t)(status == CM_OK ? CM_INTERNAL : status);
    cm_error_format(text, sizeof text, error);
    const enum cm_status added = cm_buf_add(out, &code, 1);
    return added != CM_OK ? added : cm_buf_add(out, text, strlen(text));
}

enum cm_status cm_audit_verdict_decode(struct cm_day_keys **keys, struct cm_bytes message,
                                       struct cm_error *error)
{
    struct cm_day_keys *made;
    if (message.len == 0 || message.data[0] > CM_LATE) {
        return cm_fail(error, CM_INVALID, "control", "the answer is no verdict");
    }
    const struct cm_bytes rest = {message.data + 1, message.len - 1};
    if (message.data[0] != CM_OK) {
        const bool text = rest.len > 0 && rest.len < CM_MAX_AUDIT_TEXT && cm_utf8_valid(rest);
        return text ? cm_fail(error, (enum cm_status)message.data[0], "control", "%.*s",
                              (int)rest.len, (const char *)rest.data)
                    : cm_fail(error, (enum cm_status)message.data[0], "control",
                              "the daemon refused, and did not say why");
    }
    if (rest.len < 4 || (rest.len - 4) % KEY_LINE != 0) {
        return cm_fail(error, CM_INVALID, "control", "the answer is no verdict");
    }
    enum cm_status status = cm_day_keys_new(&made);
    if (status != CM_OK) {
        return cm_fail(error, status, "keys", "no memory for keys");
    }
    cm_day_keys_set_erased(made, u32be(rest.data));
    for (size_t at = 4; status == CM_OK && at < rest.len; at += KEY_LINE) {
        const uint32_t day = u32be(rest.data + at);
        status = day > cm_day_of(CM_MAX_TIME_MS) ? CM_INVALID
                                                 : cm_day_keys_add(made, day, rest.data + at + 4);
    }
    if (status != CM_OK) {
        cm_day_keys_free(made);
        return cm_fail(error, status, "control", "the keys in the answer don't fit");
    }
    *keys = made;
    return CM_OK;
}

#include "proto/ledger/audit_wire.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void pair(int sockets[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
}

static size_t open_fds(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

Test(audit_wire, a_message_takes_its_descriptors_along)
{
    int sockets[2], fds[CM_MAX_AUDIT_FDS], pipes[2];
    size_t count;
    char byte = 0;
    struct cm_buf got = {0};
    pair(sockets);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(cm_audit_send(sockets[0], cm_bytes_of("here"), &pipes[1], 1, NULL), CM_OK);
    cr_assert_eq(cm_audit_send(sockets[0], cm_bytes_of("next"), NULL, 0, NULL), CM_OK);
    cr_assert_eq(cm_audit_receive(&got, sockets[1], 4, fds, &count, NULL), CM_OK);
    cr_assert_eq(count, 1);
    cr_expect(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(write(fds[0], "x", 1), 1);
    cr_assert_eq(read(pipes[0], &byte, 1), 1);
    cr_expect_eq(byte, 'x');
    cr_assert_eq(cm_audit_receive(&got, sockets[1], 4, fds, &count, NULL), CM_OK);
    cr_expect_eq(count, 0);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&got), cm_bytes_of("herenext")));
    cm_buf_clear(&got);
}

Test(audit_wire, descriptors_that_nobody_wants_are_closed)
{
    int sockets[2], pipes[2];
    struct cm_buf got = {0};
    struct cm_error error = {0};
    pair(sockets);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(cm_audit_send(sockets[0], cm_bytes_of("four"), pipes, 2, NULL), CM_OK);
    cr_assert_eq(cm_audit_send(sockets[0], cm_bytes_of("four"), pipes, 2, NULL), CM_OK);
    const size_t before = open_fds();
    cr_assert_eq(cm_audit_receive(&got, sockets[1], 4, NULL, NULL, NULL), CM_OK);
    int fds[CM_MAX_AUDIT_FDS];
    size_t count = 7;
    cr_expect_eq(cm_audit_receive(&got, sockets[1], 3, fds, &count, &error), CM_INVALID);
    cr_expect_eq(count, 0);
    cr_expect_eq(open_fds(), before);
    cm_buf_clear(&got);
}

Test(audit_wire, the_other_end_may_go_at_any_byte)
{
    const uint8_t whole[] = {4, 0, 0, 0, 'f', 'o', 'u'};
    for (size_t len = 0; len <= sizeof whole; len++) {
        int sockets[2];
        struct cm_buf got = {0};
        struct cm_error error = {0};
        pair(sockets);
        cr_assert_eq(write(sockets[0], whole, len), (ssize_t)len);
        close(sockets[0]);
        cr_expect_eq(cm_audit_receive(&got, sockets[1], 4, NULL, NULL, &error), CM_UNAVAILABLE);
        cr_expect_eq(got.len, 0);
        cm_buf_clear(&got);
        close(sockets[1]);
    }
}

Test(audit_wire, hello_and_what_is_none)
{
    uint8_t challenge[CM_TOKEN_SIZE], again[CM_TOKEN_SIZE];
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_buf hello = {0};
    struct cm_error error = {0};
    memset(challenge, 7, sizeof challenge);
    cr_expect_eq(cm_audit_hello_encode(&hello, challenge, ""), CM_INVALID);
    cr_assert_eq(cm_audit_hello_encode(&hello, challenge, "test.example/ca.northport.pd/node/n1"),
                 CM_OK);
    cr_assert_eq(cm_audit_hello_decode(again, origin, cm_buf_bytes(&hello), &error), CM_OK);
    cr_expect_arr_eq(challenge, again, sizeof again);
    cr_expect_str_eq(origin, "test.example/ca.northport.pd/node/n1");
    const struct cm_bytes cut = {hello.data, CM_TOKEN_SIZE};
    cr_expect_eq(cm_audit_hello_decode(again, origin, cut, &error), CM_INVALID);
    hello.data[CM_TOKEN_SIZE] = 0;
    cr_expect_eq(cm_audit_hello_decode(again, origin, cm_buf_bytes(&hello), &error), CM_INVALID);
    cm_buf_clear(&hello);
}

Test(audit_wire, keys_arrive_as_they_were)
{
    uint8_t key[CM_DAY_KEY_SIZE] = {9}, got[CM_DAY_KEY_SIZE];
    struct cm_day_keys *keys, *again;
    struct cm_buf verdict = {0};
    struct cm_error error = {0};
    cr_assert_eq(cm_day_keys_new(&keys), CM_OK);
    cm_day_keys_set_erased(keys, 20000);
    for (uint32_t day = 20000; day < 20004; day++) {
        key[1] = (uint8_t)day;
        cr_assert_eq(cm_day_keys_add(keys, day, key), CM_OK);
    }
    cr_assert_eq(cm_audit_verdict_ok(&verdict, keys), CM_OK);
    cr_assert_eq(cm_audit_verdict_decode(&again, cm_buf_bytes(&verdict), &error), CM_OK);
    cr_expect_eq(cm_day_keys_count(again), 4);
    cr_expect_eq(cm_day_keys_erased_before(again), 20000);
    cr_assert_eq(cm_day_keys_get(got, again, 20003), CM_OK);
    cr_expect_arr_eq(got, key, sizeof got);
    const struct cm_bytes cut = {verdict.data, verdict.len - 1};
    cr_expect_eq(cm_audit_verdict_decode(&again, cut, &error), CM_INVALID);
    memcpy(verdict.data + 5 + 36, verdict.data + 5, 4); // one day twice
    cm_day_keys_free(again);
    cr_expect_eq(cm_audit_verdict_decode(&again, cm_buf_bytes(&verdict), &error), CM_INVALID);
    cm_day_keys_free(keys);
    cm_buf_clear(&verdict);
}

Test(audit_wire, a_refusal_says_why)
{
    struct cm_day_keys *keys;
    struct cm_buf verdict = {0};
    struct cm_error why = {0}, error = {0};
    cm_error_fill(&why, CM_FORBIDDEN, "request", "is not this agency's auditor");
    cr_assert_eq(cm_audit_verdict_refuse(&verdict, CM_FORBIDDEN, &why), CM_OK);
    cr_expect_eq(cm_audit_verdict_decode(&keys, cm_buf_bytes(&verdict), &error), CM_FORBIDDEN);
    cr_expect(strstr(error.text, "is not this agency's auditor"));
    verdict.data[3] = 0;
    cr_expect_eq(cm_audit_verdict_decode(&keys, cm_buf_bytes(&verdict), &error), CM_FORBIDDEN);
    cr_expect(strstr(error.text, "did not say why"), "%s", error.text);
    verdict.data[0] = 200;
    cr_expect_eq(cm_audit_verdict_decode(&keys, cm_buf_bytes(&verdict), &error), CM_INVALID);
    cr_expect_eq(cm_audit_verdict_decode(&keys, CM_BYTES_NONE, &error), CM_INVALID);
    cm_buf_clear(&verdict);
}

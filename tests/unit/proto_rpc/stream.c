#include "raw.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct test_rig rig;

TestSuite(stream, .timeout = 60);

Test(stream, unary_is_one_message_and_a_status)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 5000);
    cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of("hello")), CM_OK);
    cm_stream_finish(call.stream, CM_OK, NULL);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_OK);
    cr_expect_eq(call.messages, 1);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&call.received), cm_bytes_of("hello")));
    cr_expect(call.ended);
    cr_expect_eq(rig.cancelled, 0);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

Test(stream, both_sides_send_as_they_like)
{
    test_rig_start(&rig);
    struct test_call call = {0};
    test_call_open(&rig, &call, "/test/Echo", 0);
    for (unsigned i = 1; i <= 200; i++) {
        cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of("x")), CM_OK);
        cr_expect_eq(cm_stream_write(call.stream, cm_bytes_of("y")), CM_EXHAUSTED);
        cr_expect_not(cm_stream_writable(call.stream));
        cm_stream_read(call.stream);
        test_until_count(&rig, &call.messages, i);
        test_until_count(&rig, &call.writable, i);
    }
    cr_expect_eq(cm_stream_remaining_ms(call.stream), INT64_MAX);
    cm_stream_read(call.stream);
    cm_stream_finish(call.stream, CM_OK, NULL);
    cr_expect_eq(cm_stream_write(call.stream, cm_bytes_of("z")), CM_CANCELLED);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_OK);
    cr_expect_eq(call.received.len, 200);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

Test(stream, large_and_empty_messages_arrive_whole)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    size_t len = 1024 * 1024;
    uint8_t *large = malloc(len);
    for (size_t i = 0; i < len; i++) {
        large[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    test_call_open(&rig, &call, "/test/Echo", 10000);
    cr_assert_eq(cm_stream_write(call.stream, CM_BYTES_NONE), CM_OK);
    test_until_count(&rig, &call.messages, 1);
    cr_expect_eq(call.received.len, 0);
    cr_assert_eq(cm_stream_write(call.stream, (struct cm_bytes){large, len}), CM_OK);
    cm_stream_finish(call.stream, CM_OK, NULL);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&call.received), (struct cm_bytes){large, len}));
    free(large);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

Test(stream, error_travels_in_the_trailer)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Refuse", 5000);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_STALE);
    cr_expect_eq(call.error.status, CM_STALE);
    cr_expect_str_eq(call.error.where, "query.issued");
    cr_expect_str_eq(call.error.text, "is 7 seconds ahead of this gateway's clock");
    cr_expect_eq(call.error.retry_after_ms, 1234);
    test_rig_clear(&rig);
}

Test(stream, unknown_method_is_refused)
{
    test_rig_start(&rig);
    for (int i = 0; i < 20; i++) {
        struct test_call call = {.read_on = true};
        test_call_open(&rig, &call, "/test/Nothing", 5000);
        test_until(&rig, &call.closed);
        cr_expect_eq(call.status, CM_NOT_SERVED);
    }
    test_rig_clear(&rig);
}

Test(stream, deadline_ends_both_sides)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Hold", 300);
    test_until_count(&rig, &rig.opened, 1);
    cr_expect_leq(cm_stream_remaining_ms(rig.held), 300);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_LATE);
    test_until_count(&rig, &rig.cancelled, 1);
    test_rig_clear(&rig);
}

Test(stream, client_cancels)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Hold", 0);
    test_until_count(&rig, &rig.opened, 1);
    cm_stream_cancel(call.stream);
    cr_expect_not(cm_stream_writable(call.stream));
    cr_expect_not(call.closed);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_CANCELLED);
    cr_expect_not(call.ended);
    test_until_count(&rig, &rig.cancelled, 1);
    test_rig_clear(&rig);
}

// A server that reads must not take a cancelled call for one that ended well.
Test(stream, cancelled_is_not_ended)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 0);
    cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of("x")), CM_OK);
    test_until_count(&rig, &call.messages, 1);
    cm_stream_cancel(call.stream);
    test_until(&rig, &call.closed);
    test_until_count(&rig, &rig.cancelled, 1);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

Test(stream, server_cancels)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Hold", 0);
    test_until_count(&rig, &rig.opened, 1);
    cm_stream_cancel(rig.held);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_CANCELLED);
    test_until_count(&rig, &rig.cancelled, 1);
    test_rig_clear(&rig);
}

Test(stream, cancel_in_a_handler)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true, .cancel_at_message = true};
    test_call_open(&rig, &call, "/test/Echo", 0);
    cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of("x")), CM_OK);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.messages, 1);
    cr_expect_eq(call.status, CM_CANCELLED);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

// The server writes on while the client reads nothing: it is held back.
Test(stream, flow_control_holds_the_writer)
{
    test_rig_start(&rig);
    struct test_call call = {0};
    test_call_open(&rig, &call, "/test/Flood", 0);
    test_until_count(&rig, &rig.opened, 1);
    test_settle(&rig);
    unsigned held_at = rig.got;
    cr_expect_lt(held_at, 64, "%u writes of 16 KiB went out unread", held_at);
    for (unsigned i = 1; i <= 100; i++) {
        cm_stream_read(call.stream);
        test_until_count(&rig, &call.messages, i);
    }
    cr_expect_gt(rig.got, held_at);
    cm_stream_cancel(call.stream);
    test_until(&rig, &call.closed);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

// And the other way: the server reads nothing.
Test(stream, flow_control_holds_the_client)
{
    static uint8_t block[16 * 1024];
    test_rig_start(&rig);
    struct test_call call = {0};
    test_call_open(&rig, &call, "/test/Hold", 0);
    test_until_count(&rig, &rig.opened, 1);
    unsigned written = 0;
    while (cm_stream_writable(call.stream) && written < 1000) {
        cr_assert_eq(cm_stream_write(call.stream, (struct cm_bytes){block, sizeof block}), CM_OK);
        written++;
        test_settle(&rig);
    }
    cr_expect_lt(written, 64);
    cm_stream_cancel(call.stream);
    test_until(&rig, &call.closed);
    test_rig_clear(&rig);
}

Test(stream, message_over_the_methods_bound_is_refused)
{
    static uint8_t block[2048];
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Hold", 5000);
    test_until_count(&rig, &rig.opened, 1);
    cm_stream_read(rig.held);
    cr_assert_eq(cm_stream_write(call.stream, (struct cm_bytes){block, sizeof block}), CM_OK);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_INVALID);
    cr_expect_str_eq(call.error.where, "message");
    test_until_count(&rig, &rig.cancelled, 1);
    cr_expect_eq(rig.got, 0);
    test_rig_clear(&rig);
}

static void send_compressed(struct test_rig *of)
{
    // 1 MiB of zeros as gzip would make 1 KiB of it; the bytes needn't be good to show a refusal.
    uint8_t message[5 + 1024] = {1, 0, 0, 4, 0};
    struct raw *raw = raw_connect(of->dir, "client", cm_server_port(of->server));
    raw_headers(raw, 1, "/test/Echo", "gzip");
    raw_data(raw, 1, (struct cm_bytes){message, sizeof message}, true);
    raw_wait_end(raw, 1);
    raw_close(raw);
}

Test(stream, compressed_message_is_refused_unread)
{
    test_rig_start(&rig);
    raw_run(&rig, send_compressed);
    cr_expect_eq(rig.got, 0);
    test_still_serves(&rig);
    test_rig_clear(&rig);
}

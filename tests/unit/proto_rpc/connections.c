#include "proto/rpc/connections.h"
#include "raw.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct test_rig rig;

TestSuite(connections, .timeout = 120);

static enum cm_status endless_status;

static void send_endless_message(struct test_rig *of)
{
    struct test_rig peer = {0};
    struct cm_error error = {0};
    memcpy(peer.dir, of->dir, sizeof peer.dir);
    memcpy(peer.address, of->address, sizeof peer.address);
    cr_assert(!cm_loop_new(&peer.loop, &error));
    test_rig_connect(&peer, "client", "root");
    struct test_call call = {.read_on = true};
    size_t len = (size_t)512 * 1024 * 1024;
    uint8_t *large = calloc(1, len);
    test_call_open(&peer, &call, "/test/Echo", 0);
    cr_assert(!cm_stream_write(call.stream, (struct cm_bytes){large, len}));
    free(large);
    test_until(&peer, &call.closed);
    endless_status = call.status;
    cm_channel_free(peer.channel);
    cm_loop_free(peer.loop);
}

// gRPC takes in all of a message, whatever its length, before it compares that with the bound.
Test(connections, endless_message_is_cut)
{
    test_rig_start(&rig);
    struct test_call innocent = {0};
    test_call_open(&rig, &innocent, "/test/Echo", 0);
    cr_assert(!cm_stream_write(innocent.stream, cm_bytes_of("x")));
    cm_stream_read(innocent.stream);
    test_until_count(&rig, &innocent.messages, 1);
    raw_run(&rig, send_endless_message);
    cr_expect_eq(endless_status, CM_UNAVAILABLE);
    cr_expect_eq(cm_connections_cut(), 1);
    cr_expect_not(innocent.closed);
    test_still_serves(&rig);
    test_call_clear(&innocent);
    test_rig_clear(&rig);
}

static void run_for(int64_t ms)
{
    int64_t end = cm_mono_ms(cm_clock_system()) + ms;
    while (cm_mono_ms(cm_clock_system()) < end) {
        cm_loop_step(rig.loop, 20);
    }
}

// Honest traffic, large and small, never counts as debt. That takes that the peer's name is spelt
// as gRPC spells it, or nothing would ever count for it.
static void send_much_over(const char *address)
{
    static uint8_t block[64 * 1024];
    test_rig_init(&rig);
    rig.listen = address;
    test_rig_serve(&rig, "gateway");
    test_rig_connect(&rig, "client", "root");
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 0);
    for (unsigned i = 0; i < 800; i++) {
        call.received.len = 0;
        struct cm_bytes message = {block, i % 2 ? sizeof block : 10};
        cr_assert_eq(cm_stream_write(call.stream, message), CM_OK);
        test_until_count(&rig, &call.messages, i + 1);
        test_until_count(&rig, &call.writable, i + 1);
    }
    run_for(300);
    cr_expect_eq(cm_connections_cut(), 0);
    cr_expect_not(call.closed);
    cm_stream_cancel(call.stream);
    test_until(&rig, &call.closed);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

Test(connections, much_honest_traffic_over_ipv4)
{
    send_much_over("127.0.0.1:0");
}

Test(connections, much_honest_traffic_over_ipv6)
{
    send_much_over("[::1]:0");
}

Test(connections, much_honest_traffic_over_ipv4_on_a_socket_of_both)
{
    send_much_over("[::]:0");
}

// What one peer with a valid certificate can do to gRPC core, done to our server.
#include "proto/rpc/accept_guard.h"
#include "proto/rpc/connections.h"
#include "raw.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// Sanitizers keep freed memory.
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_COUNTS false
#else
#define MEMORY_COUNTS true
#endif

enum { MIB = 1024 * 1024 };

static struct test_rig rig;

TestSuite(hazards, .timeout = 120);

// The server still answers somebody else.
static void still_serves(void)
{
    struct test_call call = {.read_on = true, .wait_ready = true};
    test_call_open(&rig, &call, "/test/Refuse", 10000);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_STALE, "%s", call.error.text);
}

static bool hung_up;

static void reset_rapidly(struct test_rig *of)
{
    struct raw *raw = raw_connect(of->dir, "client", cm_server_port(of->server));
    for (uint32_t i = 0; i < 200000 && !hung_up; i++) {
        raw_headers(raw, 2 * i + 1, "/test/Echo", NULL);
        raw_reset(raw, 2 * i + 1);
        hung_up = i % 100 == 0 && !raw_flush(raw);
    }
    raw_close(raw);
}

// Unguarded, this takes 2 GB, and the loop gets no turn for seconds.
Test(hazards, rapid_reset_is_cut_and_costs_little)
{
    test_rig_start(&rig);
    struct test_call held = {.read_on = true};
    test_call_open(&rig, &held, "/test/Hold", 0);
    still_serves();
    size_t before = raw_resident();
    raw_run(&rig, reset_rapidly);
    cr_expect(hung_up);
    cr_expect_eq(cm_connections_cut(), 1);
    if (MEMORY_COUNTS)
        cr_expect_lt(raw_resident() - before, (size_t)64 * MIB);
    still_serves();
    cr_expect_not(held.closed, "another peer's call went down");
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

Test(hazards, compressed_message_is_refused_unread)
{
    test_rig_start(&rig);
    raw_run(&rig, send_compressed);
    cr_expect_eq(rig.got, 0);
    still_serves();
    test_rig_clear(&rig);
}

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
    size_t len = (size_t)512 * MIB;
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
Test(hazards, endless_message_is_cut)
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
    still_serves();
    test_call_clear(&innocent);
    test_rig_clear(&rig);
}

static void run_for(int64_t ms)
{
    int64_t end = cm_mono_ms(cm_clock_system()) + ms;
    while (cm_mono_ms(cm_clock_system()) < end)
        cm_loop_step(rig.loop, 20);
}

// Honest traffic, large and small, never counts as debt.
Test(hazards, much_honest_traffic_is_not_cut)
{
    static uint8_t block[64 * 1024];
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 0);
    for (unsigned i = 0; i < 1000; i++) {
        call.received.len = 0;
        struct cm_bytes message = {block, i % 2 ? sizeof block : 10};
        cr_assert_eq(cm_stream_write(call.stream, message), CM_OK);
        test_until_count(&rig, &call.messages, i + 1);
        test_until_count(&rig, &call.writable, i + 1);
    }
    run_for(300);
    cr_expect_eq(cm_connections_cut(), 0);
    cm_stream_cancel(call.stream);
    test_until(&rig, &call.closed);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

enum { RAW_SOCKETS = 100 };

static int sockets[RAW_SOCKETS];

static void make_sockets(void)
{
    for (int i = 0; i < RAW_SOCKETS; i++)
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void connect_sockets(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)cm_server_port(rig.server))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < RAW_SOCKETS; i++)
        cr_assert(connect(sockets[i], (struct sockaddr *)&to, sizeof to) == 0);
}

static void close_sockets(void)
{
    for (int i = 0; i < RAW_SOCKETS; i++)
        close(sockets[i]);
}

// Of the raw sockets, those the server hung up on.
static unsigned count_hung_up(void)
{
    unsigned count = 0;
    char byte;
    for (int i = 0; i < RAW_SOCKETS; i++) {
        ssize_t got = recv(sockets[i], &byte, 1, MSG_DONTWAIT);
        count += got == 0 || (got < 0 && errno != EAGAIN);
    }
    return count;
}

static int lowest_free(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

// After one EMFILE gRPC alone would never accept again.
Test(hazards, listens_on_after_running_out_of_descriptors)
{
    test_rig_start(&rig);
    make_sockets();
    test_settle(&rig);
    struct rlimit old;
    struct rlimit low;
    getrlimit(RLIMIT_NOFILE, &old);
    low = (struct rlimit){(rlim_t)lowest_free() + 5, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    connect_sockets();
    test_settle(&rig);
    struct cm_accept_guard_counts counts;
    cm_accept_guard_counts(&counts);
    cr_expect_gt(counts.no_descriptor, 0);
    cr_expect_gt(count_hung_up(), RAW_SOCKETS / 2);
    setrlimit(RLIMIT_NOFILE, &old);
    close_sockets();
    still_serves();
    test_rig_clear(&rig);
}

Test(hazards, connections_past_the_bound_are_closed)
{
    test_rig_start(&rig);
    make_sockets();
    connect_sockets();
    test_settle(&rig);
    struct cm_accept_guard_counts counts;
    cm_accept_guard_counts(&counts);
    cr_expect_eq(counts.accepted, 64);
    cr_expect_eq(counts.too_many, RAW_SOCKETS - 64);
    cr_expect_eq(count_hung_up(), RAW_SOCKETS - 64);
    // When they leave, there is room again.
    close_sockets();
    test_settle(&rig);
    still_serves();
    test_rig_clear(&rig);
}

Test(hazards, handshakes_are_paced)
{
    test_rig_start(&rig);
    struct cm_error error = {0};
    cr_assert_eq(cm_accept_guard_set(1000, 10, &error), CM_OK);
    make_sockets();
    connect_sockets();
    test_settle(&rig);
    struct cm_accept_guard_counts counts;
    cm_accept_guard_counts(&counts);
    cr_expect_geq(counts.accepted, 10);
    cr_expect_leq(counts.accepted, 30);
    cr_expect_eq(counts.accepted + counts.too_fast, RAW_SOCKETS);
    close_sockets();
    still_serves();
    test_rig_clear(&rig);
}

Test(hazards, loop_without_descriptors_says_so)
{
    struct cm_loop *loop = NULL;
    struct cm_error error = {0};
    struct rlimit old;
    getrlimit(RLIMIT_NOFILE, &old);
    struct rlimit low = {(rlim_t)lowest_free() + 63, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    cr_expect_eq(cm_loop_new(&loop, &error), CM_UNAVAILABLE);
    cr_expect_null(loop);
    cr_expect_str_eq(error.where, "descriptors");
    setrlimit(RLIMIT_NOFILE, &old);
    cr_expect_eq(cm_loop_new(&loop, &error), CM_OK);
    cm_loop_free(loop);
}

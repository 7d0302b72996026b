#include "proto/rpc/accept_guard.h"
#include "support.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static struct test_rig rig;

TestSuite(accept_guard, .timeout = 60);

enum { RAW_SOCKETS = 100 };

static int sockets[RAW_SOCKETS];

static void make_sockets(void)
{
    for (int i = 0; i < RAW_SOCKETS; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
}

static void connect_sockets(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)cm_server_port(rig.server))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < RAW_SOCKETS; i++) {
        cr_assert(connect(sockets[i], (struct sockaddr *)&to, sizeof to) == 0);
    }
}

static void close_sockets(void)
{
    for (int i = 0; i < RAW_SOCKETS; i++) {
        close(sockets[i]);
    }
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
Test(accept_guard, listens_on_after_running_out_of_descriptors)
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
    test_still_serves(&rig);
    test_rig_clear(&rig);
}

Test(accept_guard, connections_past_the_bound_are_closed)
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
    test_still_serves(&rig);
    test_rig_clear(&rig);
}

Test(accept_guard, handshakes_are_paced)
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
    test_still_serves(&rig);
    test_rig_clear(&rig);
}

#include "proto/rpc/connections.h"
#include "raw.h"

#include <criterion/criterion.h>

// Sanitizers keep freed memory.
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_COUNTS false
#else
#define MEMORY_COUNTS true
#endif

enum { MIB = 1024 * 1024 };

static struct test_rig rig;

TestSuite(backlog, .timeout = 120);

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
Test(backlog, rapid_reset_is_cut_and_costs_little)
{
    test_rig_start(&rig);
    struct test_call held = {.read_on = true};
    test_call_open(&rig, &held, "/test/Hold", 0);
    test_still_serves(&rig);
    size_t before = raw_resident();
    raw_run(&rig, reset_rapidly);
    cr_expect(hung_up);
    cr_expect_eq(cm_connections_cut(), 1);
    if (MEMORY_COUNTS) {
        cr_expect_lt(raw_resident() - before, (size_t)64 * MIB);
    }
    test_still_serves(&rig);
    cr_expect_not(held.closed, "another peer's call went down");
    test_rig_clear(&rig);
}

#include "support.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>

static struct test_rig rig;

TestSuite(server, .timeout = 60);

static void note_down(void *context)
{
    bool *down = context;
    *down = true;
}

Test(server, peer_is_the_certificate_leaf_first)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 5000);
    cm_stream_finish(call.stream, CM_OK, NULL);
    test_until(&rig, &call.closed);
    cr_expect_eq(rig.peer.count, 2);
    cr_expect_gt(rig.peer.chain[1].len, 100);
    const unsigned char *der = rig.peer_leaf.data;
    X509 *leaf = d2i_X509(NULL, &der, (long)rig.peer_leaf.len);
    cr_assert(leaf);
    cr_expect_eq(X509_check_ca(leaf), 0);
    X509_free(leaf);
    test_rig_clear(&rig);
}

Test(server, calls_past_the_bound_are_refused_at_once)
{
    test_rig_start(&rig);
    struct test_call calls[3] = {{.read_on = true}, {.read_on = true}, {.read_on = true}};
    for (unsigned i = 0; i < 2; i++) {
        test_call_open(&rig, &calls[i], "/test/Hold", 0);
    }
    test_until_count(&rig, &rig.opened, 2);
    test_call_open(&rig, &calls[2], "/test/Hold", 5000);
    test_until(&rig, &calls[2].closed);
    cr_expect_eq(calls[2].status, CM_EXHAUSTED);
    cr_expect_gt(calls[2].error.retry_after_ms, 0);
    cr_expect_eq(rig.opened, 2);
    // One ends: there is room again.
    cm_stream_cancel(calls[0].stream);
    test_until_count(&rig, &rig.cancelled, 1);
    struct test_call again = {.read_on = true};
    test_call_open(&rig, &again, "/test/Hold", 0);
    test_until_count(&rig, &rig.opened, 3);
    test_rig_clear(&rig);
    cr_expect(again.closed && calls[1].closed);
}

Test(server, call_nobody_takes_up_ends)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Forget", 5000);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_INTERNAL);
    test_rig_clear(&rig);
}

Test(server, second_server_on_the_port_is_refused)
{
    test_rig_start(&rig);
    struct cm_server *second = NULL;
    struct cm_server_options options = {
        .address = rig.address,
        .tls = {test_path(rig.dir, "gateway", ".key"), test_path(rig.dir, "gateway", ".pem"),
                test_path(rig.dir, "root", ".pem")},
        .max_connections = 4,
    };
    struct cm_error error = {0};
    cr_expect_eq(cm_server_new(&second, rig.loop, &options, &error), CM_IO);
    cr_expect_null(second);
    cr_expect_str_eq(error.where, rig.address);
    test_rig_clear(&rig);
}

Test(server, key_of_another_certificate_is_refused)
{
    test_rig_init(&rig);
    struct cm_server *server = NULL;
    struct cm_server_options options = {
        .address = "127.0.0.1:0",
        .tls = {test_path(rig.dir, "client", ".key"), test_path(rig.dir, "gateway", ".pem"),
                test_path(rig.dir, "root", ".pem")},
        .max_connections = 4,
    };
    struct cm_error error = {0};
    cr_expect_eq(cm_server_new(&server, rig.loop, &options, &error), CM_INVALID);
    cr_expect_str_eq(error.where, options.tls.key_path);
    options.tls.key_path = test_path(rig.dir, "missing", ".key");
    cr_expect_eq(cm_server_new(&server, rig.loop, &options, &error), CM_NOT_FOUND);
    test_rig_clear(&rig);
}

Test(server, drain_lets_a_call_end_in_its_grace)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 0);
    cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of("before")), CM_OK);
    test_until_count(&rig, &call.messages, 1);
    cm_server_shutdown(rig.server, 30000, note_down, &rig.down);
    test_until_count(&rig, &call.writable, 1);
    test_settle(&rig);
    cr_assert_not(rig.down);
    cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of(" after")), CM_OK);
    test_until_count(&rig, &call.messages, 2);
    cm_stream_finish(call.stream, CM_OK, NULL);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_OK);
    test_until(&rig, &rig.down);
    cr_expect_eq(rig.cancelled, 0);
    // A new call finds nobody.
    struct test_call late = {.read_on = true};
    test_call_open(&rig, &late, "/test/Echo", 5000);
    test_until(&rig, &late.closed);
    cr_expect_eq(late.status, CM_UNAVAILABLE);
    test_call_clear(&call);
    test_rig_clear(&rig);
}

Test(server, drain_cancels_after_its_grace)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Hold", 0);
    test_until_count(&rig, &rig.opened, 1);
    cm_server_shutdown(rig.server, 50, note_down, &rig.down);
    test_until(&rig, &rig.down);
    cr_expect_eq(rig.cancelled, 1);
    test_until(&rig, &call.closed);
    cr_expect_neq(call.status, CM_OK);
    test_rig_clear(&rig);
}

static void free_server(void *context)
{
    struct test_rig *of = context;
    cm_server_free(of->server);
    of->server = NULL;
    of->down = true;
}

Test(server, may_be_freed_when_it_is_down)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Hold", 0);
    test_until_count(&rig, &rig.opened, 1);
    cm_server_shutdown(rig.server, 0, free_server, &rig);
    test_until(&rig, &rig.down);
    test_until(&rig, &call.closed);
    test_rig_clear(&rig);
}

Test(server, freed_under_calls_ends_them)
{
    test_rig_start(&rig);
    struct test_call calls[2] = {{.read_on = true}, {0}};
    test_call_open(&rig, &calls[0], "/test/Hold", 0);
    test_call_open(&rig, &calls[1], "/test/Flood", 0);
    test_until_count(&rig, &rig.opened, 2);
    cm_server_free(rig.server);
    rig.server = NULL;
    cr_expect_eq(rig.cancelled, 2);
    test_until(&rig, &calls[0].closed);
    test_rig_clear(&rig);
    cr_expect(calls[1].closed);
}

Test(server, certificate_is_read_again_when_it_changes)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Refuse", 5000);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_STALE);
    // Now one that no longer has the name.
    test_issue(rig.dir, &(struct test_leaf){"gateway", "root", "gateway.elsewhere.test",
                                            "spiffe://ca.test/_/gateway/one", NULL});
    cm_channel_free(rig.channel);
    test_rig_connect(&rig, "client", "root");
    struct test_call after = {.read_on = true};
    test_call_open(&rig, &after, "/test/Refuse", 5000);
    test_until(&rig, &after.closed);
    cr_expect_eq(after.status, CM_UNAVAILABLE);
    // A broken file keeps the last good one in service.
    test_issue(rig.dir, &(struct test_leaf){"gateway", "root", TEST_NAME,
                                            "spiffe://ca.test/_/gateway/one", NULL});
    cm_channel_free(rig.channel);
    test_rig_connect(&rig, "client", "root");
    struct test_call good = {.read_on = true};
    test_call_open(&rig, &good, "/test/Refuse", 5000);
    test_until(&rig, &good.closed);
    cr_expect_eq(good.status, CM_STALE);
    FILE *file = fopen(test_path(rig.dir, "gateway", ".key"), "w");
    cr_assert(file && fputs("broken", file) > 0);
    fclose(file);
    cm_channel_free(rig.channel);
    test_rig_connect(&rig, "client", "root");
    struct test_call kept = {.read_on = true};
    test_call_open(&rig, &kept, "/test/Refuse", 5000);
    test_until(&rig, &kept.closed);
    cr_expect_eq(kept.status, CM_STALE);
    test_rig_clear(&rig);
}

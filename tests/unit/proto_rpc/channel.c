#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static struct test_rig rig;

TestSuite(channel, .timeout = 60);

// One question to a server that must not be trusted: the call fails and the server saw nothing.
static void ask_in_vain(void)
{
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 5000);
    cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of("a plate")), CM_OK);
    cm_stream_finish(call.stream, CM_OK, NULL);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_UNAVAILABLE);
    cr_expect_str_eq(call.error.where, "connection");
    test_settle(&rig);
    cr_expect_eq(rig.opened, 0);
    cr_expect_eq(rig.got, 0);
}

static void serve_as(const char *root, const char *dns, const char *uri)
{
    test_rig_init(&rig);
    test_issue(rig.dir, &(struct test_leaf){"other", root, dns, uri, NULL});
    test_rig_serve(&rig, "other");
    test_rig_connect(&rig, "client", "root");
}

Test(channel, server_of_another_root_gets_nothing)
{
    serve_as("stranger", TEST_NAME, "spiffe://ca.test/_/gateway/one");
    ask_in_vain();
    cr_expect_eq(rig.judged, 0);
    test_rig_clear(&rig);
}

Test(channel, server_of_another_name_gets_nothing)
{
    serve_as("root", "gateway.elsewhere.test", "spiffe://ca.test/_/gateway/one");
    ask_in_vain();
    test_rig_clear(&rig);
}

Test(channel, server_with_a_uri_only_gets_nothing)
{
    serve_as("root", NULL, "spiffe://ca.test/_/gateway/one");
    ask_in_vain();
    test_rig_clear(&rig);
}

Test(channel, server_that_is_judged_wrong_gets_nothing)
{
    test_rig_start(&rig);
    rig.verdict = CM_FORBIDDEN;
    ask_in_vain();
    cr_expect_gt(rig.judged, 0);
    test_rig_clear(&rig);
}

Test(channel, judged_well_is_served)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Refuse", 5000);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_STALE);
    cr_expect_eq(rig.judged, 1);
    test_rig_clear(&rig);
}

Test(channel, client_of_another_root_is_not_served)
{
    test_rig_init(&rig);
    test_issue(rig.dir, &(struct test_leaf){"stray", "stranger", NULL,
                                            "spiffe://ca.test/ca.milltown.pd/node/one", NULL});
    test_rig_serve(&rig, "gateway");
    test_rig_connect(&rig, "stray", "root");
    ask_in_vain();
    test_rig_clear(&rig);
}

Test(channel, nobody_there_fails_at_once)
{
    test_rig_init(&rig);
    test_rig_serve(&rig, "gateway");
    cm_server_free(rig.server);
    rig.server = NULL;
    test_rig_connect(&rig, "client", "root");
    ask_in_vain();
    test_rig_clear(&rig);
}

Test(channel, wait_ready_waits_for_the_server)
{
    test_rig_init(&rig);
    test_rig_serve(&rig, "gateway");
    test_rig_connect(&rig, "client", "root");
    rig.verdict = CM_FORBIDDEN;
    struct test_call refused = {.read_on = true};
    test_call_open(&rig, &refused, "/test/Refuse", 5000);
    test_until(&rig, &refused.closed);
    struct test_call call = {.read_on = true, .wait_ready = true};
    test_call_open(&rig, &call, "/test/Refuse", 10000);
    test_until_count(&rig, &rig.judged, 2);
    cr_expect_not(call.closed);
    rig.verdict = CM_OK;
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_STALE);
    test_rig_clear(&rig);
}

Test(channel, freed_under_a_call_ends_it)
{
    test_rig_start(&rig);
    struct test_call calls[3] = {{.read_on = true}, {.read_on = true}, {.read_on = true}};
    test_call_open(&rig, &calls[0], "/test/Hold", 0);
    test_call_open(&rig, &calls[1], "/test/Hold", 0);
    test_call_open(&rig, &calls[2], "/test/Refuse", 0);
    test_until(&rig, &calls[2].closed);
    cm_channel_free(rig.channel);
    rig.channel = NULL;
    cr_expect_not(calls[0].closed);
    test_until(&rig, &calls[0].closed);
    test_until(&rig, &calls[1].closed);
    cr_expect_eq(calls[0].status, CM_CANCELLED);
    test_rig_clear(&rig);
}

Test(channel, reload_takes_a_new_certificate_and_keeps_streams)
{
    test_rig_start(&rig);
    struct cm_error error = {0};
    struct test_call held = {0};
    test_call_open(&rig, &held, "/test/Echo", 0);
    cr_assert_eq(cm_stream_write(held.stream, cm_bytes_of("one")), CM_OK);
    cm_stream_read(held.stream);
    test_until_count(&rig, &held.messages, 1);
    struct cm_buf before = {0};
    cr_assert(!cm_buf_add(&before, rig.peer_leaf.data, rig.peer_leaf.len));
    cr_assert_eq(cm_channel_reload(rig.channel, &error), CM_OK);

    test_issue(rig.dir, &(struct test_leaf){"client", "root", NULL,
                                            "spiffe://ca.test/ca.northport.pd/node/one", NULL});
    cr_assert_eq(cm_channel_reload(rig.channel, &error), CM_OK);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Echo", 5000);
    cm_stream_finish(call.stream, CM_OK, NULL);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_OK);
    cr_expect_not(cm_bytes_equal(cm_buf_bytes(&before), cm_buf_bytes(&rig.peer_leaf)));

    test_until_count(&rig, &held.writable, 1);
    cr_assert_eq(cm_stream_write(held.stream, cm_bytes_of("two")), CM_OK);
    cm_stream_read(held.stream);
    test_until_count(&rig, &held.messages, 2);
    cm_buf_clear(&before);
    cm_stream_cancel(held.stream);
    test_until(&rig, &held.closed);
    test_call_clear(&held);
    test_rig_clear(&rig);
}

Test(channel, encrypted_key_opens_with_its_passphrase_only)
{
    test_rig_init(&rig);
    test_rig_serve(&rig, "gateway");
    test_issue(rig.dir, &(struct test_leaf){"person", "root", NULL,
                                            "spiffe://ca.test/ca.northport.pd/investigator/ada",
                                            "correct horse"});
    struct cm_channel_options options = {
        .address = rig.address,
        .server_name = TEST_NAME,
        .tls = {test_path(rig.dir, "person", ".key"), test_path(rig.dir, "person", ".pem"),
                test_path(rig.dir, "root", ".pem")},
        .judge = NULL,
        .max_message = 1024,
    };
    struct cm_error error = {0};
    struct cm_channel *channel = NULL;
    cr_expect_eq(cm_channel_new(&channel, rig.loop, &options, &error), CM_INVALID);
    options.passphrase = "wrong";
    cr_expect_eq(cm_channel_new(&channel, rig.loop, &options, &error), CM_INVALID);
    cr_expect_null(channel);
    options.passphrase = "correct horse";
    cr_assert_eq(cm_channel_new(&channel, rig.loop, &options, &error), CM_OK);
    rig.channel = channel;
    // Without a judge nobody is let in.
    ask_in_vain();
    test_rig_clear(&rig);
}

// The server sends what gRPC would take in whole before it looks at the bound.
Test(channel, endless_message_of_a_gateway_is_not_taken_in)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/Endless", 0);
    test_until(&rig, &call.closed);
    cr_expect_neq(call.status, CM_OK);
    cr_expect_eq(call.messages, 0);
    cr_expect_null(strstr(call.error.text, "larger than max"), "%s", call.error.text);
    test_still_serves(&rig);
    test_rig_clear(&rig);
}

Test(channel, message_over_the_bound_ends_the_call)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/test/TooLong", 0);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_EXHAUSTED);
    cr_expect_eq(call.messages, 0);
    test_rig_clear(&rig);
}

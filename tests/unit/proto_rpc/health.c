#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static struct test_rig rig;

TestSuite(health, .timeout = 60);

// HealthCheckRequest{service} and the status of a HealthCheckResponse, by hand.
static void ask(struct test_call *call, const char *service)
{
    struct cm_buf request = {0};
    size_t len = strlen(service);
    uint8_t head[2] = {0x0a, (uint8_t)len};
    if (len) {
        cr_assert(!cm_buf_add(&request, head, 2) && !cm_buf_add(&request, service, len));
    }
    cr_assert_eq(cm_stream_write(call->stream, cm_buf_bytes(&request)), CM_OK);
    cm_buf_clear(&request);
}

static unsigned last_status(const struct test_call *call)
{
    return call->received.len < 2 ? 0 : call->received.data[call->received.len - 1];
}

enum { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

static enum cm_status check(const char *service, unsigned *answer)
{
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/grpc.health.v1.Health/Check", 5000);
    ask(&call, service);
    cm_stream_finish(call.stream, CM_OK, NULL);
    test_until(&rig, &call.closed);
    *answer = last_status(&call);
    test_call_clear(&call);
    return call.status;
}

Test(health, check_tells_the_state)
{
    unsigned answer;
    test_rig_start(&rig);
    cr_expect_eq(check("", &answer), CM_OK);
    cr_expect_eq(answer, NOT_SERVING);
    cm_server_set_healthy(rig.server, true);
    cr_expect_eq(check("", &answer), CM_OK);
    cr_expect_eq(answer, SERVING);
    cr_expect_eq(check("comity.v1.GatewayService", &answer), CM_OK);
    cr_expect_eq(answer, SERVING);
    cr_expect_eq(check("comity.v1.Other", &answer), CM_NOT_FOUND);
    test_rig_clear(&rig);
}

Test(health, check_refuses_garbage)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    test_call_open(&rig, &call, "/grpc.health.v1.Health/Check", 5000);
    cr_assert_eq(cm_stream_write(call.stream, cm_bytes_of("\xff\xff\xff")), CM_OK);
    test_until(&rig, &call.closed);
    cr_expect_eq(call.status, CM_INVALID);
    struct test_call silent = {.read_on = true};
    test_call_open(&rig, &silent, "/grpc.health.v1.Health/Check", 5000);
    cm_stream_finish(silent.stream, CM_OK, NULL);
    test_until(&rig, &silent.closed);
    cr_expect_eq(silent.status, CM_INVALID);
    test_rig_clear(&rig);
}

Test(health, watch_follows_the_state)
{
    test_rig_start(&rig);
    struct test_call call = {.read_on = true};
    struct test_call other = {.read_on = true};
    test_call_open(&rig, &call, "/grpc.health.v1.Health/Watch", 0);
    test_call_open(&rig, &other, "/grpc.health.v1.Health/Watch", 0);
    ask(&call, "");
    ask(&other, "comity.v1.Other");
    test_until_count(&rig, &call.messages, 1);
    test_until_count(&rig, &other.messages, 1);
    cr_expect_eq(last_status(&call), NOT_SERVING);
    cr_expect_eq(last_status(&other), SERVICE_UNKNOWN);
    cm_server_set_healthy(rig.server, true);
    test_until_count(&rig, &call.messages, 2);
    cr_expect_eq(last_status(&call), SERVING);
    cm_server_set_healthy(rig.server, true);
    cm_stream_cancel(other.stream);
    test_until(&rig, &other.closed);
    cm_server_shutdown(rig.server, 1000, NULL, NULL);
    test_until(&rig, &call.closed);
    cr_expect_eq(last_status(&call), NOT_SERVING);
    cr_expect_eq(call.messages, 3);
    cr_expect_eq(call.status, CM_UNAVAILABLE);
    cr_expect_eq(other.messages, 1);
    test_call_clear(&call);
    test_call_clear(&other);
    test_rig_clear(&rig);
}

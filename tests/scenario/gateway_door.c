// Calls that say nothing, or aren't for who opens them, at a real comity-gatewayd.
#include "gateway_daemon_peers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

enum { PER_KEY = 32 }; // silent calls that a key may hold

static struct daemon world;
static struct daemon *const gateway = &world;
static struct peer node, first, second;

static void setup(void)
{
    daemon_new(gateway);
    peer_open(&node, gateway, "ca.milltown.pd", CM_ROLE_NODE, "node-1");
    peer_open(&first, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    peer_open(&second, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-2");
}

static void teardown(void)
{
    peer_close(&node);
    peer_close(&first);
    peer_close(&second);
    daemon_free(gateway);
}

TestSuite(gateway_door, .init = setup, .fini = teardown, .timeout = 60);

static void refused(struct call *call, enum cm_status status)
{
    DAEMON_UNTIL(gateway, call->closed);
    cr_assert_eq(call->status, status, "%s (%s: %s)", cm_status_name(call->status),
                 call->error.where, call->error.text);
    call_clear(call);
}

static void answered(struct peer *peer)
{
    struct call lookup;
    struct question question;
    question_make(&question, peer);
    question_send(&lookup, peer, &question);
    refused(&lookup, CM_OK);
    cm_buf_clear(&question.request);
}

Test(gateway_door, a_key_holds_few_calls_that_ask_nothing_and_not_for_long)
{
    struct call silent[PER_KEY], more;
    answered(&first); // connected
    int64_t begun = cm_mono_ms(cm_clock_system());
    for (size_t i = 0; i < PER_KEY; i++) {
        call_open(&silent[i], &first, i % 2 ? CM_METHOD_REACH : CM_METHOD_LOOKUP);
    }
    call_open(&more, &first, CM_METHOD_LOOKUP);
    DAEMON_UNTIL(gateway, more.closed);
    cr_assert_gt(more.error.retry_after_ms, 0);
    refused(&more, CM_EXHAUSTED);
    answered(&second);
    for (size_t i = 0; i < PER_KEY; i++) {
        refused(&silent[i], CM_LATE);
    }
    cr_assert_lt(cm_mono_ms(cm_clock_system()) - begun, 4000);
    answered(&first);
}

Test(gateway_door, a_call_is_refused_as_it_opens_where_the_role_is_not_for_it)
{
    struct call call;
    call_open(&call, &node, CM_METHOD_LOOKUP);
    refused(&call, CM_FORBIDDEN);
    call_open(&call, &node, CM_METHOD_REACH);
    refused(&call, CM_FORBIDDEN);
    call_open(&call, &first, CM_METHOD_ATTACH);
    refused(&call, CM_FORBIDDEN);
    call_open(&call, &first, CM_METHOD_ANSWER);
    refused(&call, CM_FORBIDDEN);
}

Test(gateway_door, only_who_is_attached_may_open_an_answer)
{
    struct call attach, answer;
    call_open(&answer, &node, CM_METHOD_ANSWER);
    refused(&answer, CM_FORBIDDEN);
    call_open(&attach, &node, CM_METHOD_ATTACH);
    hello_send(&attach, &node, "ca.milltown.pd", 1, OPEN_RULES, CM_CREDITS);
    DAEMON_UNTIL(gateway, attach.count > 0);
    call_open(&answer, &node, CM_METHOD_ANSWER);
    refused(&answer, CM_LATE);
    cm_stream_cancel(attach.stream);
    DAEMON_UNTIL(gateway, attach.closed);
    call_clear(&attach);
}

Test(gateway_door, a_revoked_certificate_holds_no_call)
{
    struct call call, attach;
    answered(&first);
    call_open(&attach, &node, CM_METHOD_ATTACH);
    hello_send(&attach, &node, "ca.milltown.pd", 1, OPEN_RULES, CM_CREDITS);
    DAEMON_UNTIL(gateway, attach.count > 0);
    pki_next(gateway->pki);
    pki_revoke(gateway->pki, "ca.northport.pd", first.identity, gateway->pki->now_ms - 1000);
    pki_bundle_file(gateway->pki);
    daemon_signal(gateway, SIGHUP);
    DAEMON_UNTIL(gateway, attach.count > 1); // the newer directory counts
    call_open(&call, &first, CM_METHOD_LOOKUP);
    refused(&call, CM_UNAUTHENTICATED);
    cm_stream_cancel(attach.stream);
    DAEMON_UNTIL(gateway, attach.closed);
    call_clear(&attach);
}

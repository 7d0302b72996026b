// The real comity-gatewayd over mutual TLS: who may attach and answer, one query round, restart.
#include "gateway_daemon_peers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define OPEN_RULES "permit anyone to any for any back all see all until 2099-01-01"

static struct daemon daemon_;
static struct daemon *const gateway = &daemon_;
static struct peer milltown, southgate, investigator;

static void setup(void)
{
    daemon_new(gateway);
    peer_open(&milltown, gateway, "ca.milltown.pd", CM_ROLE_NODE, "node-1");
    peer_open(&southgate, gateway, "ca.southgate.pd", CM_ROLE_NODE, "node-1");
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
}

static void teardown(void)
{
    peer_close(&milltown);
    peer_close(&southgate);
    peer_close(&investigator);
    daemon_free(gateway);
}

TestSuite(gateway_daemon, .init = setup, .fini = teardown, .timeout = 120);

static void end(struct call *call)
{
    if (call->stream)
        cm_stream_cancel(call->stream);
    DAEMON_UNTIL(gateway, call->closed);
    call_clear(call);
}

// Attaches with rules that permit everybody; welcome is the first message.
static void attach(struct call *call, struct cm_attach_down *welcome, struct peer *peer,
                   const char *agency, uint8_t instance)
{
    call_open(call, peer, CM_METHOD_ATTACH);
    hello_send(call, peer, agency, instance, OPEN_RULES);
    DAEMON_UNTIL(gateway, call->count >= 1 || call->closed);
    cr_assert_not(call->closed, "%s: %s", call->error.where, call->error.text);
    down_of(welcome, call, 0);
    cr_assert_eq(welcome->kind, CM_DOWN_WELCOME);
    cr_assert_str_eq(welcome->welcome.gateway, "gw-1");
}

static void take_ask(struct cm_attach_down *ask, struct call *call, size_t index)
{
    DAEMON_UNTIL(gateway, call->count > index);
    down_of(ask, call, index);
    cr_assert_eq(ask->kind, CM_DOWN_ASK);
}

static void take_manifest(struct cm_manifest *manifest, struct call *lookup)
{
    DAEMON_UNTIL(gateway, lookup->closed);
    cr_assert_eq(lookup->status, CM_OK, "%s: %s", lookup->error.where, lookup->error.text);
    struct cm_lookup_response response;
    cr_assert_eq(cm_lookup_response_decode(&response, lookup->arena,
                                           lookup->messages[lookup->count - 1], NULL),
                 CM_OK);
    cr_assert_eq(response.kind, CM_LOOKUP_MANIFEST);
    cr_assert_eq(cm_manifest_decode(manifest, lookup->arena, response.u.envelope.payload, NULL),
                 CM_OK);
}

static void refused(struct call *call, enum cm_status status)
{
    DAEMON_UNTIL(gateway, call->closed);
    cr_assert_eq(call->status, status, "%s (%s: %s)", cm_status_name(call->status),
                 call->error.where, call->error.text);
    call_clear(call);
}

Test(gateway_daemon, a_query_goes_round_and_comes_back_with_a_manifest)
{
    struct call node, lookup, answer;
    struct cm_attach_down welcome, ask;
    struct question question;
    struct cm_digest rules;
    struct cm_manifest manifest;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_ask(&ask, &node, 1);
    cr_assert_eq(ask.ask.attempt, 1);
    cr_assert_eq(ask.ask.limit, 10);
    rules_digest(&rules, &milltown, "ca.milltown.pd", OPEN_RULES);
    answer_start(&answer, &milltown, &welcome, &ask);
    answer_nothing(&answer, &milltown, &question, &ask, "ca.milltown.pd", &rules);
    take_manifest(&manifest, &lookup);
    cr_assert_eq(manifest.counts[CM_OUTCOME_ANSWERED], 1);
    cr_assert_eq(manifest.counts[CM_OUTCOME_OFFLINE], 2);
    DAEMON_UNTIL(gateway, answer.closed);
    cr_assert_eq(answer.status, CM_OK);
    cr_assert_eq(answer.count, 1);
    call_clear(&answer);
    call_clear(&lookup);
    end(&node);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, only_a_node_of_the_agency_may_attach)
{
    struct call call;
    call_open(&call, &southgate, CM_METHOD_ATTACH);
    hello_send(&call, &southgate, "ca.milltown.pd", 1, OPEN_RULES);
    refused(&call, CM_FORBIDDEN);
    call_open(&call, &investigator, CM_METHOD_ATTACH);
    hello_send(&call, &investigator, "ca.northport.pd", 1, OPEN_RULES);
    refused(&call, CM_FORBIDDEN);
}

Test(gateway_daemon, an_answer_needs_key_session_and_token_once)
{
    struct call node, other, lookup, answer, thief;
    struct cm_attach_down welcome, other_welcome, ask, forged;
    struct question question;
    struct cm_digest rules;
    struct cm_manifest manifest;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    attach(&other, &other_welcome, &southgate, "ca.southgate.pd", 2);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_ask(&ask, &node, 1);
    answer_start(&thief, &southgate, &welcome, &ask);
    refused(&thief, CM_FORBIDDEN);
    answer_start(&thief, &southgate, &other_welcome, &ask);
    refused(&thief, CM_FORBIDDEN);
    forged = ask;
    forged.ask.token[31] ^= 1;
    answer_start(&thief, &milltown, &welcome, &forged);
    refused(&thief, CM_FORBIDDEN);
    forged = welcome;
    forged.welcome.session[0] ^= 1;
    answer_start(&thief, &milltown, &forged, &ask);
    refused(&thief, CM_FORBIDDEN);
    answer_start(&answer, &milltown, &welcome, &ask);
    rules_digest(&rules, &milltown, "ca.milltown.pd", OPEN_RULES);
    answer_nothing(&answer, &milltown, &question, &ask, "ca.milltown.pd", &rules);
    take_manifest(&manifest, &lookup);
    cr_assert_eq(manifest.counts[CM_OUTCOME_ANSWERED], 1);
    cr_assert_eq(manifest.counts[CM_OUTCOME_LATE], 1);
    answer_start(&thief, &milltown, &welcome, &ask);
    refused(&thief, CM_FORBIDDEN);
    end(&answer);
    call_clear(&lookup);
    end(&node);
    end(&other);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, the_same_instance_replaces_its_session)
{
    struct call first, second, third;
    struct cm_attach_down welcome;
    attach(&first, &welcome, &milltown, "ca.milltown.pd", 1);
    attach(&second, &welcome, &milltown, "ca.milltown.pd", 2);
    attach(&third, &welcome, &milltown, "ca.milltown.pd", 1);
    DAEMON_UNTIL(gateway, first.closed);
    cr_assert_not(second.closed || third.closed);
    call_clear(&first);
    end(&second);
    end(&third);
}

Test(gateway_daemon, a_lost_session_is_told_at_once)
{
    struct call node, lookup;
    struct cm_attach_down welcome, ask;
    struct question question;
    struct cm_manifest manifest;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_ask(&ask, &node, 1);
    int64_t lost = cm_mono_ms(cm_clock_system());
    end(&node);
    take_manifest(&manifest, &lookup);
    cr_assert_lt(cm_mono_ms(cm_clock_system()) - lost, 900);
    cr_assert_eq(manifest.counts[CM_OUTCOME_OFFLINE], 3);
    call_clear(&lookup);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, a_query_is_refused_again_after_a_restart)
{
    struct call lookup;
    struct question question;
    struct cm_manifest manifest;
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_manifest(&manifest, &lookup);
    call_clear(&lookup);
    question_send(&lookup, &investigator, &question);
    refused(&lookup, CM_REPLAYED);
    peer_close(&investigator);
    daemon_stop(gateway);
    daemon_start(gateway);
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    question_send(&lookup, &investigator, &question);
    refused(&lookup, CM_REPLAYED);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, rules_are_known_after_a_restart)
{
    struct call node, lookup;
    struct cm_attach_down welcome;
    struct question question;
    struct cm_manifest manifest;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    end(&node);
    peer_close(&investigator);
    daemon_stop(gateway);
    daemon_start(gateway);
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_manifest(&manifest, &lookup);
    // It permits, though its node is away: it is listed by name.
    cr_assert_eq(manifest.account_count, 1);
    cr_assert_str_eq(manifest.accounts[0].agency, "ca.milltown.pd");
    call_clear(&lookup);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, a_drain_lets_the_running_query_end)
{
    struct call node, lookup;
    struct cm_attach_down welcome, ask;
    struct question question;
    struct cm_manifest manifest;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_ask(&ask, &node, 1);
    daemon_signal(gateway, SIGTERM);
    take_manifest(&manifest, &lookup);
    cr_assert_eq(manifest.counts[CM_OUTCOME_LATE], 1);
    DAEMON_UNTIL(gateway, node.closed);
    call_clear(&node);
    call_clear(&lookup);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, a_newer_directory_reaches_the_nodes_on_reload)
{
    struct call node;
    struct cm_attach_down welcome, part;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    pki_next(gateway->pki);
    pki_agency(gateway->pki, "ca.newtown.pd");
    pki_bundle_file(gateway->pki);
    daemon_signal(gateway, SIGHUP);
    DAEMON_UNTIL(gateway, node.count >= 2);
    down_of(&part, &node, 1);
    cr_assert_eq(part.kind, CM_DOWN_DIRECTORY);
    cr_assert_eq(part.directory.serial, gateway->pki->serial);
    end(&node);
}

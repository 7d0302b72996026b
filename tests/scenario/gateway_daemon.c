// The real comity-gatewayd over mutual TLS: who may attach and answer, one query round, restart.
#include "gateway_daemon_peers.h"

#include "proto/ledger/checkpoint.h"
#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

TestSuite(gateway_daemon, .init = setup, .fini = teardown, .timeout = 280);

static void end(struct call *call)
{
    if (call->stream) {
        cm_stream_cancel(call->stream);
    }
    DAEMON_UNTIL(gateway, call->closed);
    call_clear(call);
}

static void attach_with(struct call *call, struct cm_attach_down *welcome, struct peer *peer,
                        const char *agency, uint8_t instance, uint32_t credits)
{
    call_open(call, peer, CM_METHOD_ATTACH);
    hello_send(call, peer, agency, instance, OPEN_RULES, credits);
    DAEMON_UNTIL(gateway, call->count >= 1 || call->closed);
    cr_assert_not(call->closed, "%s: %s", call->error.where, call->error.text);
    down_of(welcome, call, 0);
    cr_assert_eq(welcome->kind, CM_DOWN_WELCOME);
    cr_assert_str_eq(welcome->welcome.gateway, "gw-1");
}

// Attaches with rules that permit everybody; welcome is the first message.
static void attach(struct call *call, struct cm_attach_down *welcome, struct peer *peer,
                   const char *agency, uint8_t instance)
{
    attach_with(call, welcome, peer, agency, instance, CM_CREDITS);
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
    hello_send(&call, &southgate, "ca.milltown.pd", 1, OPEN_RULES, CM_CREDITS);
    refused(&call, CM_FORBIDDEN);
    call_open(&call, &investigator, CM_METHOD_ATTACH);
    hello_send(&call, &investigator, "ca.northport.pd", 1, OPEN_RULES, CM_CREDITS);
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

// What cannot be read isn't damaged: its agency attaches as soon as it can be.
Test(gateway_daemon, rules_that_cannot_be_read_for_a_while_cut_nobody_off)
{
    struct call node;
    struct cm_attach_down welcome;
    char path[2 * PKI_PATH];
    snprintf(path, sizeof path, "%s/rules/ca.milltown.pd.history", gateway->data);
    peer_close(&milltown);
    daemon_stop(gateway);
    cr_assert_eq(mkdir(path, 0700), 0);
    daemon_start(gateway);
    peer_open(&milltown, gateway, "ca.milltown.pd", CM_ROLE_NODE, "node-1");
    call_open(&node, &milltown, CM_METHOD_ATTACH);
    hello_send(&node, &milltown, "ca.milltown.pd", 1, OPEN_RULES, CM_CREDITS);
    refused(&node, CM_UNAVAILABLE);
    cr_assert_eq(rmdir(path), 0);
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    end(&node);
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

Test(gateway_daemon, a_refusal_and_a_withdrawal_are_told_at_once)
{
    struct call node, other, lookup;
    struct cm_attach_down welcome, ask;
    struct question question;
    struct cm_manifest manifest;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    attach(&other, &welcome, &southgate, "ca.southgate.pd", 2);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_ask(&ask, &node, 1);
    refuse_send(&node, &milltown, &question, &ask, "ca.milltown.pd");
    take_ask(&ask, &other, 1);
    struct cm_attach_up up = {.kind = CM_UP_WITHDRAW, .ask = ask.ask.ask, .rules_sequence = 2};
    up_send(&other, gateway, &up);
    take_manifest(&manifest, &lookup);
    cr_assert_eq(manifest.counts[CM_OUTCOME_REFUSED], 1);
    cr_assert_eq(manifest.counts[CM_OUTCOME_WITHDRAWN], 1);
    call_clear(&lookup);
    end(&node);
    end(&other);
    cm_buf_clear(&question.request);
}

// Each ask's checkpoint continues the one before it on the stream.
static void check_heads(const struct cm_attach_down *first, const struct cm_attach_down *second)
{
    struct cm_checkpoint before, after;
    struct cm_digest leaf;
    cr_assert_eq(cm_checkpoint_parse(&before, first->ask.checkpoint, NULL), CM_OK);
    cr_assert_eq(cm_checkpoint_parse(&after, second->ask.checkpoint, NULL), CM_OK);
    cr_assert_gt(after.size, before.size);
    cr_assert_eq(second->ask.consistency.old_size, before.size);
    cr_assert_eq(cm_merkle_check_consistency(&second->ask.consistency, &before.root, &after.root),
                 CM_OK);
    cm_merkle_leaf(&leaf, second->ask.entry);
    cr_assert_eq(cm_merkle_check_inclusion(&second->ask.inclusion, &leaf, &after.root), CM_OK);
}

Test(gateway_daemon, asks_wait_for_credits_and_their_checkpoints_follow_on)
{
    struct call node, first, second;
    struct cm_attach_down welcome, ask, next;
    struct question questions[2];
    struct cm_manifest manifest;
    attach_with(&node, &welcome, &milltown, "ca.milltown.pd", 1, 1);
    question_make(&questions[0], &investigator);
    question_make(&questions[1], &investigator);
    question_send(&first, &investigator, &questions[0]);
    take_ask(&ask, &node, 1);
    refuse_send(&node, &milltown, &questions[0], &ask, "ca.milltown.pd");
    take_manifest(&manifest, &first);
    question_send(&second, &investigator, &questions[1]);
    DAEMON_UNTIL(gateway, second.count > 0);
    cr_assert_eq(node.count, 2, "an ask without a credit");
    struct cm_attach_up up = {.kind = CM_UP_CREDIT, .credits = 1};
    up_send(&node, gateway, &up);
    take_ask(&next, &node, 2);
    check_heads(&ask, &next);
    refuse_send(&node, &milltown, &questions[1], &next, "ca.milltown.pd");
    take_manifest(&manifest, &second);
    cr_assert_eq(manifest.counts[CM_OUTCOME_REFUSED], 1);
    call_clear(&first);
    call_clear(&second);
    end(&node);
    cm_buf_clear(&questions[0].request);
    cm_buf_clear(&questions[1].request);
}

Test(gateway_daemon, reach_tells_who_would_be_asked_and_asks_nobody)
{
    struct call node, reach;
    struct cm_attach_down welcome;
    struct question question;
    struct cm_reach_response response;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    reach_make(&question, &investigator);
    call_open(&reach, &investigator, CM_METHOD_REACH);
    call_write(&reach, gateway, cm_buf_bytes(&question.request));
    DAEMON_UNTIL(gateway, reach.closed);
    cr_assert_eq(reach.status, CM_OK, "%s: %s", reach.error.where, reach.error.text);
    cr_assert_eq(cm_reach_response_decode(&response, reach.arena, reach.messages[0], NULL), CM_OK);
    cr_assert_eq(response.agency_count, 1);
    cr_assert_str_eq(response.agencies[0].agency, "ca.milltown.pd");
    cr_assert_eq(response.agencies[0].outcome, CM_OUTCOME_NONE);
    cr_assert_eq(response.counts[CM_OUTCOME_OFFLINE], 2);
    cr_assert_eq(node.count, 1);
    call_clear(&reach);
    // A reach is no query: the other call refuses it.
    question_send(&reach, &investigator, &question);
    refused(&reach, CM_INVALID);
    end(&node);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, a_revoked_node_is_cut_off_on_reload)
{
    struct call node, other;
    struct cm_attach_down welcome;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    attach(&other, &welcome, &southgate, "ca.southgate.pd", 2);
    pki_next(gateway->pki);
    pki_revoke(gateway->pki, "ca.milltown.pd", milltown.identity, gateway->pki->now_ms - 1000);
    pki_bundle_file(gateway->pki);
    daemon_signal(gateway, SIGHUP);
    refused(&node, CM_UNAUTHENTICATED);
    cr_assert_not(other.closed);
    end(&other);
}

Test(gateway_daemon, a_node_brings_the_newer_directory)
{
    struct call node, other;
    struct cm_attach_down welcome, part;
    struct cm_buf bundle = {0};
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    attach(&other, &welcome, &southgate, "ca.southgate.pd", 2);
    pki_next(gateway->pki);
    pki_bundle(gateway->pki, &bundle);
    struct cm_attach_up up = {
        .kind = CM_UP_DIRECTORY,
        .directory = {gateway->pki->serial, 0, 1, cm_buf_bytes(&bundle)},
    };
    up_send(&node, gateway, &up);
    DAEMON_UNTIL(gateway, other.count >= 2);
    down_of(&part, &other, 1);
    cr_assert_eq(part.kind, CM_DOWN_DIRECTORY);
    cr_assert_eq(part.directory.serial, gateway->pki->serial);
    end(&node);
    end(&other);
    cm_buf_clear(&bundle);
}

static void many_rules(struct cm_buf *rules)
{
    for (int i = 0; i < 8000; i++) {
        cr_assert_eq(cm_buf_printf(rules,
                                   "permit ca.northport.pd to any for any back %d days see all\n",
                                   1 + i % 300),
                     CM_OK);
    }
    cr_assert_eq(cm_buf_printf(rules, "%s", OPEN_RULES), CM_OK);
    cr_assert_eq(cm_buf_add(rules, "", 1), CM_OK);
}

static void reach(void)
{
    struct call call;
    struct question question;
    reach_make(&question, &investigator);
    call_open(&call, &investigator, CM_METHOD_REACH);
    call_write(&call, gateway, cm_buf_bytes(&question.request));
    refused(&call, CM_OK);
    cm_buf_clear(&question.request);
}

// A rule set of many lines takes a while to compile: its own session waits, and nobody else.
Test(gateway_daemon, large_rules_keep_nobody_waiting)
{
    struct call node;
    struct cm_buf rules = {0};
    many_rules(&rules);
    reach(); // connected
    call_open(&node, &milltown, CM_METHOD_ATTACH);
    hello_send(&node, &milltown, "ca.milltown.pd", 1, (const char *)rules.data, CM_CREDITS);
    reach();
    cr_assert_eq(node.count, 0, "the rules were taken in before the reach was answered");
    DAEMON_UNTIL(gateway, node.count > 0 || node.closed);
    cr_assert_not(node.closed, "%s: %s", node.error.where, node.error.text);
    end(&node);
    cm_buf_clear(&rules);
}

static void push(struct call *node, uint64_t serial, struct cm_bytes bundle)
{
    struct cm_attach_up up = {.kind = CM_UP_DIRECTORY, .directory = {serial, 0, 1, bundle}};
    up_send(node, gateway, &up);
}

Test(gateway_daemon, who_pushes_a_forged_directory_is_cut_off_and_not_heard_for_a_while)
{
    struct call node, other;
    struct cm_attach_down welcome, part;
    struct cm_buf bundle = {0};
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    attach(&other, &welcome, &southgate, "ca.southgate.pd", 2);
    push(&node, gateway->pki->serial + 7, cm_bytes_of("no directory"));
    refused(&node, CM_INVALID);
    // The valid one of today under a serial that it hasn't is no better.
    pki_bundle(gateway->pki, &bundle);
    push(&other, gateway->pki->serial + 7, cm_buf_bytes(&bundle));
    refused(&other, CM_INVALID);
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    push(&node, gateway->pki->serial + 7, cm_bytes_of("no directory"));
    reach();
    cr_assert_not(node.closed, "it was looked at");
    pki_next(gateway->pki);
    pki_bundle_file(gateway->pki);
    daemon_signal(gateway, SIGHUP);
    DAEMON_UNTIL(gateway, node.count >= 2);
    down_of(&part, &node, 1);
    cr_assert_eq(part.directory.serial, gateway->pki->serial);
    end(&node);
    cm_buf_clear(&bundle);
}

// The one worker of directories has large rules to compile, the pushed one waits behind them.
Test(gateway_daemon, a_reload_counts_also_while_a_pushed_directory_is_looked_at)
{
    struct call node, other;
    struct cm_attach_down welcome, part;
    struct cm_buf rules = {0};
    many_rules(&rules);
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    reach();
    call_open(&other, &southgate, CM_METHOD_ATTACH);
    hello_send(&other, &southgate, "ca.southgate.pd", 2, (const char *)rules.data, CM_CREDITS);
    push(&node, gateway->pki->serial + 7, cm_bytes_of("no directory"));
    reach();
    cr_assert_eq(other.count, 0);
    pki_next(gateway->pki);
    pki_bundle_file(gateway->pki);
    daemon_signal(gateway, SIGHUP);
    refused(&node, CM_INVALID);
    DAEMON_UNTIL(gateway, other.count >= 2);
    down_of(&part, &other, 1);
    cr_assert_eq(part.kind, CM_DOWN_DIRECTORY);
    cr_assert_eq(part.directory.serial, gateway->pki->serial);
    end(&other);
    cm_buf_clear(&rules);
}

Test(gateway_daemon, a_node_process_is_asked_once_and_another_of_the_agency_in_its_place)
{
    struct call first, second, again, lookup;
    struct cm_attach_down welcome, ask;
    struct question question;
    struct cm_manifest manifest;
    attach(&first, &welcome, &milltown, "ca.milltown.pd", 1);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_ask(&ask, &first, 1);
    attach(&second, &welcome, &milltown, "ca.milltown.pd", 2);
    attach(&again, &welcome, &milltown, "ca.milltown.pd", 1); // replaces the first
    DAEMON_UNTIL(gateway, first.closed);
    take_ask(&ask, &second, 1);
    cr_assert_eq(ask.ask.attempt, 2);
    end(&second);
    take_manifest(&manifest, &lookup);
    cr_assert_eq(manifest.counts[CM_OUTCOME_OFFLINE], 3);
    cr_assert_eq(again.count, 1, "the process that has it already was asked again");
    call_clear(&first);
    call_clear(&lookup);
    end(&again);
    cm_buf_clear(&question.request);
}

// Each ask's entry index counts what was recorded before it: start, the rules, the directory.
Test(gateway_daemon, rules_and_directories_that_count_are_recorded)
{
    struct call node, lookup;
    struct cm_attach_down welcome, part, ask;
    struct question question;
    struct cm_manifest manifest;
    attach(&node, &welcome, &milltown, "ca.milltown.pd", 1);
    pki_next(gateway->pki);
    pki_bundle_file(gateway->pki);
    daemon_signal(gateway, SIGHUP);
    DAEMON_UNTIL(gateway, node.count >= 2);
    down_of(&part, &node, 1);
    cr_assert_eq(part.kind, CM_DOWN_DIRECTORY);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_ask(&ask, &node, 2);
    cr_assert_eq(ask.ask.inclusion.index, 3);
    refuse_send(&node, &milltown, &question, &ask, "ca.milltown.pd");
    take_manifest(&manifest, &lookup);
    call_clear(&lookup);
    end(&node);
    cm_buf_clear(&question.request);
}

Test(gateway_daemon, a_clock_set_back_while_it_was_stopped_is_recorded_once)
{
    enum { AHEAD_MS = 3600000 };
    struct cm_entry step;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    daemon_stop(gateway);
    cr_assert_eq(ledger_count(gateway->data, CM_ENTRY_CLOCK), 0);
    ledger_add_stop(gateway, gateway->data, pki_signer(gateway->pki, "_", CM_ROLE_GATEWAY, "gw-1"),
                    AHEAD_MS);
    for (unsigned starts = 0; starts < 2; starts++) {
        daemon_start(gateway);
        daemon_stop(gateway);
        cr_assert_eq(ledger_recorded(gateway->data, CM_ENTRY_CLOCK, &step, arena), 1);
        cr_expect_gt(step.before_ms, -AHEAD_MS - 1000);
        cr_expect_lt(step.before_ms, -AHEAD_MS + DAEMON_WAIT_MS);
    }
    cm_arena_free(arena);
}

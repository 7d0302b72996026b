// What the real node keeps: ledgers put back, full or cut off by a crash, what operators said,
// copies.
#include "node_process.h"

#include "nodes/journal.h"
#include "proto/base/file.h"
#include "proto/ledger/day_keys.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(node_daemon_keeps, .init = node_process_open, .fini = node_process_close, .timeout = 280);

static void copy(const char *from, const char *to)
{
    char command[4 * PKI_PATH];
    snprintf(command, sizeof command, "rm -rf '%s%s' && cp -r '%s%s' '%s%s'", gateway->data, to,
             gateway->data, from, gateway->data, to);
    cr_assert_eq(system(command), 0);
}

// The checkpoints that only refused asks carried are remembered too.
Test(node_daemon_keeps, notices_a_gateway_whose_ledger_went_back)
{
    ask_until(CM_OUTCOME_ANSWERED);
    put_rules("permit ca.northport.pd to lookup for vehicle-theft back 30 days see place\n"
              "    limit 1/day per investigator");
    ask_until(CM_OUTCOME_REFUSED);
    copy("/ledger", ".old"); // other files come and go
    ask_until(CM_OUTCOME_REFUSED);
    node_process_stop();
    peer_close(&investigator);
    daemon_stop(gateway);
    copy(".old", "/ledger");
    daemon_start(gateway);
    node_process_start();
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    expect_log("ledger-witnessed gateway=gw-1");
    DAEMON_UNTIL(gateway, ask_status() == CM_UNAVAILABLE); // it was told, and admits nothing
    char command[2 * PKI_PATH];
    snprintf(command, sizeof command, "rm -rf '%s.old'", gateway->data);
    cr_assert_eq(system(command), 0);
}

static void move_ledger(const char *from, const char *to)
{
    char command[4 * PKI_PATH];
    snprintf(command, sizeof command, "rm -rf '%s%s' && cp -a '%s%s' '%s%s'", node.data, to,
             node.data, from, node.data, to);
    cr_assert_eq(system(command), 0);
}

Test(node_daemon_keeps, whose_ledger_went_back_is_told_and_serves_nothing_until_it_is_mended)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_process_stop(); // shows its last entry before it goes
    move_ledger("/ledger", "/before");
    node_process_start();
    ask_until(CM_OUTCOME_ANSWERED);
    node_process_stop();
    move_ledger("/ledger", "/after");
    move_ledger("/before", "/ledger");
    const unsigned attached = logged(" attached ");
    node_process_start();
    expect_log("ledger-refuted");
    expect_log("nothing-is-answered");
    cr_expect_eq(ask().rows, 0);
    node_process_stop();
    // It knows by itself now, and dials nobody.
    cr_assert_eq(logged(" gateways=0"), 0);
    node_process_start();
    expect_log(" gateways=0");
    cr_expect_eq(logged("ledger-refuted"), 2);
    cr_expect_eq(logged(" attached "), attached + 1);
    node_process_stop();
    move_ledger("/after", "/ledger");
    node_process_start();
    ask_until(CM_OUTCOME_ANSWERED);
}

// Without a store each ask is one entry and nothing else that grows.
Test(node_daemon_keeps, a_full_ledger_refuses_all_until_a_restart_finds_room)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_process_stop();
    node.file_limit = 256 * 1024;
    node_process_start();
    ask_until(CM_OUTCOME_ANSWERED);
    DAEMON_UNTIL(gateway, (ask(), logged("ledger-latched") > 0));
    cr_assert_eq(ask().outcome, CM_OUTCOME_REFUSED);
    cr_assert_gt(logged("outcome=unavailable"), 0);
    node_process_stop();
    node.file_limit = RLIM_INFINITY;
    node_process_start();
    ask_until(CM_OUTCOME_ANSWERED);
    cr_assert_eq(logged("ledger-latched"), 1);
}

static unsigned admin_entries(void)
{
    return ledger_count(node.data, CM_ENTRY_ADMIN);
}

static void say(const char *what, int64_t at_ms)
{
    char rules[PKI_PATH + 16];
    const unsigned before = admin_entries();
    snprintf(rules, sizeof rules, "%s/rules", node.data);
    cr_assert_eq(cm_journal_add(rules, what, "ana", "a reason", at_ms, NULL), CM_OK);
    DAEMON_UNTIL(gateway, admin_entries() > before);
}

// As if it had been killed before it noted how far it is.
Test(node_daemon_keeps, what_operators_said_is_recorded_once_also_across_a_crash)
{
    char recorded[PKI_PATH + 32];
    struct cm_buf place = {0};
    struct cm_entry last;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    snprintf(recorded, sizeof recorded, "%s/rules/journal.recorded", node.data);
    ask_until(CM_OUTCOME_ANSWERED);
    say("the first", now_ms);
    node_process_stop();
    cr_assert_eq(cm_file_read(&place, recorded, 128, NULL), CM_OK);
    node_process_start();
    say("the second", now_ms);
    node_process_stop();
    cr_assert_eq(cm_file_write(recorded, cm_buf_bytes(&place), 0600, NULL), CM_OK);
    node_process_start();
    expect_logged(" started ", 3);
    say("the third", now_ms);
    cr_assert_eq(ledger_recorded(node.data, CM_ENTRY_ADMIN, &last, arena), 3);
    cr_assert_str_eq(last.text, "the third");
    cm_arena_free(arena);
    cm_buf_clear(&place);
}

// As if it had been killed once the wish was recorded.
Test(node_daemon_keeps, an_erasure_that_was_asked_for_outlives_a_crash)
{
    char day[CM_DAY_TEXT], what[32], path[PKI_PATH + 64], command[PKI_PATH + 64];
    static const uint8_t key[CM_DAY_KEY_SIZE] = {1};
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    ask_until(CM_OUTCOME_ANSWERED);
    say("attach", now_ms - 2 * CM_DAY_LENGTH_MS);
    cm_day_format(day, cm_day_of(now_ms));
    snprintf(what, sizeof what, "erase before %s", day);
    say(what, now_ms);
    node_process_stop();
    snprintf(path, sizeof path, "%s/ledger/keys/erased", node.data);
    unlink(path);
    cm_day_format(day, cm_day_of(now_ms) - 1);
    snprintf(path, sizeof path, "%s/ledger/keys/%s", node.data, day);
    cr_assert_eq(cm_file_write(path, (struct cm_bytes){key, sizeof key}, 0600, NULL), CM_OK);
    node_process_start();
    DAEMON_UNTIL(gateway, access(path, F_OK) != 0);
    snprintf(command, sizeof command, "grep -q '\"what\":\"attach\"' '%s/rules/journal'",
             node.data);
    DAEMON_UNTIL(gateway, system(command) != 0);
}

// Start and rules are recorded at once, and only one entry may wait.
Test(node_daemon_keeps, what_it_says_of_itself_waits_for_room)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_process_stop();
    const unsigned before = ledger_count(node.data, CM_ENTRY_RULES);
    node.limits = "[limits]\nwaiting = 1\n";
    node_process_start();
    DAEMON_UNTIL(gateway, ledger_count(node.data, CM_ENTRY_RULES) > before);
    cr_assert_eq(ledger_count(node.data, CM_ENTRY_START), 2);
    cr_assert_eq(logged("entry-not-recorded"), 0);
}

Test(node_daemon_keeps, without_a_store_it_keeps_copies_alone)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_process_stop();
    snprintf(node.store_where, sizeof node.store_where, "none");
    node_process_start();
    expect_logged(" attached gateway=", 2);
    const unsigned before = logged("outcome=");
    peer_close(&investigator);
    peer_open(&investigator, gateway, OWNER, CM_ROLE_INVESTIGATOR, "inv-9");
    ask();
    expect_log("copy-kept");
    cr_assert_eq(logged("outcome="), before, "it was asked nothing");
}

// Its last entry is then of later; once that is said, the next start has nothing to say.
Test(node_daemon_keeps, a_clock_set_back_while_it_was_stopped_is_recorded_once)
{
    enum { AHEAD_MS = 3600000 };
    struct cm_entry step;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    expect_log(" started ");
    node_process_stop();
    cr_assert_eq(ledger_count(node.data, CM_ENTRY_CLOCK), 0);
    ledger_add_stop(gateway, node.data, pki_signer(gateway->pki, OWNER, CM_ROLE_NODE, "node-1"),
                    AHEAD_MS);
    for (unsigned starts = 2; starts <= 3; starts++) {
        node_process_start();
        expect_logged(" started ", starts);
        node_process_stop();
        cr_assert_eq(ledger_recorded(node.data, CM_ENTRY_CLOCK, &step, arena), 1);
        cr_expect_gt(step.before_ms, -AHEAD_MS - 1000);
        cr_expect_lt(step.before_ms, -AHEAD_MS + DAEMON_WAIT_MS);
    }
    cm_arena_free(arena);
}

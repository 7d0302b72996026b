// The real node and gateway: questions answered, rules and directories that change under way,
// restarts of either.
#include "node_process.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char shares_nothing[] = "permit self to any for any back all see all";

TestSuite(node_daemon, .init = node_process_open, .fini = node_process_close, .timeout = 280);

Test(node_daemon, answers_from_its_store)
{
    const struct node_result result = ask_until(CM_OUTCOME_ANSWERED);
    cr_assert_eq(result.rows, 10, "question_make's limit");
    cr_assert_eq(result.batched, 10);
}

Test(node_daemon, gives_back_the_credits_of_what_it_answered)
{
    ask_until(CM_OUTCOME_ANSWERED);
    for (unsigned i = 0; i < 2 * CM_CREDITS; i++) {
        ask_until(CM_OUTCOME_ANSWERED);
    }
}

// How long it takes until no row comes any more.
static int64_t opt_out(void)
{
    put_rules(shares_nothing);
    const int64_t began = cm_mono_ms(cm_clock_system());
    int64_t took;
    do {
        cm_loop_step(gateway->loop, 20);
        const bool shown = ask().rows > 0;
        took = cm_mono_ms(cm_clock_system()) - began;
        if (!shown) {
            return took;
        }
    } while (took < DAEMON_WAIT_MS);
    return took;
}

// A busy machine may be late now and then; being late always is a fault.
Test(node_daemon, opting_out_counts_within_a_second)
{
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < 5 && least >= 1000; i++) {
        ask_until(CM_OUTCOME_ANSWERED);
        const int64_t took = opt_out();
        least = took < least ? took : least;
        put_rules(shares);
    }
    cr_assert_lt(least, 1000);
    ask_until(CM_OUTCOME_ANSWERED);
}

Test(node_daemon, goes_on_after_a_restart_of_either)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_process_stop();
    node_process_start();
    ask_until(CM_OUTCOME_ANSWERED);
    // The gateway keeps its port only by chance, so the node comes back with the new one.
    peer_close(&investigator);
    daemon_stop(gateway);
    daemon_start(gateway);
    node_process_stop();
    node_process_start();
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    ask_until(CM_OUTCOME_ANSWERED);
}

Test(node_daemon, a_second_process_on_the_same_folder_does_not_start)
{
    ask_until(CM_OUTCOME_ANSWERED);
    const pid_t first = node.pid;
    int status;
    node_process_start();
    cr_assert_eq(waitpid(node.pid, &status, 0), node.pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    node.pid = first;
}

Test(node_daemon, believes_no_gateway_of_another_name)
{
    expect_log(" started ");
    node_process_stop();
    node.dialled = "gw-2";
    node_process_start();
    expect_log("gateway-not-believed gateway=gw-2 status=forbidden");
    cr_assert_neq(ask().outcome, CM_OUTCOME_ANSWERED);
}

Test(node_daemon, takes_the_newer_directory_from_its_gateway)
{
    ask_until(CM_OUTCOME_ANSWERED);
    pki_next(gateway->pki);
    pki_bundle_file(gateway->pki);
    daemon_signal(gateway, SIGHUP);
    expect_log("directory-counts serial=2");
    ask_until(CM_OUTCOME_ANSWERED);
}

Test(node_daemon, brings_its_gateway_the_newer_directory)
{
    ask_until(CM_OUTCOME_ANSWERED);
    pki_next(gateway->pki);
    pki_bundle_file(gateway->pki);
    gateway->pki->serial--; // what the investigator knows
    give_directory();       // noticed by itself
    expect_log("directory-counts serial=2");
    const int64_t end = cm_mono_ms(cm_clock_system()) + DAEMON_WAIT_MS;
    do {
        ask_until(CM_OUTCOME_ANSWERED);
    } while (node.last_serial < 2 && cm_mono_ms(cm_clock_system()) < end);
    cr_assert_eq(node.last_serial, 2);
}

// The node's directory from here on: with or without the gateway that runs.
static void next_directory(bool with_gateway, uint64_t serial)
{
    char text[64];
    struct pki *pki = gateway->pki;
    pki_next(pki);
    snprintf(pki->gateways[0]->name, sizeof pki->gateways[0]->name, "%s",
             with_gateway ? "gw-1" : "gw-9");
    pki_bundle_file(pki);
    give_directory();
    cr_assert_eq(kill(node.pid, SIGHUP), 0);
    snprintf(text, sizeof text, "directory-counts serial=%llu", (unsigned long long)serial);
    expect_log(text);
}

// other: one more gateway, or NULL.
static void start_by_directory(const char *other)
{
    struct pki_gateway *entry = pki_gateway(gateway->pki, "gw-1");
    expect_log(" started ");
    node_process_stop();
    node.dialled = NULL;
    pki_next(gateway->pki);
    snprintf(entry->address, sizeof entry->address, "127.0.0.1:%d", gateway->port);
    if (other) {
        pki_identity(gateway->pki, "_", CM_ROLE_GATEWAY, other);
    }
    pki_bundle_file(gateway->pki);
    node_process_start();
}

Test(node_daemon, dials_a_gateway_again_that_left_the_directory_and_came_back)
{
    const unsigned before = logged("attached gateway=gw-1");
    start_by_directory(NULL);
    expect_logged("attached gateway=gw-1", before + 1);
    const unsigned attached = logged("attached gateway=gw-1");
    next_directory(false, 3);
    next_directory(true, 4);
    expect_logged("attached gateway=gw-1", attached + 1);
}

Test(node_daemon, one_bad_gateway_in_the_directory_costs_no_other)
{
    char path[PKI_PATH + 64];
    struct cm_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/gateways/gw-0", node.data);
    expect_log("attached gateway=gw-1");
    cr_assert_eq(cm_file_write(path, cm_bytes_of("no checkpoint"), 0600, &error), CM_OK, "%s",
                 error.text);
    start_by_directory("gw-0");
    expect_log("gateway-not-met gateway=gw-0");
    expect_logged("attached gateway=gw-1", 2);
}

Test(node_daemon, every_hangup_counts)
{
    char text[64];
    ask_until(CM_OUTCOME_ANSWERED);
    for (unsigned serial = 2; serial < 8; serial++) {
        pki_next(gateway->pki);
        pki_bundle_file(gateway->pki);
        give_directory();
        daemon_signal(gateway, SIGHUP); // which pushes it at the same time
        cr_assert_eq(kill(node.pid, SIGHUP), 0);
        snprintf(text, sizeof text, "directory-counts serial=%u", serial);
        expect_log(text);
    }
}

// The gateway was given another continuation than the node.
Test(node_daemon, leaves_a_gateway_whose_directory_does_not_hold)
{
    struct pki *pki = gateway->pki;
    ask_until(CM_OUTCOME_ANSWERED);
    node_process_stop();
    pki_next(pki);
    const struct cm_digest first = pki->previous;
    pki->expires_ms -= 1000;
    pki_next(pki);
    pki_bundle_file(pki);
    daemon_signal(gateway, SIGHUP);
    pki->serial = 1; // what the investigator knows
    DAEMON_UNTIL(gateway, (ask(), node.last_serial == 3));
    pki->serial = 2;
    pki->previous = first;
    pki->expires_ms += 1000;
    pki_bundle_file(pki);
    const unsigned attached = logged("attached gateway=gw-1");
    node_process_start();
    expect_log("directory-refused from=gw-1 status=stale");
    expect_log("gateway-backed-off gateway=gw-1");
    expect_log("detached gateway=gw-1");
    cr_assert_eq(logged("attached gateway=gw-1"), attached + 1);
}

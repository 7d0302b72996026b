// The real comity-noded attached to a real comity-gatewayd over mutual TLS: questions answered from
// SQLite, rules that change under way, restarts of either.
#include "gateway_daemon_peers.h"
#include "nodes/journal.h"
#include "nodes/store/store.h"
#include "proto/base/file.h"
#include "proto/ledger/day_keys.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER "ca.milltown.pd"

enum { ROWS = 40 };

static const char shares[] =
    "permit ca.northport.pd to lookup for vehicle-theft back 30 days see place";
static const char shares_nothing[] = "permit self to any for any back all see all";

static struct daemon daemon_;
static struct daemon *const gateway = &daemon_;
static struct peer investigator;
static pid_t node;
static rlim_t file_limit = RLIM_INFINITY; // of the node: a full disk
static char data[PKI_PATH + 8], ini[PKI_PATH + 16], store_where[PKI_PATH + 32];
static char log_path[PKI_PATH + 16], bundle_path[PKI_PATH + 16];
static const char *dialled = "gw-1"; // whom the node believes at the gateway's address; NULL: as
                                     // the directory says
static const char *limits = "";      // of its configuration
static uint64_t sequence;
static struct cm_digest previous;

static void write_ini(void)
{
    struct pki *pki = gateway->pki;
    const struct pki_identity *identity = pki_identity(pki, OWNER, CM_ROLE_NODE, "node-1");
    FILE *file = fopen(ini, "w");
    cr_assert_not_null(file);
    fprintf(file,
            "[node]\nagency = " OWNER "\ndata = %s\nkey = %s\nchain = %s\nroot = %s\n"
            "directory = %s\n[store]\nwhere = %s\n%s",
            data, identity->key_path, identity->chain_path, pki->root_path, bundle_path,
            store_where, limits);
    if (dialled) {
        fprintf(file, "[gateways]\ngateway = %s 127.0.0.1:%d\n", dialled, gateway->port);
    }
    fclose(file);
}

// The node's own file of the directory; the gateway has another.
static void give_directory(void)
{
    struct cm_buf bundle = {0};
    cr_assert_eq(cm_file_read(&bundle, gateway->pki->bundle_path, CM_MAX_BUNDLE, NULL), CM_OK);
    cr_assert_eq(cm_file_write(bundle_path, cm_buf_bytes(&bundle), 0600, NULL), CM_OK);
    cm_buf_clear(&bundle);
}

static void node_start(void)
{
    write_ini();
    give_directory();
    node = fork();
    cr_assert_geq(node, 0);
    if (node == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that fails leaves no daemon behind
        const struct rlimit most = {file_limit, file_limit};
        setrlimit(RLIMIT_FSIZE, &most);
        const int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDERR_FILENO);
        execl(CM_NODED, CM_NODED, "--allow-root", "--config", ini, (char *)NULL);
        _exit(127);
    }
}

static void node_stop(void)
{
    int status;
    cr_assert_eq(kill(node, SIGTERM), 0);
    cr_assert_eq(waitpid(node, &status, 0), node);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended with %x", (unsigned)status);
    node = 0;
}

// How often text is in the node's log.
static unsigned logged(const char *text)
{
    struct cm_buf log = {0};
    unsigned count = 0;
    if (cm_file_read(&log, log_path, 1 << 20, NULL) == CM_OK) {
        const uint8_t *end = log.data + log.len;
        for (const uint8_t *at = log.data;
             (at = memmem(at, (size_t)(end - at), text, strlen(text))); at++) {
            count++;
        }
    }
    cm_buf_clear(&log);
    return count;
}

// That it is so many times by now, or comes to be.
static void expect_logged(const char *text, unsigned times)
{
    const int64_t end = cm_mono_ms(cm_clock_system()) + DAEMON_WAIT_MS;
    while (logged(text) < times && cm_mono_ms(cm_clock_system()) < end) {
        cm_loop_step(gateway->loop, 20);
    }
    cr_assert_geq(logged(text), times, "no \"%s\" in the node's log", text);
}

static void expect_log(const char *text)
{
    expect_logged(text, 1);
}

static void put_rules(const char *rules)
{
    char text[1024], path[PKI_PATH + 64];
    struct cm_buf payload = {0}, bytes = {0};
    struct cm_error error = {.text = ""};
    snprintf(text, sizeof text, "rules 1\nnode " OWNER "\n%s\n", rules);
    const struct cm_rule_file file = {"main.rules", cm_bytes_of(text)};
    const struct cm_ruleset set = {
        .federation = gateway->pki->federation,
        .agency = OWNER,
        .sequence = ++sequence,
        .previous = previous,
        .directory_serial = gateway->pki->serial,
        .signed_ms = cm_wall_ms(cm_clock_system()),
        .language = 1,
        .main = "main.rules",
        .file_count = 1,
        .files = &file,
    };
    cr_assert_eq(cm_ruleset_encode(&payload, &set, &error), CM_OK, "%s", error.text);
    cm_sha256_of(&previous, cm_buf_bytes(&payload));
    cr_assert_eq(cm_dsse_sign(&bytes, CM_FAMILY_RULESET, cm_buf_bytes(&payload),
                              pki_signer(gateway->pki, OWNER, CM_ROLE_ADMIN, "admin-1"), true),
                 CM_OK);
    snprintf(path, sizeof path, "%s/rules/" OWNER ".next", data);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&bytes), 0600, &error), CM_OK, "%s: %s",
                 error.where, error.text);
    cm_buf_clear(&payload);
    cm_buf_clear(&bytes);
}

static void fill_store(void)
{
    static char ids[ROWS][24];
    static struct cm_stored rows[ROWS];
    bool conflicts[ROWS];
    struct cm_store *store;
    struct cm_ingest_counts counts;
    struct cm_error error = {.text = ""};
    const int64_t now = cm_wall_ms(cm_clock_system());
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(ids[i], sizeof ids[i], "e%zu", i);
        rows[i] = (struct cm_stored){
            .case_hold = "",
            .detection = {.event_id = ids[i],
                          .owner = OWNER,
                          .captured_at_ms = now - 60000 * (int64_t)(i + 1),
                          .plate_read = "8ABC123",
                          .plate = "8ABC123",
                          .state = "CA",
                          .present = 1u << CM_FIELD_PLACE,
                          .latitude = 37,
                          .longitude = -121,
                          .site = "pier",
                          .camera = "",
                          .make = "",
                          .model = "",
                          .colour = "",
                          .body = "",
                          .image_reference = ""},
        };
    }
    cr_assert_eq(cm_store_open(&store, store_where, OWNER, 1, &error), CM_OK, "%s", error.text);
    cr_assert_eq(store->ops->ingest(store, rows, ROWS, &counts, conflicts, &error), CM_OK, "%s",
                 error.text);
    cr_assert_eq(counts.accepted, ROWS);
    cm_store_close(store);
}

static void remove_data(void)
{
    char command[2 * PKI_PATH + 64];
    snprintf(command, sizeof command, "rm -rf '%s' '%s'/node.*", data, gateway->pki->dir);
    cr_expect_eq(system(command), 0);
}

static void setup(void)
{
    char folder[PKI_PATH + 32];
    daemon_new(gateway);
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    snprintf(data, sizeof data, "%.200s/node", gateway->pki->dir);
    snprintf(ini, sizeof ini, "%.200s/node.ini", gateway->pki->dir);
    snprintf(log_path, sizeof log_path, "%.200s/node.log", gateway->pki->dir);
    snprintf(bundle_path, sizeof bundle_path, "%.200s/node.directory", gateway->pki->dir);
    snprintf(store_where, sizeof store_where, "sqlite:%.200s/node.db", gateway->pki->dir);
    snprintf(folder, sizeof folder, "%s/rules", data);
    cr_assert_eq(mkdir(data, 0700), 0);
    cr_assert_eq(mkdir(folder, 0700), 0);
    fill_store();
    put_rules(shares);
    node_start();
}

static void teardown(void)
{
    if (node) {
        node_stop();
    }
    peer_close(&investigator);
    remove_data();
    daemon_free(gateway);
}

TestSuite(node_daemon, .init = setup, .fini = teardown, .timeout = 280);

struct result {
    enum cm_outcome outcome; // of OWNER; NONE when it has no account
    uint64_t rows;
    uint64_t batched;
};

static uint64_t last_serial; // of the directory in the last manifest

static struct result ask(void)
{
    struct call lookup;
    struct question question;
    struct result result = {.outcome = CM_OUTCOME_NONE};
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    DAEMON_UNTIL(gateway, lookup.closed);
    cr_assert_eq(lookup.status, CM_OK, "%s: %s", lookup.error.where, lookup.error.text);
    for (size_t i = 0; i < lookup.count; i++) {
        struct cm_lookup_response response;
        struct cm_manifest manifest;
        cr_assert_eq(cm_lookup_response_decode(&response, lookup.arena, lookup.messages[i], NULL),
                     CM_OK);
        if (response.kind == CM_LOOKUP_BATCH) {
            result.batched += response.u.batch.row_count;
        }
        if (response.kind != CM_LOOKUP_MANIFEST) {
            continue;
        }
        cr_assert_eq(cm_manifest_decode(&manifest, lookup.arena, response.u.envelope.payload, NULL),
                     CM_OK);
        for (size_t j = 0; j < manifest.account_count; j++) {
            if (strcmp(manifest.accounts[j].agency, OWNER) == 0) {
                result.outcome = manifest.accounts[j].outcome;
            }
        }
        result.rows = manifest.rows;
        last_serial = manifest.directory_serial;
    }
    cm_buf_clear(&question.request);
    call_clear(&lookup);
    return result;
}

static enum cm_status ask_status(void)
{
    struct call lookup;
    struct question question;
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    DAEMON_UNTIL(gateway, lookup.closed);
    const enum cm_status status = lookup.status;
    cm_buf_clear(&question.request);
    call_clear(&lookup);
    return status;
}

// Asks until the owner's outcome is that: a busy machine may be late at first.
static struct result ask_until(enum cm_outcome outcome)
{
    const int64_t end = cm_mono_ms(cm_clock_system()) + DAEMON_WAIT_MS;
    struct result result;
    do {
        cm_loop_step(gateway->loop, 20);
        result = ask();
    } while (result.outcome != outcome && cm_mono_ms(cm_clock_system()) < end);
    cr_assert_eq(result.outcome, outcome, "%s", cm_outcome_name(result.outcome));
    return result;
}

Test(node_daemon, answers_from_its_store)
{
    const struct result result = ask_until(CM_OUTCOME_ANSWERED);
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
    node_stop();
    node_start();
    ask_until(CM_OUTCOME_ANSWERED);
    // The gateway keeps its port only by chance, so the node comes back with the new one.
    peer_close(&investigator);
    daemon_stop(gateway);
    daemon_start(gateway);
    node_stop();
    node_start();
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    ask_until(CM_OUTCOME_ANSWERED);
}

Test(node_daemon, a_second_process_on_the_same_folder_does_not_start)
{
    ask_until(CM_OUTCOME_ANSWERED);
    const pid_t first = node;
    int status;
    node_start();
    cr_assert_eq(waitpid(node, &status, 0), node);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    node = first;
}

Test(node_daemon, believes_no_gateway_of_another_name)
{
    expect_log(" started ");
    node_stop();
    dialled = "gw-2";
    node_start();
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
    } while (last_serial < 2 && cm_mono_ms(cm_clock_system()) < end);
    cr_assert_eq(last_serial, 2);
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
    cr_assert_eq(kill(node, SIGHUP), 0);
    snprintf(text, sizeof text, "directory-counts serial=%llu", (unsigned long long)serial);
    expect_log(text);
}

// other: one more gateway, or NULL.
static void start_by_directory(const char *other)
{
    struct pki_gateway *entry = pki_gateway(gateway->pki, "gw-1");
    expect_log(" started ");
    node_stop();
    dialled = NULL;
    pki_next(gateway->pki);
    snprintf(entry->address, sizeof entry->address, "127.0.0.1:%d", gateway->port);
    if (other) {
        pki_identity(gateway->pki, "_", CM_ROLE_GATEWAY, other);
    }
    pki_bundle_file(gateway->pki);
    node_start();
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
    snprintf(path, sizeof path, "%s/gateways/gw-0", data);
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
        cr_assert_eq(kill(node, SIGHUP), 0);
        snprintf(text, sizeof text, "directory-counts serial=%u", serial);
        expect_log(text);
    }
}

// The gateway was given another continuation than the node.
Test(node_daemon, leaves_a_gateway_whose_directory_does_not_hold)
{
    struct pki *pki = gateway->pki;
    ask_until(CM_OUTCOME_ANSWERED);
    node_stop();
    pki_next(pki);
    const struct cm_digest first = pki->previous;
    pki->expires_ms -= 1000;
    pki_next(pki);
    pki_bundle_file(pki);
    daemon_signal(gateway, SIGHUP);
    pki->serial = 1; // what the investigator knows
    DAEMON_UNTIL(gateway, (ask(), last_serial == 3));
    pki->serial = 2;
    pki->previous = first;
    pki->expires_ms += 1000;
    pki_bundle_file(pki);
    const unsigned attached = logged("attached gateway=gw-1");
    node_start();
    expect_log("directory-refused from=gw-1 status=stale");
    expect_log("gateway-backed-off gateway=gw-1");
    expect_log("detached gateway=gw-1");
    cr_assert_eq(logged("attached gateway=gw-1"), attached + 1);
}

static void copy(const char *from, const char *to)
{
    char command[4 * PKI_PATH];
    snprintf(command, sizeof command, "rm -rf '%s%s' && cp -r '%s%s' '%s%s'", gateway->data, to,
             gateway->data, from, gateway->data, to);
    cr_assert_eq(system(command), 0);
}

// The checkpoints that only refused asks carried are remembered too.
Test(node_daemon, notices_a_gateway_whose_ledger_went_back)
{
    ask_until(CM_OUTCOME_ANSWERED);
    put_rules("permit ca.northport.pd to lookup for vehicle-theft back 30 days see place\n"
              "    limit 1/day per investigator");
    ask_until(CM_OUTCOME_REFUSED);
    copy("/ledger", ".old"); // other files come and go
    ask_until(CM_OUTCOME_REFUSED);
    node_stop();
    peer_close(&investigator);
    daemon_stop(gateway);
    copy(".old", "/ledger");
    daemon_start(gateway);
    node_start();
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
    snprintf(command, sizeof command, "rm -rf '%s%s' && cp -a '%s%s' '%s%s'", data, to, data, from,
             data, to);
    cr_assert_eq(system(command), 0);
}

Test(node_daemon, whose_ledger_went_back_is_told_and_serves_nothing_until_it_is_mended)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_stop(); // shows its last entry before it goes
    move_ledger("/ledger", "/before");
    node_start();
    ask_until(CM_OUTCOME_ANSWERED);
    node_stop();
    move_ledger("/ledger", "/after");
    move_ledger("/before", "/ledger");
    const unsigned attached = logged(" attached ");
    node_start();
    expect_log("ledger-refuted");
    expect_log("nothing-is-answered");
    cr_expect_eq(ask().rows, 0);
    node_stop();
    // It knows by itself now, and dials nobody.
    const unsigned started = logged(" started ");
    node_start();
    expect_logged(" started ", started + 1);
    cr_expect_eq(logged("ledger-refuted"), 2);
    cr_expect_eq(logged(" attached "), attached + 1);
    node_stop();
    move_ledger("/after", "/ledger");
    node_start();
    ask_until(CM_OUTCOME_ANSWERED);
}

// Without a store each ask is one entry and nothing else that grows.
Test(node_daemon, a_full_ledger_refuses_all_until_a_restart_finds_room)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_stop();
    file_limit = 256 * 1024;
    node_start();
    ask_until(CM_OUTCOME_ANSWERED);
    DAEMON_UNTIL(gateway, (ask(), logged("ledger-latched") > 0));
    cr_assert_eq(ask().outcome, CM_OUTCOME_REFUSED);
    cr_assert_gt(logged("outcome=unavailable"), 0);
    node_stop();
    file_limit = RLIM_INFINITY;
    node_start();
    ask_until(CM_OUTCOME_ANSWERED);
    cr_assert_eq(logged("ledger-latched"), 1);
}

static unsigned admin_entries(void)
{
    return ledger_count(data, CM_ENTRY_ADMIN);
}

static void say(const char *what, int64_t at_ms)
{
    char rules[PKI_PATH + 16];
    const unsigned before = admin_entries();
    snprintf(rules, sizeof rules, "%s/rules", data);
    cr_assert_eq(cm_journal_add(rules, what, "ana", "a reason", at_ms, NULL), CM_OK);
    DAEMON_UNTIL(gateway, admin_entries() > before);
}

// As if it had been killed before it noted how far it is.
Test(node_daemon, what_operators_said_is_recorded_once_also_across_a_crash)
{
    char recorded[PKI_PATH + 32];
    struct cm_buf place = {0};
    struct cm_entry last;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    snprintf(recorded, sizeof recorded, "%s/rules/journal.recorded", data);
    ask_until(CM_OUTCOME_ANSWERED);
    say("the first", now_ms);
    node_stop();
    cr_assert_eq(cm_file_read(&place, recorded, 128, NULL), CM_OK);
    node_start();
    say("the second", now_ms);
    node_stop();
    cr_assert_eq(cm_file_write(recorded, cm_buf_bytes(&place), 0600, NULL), CM_OK);
    node_start();
    expect_logged(" started ", 3);
    say("the third", now_ms);
    cr_assert_eq(ledger_recorded(data, CM_ENTRY_ADMIN, &last, arena), 3);
    cr_assert_str_eq(last.text, "the third");
    cm_arena_free(arena);
    cm_buf_clear(&place);
}

// As if it had been killed once the wish was recorded.
Test(node_daemon, an_erasure_that_was_asked_for_outlives_a_crash)
{
    char day[CM_DAY_TEXT], what[32], path[PKI_PATH + 64], command[PKI_PATH + 64];
    static const uint8_t key[CM_DAY_KEY_SIZE] = {1};
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    ask_until(CM_OUTCOME_ANSWERED);
    say("attach", now_ms - 2 * CM_DAY_LENGTH_MS);
    cm_day_format(day, cm_day_of(now_ms));
    snprintf(what, sizeof what, "erase before %s", day);
    say(what, now_ms);
    node_stop();
    snprintf(path, sizeof path, "%s/ledger/keys/erased", data);
    unlink(path);
    cm_day_format(day, cm_day_of(now_ms) - 1);
    snprintf(path, sizeof path, "%s/ledger/keys/%s", data, day);
    cr_assert_eq(cm_file_write(path, (struct cm_bytes){key, sizeof key}, 0600, NULL), CM_OK);
    node_start();
    DAEMON_UNTIL(gateway, access(path, F_OK) != 0);
    snprintf(command, sizeof command, "grep -q '\"what\":\"attach\"' '%s/rules/journal'", data);
    DAEMON_UNTIL(gateway, system(command) != 0);
}

// Start and rules are recorded at once, and only one entry may wait.
Test(node_daemon, what_it_says_of_itself_waits_for_room)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_stop();
    const unsigned before = ledger_count(data, CM_ENTRY_RULES);
    limits = "[limits]\nwaiting = 1\n";
    node_start();
    DAEMON_UNTIL(gateway, ledger_count(data, CM_ENTRY_RULES) > before);
    cr_assert_eq(ledger_count(data, CM_ENTRY_START), 2);
    cr_assert_eq(logged("entry-not-recorded"), 0);
}

Test(node_daemon, without_a_store_it_keeps_copies_alone)
{
    ask_until(CM_OUTCOME_ANSWERED);
    node_stop();
    snprintf(store_where, sizeof store_where, "none");
    node_start();
    expect_logged(" attached gateway=", 2);
    const unsigned before = logged("outcome=");
    peer_close(&investigator);
    peer_open(&investigator, gateway, OWNER, CM_ROLE_INVESTIGATOR, "inv-9");
    ask();
    expect_log("copy-kept");
    cr_assert_eq(logged("outcome="), before, "it was asked nothing");
}

#include "node_process.h"

#include "nodes/store/store.h"
#include "proto/base/file.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct node_process node;
struct peer investigator;
static struct daemon daemon_;
struct daemon *const gateway = &daemon_;
static uint64_t sequence;
static struct cm_digest previous;

static void write_ini(void)
{
    struct pki *pki = gateway->pki;
    const struct pki_identity *identity = pki_identity(pki, OWNER, CM_ROLE_NODE, "node-1");
    FILE *file = fopen(node.ini, "w");
    cr_assert_not_null(file);
    fprintf(file,
            "[node]\nagency = " OWNER "\ndata = %s\nkey = %s\nchain = %s\nroot = %s\n"
            "directory = %s\n[store]\nwhere = %s\n%s",
            node.data, identity->key_path, identity->chain_path, pki->root_path, node.bundle_path,
            node.store_where, node.limits);
    if (node.dialled) {
        fprintf(file, "[gateways]\ngateway = %s 127.0.0.1:%d\n", node.dialled, gateway->port);
    }
    fclose(file);
}

void give_directory(void)
{
    struct cm_buf bundle = {0};
    cr_assert_eq(cm_file_read(&bundle, gateway->pki->bundle_path, CM_MAX_BUNDLE, NULL), CM_OK);
    cr_assert_eq(cm_file_write(node.bundle_path, cm_buf_bytes(&bundle), 0600, NULL), CM_OK);
    cm_buf_clear(&bundle);
}

void node_process_start(void)
{
    write_ini();
    give_directory();
    node.pid = fork();
    cr_assert_geq(node.pid, 0);
    if (node.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that fails leaves no daemon behind
        const struct rlimit most = {node.file_limit, node.file_limit};
        setrlimit(RLIMIT_FSIZE, &most);
        const int log = open(node.log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDERR_FILENO);
        execl(CM_NODED, CM_NODED, "--allow-root", "--config", node.ini, (char *)NULL);
        _exit(127);
    }
}

void node_process_stop(void)
{
    int status;
    cr_assert_eq(kill(node.pid, SIGTERM), 0);
    cr_assert_eq(waitpid(node.pid, &status, 0), node.pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended with %x", (unsigned)status);
    node.pid = 0;
}

unsigned logged(const char *text)
{
    struct cm_buf log = {0};
    unsigned count = 0;
    if (cm_file_read(&log, node.log_path, 1 << 20, NULL) == CM_OK) {
        const uint8_t *end = log.data + log.len;
        for (const uint8_t *at = log.data;
             (at = memmem(at, (size_t)(end - at), text, strlen(text))); at++) {
            count++;
        }
    }
    cm_buf_clear(&log);
    return count;
}

void expect_logged(const char *text, unsigned times)
{
    const int64_t end = cm_mono_ms(cm_clock_system()) + DAEMON_WAIT_MS;
    while (logged(text) < times && cm_mono_ms(cm_clock_system()) < end) {
        cm_loop_step(gateway->loop, 20);
    }
    cr_assert_geq(logged(text), times, "no \"%s\" in the node's log", text);
}

void expect_log(const char *text)
{
    expect_logged(text, 1);
}

void put_rules(const char *rules)
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
    snprintf(path, sizeof path, "%s/rules/" OWNER ".next", node.data);
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
    cr_assert_eq(cm_store_open(&store, node.store_where, OWNER, 1, &error), CM_OK, "%s",
                 error.text);
    cr_assert_eq(store->ops->ingest(store, rows, ROWS, &counts, conflicts, &error), CM_OK, "%s",
                 error.text);
    cr_assert_eq(counts.accepted, ROWS);
    cm_store_close(store);
}

static void remove_data(void)
{
    char command[2 * PKI_PATH + 64];
    snprintf(command, sizeof command, "rm -rf '%s' '%s'/node.*", node.data, gateway->pki->dir);
    cr_expect_eq(system(command), 0);
}

void node_process_open(void)
{
    char folder[PKI_PATH + 32];
    node = (struct node_process){.file_limit = RLIM_INFINITY, .dialled = "gw-1", .limits = ""};
    daemon_new(gateway);
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    snprintf(node.data, sizeof node.data, "%.200s/node", gateway->pki->dir);
    snprintf(node.ini, sizeof node.ini, "%.200s/node.ini", gateway->pki->dir);
    snprintf(node.log_path, sizeof node.log_path, "%.200s/node.log", gateway->pki->dir);
    snprintf(node.bundle_path, sizeof node.bundle_path, "%.200s/node.directory", gateway->pki->dir);
    snprintf(node.store_where, sizeof node.store_where, "sqlite:%.200s/node.db", gateway->pki->dir);
    snprintf(folder, sizeof folder, "%s/rules", node.data);
    cr_assert_eq(mkdir(node.data, 0700), 0);
    cr_assert_eq(mkdir(folder, 0700), 0);
    fill_store();
    put_rules(shares);
    node_process_start();
}

void node_process_close(void)
{
    if (node.pid) {
        node_process_stop();
    }
    peer_close(&investigator);
    remove_data();
    daemon_free(gateway);
}

struct node_result ask(void)
{
    struct call lookup;
    struct question question;
    struct node_result result = {.outcome = CM_OUTCOME_NONE};
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
        node.last_serial = manifest.directory_serial;
    }
    cm_buf_clear(&question.request);
    call_clear(&lookup);
    return result;
}

enum cm_status ask_status(void)
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

struct node_result ask_until(enum cm_outcome outcome)
{
    const int64_t end = cm_mono_ms(cm_clock_system()) + DAEMON_WAIT_MS;
    struct node_result result;
    do {
        cm_loop_step(gateway->loop, 20);
        result = ask();
    } while (result.outcome != outcome && cm_mono_ms(cm_clock_system()) < end);
    cr_assert_eq(result.outcome, outcome, "%s", cm_outcome_name(result.outcome));
    return result;
}

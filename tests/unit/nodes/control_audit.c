#include "nodes/control_audit.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/codec/access.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS   "ca.northport.pd"
#define OTHERS "ca.southgate.pd"
#define ORIGIN "valley.test/ca.northport.pd/node/n1"

static struct pki *pki;
static char folder[64];
static struct cm_control_audit audit;
static struct cm_signer *auditor;

// What was recorded.
static unsigned recorded;
static enum cm_status recorded_verdict, record_status;
static struct cm_buf recorded_envelope;

// What the auditor sends; change it before asking.
static struct {
    struct cm_signer *signer;
    const char *origin, *command;
    int64_t clock_ms;   // off
    bool old_challenge; // of another time
    struct cm_bytes bytes;
} says;

static enum cm_status record(void *context, enum cm_status verdict, struct cm_bytes envelope)
{
    (void)context;
    recorded++;
    recorded_verdict = verdict;
    cr_assert_eq(cm_buf_add(&recorded_envelope, envelope.data, envelope.len), CM_OK);
    return record_status;
}

static void open_directories(void)
{
    char path[96];
    struct cm_buf bundle = {0};
    snprintf(path, sizeof path, "%s/directory", folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(
        cm_directory_store_open(&audit.directories, path, pki_root(pki), pki->now_ms, NULL), CM_OK);
    pki_bundle(pki, &bundle);
    cr_assert_eq(cm_directory_store_accept(audit.directories, NULL, cm_buf_bytes(&bundle),
                                           pki->now_ms, NULL),
                 CM_OK);
    cm_buf_clear(&bundle);
}

static void begin(void)
{
    static const uint8_t key[CM_DAY_KEY_SIZE] = "of the day";
    char path[96];
    snprintf(folder, sizeof folder, "/tmp/comity-auditor-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    pki = pki_new();
    pki_agency(pki, OURS);
    pki_agency(pki, OTHERS);
    auditor = pki_signer(pki, OURS, CM_ROLE_AUDITOR, "vera");
    says.signer = auditor;
    says.origin = ORIGIN;
    says.command = "show";
    snprintf(path, sizeof path, "%s/log", folder);
    cr_assert_eq(cm_file_create(path, cm_bytes_of("the log"), 0600, NULL), CM_OK);
    cr_assert_eq(cm_day_keys_new(&audit.keys), CM_OK);
    cr_assert_eq(cm_day_keys_add(audit.keys, 20000, key), CM_OK);
    audit.agency = OURS;
    audit.folder = folder;
    audit.record = record;
    snprintf(audit.origin, sizeof audit.origin, ORIGIN);
}

static void end(void)
{
    char command[96];
    cm_day_keys_free(audit.keys);
    cm_directory_store_free(audit.directories);
    cm_buf_clear(&recorded_envelope);
    pki_free(pki);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(control_audit, .init = begin, .fini = end);

static void *serve(void *socket)
{
    cm_control_audit_serve(&audit, *(int *)socket);
    close(*(int *)socket);
    return NULL;
}

static struct cm_buf sign(struct cm_bytes hello)
{
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_audit_request request = {.origin = says.origin,
                                       .command = says.command,
                                       .arguments = "--plate 8ABC123",
                                       .signed_ms = cm_wall_ms(cm_clock_system()) + says.clock_ms};
    struct cm_buf payload = {0}, envelope = {0};
    cr_assert_eq(cm_audit_hello_decode(request.challenge, origin, hello, NULL), CM_OK);
    cr_assert_str_eq(origin, ORIGIN);
    request.challenge[0] ^= says.old_challenge ? 1 : 0;
    cr_assert_eq(cm_audit_request_encode(&payload, &request), CM_OK);
    cr_assert_eq(
        cm_dsse_sign(&envelope, CM_FAMILY_AUDIT, cm_buf_bytes(&payload), says.signer, true), CM_OK);
    cm_buf_clear(&payload);
    return envelope;
}

struct answer {
    enum cm_status status;
    struct cm_error error;
    struct cm_day_keys *keys;
    int fds[CM_MAX_AUDIT_FDS];
    size_t fd_count;
};

static struct answer ask(void)
{
    int sockets[2];
    pthread_t thread;
    struct cm_buf hello = {0}, envelope = {0}, verdict = {0};
    struct answer answer = {.error = {.text = ""}};
    open_directories();
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    cr_assert_eq(pthread_create(&thread, NULL, serve, &sockets[1]), 0);
    cr_assert_eq(cm_audit_receive(&hello, sockets[0], CM_MAX_AUDIT_HELLO, NULL, NULL, NULL), CM_OK);
    envelope = sign(cm_buf_bytes(&hello));
    cr_assert_eq(cm_audit_send(sockets[0],
                               says.bytes.len > 0 ? says.bytes : cm_buf_bytes(&envelope), NULL, 0,
                               NULL),
                 CM_OK);
    cr_assert_eq(cm_audit_receive(&verdict, sockets[0], CM_MAX_AUDIT_VERDICT, answer.fds,
                                  &answer.fd_count, NULL),
                 CM_OK);
    answer.status = cm_audit_verdict_decode(&answer.keys, cm_buf_bytes(&verdict), &answer.error);
    pthread_join(thread, NULL);
    close(sockets[0]);
    cm_buf_clear(&hello);
    cm_buf_clear(&envelope);
    cm_buf_clear(&verdict);
    return answer;
}

static void expect_refused(enum cm_status status, bool genuine)
{
    const struct answer answer = ask();
    cr_assert_eq(answer.status, status, "%s: %s", cm_status_name(answer.status), answer.error.text);
    cr_assert_gt(strlen(answer.error.text), 0, "it is said why");
    cr_assert_eq(answer.fd_count, 0);
    cr_assert_null(answer.keys);
    cr_assert_eq(recorded, 1);
    cr_assert_eq(recorded_verdict, status);
    cr_assert_eq(recorded_envelope.len > 0, genuine);
}

Test(control_audit, our_auditor_gets_log_and_keys_once_it_is_recorded)
{
    char text[16] = "";
    uint8_t key[CM_DAY_KEY_SIZE];
    const struct answer answer = ask();
    cr_assert_eq(answer.status, CM_OK, "%s", answer.error.text);
    cr_assert_eq(recorded, 1);
    cr_assert_eq(recorded_verdict, CM_OK);
    cr_assert_gt(recorded_envelope.len, 0);
    cr_assert_eq(answer.fd_count, 1);
    cr_assert_eq(read(answer.fds[0], text, sizeof text), 7);
    cr_assert_str_eq(text, "the log");
    cr_assert_lt(write(answer.fds[0], "x", 1), 0, "it can be read alone");
    cr_assert_eq(cm_day_keys_get(key, answer.keys, 20000), CM_OK);
    cr_assert_str_eq((const char *)key, "of the day");
    close(answer.fds[0]);
    cm_day_keys_free(answer.keys);
}

Test(control_audit, earlier_epochs_come_after_it)
{
    char path[320];
    for (unsigned epoch = 1; epoch <= 2; epoch++) {
        snprintf(path, sizeof path, "mkdir -p '%s/epochs/%u' && echo %u > '%s/epochs/%u/log'",
                 folder, epoch, epoch, folder, epoch);
        cr_assert_eq(system(path), 0);
    }
    const struct answer answer = ask();
    cr_assert_eq(answer.fd_count, 3);
    for (size_t i = 0; i < 3; i++) {
        char text = 0;
        cr_assert_eq(read(answer.fds[i], &text, 1), 1);
        cr_assert_eq(text, "t12"[i]);
        close(answer.fds[i]);
    }
    cm_day_keys_free(answer.keys);
}

Test(control_audit, another_agencys_auditor_gets_nothing)
{
    says.signer = pki_signer(pki, OTHERS, CM_ROLE_AUDITOR, "max");
    expect_refused(CM_FORBIDDEN, true);
}

Test(control_audit, whoever_is_no_auditor_gets_nothing)
{
    says.signer = pki_signer(pki, OURS, CM_ROLE_ADMIN, "ada");
    expect_refused(CM_FORBIDDEN, true);
}

Test(control_audit, a_revoked_auditor_gets_nothing)
{
    pki_revoke(pki, OURS, pki_identity(pki, OURS, CM_ROLE_AUDITOR, "vera"), pki->now_ms - 60000);
    expect_refused(CM_UNAUTHENTICATED, false);
}

Test(control_audit, an_expired_certificate_gets_nothing)
{
    const struct pki_leaf leaf = {.agency = OURS,
                                  .role = CM_ROLE_AUDITOR,
                                  .name = "old",
                                  .not_after_ms = pki->now_ms - 60000};
    says.signer = pki_leaf(pki, &leaf)->signer;
    expect_refused(CM_UNAUTHENTICATED, false);
}

Test(control_audit, a_request_of_another_time_gets_nothing)
{
    says.old_challenge = true;
    expect_refused(CM_REPLAYED, true);
}

Test(control_audit, a_request_for_another_ledger_gets_nothing)
{
    says.origin = "valley.test/ca.northport.pd/node/n2";
    expect_refused(CM_STALE, true);
}

Test(control_audit, clocks_that_differ_are_told)
{
    says.clock_ms = -3600000;
    expect_refused(CM_STALE, true);
}

// It would stand in the entry in clear.
Test(control_audit, a_command_is_a_word)
{
    says.command = "show 8ABC123";
    expect_refused(CM_INVALID, true);
}

Test(control_audit, noise_gets_nothing)
{
    says.bytes = cm_bytes_of("no envelope");
    expect_refused(CM_INVALID, false);
}

Test(control_audit, what_can_not_be_recorded_is_not_handed_over)
{
    record_status = CM_UNAVAILABLE;
    const struct answer answer = ask();
    cr_assert_eq(answer.status, CM_UNAVAILABLE);
    cr_assert_eq(answer.fd_count, 0);
    cr_assert_null(answer.keys);
}

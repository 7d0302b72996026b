#include "proto/ledger/cli/live.h"

#include "made.h"
#include "proto/envelope/dsse.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// A daemon that holds the log's lock and answers one auditor.
static struct pki *pki;
static struct made made;
static char data[80];
static int listener, lock;
static pthread_t thread;

static struct {
    enum cm_status verdict;
    bool hangs_up;   // after the request
    bool without_fd; // an OK without the log
    // What came:
    struct cm_buf request;
} at_daemon;

static void begin(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[128];
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
    made_asked(&made, &(struct made_question){.plate = "7XYZ987"});
    made_checkpoint(&made);
    made_write(&made);
    snprintf(data, sizeof data, "%s.data", made.folder);
    cr_assert_eq(mkdir(data, 0700), 0);
    snprintf(path, sizeof path, "%s/ledger", data);
    cr_assert_eq(symlink(made.folder, path), 0);
    snprintf(path, sizeof path, "%s/log", made.folder);
    lock = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", data);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 1), 0);
}

static void end(void)
{
    char path[128];
    close(listener);
    close(lock);
    snprintf(path, sizeof path, "%s/control", data);
    unlink(path);
    snprintf(path, sizeof path, "%s/ledger", data);
    unlink(path);
    rmdir(data);
    cm_buf_clear(&at_daemon.request);
    made_close(&made);
    pki_free(pki);
}

TestSuite(live, .init = begin, .fini = end);

static void answer(int fd)
{
    char path[96];
    struct cm_buf verdict = {0};
    struct cm_error why = {.text = ""};
    snprintf(path, sizeof path, "%s/log", made.folder);
    const int log = open(path, O_RDONLY | O_CLOEXEC);
    if (at_daemon.verdict == CM_OK) {
        cr_assert_eq(cm_audit_verdict_ok(&verdict, made.keys), CM_OK);
    } else {
        cm_error_fill(&why, at_daemon.verdict, "request", "is not this agency's auditor");
        cr_assert_eq(cm_audit_verdict_refuse(&verdict, at_daemon.verdict, &why), CM_OK);
    }
    const bool pass = at_daemon.verdict == CM_OK && !at_daemon.without_fd;
    cr_assert_eq(cm_audit_send(fd, cm_buf_bytes(&verdict), &log, pass ? 1 : 0, NULL), CM_OK);
    cm_buf_clear(&verdict);
    close(log);
}

static void *run_daemon(void *argument)
{
    char word[6];
    uint8_t challenge[CM_TOKEN_SIZE];
    struct cm_buf hello = {0};
    const int fd = accept(listener, NULL, NULL);
    memset(challenge, 5, sizeof challenge);
    cr_assert_eq(recv(fd, word, sizeof word, MSG_WAITALL), 6);
    cr_assert_arr_eq(word, "audit\n", 6);
    cr_assert_eq(cm_audit_hello_encode(&hello, challenge, made.origin), CM_OK);
    cr_assert_eq(cm_audit_send(fd, cm_buf_bytes(&hello), NULL, 0, NULL), CM_OK);
    cr_assert_eq(cm_audit_receive(&at_daemon.request, fd, CM_MAX_ENVELOPE, NULL, NULL, NULL),
                 CM_OK);
    if (!at_daemon.hangs_up) {
        answer(fd);
    }
    close(fd);
    cm_buf_clear(&hello);
    return argument;
}

static enum cm_status ask(struct cm_ledger_folder **out, const char *path, struct cm_error *error)
{
    const struct pki_identity *auditor = pki_identity(pki, NORTHPORT, CM_ROLE_AUDITOR, "vega");
    const struct cm_audit_credentials credentials = {.certificate = auditor->chain_path,
                                                     .key = auditor->key_path,
                                                     .command = "show",
                                                     .arguments = "--plate 7XYZ987"};
    cr_assert_eq(pthread_create(&thread, NULL, run_daemon, NULL), 0);
    const enum cm_status status = cm_ledger_folder_open(out, path, &credentials, error);
    pthread_join(thread, NULL);
    return status;
}

static void expect_record(struct cm_ledger_folder *folder)
{
    const struct cm_audit_record *record;
    cr_expect(cm_ledger_folder_is_live(folder));
    cr_assert_eq(cm_ledger_folder_next(&record, folder, NULL), CM_OK);
    cr_assert_eq(record->clear, CM_CLEAR_OPEN);
    cr_expect_str_eq(record->query.plate.plate, "7XYZ987");
    cm_ledger_folder_close(folder);
}

Test(live, the_daemon_gives_log_and_keys_to_who_signs_what_it_asks)
{
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    struct cm_envelope envelope;
    struct cm_audit_request request;
    cr_assert_eq(ask(&folder, data, &error), CM_OK, "%s: %s", error.where, error.text);
    expect_record(folder);
    const struct pki_identity *auditor = pki_identity(pki, NORTHPORT, CM_ROLE_AUDITOR, "vega");
    cr_assert_eq(
        cm_envelope_decode(&envelope, made.arena, cm_buf_bytes(&at_daemon.request), &error), CM_OK);
    cr_expect_eq(envelope.family, CM_FAMILY_AUDIT);
    cr_assert_gt(envelope.signatures[0].chain_count, 0);
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(auditor->signer)), CM_OK);
    cr_expect_eq(cm_dsse_verify(&envelope, 0, key), CM_OK);
    cm_key_free(key);
    cr_assert_eq(cm_audit_request_decode(&request, made.arena, envelope.payload, &error), CM_OK);
    cr_expect_eq(request.challenge[0], 5);
    cr_expect_str_eq(request.origin, made.origin);
    cr_expect_str_eq(request.command, "show");
    cr_expect_str_eq(request.arguments, "--plate 7XYZ987");
}

Test(live, the_ledgers_own_folder_leads_to_the_daemon_beside_it)
{
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    char path[128];
    // The socket lies in the folder above the ledger's.
    snprintf(path, sizeof path, "%s/ledger", data);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rename(made.folder, path), 0);
    cr_assert_eq(symlink(path, made.folder), 0);
    cr_assert_eq(ask(&folder, path, &error), CM_OK, "%s: %s", error.where, error.text);
    expect_record(folder);
    cr_assert_eq(unlink(made.folder), 0);
    cr_assert_eq(rename(path, made.folder), 0);
}

Test(live, the_daemons_refusal_is_what_is_said)
{
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    at_daemon.verdict = CM_FORBIDDEN;
    cr_expect_eq(ask(&folder, data, &error), CM_FORBIDDEN);
    cr_expect(strstr(error.text, "is not this agency's auditor"), "%s", error.text);
}

Test(live, a_daemon_that_hangs_up_gave_nothing)
{
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    at_daemon.hangs_up = true;
    cr_expect_eq(ask(&folder, data, &error), CM_UNAVAILABLE);
}

Test(live, keys_without_a_log_are_nothing)
{
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    at_daemon.without_fd = true;
    cr_expect_eq(ask(&folder, data, &error), CM_INVALID);
}

#include "proto/ledger/cli/live.h"

#include "proto/base/cli.h"
#include "proto/base/clock.h"
#include "proto/envelope/dsse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_S = 30 };

enum cm_status cm_live_signer(struct cm_signer **out,
                              const struct cm_audit_credentials *credentials,
                              struct cm_error *error)
{
    char passphrase[CM_MAX_PASSPHRASE];
    const char *key = credentials->key;
    const char *chain = credentials->certificate;
    enum cm_status status = cm_signer_load(out, key, chain, NULL, error);
    if (status == CM_UNAUTHENTICATED) {
        status = cm_cli_passphrase(passphrase, credentials->passphrase_file,
                                   "Passphrase of your auditor's key: ", false, error);
        if (status == CM_OK) {
            status = cm_signer_load(out, key, chain, passphrase, error);
        }
        cm_wipe(passphrase, sizeof passphrase);
    }
    return status;
}

// A socket's name holds 108 bytes; a data folder's may be longer.
static enum cm_status call(int *out, const char *data, struct cm_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval time = {.tv_sec = ANSWER_S};
    const int at = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum cm_status status = CM_OK;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", at);
    if (at < 0 || fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        status = cm_fail(error, CM_UNAVAILABLE, data,
                         "the daemon whose ledger this is can't be asked: %s", strerror(errno));
        cm_error_hint(error,
                      "be its user or root on its machine, or read a copy: a gateway's comes by "
                      "`comity gateway backup`");
    } else if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0 ||
               setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0) {
        status = cm_fail(error, CM_IO, data, "no time limit can be set: %s", strerror(errno));
    }
    if (at >= 0) {
        close(at);
    }
    if (status != CM_OK && fd >= 0) {
        close(fd);
    }
    *out = fd;
    return status;
}

static enum cm_status sign_request(struct cm_buf *out, struct cm_bytes hello,
                                   const struct cm_audit_credentials *credentials,
                                   const struct cm_signer *signer, struct cm_error *error)
{
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_audit_request request = {.origin = origin,
                                       .command = credentials->command,
                                       .arguments = credentials->arguments,
                                       .signed_ms = cm_wall_ms(cm_clock_system())};
    struct cm_buf payload = {0};
    enum cm_status status = cm_audit_hello_decode(request.challenge, origin, hello, error);
    if (status == CM_OK && (status = cm_audit_request_encode(&payload, &request)) != CM_OK) {
        cm_error_fill(error, status, "audit",
                      "the command's arguments can't be recorded: they must "
                      "be UTF-8 of at most %d bytes",
                      CM_MAX_ACCESS_TEXT);
    }
    if (status == CM_OK && (status = cm_dsse_sign(out, CM_FAMILY_AUDIT, cm_buf_bytes(&payload),
                                                  signer, true)) != CM_OK) {
        cm_error_fill(error, status, "audit", "the request can't be signed with this key");
    }
    cm_wipe(payload.data, payload.len);
    cm_buf_clear(&payload);
    return status;
}

static void drop(struct cm_live_ledger *live)
{
    for (size_t i = 0; i < live->count; i++) {
        close(live->logs[i]);
    }
    live->count = 0;
}

static enum cm_status take_verdict(struct cm_live_ledger *out, int fd, struct cm_error *error)
{
    struct cm_buf verdict = {0};
    enum cm_status status =
        cm_audit_receive(&verdict, fd, CM_MAX_AUDIT_VERDICT, out->logs, &out->count, error);
    if (status == CM_OK) {
        status = cm_audit_verdict_decode(&out->keys, cm_buf_bytes(&verdict), error);
    }
    cm_wipe(verdict.data, verdict.len);
    cm_buf_clear(&verdict);
    if (status == CM_OK && out->count == 0) {
        cm_day_keys_free(out->keys);
        out->keys = NULL;
        status = cm_fail(error, CM_INVALID, "control", "the daemon gave no log");
    }
    if (status != CM_OK) {
        drop(out);
    }
    return status;
}

enum cm_status cm_live_ask(struct cm_live_ledger *out, const char *data,
                           const struct cm_audit_credentials *credentials, struct cm_error *error)
{
    static const char word[] = CM_AUDIT_WORD "\n";
    int fd = -1;
    struct cm_signer *signer = NULL;
    struct cm_buf hello = {0};
    struct cm_buf request = {0};
    *out = (struct cm_live_ledger){.count = 0};
    enum cm_status status = cm_live_signer(&signer, credentials, error);
    if (status == CM_OK) {
        status = call(&fd, data, error);
    }
    if (status == CM_OK &&
        send(fd, word, sizeof word - 1, MSG_NOSIGNAL) != (ssize_t)sizeof word - 1) {
        status = cm_fail(error, CM_UNAVAILABLE, data, "the daemon hung up");
    }
    if (status == CM_OK) {
        status = cm_audit_receive(&hello, fd, CM_MAX_AUDIT_HELLO, NULL, NULL, error);
    }
    if (status == CM_OK) {
        status = sign_request(&request, cm_buf_bytes(&hello), credentials, signer, error);
    }
    if (status == CM_OK) {
        status = cm_audit_send(fd, cm_buf_bytes(&request), NULL, 0, error);
    }
    if (status == CM_OK) {
        status = take_verdict(out, fd, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    cm_wipe(request.data, request.len);
    cm_buf_clear(&request);
    cm_buf_clear(&hello);
    cm_signer_unref(signer);
    return status;
}

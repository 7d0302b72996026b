#include "nodes/control_audit.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/codec/access.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_CAP = 1024 * 1024, MAX_COMMAND = 16 };

// It stands in the entry, where nothing personal may be.
static bool is_command(const char *text)
{
    const size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz-");
    return len > 0 && len <= MAX_COMMAND && text[len] == '\0';
}

static enum cm_status judge_request(const struct cm_control_audit *audit,
                                    const struct cm_audit_request *request,
                                    const uint8_t challenge[CM_TOKEN_SIZE], int64_t since_ms,
                                    int64_t now_ms, struct cm_error *error)
{
    if (!cm_secret_equal((struct cm_bytes){request->challenge, CM_TOKEN_SIZE},
                         (struct cm_bytes){challenge, CM_TOKEN_SIZE})) {
        return cm_fail(error, CM_REPLAYED, "audit.challenge", "it was signed for another time");
    }
    if (strcmp(request->origin, audit->origin) != 0) {
        return cm_fail(error, CM_STALE, "audit.origin", "it was signed for another ledger");
    }
    if (request->signed_ms < since_ms - CM_SKEW_MS || request->signed_ms > now_ms + CM_SKEW_MS) {
        cm_fail(error, CM_STALE, "audit.signed_ms", "the two clocks differ");
        cm_error_hint(error, "set this machine's clock");
        return CM_STALE;
    }
    return is_command(request->command)
               ? CM_OK
               : cm_fail(error, CM_INVALID, "audit.command", "is no name of a command");
}

static enum cm_status judge_signer(bool *genuine, const struct cm_control_audit *audit,
                                   struct cm_trust *trust, const struct cm_envelope *envelope,
                                   int64_t now_ms, struct cm_error *error)
{
    struct cm_signatory *signers[2] = {NULL, NULL};
    enum cm_status status = cm_trust_verify(signers, trust, envelope, NULL, now_ms, error);
    *genuine = !status || status == CM_FORBIDDEN;
    if (!status && strcmp(cm_signatory_identity(signers[0])->agency, audit->agency) != 0) {
        cm_fail(error, CM_FORBIDDEN, "audit", "this node is read by the auditors of %s alone",
                audit->agency);
        status = CM_FORBIDDEN;
    }
    cm_signatory_unref(signers[0]);
    cm_signatory_unref(signers[1]);
    return status;
}

enum cm_status cm_control_audit_judge(bool *genuine, const struct cm_control_audit *audit,
                                      const uint8_t challenge[CM_TOKEN_SIZE], struct cm_bytes bytes,
                                      int64_t since_ms, int64_t now_ms, struct cm_error *error)
{
    struct cm_envelope envelope;
    struct cm_audit_request request;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    struct cm_trust *trust = cm_directory_store_snapshot(audit->directories, now_ms);
    *genuine = false;
    enum cm_status status = arena ? CM_OK : cm_fail(error, CM_MEMORY, "audit", "out of memory");
    if (!status) {
        status = cm_envelope_decode(&envelope, arena, bytes, error);
    }
    if (!status && envelope.family != CM_FAMILY_AUDIT) {
        status = cm_fail(error, CM_INVALID, "audit", "is no request for an audit");
    }
    if (!status && !trust) {
        status = cm_fail(error, CM_UNAVAILABLE, "audit", "the node's directory has expired");
    }
    if (!status) {
        status = judge_signer(genuine, audit, trust, &envelope, now_ms, error);
    }
    if (!status) {
        status = cm_audit_request_decode(&request, arena, envelope.payload, error);
    }
    if (!status) {
        status = judge_request(audit, &request, challenge, since_ms, now_ms, error);
    }
    cm_trust_unref(trust);
    cm_arena_free(arena);
    return status;
}

// The log in use, then those of earlier epochs, oldest first. CM_IO; *count are open either way.
static enum cm_status open_logs(int logs[CM_MAX_AUDIT_FDS], size_t *count, const char *folder,
                                struct cm_error *error)
{
    char path[PATH_MAX];
    *count = 0;
    for (unsigned epoch = 0; *count < CM_MAX_AUDIT_FDS; epoch++) {
        const int len = epoch == 0 ? snprintf(path, sizeof path, "%s/log", folder)
                                   : snprintf(path, sizeof path, "%s/epochs/%u/log", folder, epoch);
        const int fd = len > 0 && (size_t)len < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0 && (epoch == 0 || errno != ENOENT)) {
            return cm_fail(error, CM_IO, path, "can't be opened: %s", strerror(errno));
        }
        if (fd < 0) {
            return CM_OK;
        }
        logs[(*count)++] = fd;
    }
    return CM_OK;
}

static void hand_over(const struct cm_control_audit *audit, int socket)
{
    int logs[CM_MAX_AUDIT_FDS];
    size_t count;
    struct cm_buf verdict = {0};
    struct cm_error error = {.text = ""};
    enum cm_status status = open_logs(logs, &count, audit->folder, &error);
    status = status ? cm_audit_verdict_refuse(&verdict, status, &error)
                    : cm_audit_verdict_ok(&verdict, audit->keys);
    if (!status) {
        status = cm_audit_send(socket, cm_buf_bytes(&verdict), logs, count, &error);
    }
    if (status || error.text[0]) {
        cm_log(CM_LOG_ERROR, "ledger-not-handed-over", "where=%s error=\"%s\"", error.where,
               error.text);
    }
    for (size_t i = 0; i < count; i++) {
        close(logs[i]);
    }
    cm_wipe(verdict.data, verdict.len);
    cm_buf_clear(&verdict);
}

static void refuse(int socket, enum cm_status verdict, const struct cm_error *why)
{
    struct cm_buf message = {0};
    if (cm_audit_verdict_refuse(&message, verdict, why) == CM_OK) {
        (void)!cm_audit_send(socket, cm_buf_bytes(&message), NULL, 0, NULL);
    }
    cm_buf_clear(&message);
}

// The signed answer to our challenge.
static enum cm_status ask(struct cm_buf *answer, const uint8_t challenge[CM_TOKEN_SIZE],
                          const struct cm_control_audit *audit, int socket, struct cm_error *error)
{
    struct cm_buf hello = {0};
    enum cm_status status = cm_audit_hello_encode(&hello, challenge, audit->origin);
    if (!status) {
        status = cm_audit_send(socket, cm_buf_bytes(&hello), NULL, 0, error);
    }
    cm_buf_clear(&hello);
    return status ? status
                  : cm_audit_receive(answer, socket, cm_family_facts(CM_FAMILY_AUDIT)->max_envelope,
                                     NULL, NULL, error);
}

void cm_control_audit_serve(const struct cm_control_audit *audit, int socket)
{
    uint8_t challenge[CM_TOKEN_SIZE];
    bool genuine = false;
    struct cm_buf answer = {0};
    struct cm_error error = {.text = ""};
    const int64_t since_ms = cm_wall_ms(cm_clock_system());
    enum cm_status verdict = cm_random(challenge, sizeof challenge);
    if (verdict || ask(&answer, challenge, audit, socket, &error)) {
        cm_log(CM_LOG_WARNING, "audit-not-begun", "where=%s error=\"%s\"", error.where, error.text);
        cm_buf_clear(&answer);
        return;
    }
    verdict = cm_control_audit_judge(&genuine, audit, challenge, cm_buf_bytes(&answer), since_ms,
                                     cm_wall_ms(cm_clock_system()), &error);
    const struct cm_bytes envelope = genuine ? cm_buf_bytes(&answer) : CM_BYTES_NONE;
    if (audit->record(audit->context, verdict, envelope) && !verdict) {
        verdict = cm_fail(&error, CM_UNAVAILABLE, "ledger",
                          "the node can't record that you read it, so you can't");
    }
    cm_log(verdict ? CM_LOG_WARNING : CM_LOG_INFO, "audit", "status=%s where=%s",
           cm_status_name(verdict), error.where);
    if (verdict) {
        refuse(socket, verdict, &error);
    } else {
        hand_over(audit, socket);
    }
    cm_wipe(answer.data, answer.len);
    cm_buf_clear(&answer);
}

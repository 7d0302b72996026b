#include "proto/trust/cli/ca.h"

#include "proto/base/file.h"
#include "proto/trust/cli/jsonfile.h"
#include "proto/trust/cli/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_STATE = 256 * 1024 * 1024, HEX_SERIAL = 2 * CM_SERIAL_SIZE + 1 };

struct cm_ca {
    char folder[PATH_MAX - 16];
    int lock; // the folder, flock'ed
    struct cm_subject subject;
    X509 *certificate;
    EVP_PKEY *key;  // once unlocked
    json_t *state;  // ca.json
    json_t *issued; // in it, borrowed
};

static const char *in_folder(char out[PATH_MAX], const char *folder, const char *name)
{
    snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return out;
}

static enum cm_status make_folder(const char *folder, struct cm_error *error)
{
    if (strlen(folder) >= sizeof((struct cm_ca *)NULL)->folder) {
        return cm_fail(error, CM_INVALID, "folder", "the path is too long");
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return cm_fail(error, CM_IO, folder, "cannot make the folder: %s", strerror(errno));
    }
    static const char *const names[] = {"ca.key", "ca.json", "ca.pem", "ca.csr"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX];
        if (access(in_folder(path, folder, names[i]), F_OK) == 0) {
            cm_fail(error, CM_INVALID, path, "exists already");
            cm_error_hint(error, "A CA is never overwritten. Choose another folder.");
            return CM_INVALID;
        }
    }
    return CM_OK;
}

static enum cm_status save_request(const char *path, EVP_PKEY *key,
                                   const struct cm_subject *subject, struct cm_error *error)
{
    X509_REQ *request = NULL;
    struct cm_buf text = {0};
    enum cm_status status = cm_certs_request(&request, key, subject, error);
    if (status == CM_OK) {
        status = cm_certs_request_pem(&text, request, error);
    }
    if (status == CM_OK) {
        status = cm_file_create(path, cm_buf_bytes(&text), 0644, error);
    }
    cm_buf_clear(&text);
    X509_REQ_free(request);
    return status;
}

static enum cm_status save_root(const char *path, EVP_PKEY *key, const struct cm_subject *subject,
                                int64_t now_ms, int days, struct cm_error *error)
{
    X509 *certificate = NULL;
    struct cm_buf text = {0};
    struct cm_issue issue = {subject, key, NULL, key, now_ms, days};
    enum cm_status status = cm_issue_certificate(&certificate, &issue, error);
    if (status == CM_OK) {
        status = cm_certs_pem(&text, certificate, error);
    }
    if (status == CM_OK) {
        status = cm_file_create(path, cm_buf_bytes(&text), 0644, error);
    }
    cm_buf_clear(&text);
    X509_free(certificate);
    return status;
}

enum cm_status cm_ca_create(const char *folder, const struct cm_subject *subject,
                            const char *passphrase, int64_t now_ms, int days,
                            struct cm_error *error)
{
    char path[PATH_MAX];
    EVP_PKEY *key = NULL;
    json_t *state =
        json_pack("{s:s, s:i, s:[]}", "name", subject->spiffe, "crl_number", 0, "issued");
    enum cm_status status = make_folder(folder, error);
    if (status != CM_OK) {
        goto out;
    }
    status = cm_keyfile_new(&key, error);
    if (status != CM_OK) {
        goto out;
    }
    status = cm_keyfile_save(in_folder(path, folder, "ca.key"), key, passphrase, error);
    if (status != CM_OK) {
        goto out;
    }
    if (subject->level == CM_SUBJECT_ROOT) {
        in_folder(path, folder, "ca.pem");
        status = save_root(path, key, subject, now_ms, days, error);
    } else {
        status = save_request(in_folder(path, folder, "ca.csr"), key, subject, error);
    }
    if (status == CM_OK) {
        status = cm_jsonfile_save(in_folder(path, folder, "ca.json"), state, 0600, true, error);
    }
out:
    json_decref(state);
    EVP_PKEY_free(key);
    return status;
}

static enum cm_status lock_folder(struct cm_ca *ca, struct cm_error *error)
{
    ca->lock = open(ca->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ca->lock < 0) {
        return cm_fail(error, errno == ENOENT ? CM_NOT_FOUND : CM_IO, ca->folder,
                       "cannot open the CA's folder: %s", strerror(errno));
    }
    if (flock(ca->lock, LOCK_EX | LOCK_NB) != 0) {
        cm_fail(error, CM_UNAVAILABLE, ca->folder, "another command is using this CA");
        cm_error_hint(error, "Wait until it has ended, then try again.");
        return CM_UNAVAILABLE;
    }
    return CM_OK;
}

static enum cm_status load_certificate(struct cm_ca *ca, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status =
        cm_certs_read(&ca->certificate, in_folder(path, ca->folder, "ca.pem"), error);
    if (status == CM_NOT_FOUND) {
        cm_error_hint(error, "A new agency CA: have ca.csr signed by the federation's root and put "
                             "the certificate beside it as ca.pem.");
    }
    if (status != CM_OK) {
        return status;
    }
    status = cm_certs_subject(&ca->subject, ca->certificate, path, error);
    if (status == CM_OK && ca->subject.level == CM_SUBJECT_LEAF) {
        status = cm_fail(error, CM_INVALID, path, "it is no certificate of a CA");
    }
    return status;
}

static enum cm_status load_state(struct cm_ca *ca, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status =
        cm_jsonfile_load(&ca->state, in_folder(path, ca->folder, "ca.json"), MAX_STATE, error);
    if (status == CM_NOT_FOUND) {
        cm_error_hint(error, "It lists what this CA issued and revoked. Restore it from a backup: "
                             "without it, revocations would be forgotten.");
    }
    if (status != CM_OK) {
        return status;
    }
    ca->issued = json_object_get(ca->state, "issued");
    const char *name = json_string_value(json_object_get(ca->state, "name"));
    if (!json_is_array(ca->issued) || !json_is_integer(json_object_get(ca->state, "crl_number")) ||
        name == NULL) {
        return cm_fail(error, CM_INVALID, path, "it is damaged: restore it from a backup");
    }
    if (strcmp(name, ca->subject.spiffe) != 0) {
        return cm_fail(error, CM_INVALID, path, "it belongs to another CA than ca.pem");
    }
    return CM_OK;
}

enum cm_status cm_ca_open(struct cm_ca **out, const char *folder, struct cm_error *error)
{
    *out = NULL;
    struct cm_ca *ca = calloc(1, sizeof *ca);
    if (ca == NULL) {
        return cm_fail(error, CM_MEMORY, folder, "out of memory");
    }
    ca->lock = -1;
    enum cm_status status = CM_OK;
    if (snprintf(ca->folder, sizeof ca->folder, "%s", folder) >= (int)sizeof ca->folder) {
        status = cm_fail(error, CM_INVALID, "folder", "the path is too long");
    }
    if (status == CM_OK) {
        status = lock_folder(ca, error);
    }
    if (status == CM_OK) {
        status = load_certificate(ca, error);
    }
    if (status == CM_OK) {
        status = load_state(ca, error);
    }
    if (status != CM_OK) {
        cm_ca_close(ca);
        return status;
    }
    *out = ca;
    return CM_OK;
}

void cm_ca_close(struct cm_ca *ca)
{
    if (ca == NULL) {
        return;
    }
    json_decref(ca->state);
    X509_free(ca->certificate);
    EVP_PKEY_free(ca->key);
    if (ca->lock >= 0) {
        close(ca->lock);
    }
    free(ca);
}

const struct cm_subject *cm_ca_subject(const struct cm_ca *ca)
{
    return &ca->subject;
}

X509 *cm_ca_certificate(const struct cm_ca *ca)
{
    return ca->certificate;
}

enum cm_status cm_ca_unlock(struct cm_ca *ca, const char *passphrase, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status =
        cm_keyfile_load(&ca->key, in_folder(path, ca->folder, "ca.key"), passphrase, error);
    if (status == CM_OK && X509_check_private_key(ca->certificate, ca->key) != 1) {
        ERR_clear_error();
        status = cm_fail(error, CM_INVALID, path, "it is not the key of ca.pem");
    }
    return status;
}

static enum cm_status save(const struct cm_ca *ca, struct cm_error *error)
{
    char path[PATH_MAX];
    return cm_jsonfile_save(in_folder(path, ca->folder, "ca.json"), ca->state, 0600, false, error);
}

// A new line of the list of what was issued; borrowed.
static enum cm_status record(json_t **out, struct cm_ca *ca, X509 *certificate, const char *spiffe,
                             struct cm_error *error)
{
    uint8_t serial[CM_SERIAL_SIZE];
    char hex[HEX_SERIAL];
    enum cm_status status =
        cm_certs_serial(serial, X509_get0_serialNumber(certificate), "certificate", error);
    if (status != CM_OK) {
        return status;
    }
    cm_hex(hex, (struct cm_bytes){serial, sizeof serial});
    json_int_t until = cm_certs_time_ms(X509_get0_notAfter(certificate));
    *out = json_pack("{s:s, s:s, s:I}", "serial", hex, "name", spiffe, "not_after_ms", until);
    if (*out == NULL || json_array_append_new(ca->issued, *out) != 0) {
        return cm_fail(error, CM_MEMORY, "ca.json", "out of memory");
    }
    return CM_OK;
}

enum cm_status cm_ca_issue(X509 **out, struct cm_ca *ca, const struct cm_subject *subject,
                           EVP_PKEY *key, int64_t now_ms, int days, struct cm_error *error)
{
    *out = NULL;
    if (!cm_subject_issues(&ca->subject, subject)) {
        cm_fail(error, CM_FORBIDDEN, "name", "%s can't vouch for %s", ca->subject.spiffe,
                subject->spiffe);
        cm_error_hint(error, "A root signs its federation's agency CAs, gateways and directory "
                             "signers; an agency's CA its own agency's names.");
        return CM_FORBIDDEN;
    }
    X509 *certificate = NULL;
    struct cm_issue issue = {subject, key, ca->certificate, ca->key, now_ms, days};
    enum cm_status status = cm_issue_certificate(&certificate, &issue, error);
    json_t *line;
    if (status == CM_OK) {
        status = record(&line, ca, certificate, subject->spiffe, error);
    }
    if (status == CM_OK) {
        status = save(ca, error);
    }
    if (status != CM_OK) {
        X509_free(certificate);
        return status;
    }
    *out = certificate;
    return CM_OK;
}

static bool mark(json_t *line, int reason, int64_t now_ms)
{
    return json_object_set_new(line, "revoked_ms", json_integer(now_ms)) == 0 &&
           json_object_set_new(line, "reason", json_integer(reason)) == 0;
}

static bool is_revoked(const json_t *line)
{
    return json_object_get(line, "revoked_ms") != NULL;
}

static const char *text_of(const json_t *line, const char *field)
{
    const char *text = json_string_value(json_object_get(line, field));
    return text != NULL ? text : "";
}

static json_t *find_serial(const struct cm_ca *ca, const char *hex)
{
    for (size_t i = 0; i < json_array_size(ca->issued); i++) {
        json_t *line = json_array_get(ca->issued, i);
        if (strcmp(text_of(line, "serial"), hex) == 0) {
            return line;
        }
    }
    return NULL;
}

enum cm_status cm_ca_revoke(struct cm_ca *ca, X509 *certificate, int reason, int64_t now_ms,
                            struct cm_error *error)
{
    EVP_PKEY *key = X509_get0_pubkey(ca->certificate);
    bool ours = X509_check_issued(ca->certificate, certificate) == X509_V_OK &&
                X509_verify(certificate, key) == 1;
    ERR_clear_error();
    if (!ours) {
        return cm_fail(error, CM_FORBIDDEN, "certificate", "%s didn't issue it",
                       ca->subject.spiffe);
    }
    uint8_t serial[CM_SERIAL_SIZE];
    char hex[HEX_SERIAL];
    struct cm_subject subject;
    enum cm_status status =
        cm_certs_serial(serial, X509_get0_serialNumber(certificate), "certificate", error);
    if (status == CM_OK) {
        status = cm_certs_subject(&subject, certificate, "certificate", error);
    }
    if (status != CM_OK) {
        return status;
    }
    cm_hex(hex, (struct cm_bytes){serial, sizeof serial});
    json_t *line = find_serial(ca, hex);
    if (line == NULL) {
        status = record(&line, ca, certificate, subject.spiffe, error);
    }
    if (status != CM_OK) {
        return status;
    }
    if (is_revoked(line)) {
        return CM_OK;
    }
    return mark(line, reason, now_ms) ? save(ca, error)
                                      : cm_fail(error, CM_MEMORY, "ca.json", "out of memory");
}

enum cm_status cm_ca_revoke_name(size_t *count, struct cm_ca *ca, const char *spiffe, int reason,
                                 int64_t now_ms, struct cm_error *error)
{
    *count = 0;
    for (size_t i = 0; i < json_array_size(ca->issued); i++) {
        json_t *line = json_array_get(ca->issued, i);
        json_int_t until = json_integer_value(json_object_get(line, "not_after_ms"));
        if (strcmp(text_of(line, "name"), spiffe) != 0 || is_revoked(line) || until < now_ms) {
            continue;
        }
        if (!mark(line, reason, now_ms)) {
            return cm_fail(error, CM_MEMORY, "ca.json", "out of memory");
        }
        (*count)++;
    }
    if (*count == 0) {
        cm_fail(error, CM_NOT_FOUND, spiffe, "no certificate of this name holds");
        cm_error_hint(error, "Only those that are neither expired nor revoked count.");
        return CM_NOT_FOUND;
    }
    return save(ca, error);
}

static enum cm_status list_revoked(struct cm_revoked **out, size_t *count, const struct cm_ca *ca,
                                   struct cm_error *error)
{
    *count = 0;
    *out = calloc(json_array_size(ca->issued) + 1, sizeof **out);
    if (*out == NULL) {
        return cm_fail(error, CM_MEMORY, "ca.json", "out of memory");
    }
    for (size_t i = 0; i < json_array_size(ca->issued); i++) {
        const json_t *line = json_array_get(ca->issued, i);
        if (!is_revoked(line)) {
            continue;
        }
        struct cm_revoked *entry = &(*out)[(*count)++];
        if (cm_unhex(entry->serial, sizeof entry->serial, text_of(line, "serial")) != CM_OK) {
            return cm_fail(error, CM_INVALID, "ca.json", "serial %zu is damaged", i);
        }
        entry->revoked_ms = json_integer_value(json_object_get(line, "revoked_ms"));
        entry->reason = (int)json_integer_value(json_object_get(line, "reason"));
    }
    return CM_OK;
}

enum cm_status cm_ca_crl(struct cm_buf *out, uint64_t *number, struct cm_ca *ca, int64_t now_ms,
                         int hours, struct cm_error *error)
{
    struct cm_revoked *revoked = NULL;
    size_t count;
    json_int_t next = json_integer_value(json_object_get(ca->state, "crl_number")) + 1;
    enum cm_status status = list_revoked(&revoked, &count, ca, error);
    if (status == CM_OK && json_object_set_new(ca->state, "crl_number", json_integer(next)) != 0) {
        status = cm_fail(error, CM_MEMORY, "ca.json", "out of memory");
    }
    if (status == CM_OK) {
        status = save(ca, error);
    }
    if (status == CM_OK) {
        *number = (uint64_t)next;
        status = cm_issue_crl(out, ca->certificate, ca->key, *number, revoked, count, now_ms, hours,
                              error);
    }
    free(revoked);
    return status;
}

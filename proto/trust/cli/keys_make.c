#include "proto/trust/cli/keys.h"

#include "proto/base/file.h"
#include "proto/trust/cli/ca.h"
#include "proto/trust/cli/certs.h"
#include "proto/trust/cli/keyfile.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DAYS = 7300 };

static const struct argp_option root_options[] = {
    {"out", 'o', "DIR", 0, "The CA's folder; made if need be", 0},
    {"days", 'd', "N", 0, "Days that the root is valid (3650)", 0},
    {"passphrase-file", 'p', "FILE", 0, "The key's passphrase is FILE's first line", 0},
    {0},
};
static const struct cm_cli_usage root_usage = {
    root_options,
    "FEDERATION",
    "Makes a federation's root: its key and its certificate, which every party is given once. Do "
    "this on a machine without a network and keep the folder off-line; it signs agency CAs, "
    "gateways and directory signers, rarely.\vFor example: comity keys root valley.example --out "
    "root",
    "o",
    1,
    1};

static const struct argp_option ca_options[] = {
    {"out", 'o', "DIR", 0, "The CA's folder; made if need be", 0},
    {"passphrase-file", 'p', "FILE", 0, "The key's passphrase is FILE's first line", 0},
    {0},
};
static const struct cm_cli_usage ca_usage = {
    ca_options,
    "FEDERATION/AGENCY",
    "Makes an agency's CA at the agency: its key, which never leaves, and a request (ca.csr) for "
    "the federation's root to sign. Put the certificate that comes back beside them as ca.pem.\v"
    "For example: comity keys ca valley.example/ca.northport.pd --out ca",
    "o",
    1,
    1};

static const struct argp_option request_options[] = {
    {"name", 'n', "NAME", 0, "FEDERATION/AGENCY/ROLE/NAME; the agency is _ for gateways", 0},
    {"out", 'o', "DIR", 0, "Where NAME.key and NAME.csr go; made if need be", 0},
    {"passphrase-file", 'p', "FILE", 0, "The key's passphrase is FILE's first line", 0},
    {0},
};
static const struct cm_cli_usage request_usage = {
    request_options,
    NULL,
    "Makes a key where it will be used, and a certificate request for it. Only the request "
    "travels. People's keys get a passphrase; those of nodes, gateways and sensors, which start "
    "unattended, don't. Roles: investigator, supervisor, admin, auditor, node, sensor; gateway and "
    "directory of the agency _.\vFor example: comity keys request --name "
    "valley.example/ca.northport.pd/investigator/jdoe --out ~/.config/comity",
    "no",
    0,
    0};

// Prints what whoever signs has to be told.
static enum cm_status show_request(const char *path, struct cm_error *error)
{
    X509_REQ *request = NULL;
    struct cm_subject subject;
    char fingerprint[CM_FINGERPRINT_TEXT];
    enum cm_status status = cm_certs_read_request(&request, &subject, path, error);
    if (status == CM_OK) {
        status = cm_certs_fingerprint(fingerprint, request, error);
    }
    if (status == CM_OK) {
        cm_keys_line("name", subject.spiffe);
        cm_keys_line("request", path);
        cm_keys_line("fingerprint", fingerprint);
        cm_keys_advice(
            subject.level == CM_SUBJECT_CA || strcmp(subject.agency, "_") == 0
                ? "Send the request to the keeper of the federation's root, and tell the "
                  "fingerprint by another channel: a telephone call, or in person."
                : "Send the request to your agency's administrator, and tell the fingerprint by "
                  "another channel: a telephone call, or in person.");
    }
    X509_REQ_free(request);
    return status;
}

static int make_ca(const char *name, enum cm_subject_level level, const struct cm_cli_args *args)
{
    struct cm_error error = {0};
    struct cm_subject subject;
    char passphrase[CM_MAX_PASSPHRASE] = "";
    char path[PATH_MAX];
    const char *folder = cm_cli_get(args, 'o');
    int days = (int)cm_cli_get_number(args, 'd', "days", 3650, 1, MAX_DAYS);
    enum cm_status status = cm_subject_parse(&subject, name, &error);
    if (status == CM_OK && subject.level != level) {
        status =
            cm_fail(&error, CM_INVALID, "name", "a %s's looks like %s",
                    level == CM_SUBJECT_ROOT ? "root" : "CA",
                    level == CM_SUBJECT_ROOT ? "valley.example" : "valley.example/ca.northport.pd");
    }
    if (status == CM_OK) {
        status = cm_cli_passphrase(passphrase, cm_cli_get(args, 'p'),
                                   "Passphrase for the new key:", true, &error);
    }
    if (status == CM_OK) {
        status =
            cm_ca_create(folder, &subject, passphrase, cm_wall_ms(cm_clock_system()), days, &error);
    }
    cm_wipe(passphrase, sizeof passphrase);
    if (status == CM_OK && level == CM_SUBJECT_CA) {
        snprintf(path, sizeof path, "%s/ca.csr", folder);
        status = show_request(path, &error);
    } else if (status == CM_OK) {
        cm_keys_line("name", subject.spiffe);
        cm_keys_line("folder", folder);
        cm_keys_advice("ca.pem is what every party of the federation is given. ca.key and ca.json "
                       "stay here; keep a copy in a safe place.");
    }
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

int cm_keys_root(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &root_usage, argc, argv);
    return make_ca(args.words[0], CM_SUBJECT_ROOT, &args);
}

int cm_keys_ca(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &ca_usage, argc, argv);
    return make_ca(args.words[0], CM_SUBJECT_CA, &args);
}

static enum cm_status paths(char key_path[PATH_MAX], char request_path[PATH_MAX],
                            const char *folder, const struct cm_subject *subject,
                            struct cm_error *error)
{
    int longest = snprintf(key_path, PATH_MAX, "%s/%s.key", folder, subject->name);
    snprintf(request_path, PATH_MAX, "%s/%s.csr", folder, subject->name);
    if (longest >= PATH_MAX) {
        return cm_fail(error, CM_INVALID, "folder", "the path is too long");
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return cm_fail(error, CM_IO, folder, "cannot make the folder: %s", strerror(errno));
    }
    const char *there = access(key_path, F_OK) == 0       ? key_path
                        : access(request_path, F_OK) == 0 ? request_path
                                                          : NULL;
    if (there != NULL) {
        cm_fail(error, CM_INVALID, there, "exists already");
        cm_error_hint(error, "A key is never overwritten. Choose another folder, or move it away "
                             "when you are sure that nothing needs it.");
        return CM_INVALID;
    }
    return CM_OK;
}

static enum cm_status write_pair(const char *key_path, const char *request_path,
                                 const struct cm_subject *subject, const char *passphrase,
                                 struct cm_error *error)
{
    EVP_PKEY *key = NULL;
    X509_REQ *request = NULL;
    struct cm_buf text = {0};
    enum cm_status status = cm_keyfile_new(&key, error);
    if (status == CM_OK) {
        status = cm_certs_request(&request, key, subject, error);
    }
    if (status == CM_OK) {
        status = cm_certs_request_pem(&text, request, error);
    }
    if (status == CM_OK) {
        status = cm_keyfile_save(key_path, key, passphrase, error);
    }
    if (status == CM_OK) {
        status = cm_file_create(request_path, cm_buf_bytes(&text), 0644, error);
    }
    cm_buf_clear(&text);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return status;
}

int cm_keys_request(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &request_usage, argc, argv);
    struct cm_error error = {0};
    struct cm_subject subject;
    char passphrase[CM_MAX_PASSPHRASE] = "";
    char key_path[PATH_MAX], request_path[PATH_MAX];
    enum cm_status status = cm_subject_parse(&subject, cm_cli_get(&args, 'n'), &error);
    if (status == CM_OK && subject.level != CM_SUBJECT_LEAF) {
        status = cm_fail(&error, CM_INVALID, "name",
                         "one looks like valley.example/ca.northport.pd/investigator/jdoe");
        cm_error_hint(&error, "CAs are made by 'comity keys root' and 'comity keys ca'.");
    }
    if (status == CM_OK) {
        status = paths(key_path, request_path, cm_cli_get(&args, 'o'), &subject, &error);
    }
    bool secret = status == CM_OK &&
                  (cm_subject_wants_passphrase(&subject) || cm_cli_get(&args, 'p') != NULL);
    if (secret) {
        status = cm_cli_passphrase(passphrase, cm_cli_get(&args, 'p'),
                                   "Passphrase for the new key:", true, &error);
    }
    if (status == CM_OK) {
        status = write_pair(key_path, request_path, &subject, secret ? passphrase : NULL, &error);
    }
    cm_wipe(passphrase, sizeof passphrase);
    if (status == CM_OK) {
        cm_keys_line("key", key_path);
        status = show_request(request_path, &error);
    }
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

#include "gateway/client/settings.h"

#include "proto/base/cli.h"
#include "proto/base/clock.h"
#include "proto/base/config.h"
#include "proto/base/file.h"
#include "proto/trust/certificate.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MACHINE_FILE "/etc/comity/client.ini"

enum { MAX_ROOT = 16 * 1024 };

static const struct cm_config_key keys[] = {
    {"federation", "root", false},  {"federation", "directory", false},
    {"identity", "key", false},     {"identity", "chain", false},
    {"gateways", "name", false},    {"state", "folder", false},
    {"approvals", "folder", false}, {NULL, NULL, false},
};

// The person's value, else the machine's.
static const char *get(const struct cm_settings *settings, const char *section, const char *key)
{
    for (size_t i = 0; i < 2; i++) {
        const char *text = settings->files[i] != NULL
                               ? cm_config_get(settings->files[i], section, key, NULL)
                               : NULL;
        if (text != NULL) {
            return text;
        }
    }
    return NULL;
}

static enum cm_status need(const char **out, const struct cm_settings *settings,
                           const char *section, const char *key, struct cm_error *error)
{
    *out = get(settings, section, key);
    if (*out != NULL) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, settings->file != NULL ? settings->file : "client.ini",
            "\"%s\" in [%s] is missing", key, section);
    cm_error_hint(error, "set it %s, as in comity-lookup(1)",
                  settings->file != NULL ? "there"
                                         : "in ~/.config/comity/client.ini or " MACHINE_FILE);
    return CM_INVALID;
}

// XDG base directories: $variable/comity, else ~/fallback/comity.
static bool home_path(char out[PATH_MAX], const char *variable, const char *fallback,
                      const char *name)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    int len = 0;
    if (base != NULL && base[0] == '/') {
        len = snprintf(out, PATH_MAX, "%s/comity%s", base, name);
    } else if (home != NULL && home[0] == '/') {
        len = snprintf(out, PATH_MAX, "%s/%s/comity%s", home, fallback, name);
    }
    return len > 0 && len < PATH_MAX;
}

static enum cm_status load_files(struct cm_settings *settings, const char *file,
                                 struct cm_error *error)
{
    if (file != NULL) {
        return cm_config_load(&settings->files[0], file, keys, error);
    }
    char own[PATH_MAX];
    enum cm_status status = CM_NOT_FOUND;
    if (home_path(own, "XDG_CONFIG_HOME", ".config", "/client.ini")) {
        status = cm_config_load(&settings->files[0], own, keys, error);
    }
    if (status != CM_OK && status != CM_NOT_FOUND) {
        return status;
    }
    status = cm_config_load(&settings->files[1], MACHINE_FILE, keys, error);
    if (status == CM_NOT_FOUND && settings->files[0] != NULL) {
        return CM_OK;
    }
    if (status == CM_NOT_FOUND) {
        cm_fail(error, CM_NOT_FOUND, "client.ini", "there is none");
        cm_error_hint(error, "make ~/.config/comity/client.ini as in comity-lookup(1)");
    }
    return status;
}

// Each folder of path that is missing, for this person alone.
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made) {
            return false;
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static enum cm_status state_folder(char out[PATH_MAX], const struct cm_settings *settings,
                                   struct cm_error *error)
{
    const char *set = get(settings, "state", "folder");
    if (set != NULL) {
        snprintf(out, PATH_MAX, "%s", set);
    } else if (!home_path(out, "XDG_STATE_HOME", ".local/state", "")) {
        return cm_fail(error, CM_INVALID, "HOME", "is not set to a folder");
    }
    if (!make_folders(out)) {
        return cm_fail(error, CM_IO, out, "cannot make this folder: %s", strerror(errno));
    }
    return CM_OK;
}

// The configured bundle counts only while no directory is held that has not expired.
static enum cm_status enrol(struct cm_settings *settings, int64_t now_ms, struct cm_error *error)
{
    const char *path;
    struct cm_buf bundle = {0};
    struct cm_trust *trust = cm_directory_store_snapshot(settings->store, now_ms);
    if (trust != NULL) {
        cm_trust_unref(trust);
        return CM_OK;
    }
    enum cm_status status = need(&path, settings, "federation", "directory", error);
    if (status == CM_OK) {
        status = cm_file_read(&bundle, path, CM_MAX_BUNDLE, error);
    }
    if (status == CM_OK) {
        status =
            cm_directory_store_accept(settings->store, NULL, cm_buf_bytes(&bundle), now_ms, error);
    }
    cm_buf_clear(&bundle);
    // With an expired one held, a gateway can still hand out the newer.
    return cm_directory_store_serial(settings->store) > 0 ? CM_OK : status;
}

static enum cm_status open_store(struct cm_settings *settings, struct cm_error *error)
{
    char folder[PATH_MAX];
    struct cm_buf root = {0};
    int64_t now_ms = cm_wall_ms(cm_clock_system());
    enum cm_status status = state_folder(folder, settings, error);
    if (status == CM_OK) {
        status = cm_file_read(&root, settings->tls.root_path, MAX_ROOT, error);
    }
    if (status == CM_OK) {
        settings->folder = strdup(folder);
        status = settings->folder != NULL
                     ? cm_directory_store_open(&settings->store, folder, cm_buf_bytes(&root),
                                               now_ms, error)
                     : cm_fail(error, CM_MEMORY, folder, "out of memory");
    }
    cm_buf_clear(&root);
    return status == CM_OK ? enrol(settings, now_ms, error) : status;
}

// A key that others can read may have signed what its owner did not ask.
static enum cm_status check_private(const char *key, struct cm_error *error)
{
    struct stat facts;
    if (stat(key, &facts) != 0 || !S_ISREG(facts.st_mode) ||
        (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0) {
        return CM_OK; // what isn't there is said when it is opened
    }
    cm_fail(error, CM_INVALID, key, "others than its owner may read or write this key");
    cm_error_hint(error, "chmod 600 %s", key);
    return CM_INVALID;
}

static enum cm_status load_signer(struct cm_settings *settings, const char *passphrase_file,
                                  struct cm_error *error)
{
    const char *key = settings->tls.key_path;
    const char *chain = settings->tls.chain_path;
    enum cm_status status = check_private(key, error);
    if (status != CM_OK) {
        return status;
    }
    status = CM_UNAUTHENTICATED;
    if (passphrase_file == NULL) {
        status = cm_signer_load(&settings->signer, key, chain, NULL, error);
    }
    if (status == CM_UNAUTHENTICATED) {
        settings->passphrase = calloc(1, CM_MAX_PASSPHRASE);
        if (settings->passphrase == NULL) {
            return cm_fail(error, CM_MEMORY, key, "out of memory");
        }
        status = cm_cli_passphrase(settings->passphrase, passphrase_file,
                                   "Passphrase of your key: ", false, error);
        if (status == CM_OK) {
            status = cm_signer_load(&settings->signer, key, chain, settings->passphrase, error);
        }
    }
    if (status != CM_OK) {
        return status;
    }
    status = cm_identity_parse(&settings->identity, cm_bytes_of(cm_signer_spiffe(settings->signer)),
                               error);
    settings->identity.key_hash = *cm_signer_key_hash(settings->signer);
    return status;
}

static enum cm_status name_gateways(struct cm_settings *settings, struct cm_error *error)
{
    for (size_t i = 0; i < 2 && settings->gateway_count == 0; i++) {
        const char *name;
        for (size_t n = 0;
             settings->files[i] != NULL &&
             (name = cm_config_nth(settings->files[i], "gateways", "name", n)) != NULL;
             n++) {
            if (n == CM_MAX_CLIENT_GATEWAYS) {
                return cm_fail(error, CM_INVALID, "client.ini", "more than %d gateways",
                               CM_MAX_CLIENT_GATEWAYS);
            }
            settings->gateways[settings->gateway_count++] = name;
        }
    }
    return CM_OK;
}

// What everything needs but the key itself.
static enum cm_status load_names(struct cm_settings *out, const char *file, struct cm_error *error)
{
    *out = (struct cm_settings){.file = file};
    enum cm_status status = load_files(out, file, error);
    if (status == CM_OK) {
        status = need(&out->tls.root_path, out, "federation", "root", error);
    }
    if (status == CM_OK) {
        status = need(&out->tls.key_path, out, "identity", "key", error);
    }
    if (status == CM_OK) {
        status = need(&out->tls.chain_path, out, "identity", "chain", error);
    }
    if (status == CM_OK) {
        out->approvals = get(out, "approvals", "folder");
        status = name_gateways(out, error);
    }
    return status;
}

enum cm_status cm_settings_load(struct cm_settings *out, const char *file,
                                const char *passphrase_file, struct cm_error *error)
{
    enum cm_status status = load_names(out, file, error);
    if (status == CM_OK) {
        status = load_signer(out, passphrase_file, error);
    }
    if (status == CM_OK) {
        status = open_store(out, error);
    }
    if (status != CM_OK) {
        cm_settings_clear(out);
    }
    return status;
}

static enum cm_status read_identity(struct cm_settings *settings, struct cm_error *error)
{
    const char *path = settings->tls.chain_path;
    struct cm_certificate leaf = {0};
    uint8_t *der = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return cm_fail(error, CM_IO, path, "cannot open: %s", strerror(errno));
    }
    X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    const int len = x509 != NULL ? i2d_X509(x509, &der) : 0;
    X509_free(x509);
    ERR_clear_error();
    enum cm_status status =
        len > 0 ? cm_certificate_parse(&leaf, (struct cm_bytes){der, (size_t)len}, path, error)
                : cm_fail(error, CM_INVALID, path, "does not begin with a certificate");
    if (status == CM_OK) {
        status = cm_identity_parse(&settings->identity, cm_bytes_of(leaf.uri), error);
        cm_certificate_clear(&leaf);
    }
    OPENSSL_free(der);
    return status;
}

enum cm_status cm_settings_load_unsigned(struct cm_settings *out, const char *file,
                                         struct cm_error *error)
{
    enum cm_status status = load_names(out, file, error);
    if (status == CM_OK) {
        status = read_identity(out, error);
    }
    if (status == CM_OK) {
        status = open_store(out, error);
    }
    if (status != CM_OK) {
        cm_settings_clear(out);
    }
    return status;
}

void cm_settings_clear(struct cm_settings *settings)
{
    cm_directory_store_free(settings->store);
    cm_signer_unref(settings->signer);
    if (settings->passphrase != NULL) {
        cm_wipe(settings->passphrase, CM_MAX_PASSPHRASE);
        free(settings->passphrase);
    }
    free(settings->folder);
    cm_config_free(settings->files[0]);
    cm_config_free(settings->files[1]);
    *settings = (struct cm_settings){0};
}

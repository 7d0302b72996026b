#include "proto/trust/cli/directory.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/trust/cli/certs.h"
#include "proto/trust/cli/directory_changes.h"
#include "proto/trust/cli/keys.h"
#include "proto/trust/directory_json.h"
#include "proto/trust/trust.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_CAP = 8 * CM_MAX_BUNDLE, MAX_DAYS = 366, DEFAULT_DAYS = 30, MAX_CRL = 1024 * 1024 };

#define DAY_MS ((int64_t)24 * 3600 * 1000)

static const struct argp_option sign_options[] = {
    {"key", 'k', "FILE", 0, "The directory signer's private key", 0},
    {"chain", 'c', "FILE", 0, "Its certificate", 0},
    {"out", 'o', "FILE", 0, "Where the signed bundle goes", 0},
    {"previous", 'P', "FILE", 0, "The bundle signed before; the first one has none", 0},
    {"crl", 'l', "FILE", 0, "A CA's revocation list; one for each CA", 0},
    {"root", 'r', "FILE", 0,
     "The federation's root: checks the previous bundle and the new one as every party will", 0},
    {"days", 'd', "N", 0, "Days until it expires (30)", 0},
    {"dry-run", 'n', NULL, 0, "Show what would change, sign nothing", 0},
    {"passphrase-file", 'p', "FILE", 0, "The key's passphrase is FILE's first line", 0},
    {"file", 'f', "FILE", 0, "The directory as JSON (" CM_DIRECTORY_FILE ")", 0},
    {0}};
static const struct cm_cli_usage sign_usage = {
    sign_options,
    NULL,
    "Signs the directory, with the CAs' revocation lists beside it, as the bundle that gateways, "
    "nodes and clients accept. Shows first what changes against the previous one; its serial is "
    "the next one.\vFor example: comity directory sign --key op.key --chain op.pem --root "
    "root/ca.pem --previous old.bundle --crl northport.der --crl milltown.der --out new.bundle",
    "kco",
    0,
    0};

struct signing {
    const struct cm_cli_args *args;
    struct cm_arena *arena;
    int64_t now_ms;
    struct cm_buf root; // empty without --root
    struct cm_directory draft;
    struct cm_directory previous; // serial 0: none
    struct cm_trust *previous_trust;
    size_t crl_count;
    struct cm_bytes *crls;
    struct cm_buf bundle;
    struct cm_error error;
};

static enum cm_status read_kept(struct signing *s, struct cm_bytes *out, const char *path,
                                size_t max)
{
    struct cm_buf file = {0};
    enum cm_status status = cm_file_read(&file, path, max, &s->error);
    if (status == CM_OK) {
        status = cm_arena_bytes(s->arena, out, cm_buf_bytes(&file));
        if (status != CM_OK) {
            cm_fail(&s->error, status, path, "all files together are too large");
        }
    }
    cm_buf_clear(&file);
    return status;
}

// Two different directories of one serial would split the federation.
static enum cm_status check_out(struct signing *s)
{
    const char *out = cm_cli_get(s->args, 'o');
    struct cm_directory there;
    if (access(out, F_OK) != 0) {
        return CM_OK;
    }
    enum cm_status status = cm_directory_read(&there, s->arena, out, &s->error);
    if (status == CM_OK && there.serial > s->previous.serial) {
        status =
            cm_fail(&s->error, CM_INVALID, out,
                    "holds serial %" PRIu64 " already: another must not be signed", there.serial);
        cm_error_hint(&s->error, "Give the newest bundle with --previous.");
    }
    return status;
}

static enum cm_status load_previous(struct signing *s)
{
    const char *path = cm_cli_get(s->args, 'P');
    if (path == NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_directory_read(&s->previous, s->arena, path, &s->error);
    if (status == CM_OK && s->previous.serial == 0) {
        status = cm_fail(&s->error, CM_INVALID, path, "it is not signed");
    }
    struct cm_bytes bytes;
    if (status == CM_OK && s->root.len > 0) {
        status = read_kept(s, &bytes, path, CM_MAX_BUNDLE);
    }
    if (status == CM_OK && s->root.len > 0) {
        // An expired one is still what the next must follow.
        int64_t as_of_ms = s->now_ms < s->previous.expires_ms ? s->now_ms : s->previous.issued_ms;
        status = cm_trust_new(&s->previous_trust, cm_buf_bytes(&s->root), bytes, NULL, as_of_ms,
                              &s->error);
    }
    return status;
}

static enum cm_status load_crls(struct signing *s)
{
    while (cm_cli_nth(s->args, 'l', s->crl_count) != NULL) {
        s->crl_count++;
    }
    s->crls = cm_arena_array(s->arena, s->crl_count, sizeof *s->crls);
    if (s->crls == NULL) {
        return cm_fail(&s->error, CM_MEMORY, "crl", "out of memory");
    }
    for (size_t i = 0; i < s->crl_count; i++) {
        const char *path = cm_cli_nth(s->args, 'l', i);
        enum cm_status status = read_kept(s, &s->crls[i], path, MAX_CRL);
        if (status != CM_OK) {
            return status;
        }
        const uint8_t *at = s->crls[i].data;
        X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)s->crls[i].len);
        int64_t until_ms = crl != NULL ? cm_certs_time_ms(X509_CRL_get0_nextUpdate(crl)) : 0;
        bool whole = crl != NULL && at == s->crls[i].data + s->crls[i].len;
        X509_CRL_free(crl);
        ERR_clear_error();
        if (!whole) {
            return cm_fail(&s->error, CM_INVALID, path, "it is no revocation list in DER");
        }
        if (until_ms <= s->now_ms) {
            cm_fail(&s->error, CM_STALE, path, "it holds no longer");
            cm_error_hint(&s->error, "Get a new one from its CA: 'comity keys crl' there.");
            return CM_STALE;
        }
    }
    return CM_OK;
}

static enum cm_status load(struct signing *s)
{
    const char *file = cm_cli_get(s->args, 'f');
    const char *root = cm_cli_get(s->args, 'r');
    enum cm_status status =
        cm_directory_read(&s->draft, s->arena, file != NULL ? file : CM_DIRECTORY_FILE, &s->error);
    if (status == CM_OK && s->draft.serial != 0) {
        status = cm_fail(&s->error, CM_INVALID, "file", "it is signed already; give the JSON file");
    }
    if (status == CM_OK && root != NULL) {
        status = cm_file_read(&s->root, root, CM_CERTS_MAX_FILE, &s->error);
    }
    if (status == CM_OK) {
        status = load_previous(s);
    }
    if (status == CM_OK) {
        status = check_out(s);
    }
    return status == CM_OK ? load_crls(s) : status;
}

static enum cm_status show_changes(struct signing *s)
{
    static const struct cm_directory nothing = {.federation = ""};
    const struct cm_directory *before = s->previous.serial > 0 ? &s->previous : &nothing;
    size_t count;
    if (before != &nothing) {
        enum cm_status status = cm_directory_changes_check(before, &s->draft, &s->error);
        if (status != CM_OK) {
            return status;
        }
    }
    s->draft.serial = s->previous.serial + 1;
    s->draft.previous = s->previous.digest;
    s->draft.issued_ms = s->now_ms;
    s->draft.expires_ms =
        s->now_ms + cm_cli_get_number(s->args, 'd', "days", DEFAULT_DAYS, 1, MAX_DAYS) * DAY_MS;
    enum cm_status status = cm_directory_changes_print(stdout, &count, before, &s->draft);
    if (status != CM_OK) {
        return cm_fail(&s->error, status, "directory", "out of memory");
    }
    if (count == 0) {
        puts("nothing changes but serial, dates and revocation lists");
    }
    char until[32];
    printf("serial       %" PRIu64 "\n", s->draft.serial);
    cm_keys_line("expires", cm_keys_time(until, s->draft.expires_ms));
    fflush(stdout);
    return CM_OK;
}

// A directory must not outlive the certificate that vouches for it.
static enum cm_status check_signer(struct signing *s, const struct cm_signer *signer)
{
    struct cm_identity identity;
    X509 *certificate = NULL;
    const char *path = cm_cli_get(s->args, 'c');
    enum cm_status status =
        cm_identity_parse(&identity, cm_bytes_of(cm_signer_spiffe(signer)), &s->error);
    if (status == CM_OK && (identity.role != CM_ROLE_DIRECTORY ||
                            strcmp(identity.federation, s->draft.federation) != 0)) {
        status = cm_fail(&s->error, CM_FORBIDDEN, path, "it is no directory signer of %s",
                         s->draft.federation);
        cm_error_hint(&s->error, "Its name must be spiffe://%s/_/directory/...",
                      s->draft.federation);
    }
    if (status == CM_OK) {
        status = cm_certs_read(&certificate, path, &s->error);
    }
    if (status == CM_OK &&
        cm_certs_time_ms(X509_get0_notAfter(certificate)) < s->draft.expires_ms) {
        status = cm_fail(&s->error, CM_STALE, path, "it ends before the directory would");
        cm_error_hint(&s->error, "Sign for fewer --days, or have it renewed by the root.");
    }
    X509_free(certificate);
    return status;
}

static enum cm_status sign(struct signing *s)
{
    char passphrase[CM_MAX_PASSPHRASE] = "";
    struct cm_signer *signer = NULL;
    struct cm_buf payload = {0}, envelope = {0};
    enum cm_status status =
        cm_cli_passphrase(passphrase, cm_cli_get(s->args, 'p'),
                          "Passphrase of the directory's key:", false, &s->error);
    if (status == CM_OK) {
        status = cm_signer_load(&signer, cm_cli_get(s->args, 'k'), cm_cli_get(s->args, 'c'),
                                passphrase, &s->error);
    }
    cm_wipe(passphrase, sizeof passphrase);
    if (status == CM_OK) {
        status = check_signer(s, signer);
    }
    if (status == CM_OK) {
        status = cm_directory_encode(&payload, &s->draft, &s->error);
    }
    if (status == CM_OK) {
        status = cm_dsse_sign(&envelope, CM_FAMILY_DIRECTORY, cm_buf_bytes(&payload), signer, true);
        struct cm_directory_bundle bundle = {cm_buf_bytes(&envelope), s->crl_count, s->crls};
        if (status == CM_OK) {
            status = cm_directory_bundle_encode(&s->bundle, &bundle);
        }
        if (status != CM_OK) {
            cm_fail(&s->error, status, "directory", "it can't be signed");
        }
    }
    cm_buf_clear(&envelope);
    cm_buf_clear(&payload);
    cm_signer_unref(signer);
    return status;
}

// As whoever enrols with it will judge it, and whoever holds the previous one.
static enum cm_status verify(struct signing *s)
{
    struct cm_trust *fresh = NULL, *next = NULL;
    struct cm_directory_bundle bundle = {0};
    struct cm_bytes root = cm_buf_bytes(&s->root);
    if (root.len == 0) {
        return CM_OK;
    }
    enum cm_status status =
        cm_trust_new(&fresh, root, cm_buf_bytes(&s->bundle), NULL, s->now_ms, &s->error);
    if (status == CM_OK) {
        status = cm_directory_bundle_decode(&bundle, s->arena, cm_trust_bundle(fresh), &s->error);
    }
    if (status == CM_OK && bundle.crl_count < s->crl_count) {
        status = cm_fail(&s->error, CM_INVALID, "crl",
                         "%zu of %zu revocation lists are signed by no CA that is pinned, or twice",
                         s->crl_count - bundle.crl_count, s->crl_count);
        cm_error_hint(&s->error, "Check the pins with 'comity keys pin' on each agency's CA.");
    }
    if (status == CM_OK && s->previous_trust != NULL) {
        status = cm_trust_new(&next, root, cm_buf_bytes(&s->bundle), s->previous_trust, s->now_ms,
                              &s->error);
    }
    cm_trust_unref(next);
    cm_trust_unref(fresh);
    return status;
}

int cm_directory_cli_sign(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &sign_usage, argc, argv);
    struct signing s = {
        .args = &args, .arena = cm_arena_new(ARENA_CAP), .now_ms = cm_wall_ms(cm_clock_system())};
    enum cm_status status =
        s.arena != NULL ? load(&s) : cm_fail(&s.error, CM_MEMORY, "sign", "out of memory");
    if (status == CM_OK) {
        status = show_changes(&s);
    }
    bool dry = cm_cli_get(&args, 'n') != NULL;
    if (status == CM_OK && !dry) {
        status = sign(&s);
    }
    if (status == CM_OK && !dry) {
        status = verify(&s);
    }
    if (status == CM_OK && !dry) {
        status = cm_file_write(cm_cli_get(&args, 'o'), cm_buf_bytes(&s.bundle), 0644, &s.error);
    }
    if (status == CM_OK && !dry) {
        cm_keys_line("bundle", cm_cli_get(&args, 'o'));
    }
    cm_buf_clear(&s.bundle);
    cm_buf_clear(&s.root);
    cm_trust_unref(s.previous_trust);
    cm_arena_free(s.arena);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&s.error);
}

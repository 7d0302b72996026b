#include "proto/trust/cli/keys.h"

#include "proto/base/file.h"
#include "proto/trust/cli/ca.h"
#include "proto/trust/cli/keyfile.h"

#include <limits.h>
#include <string.h>

enum { MAX_DAYS = 7300 };

static const struct argp_option sign_options[] = {
    {"fingerprint", 'f', "F", 0,
     "The request's fingerprint, as its maker told you by another channel", 0},
    {"ca", 'c', "DIR", 0, "The CA's folder", 0},
    {"days", 'd', "N", 0, "Days that it is valid (people 90, daemons 365, agency CAs 1825)", 0},
    {"out", 'o', "FILE", 0, "Where the certificate goes (beside the request, as .pem)", 0},
    {"passphrase-file", 'p', "FILE", 0, "The CA's passphrase is FILE's first line", 0},
    {0},
};
static const struct cm_cli_usage sign_usage = {
    sign_options,
    "CSR",
    "Signs a certificate request whose fingerprint you were told by another channel than the one "
    "it came by. Only its key and its name are taken from it. A root signs agency CAs, gateways "
    "and directory signers; an agency's CA the names of its own agency.\vFor example: comity keys "
    "sign jdoe.csr --ca ca --fingerprint 1f2e-...",
    "fc",
    1,
    1};

static const struct argp_option revoke_options[] = {
    {"ca", 'c', "DIR", 0, "The CA's folder", 0},
    {"reason", 'r', "WORD", 0,
     "unspecified, key-compromise, ca-compromise, affiliation-changed, superseded or cessation", 0},
    {0},
};
static const struct cm_cli_usage revoke_usage = {
    revoke_options,
    "CERT|spiffe://NAME",
    "Takes back a certificate, or all that hold of one name. It counts once the next revocation "
    "list ('comity keys crl') has reached the others with the directory.",
    "c",
    1,
    1};

static const struct argp_option crl_options[] = {
    {"ca", 'c', "DIR", 0, "The CA's folder", 0},
    {"hours", 'H', "N", 0, "Hours that it holds, at most 24 (24)", 0},
    {"out", 'o', "FILE", 0, "Where it goes (DIR/crl.der)", 0},
    {"passphrase-file", 'p', "FILE", 0, "The CA's passphrase is FILE's first line", 0},
    {0},
};
static const struct cm_cli_usage crl_usage = {
    crl_options,
    NULL,
    "Issues the CA's revocation list, also when nothing is revoked: without one that is fresh, the "
    "agency's people and nodes are refused everywhere. Run it at least daily.",
    "c",
    0,
    0};

static enum cm_status open_ca(struct cm_ca **out, const struct cm_cli_args *args,
                              struct cm_error *error)
{
    return cm_ca_open(out, cm_cli_get(args, 'c'), error);
}

static enum cm_status unlock(struct cm_ca *ca, const struct cm_cli_args *args,
                             struct cm_error *error)
{
    char passphrase[CM_MAX_PASSPHRASE] = "";
    enum cm_status status = cm_cli_passphrase(passphrase, cm_cli_get(args, 'p'),
                                              "Passphrase of the CA's key:", false, error);
    if (status == CM_OK) {
        status = cm_ca_unlock(ca, passphrase, error);
    }
    cm_wipe(passphrase, sizeof passphrase);
    return status;
}

static enum cm_status show(X509_REQ *request, const struct cm_subject *subject, const char *told,
                           const char *path, struct cm_error *error)
{
    char fingerprint[CM_FINGERPRINT_TEXT], pin[2 * CM_DIGEST_SIZE + 1];
    struct cm_digest digest;
    enum cm_status status = cm_certs_fingerprint(fingerprint, request, error);
    if (status == CM_OK) {
        status = cm_keyfile_pin(&digest, X509_REQ_get0_pubkey(request), path, error);
    }
    if (status != CM_OK) {
        return status;
    }
    if (!cm_certs_fingerprint_is(fingerprint, told)) {
        cm_fail(error, CM_UNAUTHENTICATED, path, "its fingerprint is not the one you were told");
        cm_error_hint(error,
                      "It is %s. Unless its maker confirms that, it was exchanged: don't sign.",
                      fingerprint);
        return CM_UNAUTHENTICATED;
    }
    cm_hex(pin, cm_bytes_digest(&digest));
    cm_keys_line("name", subject->spiffe);
    cm_keys_line("for", cm_subject_what(subject));
    cm_keys_line("fingerprint", fingerprint);
    cm_keys_line("pin", pin);
    return CM_OK;
}

static enum cm_status out_path(char out[PATH_MAX], const struct cm_cli_args *args,
                               struct cm_error *error)
{
    const char *given = cm_cli_get(args, 'o');
    const char *request = args->words[0];
    size_t len = strlen(request);
    if (given == NULL && len > 4 && strcmp(request + len - 4, ".csr") == 0) {
        len -= 4;
    }
    int used = given != NULL ? snprintf(out, PATH_MAX, "%s", given)
                             : snprintf(out, PATH_MAX, "%.*s.pem", (int)len, request);
    return used < PATH_MAX ? CM_OK : cm_fail(error, CM_INVALID, "out", "the path is too long");
}

// A leaf of an agency goes with its CA's certificate: that is the chain which envelopes carry.
static enum cm_status write_chain(const char *path, X509 *certificate, const struct cm_ca *ca,
                                  struct cm_error *error)
{
    struct cm_buf text = {0};
    enum cm_status status = cm_certs_pem(&text, certificate, error);
    if (status == CM_OK && cm_ca_subject(ca)->level == CM_SUBJECT_CA) {
        status = cm_certs_pem(&text, cm_ca_certificate(ca), error);
    }
    if (status == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&text), 0644, error);
    }
    cm_buf_clear(&text);
    return status;
}

int cm_keys_sign(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &sign_usage, argc, argv);
    struct cm_error error = {0};
    struct cm_subject subject;
    struct cm_ca *ca = NULL;
    X509_REQ *request = NULL;
    X509 *certificate = NULL;
    char path[PATH_MAX], until[32];
    enum cm_status status = cm_certs_read_request(&request, &subject, args.words[0], &error);
    if (status == CM_OK) {
        status = show(request, &subject, cm_cli_get(&args, 'f'), args.words[0], &error);
    }
    if (status == CM_OK) {
        status = out_path(path, &args, &error);
    }
    if (status == CM_OK) {
        status = open_ca(&ca, &args, &error);
    }
    if (status == CM_OK) {
        status = unlock(ca, &args, &error);
    }
    if (status == CM_OK) {
        int days =
            (int)cm_cli_get_number(&args, 'd', "days", cm_subject_days(&subject), 1, MAX_DAYS);
        status = cm_ca_issue(&certificate, ca, &subject, X509_REQ_get0_pubkey(request),
                             cm_wall_ms(cm_clock_system()), days, &error);
    }
    if (status == CM_OK) {
        status = write_chain(path, certificate, ca, &error);
    }
    if (status == CM_OK) {
        cm_keys_line("valid until",
                     cm_keys_time(until, cm_certs_time_ms(X509_get0_notAfter(certificate))));
        cm_keys_line("certificate", path);
    }
    X509_free(certificate);
    X509_REQ_free(request);
    cm_ca_close(ca);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

static int reason_of(const char *word)
{
    static const char *const words[] = {"unspecified",         "key-compromise", "ca-compromise",
                                        "affiliation-changed", "superseded",     "cessation"};
    for (int i = 0; i < (int)(sizeof words / sizeof words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            return i;
        }
    }
    return -1;
}

int cm_keys_revoke(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &revoke_usage, argc, argv);
    const char *word = cm_cli_get(&args, 'r');
    int reason = reason_of(word != NULL ? word : "unspecified");
    if (reason < 0) {
        cm_cli_say("--reason: '%s' is none; '%s --help' lists them", word, cm_cli_name());
        return CM_EXIT_USAGE;
    }
    struct cm_error error = {0};
    struct cm_ca *ca = NULL;
    X509 *certificate = NULL;
    const char *what = args.words[0];
    size_t count = 1;
    int64_t now_ms = cm_wall_ms(cm_clock_system());
    enum cm_status status = open_ca(&ca, &args, &error);
    if (status == CM_OK && strncmp(what, "spiffe://", 9) == 0) {
        status = cm_ca_revoke_name(&count, ca, what, reason, now_ms, &error);
    } else if (status == CM_OK) {
        status = cm_certs_read(&certificate, what, &error);
        if (status == CM_OK) {
            status = cm_ca_revoke(ca, certificate, reason, now_ms, &error);
        }
    }
    if (status == CM_OK) {
        printf("revoked      %zu certificate%s\n", count, count == 1 ? "" : "s");
        cm_keys_advice("Now issue a revocation list with 'comity keys crl' and have it sent out "
                       "with the directory: until then, others can't know.");
    }
    X509_free(certificate);
    cm_ca_close(ca);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

int cm_keys_crl(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &crl_usage, argc, argv);
    int hours = (int)cm_cli_get_number(&args, 'H', "hours", CM_ISSUE_MAX_CRL_HOURS, 1,
                                       CM_ISSUE_MAX_CRL_HOURS);
    struct cm_error error = {0};
    struct cm_ca *ca = NULL;
    struct cm_buf crl = {0};
    uint64_t number = 0;
    char path[PATH_MAX];
    const char *given = cm_cli_get(&args, 'o');
    snprintf(path, sizeof path, "%s%s", given != NULL ? given : cm_cli_get(&args, 'c'),
             given != NULL ? "" : "/crl.der");
    enum cm_status status = open_ca(&ca, &args, &error);
    if (status == CM_OK) {
        status = unlock(ca, &args, &error);
    }
    if (status == CM_OK) {
        status = cm_ca_crl(&crl, &number, ca, cm_wall_ms(cm_clock_system()), hours, &error);
    }
    if (status == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&crl), 0644, &error);
    }
    if (status == CM_OK) {
        printf("number       %llu\n", (unsigned long long)number);
        printf("holds        %d hours\n", hours);
        cm_keys_line("list", path);
    }
    cm_buf_clear(&crl);
    cm_ca_close(ca);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

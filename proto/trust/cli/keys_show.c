#include "proto/trust/cli/keys.h"

#include "proto/base/file.h"
#include "proto/trust/cli/certs.h"
#include "proto/trust/cli/keyfile.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

enum { MAX_FILE = 8 * 1024 * 1024 };

static const struct argp_option no_options[] = {{0}};
static const struct cm_cli_usage show_usage = {
    no_options,
    "FILE",
    "Says what a certificate, a chain, a request or a revocation list holds. Signatures are not "
    "checked against anybody.",
    NULL,
    1,
    1};
static const struct cm_cli_usage pin_usage = {
    no_options,
    "CERT",
    "Prints the SHA-256 of a certificate's or request's public key (SubjectPublicKeyInfo) in hex: "
    "what the directory pins. A renewed certificate keeps it as long as it keeps its key.",
    NULL,
    1,
    1};

void cm_keys_line(const char *name, const char *value)
{
    printf("%-12s %s\n", name, value);
}

void cm_keys_advice(const char *text)
{
    putchar('\n');
    cm_cli_wrap(stdout, text, 0, 0);
}

const char *cm_keys_time(char out[32], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts) == 0) {
        snprintf(out, 32, "?");
    }
    return out;
}

static enum cm_status show_pin(EVP_PKEY *key, const char *path, struct cm_error *error)
{
    struct cm_digest pin;
    char hex[2 * CM_DIGEST_SIZE + 1];
    enum cm_status status = cm_keyfile_pin(&pin, key, path, error);
    if (status == CM_OK) {
        cm_hex(hex, cm_bytes_digest(&pin));
        cm_keys_line("pin", hex);
    }
    return status;
}

static enum cm_status show_certificate(X509 *certificate, const char *path, struct cm_error *error)
{
    struct cm_subject subject;
    uint8_t serial[CM_SERIAL_SIZE];
    char hex[2 * CM_SERIAL_SIZE + 1], when[32];
    enum cm_status status = cm_certs_subject(&subject, certificate, path, error);
    if (status == CM_OK) {
        status = cm_certs_serial(serial, X509_get0_serialNumber(certificate), path, error);
    }
    if (status != CM_OK) {
        return status;
    }
    cm_hex(hex, (struct cm_bytes){serial, sizeof serial});
    cm_keys_line("certificate", subject.spiffe);
    cm_keys_line("for", cm_subject_what(&subject));
    cm_keys_line("serial", hex);
    cm_keys_line("valid from",
                 cm_keys_time(when, cm_certs_time_ms(X509_get0_notBefore(certificate))));
    cm_keys_line("valid until",
                 cm_keys_time(when, cm_certs_time_ms(X509_get0_notAfter(certificate))));
    return show_pin(X509_get0_pubkey(certificate), path, error);
}

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
        cm_keys_line("request", subject.spiffe);
        cm_keys_line("for", cm_subject_what(&subject));
        cm_keys_line("fingerprint", fingerprint);
        status = show_pin(X509_REQ_get0_pubkey(request), path, error);
    }
    X509_REQ_free(request);
    return status;
}

static void show_crl(X509_CRL *crl)
{
    char when[32], *issuer = X509_NAME_oneline(X509_CRL_get_issuer(crl), NULL, 0);
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    uint64_t value = 0;
    cm_keys_line("list of", issuer != NULL ? issuer : "?");
    if (number != NULL && ASN1_INTEGER_get_uint64(&value, number) == 1) {
        printf("number       %llu\n", (unsigned long long)value);
    }
    cm_keys_line("issued", cm_keys_time(when, cm_certs_time_ms(X509_CRL_get0_lastUpdate(crl))));
    cm_keys_line("holds until",
                 cm_keys_time(when, cm_certs_time_ms(X509_CRL_get0_nextUpdate(crl))));
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(revoked, i);
        uint8_t serial[CM_SERIAL_SIZE];
        char hex[2 * CM_SERIAL_SIZE + 1] = "?";
        if (cm_certs_serial(serial, X509_REVOKED_get0_serialNumber(entry), "list", NULL) == CM_OK) {
            cm_hex(hex, (struct cm_bytes){serial, sizeof serial});
        }
        printf("revoked      %s %s\n", hex,
               cm_keys_time(when, cm_certs_time_ms(X509_REVOKED_get0_revocationDate(entry))));
    }
    ASN1_INTEGER_free(number);
    OPENSSL_free(issuer);
}

static enum cm_status show_chain(struct cm_bytes file, const char *path, struct cm_error *error)
{
    BIO *bio = BIO_new_mem_buf(file.data, (int)file.len);
    enum cm_status status = bio != NULL ? CM_OK : CM_MEMORY;
    for (int count = 0; status == CM_OK; count++) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, cm_keyfile_passphrase, NULL);
        if (certificate == NULL) {
            break;
        }
        if (count > 0) {
            putchar('\n');
        }
        status = show_certificate(certificate, path, error);
        X509_free(certificate);
    }
    ERR_clear_error();
    BIO_free(bio);
    return status;
}

static bool holds(struct cm_bytes file, const char *text)
{
    return memmem(file.data, file.len, text, strlen(text)) != NULL;
}

static enum cm_status show_file(struct cm_bytes file, const char *path, struct cm_error *error)
{
    if (holds(file, "-----BEGIN CERTIFICATE REQUEST-----")) {
        return show_request(path, error);
    }
    if (holds(file, "-----BEGIN CERTIFICATE-----")) {
        return show_chain(file, path, error);
    }
    const uint8_t *at = file.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)file.len);
    if (crl != NULL) {
        show_crl(crl);
        X509_CRL_free(crl);
        return CM_OK;
    }
    ERR_clear_error();
    if (holds(file, "PRIVATE KEY-----")) {
        return cm_fail(error, CM_INVALID, path, "it is a private key: nothing to show");
    }
    return cm_fail(error, CM_INVALID, path,
                   "it is no certificate or request in PEM, and no revocation list in DER");
}

int cm_keys_show(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &show_usage, argc, argv);
    struct cm_error error = {0};
    struct cm_buf file = {0};
    enum cm_status status = cm_file_read(&file, args.words[0], MAX_FILE, &error);
    if (status == CM_OK) {
        status = show_file(cm_buf_bytes(&file), args.words[0], &error);
    }
    cm_wipe(file.data, file.len);
    cm_buf_clear(&file);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

int cm_keys_pin(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &pin_usage, argc, argv);
    struct cm_error error = {0};
    struct cm_subject subject;
    struct cm_digest pin;
    X509 *certificate = NULL;
    X509_REQ *request = NULL;
    EVP_PKEY *key = NULL;
    enum cm_status status = cm_certs_read(&certificate, args.words[0], &error);
    if (status == CM_OK) {
        key = X509_get0_pubkey(certificate);
    } else if (status == CM_INVALID) {
        status = cm_certs_read_request(&request, &subject, args.words[0], &error);
        key = status == CM_OK ? X509_REQ_get0_pubkey(request) : NULL;
    }
    if (status == CM_OK) {
        status = cm_keyfile_pin(&pin, key, args.words[0], &error);
    }
    if (status == CM_OK) {
        char hex[2 * CM_DIGEST_SIZE + 1];
        cm_hex(hex, cm_bytes_digest(&pin));
        puts(hex);
    }
    X509_REQ_free(request);
    X509_free(certificate);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

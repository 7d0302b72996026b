#include "support.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

const char *test_path(const char *dir, const char *name, const char *suffix)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s%s", dir, name, suffix);
    return path;
}

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    cr_assert(key);
    return key;
}

static void extend(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    cr_assert(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *new_cert(const char *name, EVP_PKEY *key, X509 *issuer)
{
    static long serial = 1;
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
    if (strcmp(name, "leaf") != 0) {
        extend(cert, NID_basic_constraints, "critical,CA:TRUE");
    }
    return cert;
}

static void write_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
    FILE *file = fopen(path, "w");
    cr_assert(file);
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
    cr_assert(PEM_write_PKCS8PrivateKey(file, key, cipher, passphrase,
                                        passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
    fclose(file);
}

// root.pem with its key beside it, made at first use.
static void get_root(const char *dir, const char *name, X509 **cert, EVP_PKEY **key)
{
    FILE *file = fopen(test_path(dir, name, ".pem"), "r");
    if (!file) {
        *key = new_key();
        *cert = new_cert(name, *key, NULL);
        cr_assert(X509_sign(*cert, *key, EVP_sha256()));
        file = fopen(test_path(dir, name, ".pem"), "w");
        cr_assert(file && PEM_write_X509(file, *cert));
        write_key(test_path(dir, name, ".key"), *key, NULL);
        fclose(file);
        return;
    }
    *cert = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    file = fopen(test_path(dir, name, ".key"), "r");
    *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    cr_assert(*cert && *key);
}

void test_issue(const char *dir, const struct test_leaf *leaf)
{
    X509 *root;
    EVP_PKEY *root_key;
    char san[256];
    get_root(dir, leaf->root, &root, &root_key);
    EVP_PKEY *ca_key = new_key();
    EVP_PKEY *key = new_key();
    X509 *ca = new_cert("agency", ca_key, root);
    cr_assert(X509_sign(ca, root_key, EVP_sha256()));
    X509 *cert = new_cert("leaf", key, ca);
    snprintf(san, sizeof san, "%s%s%sURI:%s", leaf->dns ? "DNS:" : "", leaf->dns ? leaf->dns : "",
             leaf->dns ? "," : "", leaf->uri);
    extend(cert, NID_subject_alt_name, san);
    cr_assert(X509_sign(cert, ca_key, EVP_sha256()));
    FILE *file = fopen(test_path(dir, leaf->name, ".pem"), "w");
    cr_assert(file && PEM_write_X509(file, cert) && PEM_write_X509(file, ca));
    fclose(file);
    write_key(test_path(dir, leaf->name, ".key"), key, leaf->passphrase);
    X509_free(cert);
    X509_free(ca);
    X509_free(root);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(root_key);
}

void test_until(struct test_rig *rig, const bool *flag)
{
    int64_t end = cm_mono_ms(cm_clock_system()) + PATIENCE_MS;
    while (!*flag) {
        cr_assert(cm_mono_ms(cm_clock_system()) < end, "waited too long");
        cm_loop_step(rig->loop, 50);
    }
}

void test_until_count(struct test_rig *rig, const unsigned *count, unsigned at_least)
{
    int64_t end = cm_mono_ms(cm_clock_system()) + PATIENCE_MS;
    while (*count < at_least) {
        cr_assert(cm_mono_ms(cm_clock_system()) < end, "waited too long");
        cm_loop_step(rig->loop, 50);
    }
}

void test_settle(struct test_rig *rig)
{
    while (cm_loop_step(rig->loop, 100)) {
        continue;
    }
}

// The server's side of a test call.
struct served {
    struct test_rig *rig;
    struct cm_stream *stream;
    struct cm_buf pending; // the message to echo
    bool flood;
    bool ended;
};

static void served_flood(struct served *served)
{
    static uint8_t block[16 * 1024];
    if (cm_stream_writable(served->stream)) {
        cr_assert(!cm_stream_write(served->stream, (struct cm_bytes){block, sizeof block}));
    }
}

static void served_message(void *owner, struct cm_bytes message)
{
    struct served *served = owner;
    served->rig->got++;
    cr_assert(!cm_stream_write(served->stream, message));
}

static void served_end(void *owner)
{
    struct served *served = owner;
    cm_stream_finish(served->stream, CM_OK, NULL);
}

static void served_writable(void *owner)
{
    struct served *served = owner;
    if (served->flood) {
        served->rig->got++;
        served_flood(served);
    } else {
        cm_stream_read(served->stream);
    }
}

static void served_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct served *served = owner;
    (void)error;
    served->rig->cancelled += status == CM_CANCELLED;
    if (served->rig->held == served->stream) {
        served->rig->held = NULL;
    }
    free(served);
}

static struct served *serve(struct test_rig *rig, struct cm_stream *stream)
{
    static const struct cm_stream_handlers handlers = {served_message, served_end, served_writable,
                                                       served_closed};
    struct served *served = calloc(1, sizeof *served);
    served->rig = rig;
    served->stream = stream;
    rig->opened++;
    rig->peer = *cm_stream_peer(stream);
    rig->peer_leaf.len = 0;
    cr_assert(!cm_buf_add(&rig->peer_leaf, rig->peer.chain[0].data, rig->peer.chain[0].len));
    cm_stream_accept(stream, &handlers, served);
    return served;
}

static void open_echo(void *context, struct cm_stream *stream)
{
    serve(context, stream);
    cm_stream_read(stream);
}

static void open_hold(void *context, struct cm_stream *stream)
{
    struct test_rig *rig = context;
    serve(rig, stream);
    rig->held = stream;
}

static void open_refuse(void *context, struct cm_stream *stream)
{
    struct test_rig *rig = context;
    struct cm_error error = {0};
    rig->opened++;
    cm_fail(&error, CM_STALE, "query.issued", "is 7 seconds ahead of this gateway's clock");
    error.retry_after_ms = 1234;
    cm_stream_finish(stream, CM_STALE, &error);
}

static void open_forget(void *context, struct cm_stream *stream)
{
    (void)context;
    (void)stream;
}

static void open_flood(void *context, struct cm_stream *stream)
{
    struct served *served = serve(context, stream);
    served->flood = true;
    served_flood(served);
}

static void open_and_write(struct test_rig *rig, struct cm_stream *stream, size_t len)
{
    serve(rig, stream);
    uint8_t *large = calloc(1, len);
    cr_assert(!cm_stream_write(stream, (struct cm_bytes){large, len}));
    free(large);
}

static void open_endless(void *context, struct cm_stream *stream)
{
    open_and_write(context, stream, (size_t)256 * 1024 * 1024);
}

static void open_too_long(void *context, struct cm_stream *stream)
{
    open_and_write(context, stream, (size_t)2 * 1024 * 1024);
}

void test_rig_init(struct test_rig *rig)
{
    *rig = (struct test_rig){.dir = "/tmp/comity-rpc-XXXXXX"};
    struct cm_error error = {0};
    cr_assert(mkdtemp(rig->dir));
    const struct test_leaf leaves[] = {
        {"gateway", "root", TEST_NAME, "spiffe://ca.test/_/gateway/one", NULL},
        {"client", "root", NULL, "spiffe://ca.test/ca.northport.pd/node/one", NULL},
    };
    for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        test_issue(rig->dir, &leaves[i]);
    }
    cr_assert(!cm_loop_new(&rig->loop, &error), "%s", error.text);
}

static struct cm_tls_files files_of(const struct test_rig *rig, const char *name, const char *root)
{
    return (struct cm_tls_files){test_path(rig->dir, name, ".key"),
                                 test_path(rig->dir, name, ".pem"),
                                 test_path(rig->dir, root, ".pem")};
}

void test_rig_serve(struct test_rig *rig, const char *name)
{
    const struct cm_method methods[] = {
        {"/test/Echo", open_echo, rig, 1024 * 1024, 100},
        {"/test/Hold", open_hold, rig, 1024, 2},
        {"/test/Refuse", open_refuse, rig, 1024, 100},
        {"/test/Forget", open_forget, rig, 1024, 100},
        {"/test/Flood", open_flood, rig, 1024, 100},
        {"/test/Endless", open_endless, rig, 1024, 100},
        {"/test/TooLong", open_too_long, rig, 1024, 100},
    };
    struct cm_server_options options = {
        .address = rig->listen ? rig->listen : "127.0.0.1:0",
        .tls = files_of(rig, name, "root"),
        .methods = methods,
        .method_count = sizeof methods / sizeof methods[0],
        .max_connections = 64,
    };
    struct cm_error error = {0};
    cr_assert(!cm_server_new(&rig->server, rig->loop, &options, &error), "%s: %s", error.where,
              error.text);
    const char *host = rig->listen && strstr(rig->listen, "::1") ? "[::1]" : "127.0.0.1";
    snprintf(rig->address, sizeof rig->address, "%s:%d", host, cm_server_port(rig->server));
}

static enum cm_status judge(void *context, struct cm_bytes leaf)
{
    struct test_rig *rig = context;
    cr_assert(leaf.len > 100);
    rig->judged++;
    return rig->verdict;
}

void test_rig_connect(struct test_rig *rig, const char *name, const char *root)
{
    struct cm_channel_options options = {
        .address = rig->address,
        .server_name = TEST_NAME,
        .tls = files_of(rig, name, root),
        .judge = judge,
        .context = rig,
        .max_message = 1024 * 1024,
    };
    struct cm_error error = {0};
    cr_assert(!cm_channel_new(&rig->channel, rig->loop, &options, &error), "%s: %s", error.where,
              error.text);
}

void test_rig_start(struct test_rig *rig)
{
    test_rig_init(rig);
    test_rig_serve(rig, "gateway");
    test_rig_connect(rig, "client", "root");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void test_rig_clear(struct test_rig *rig)
{
    cm_channel_free(rig->channel);
    cm_server_free(rig->server);
    cm_loop_free(rig->loop);
    cm_buf_clear(&rig->peer_leaf);
    nftw(rig->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void got_message(void *owner, struct cm_bytes message)
{
    struct test_call *call = owner;
    cr_assert(!cm_buf_add(&call->received, message.data, message.len));
    call->messages++;
    if (call->cancel_at_message) {
        cm_stream_cancel(call->stream);
    } else if (call->read_on) {
        cm_stream_read(call->stream);
    }
}

static void got_end(void *owner)
{
    struct test_call *call = owner;
    cr_assert(!call->closed);
    call->ended = true;
}

static void got_writable(void *owner)
{
    struct test_call *call = owner;
    call->writable++;
}

static void got_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct test_call *call = owner;
    cr_assert(!call->closed);
    call->closed = true;
    call->status = status;
    if (error) {
        call->error = *error;
    }
    call->stream = NULL;
}

void test_call_open(struct test_rig *rig, struct test_call *call, const char *path,
                    int64_t deadline_ms)
{
    static const struct cm_stream_handlers handlers = {got_message, got_end, got_writable,
                                                       got_closed};
    cr_assert(!cm_channel_call(&call->stream, rig->channel, path, deadline_ms, call->wait_ready,
                               &handlers, call));
    if (call->read_on) {
        cm_stream_read(call->stream);
    }
}

void test_still_serves(struct test_rig *rig)
{
    struct test_call call = {.read_on = true, .wait_ready = true};
    test_call_open(rig, &call, "/test/Refuse", 10000);
    test_until(rig, &call.closed);
    cr_expect_eq(call.status, CM_STALE, "%s", call.error.text);
}

void test_call_clear(struct test_call *call)
{
    cm_buf_clear(&call->received);
}

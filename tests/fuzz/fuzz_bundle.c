#include "harness.h"

#include "bundle_federation.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/trust/directory_store.h"
#include "tests/support/pki_x509.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARENA = 1 << 20 };

static struct fuzz_federation federation;
static struct cm_buf base; // what the store holds before each input
static struct cm_trust *held;
static char folder[PKI_PATH + 16];
static char path[PKI_PATH + 64];

static void end(void)
{
    cm_trust_unref(held);
    pki_free(federation.pki);
    cm_buf_clear(&base);
}

static void begin(void)
{
    if (federation.pki != NULL) {
        return;
    }
    if (access("/dev/shm", W_OK) == 0) {
        setenv("TMPDIR", "/dev/shm", 0); // each input writes a file
    }
    cm_log_set_level(CM_LOG_ERROR);
    federation = fuzz_federation();
    pki_bundle(federation.pki, &base);
    PKI_MUST(cm_trust_new(&held, pki_root(federation.pki), cm_buf_bytes(&base), NULL,
                          federation.pki->now_ms, NULL) == CM_OK);
    snprintf(folder, sizeof folder, "%s/store-XXXXXX", federation.pki->dir);
    PKI_MUST(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/directory.bundle", folder);
    atexit(end);
}

static struct cm_bytes keep(struct cm_arena *arena, struct cm_buf *buf)
{
    struct cm_bytes kept;
    PKI_MUST(cm_arena_bytes(arena, &kept, cm_buf_bytes(buf)) == CM_OK);
    cm_buf_clear(buf);
    return kept;
}

static size_t header(uint8_t out[16], int tag, bool constructed, size_t len)
{
    unsigned char *at = out;
    ASN1_put_object(&at, constructed, (int)len, tag, V_ASN1_UNIVERSAL);
    return (size_t)(at - out);
}

// tbs as the content of a to-be-signed CRL, signed with a CA's key.
static void sign_crl(struct cm_buf *out, struct cm_bytes content, const struct pki_ca *ca)
{
    static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                        0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    uint8_t head[16];
    uint8_t sig[128];
    size_t sig_len = sizeof sig;
    struct cm_buf tbs = {0};
    struct cm_buf body = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = cm_buf_add(&tbs, head, header(head, V_ASN1_SEQUENCE, true, content.len)) == CM_OK &&
              cm_buf_add(&tbs, content.data, content.len) == CM_OK;
    PKI_MUST(ok && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, ca->key) == 1 &&
             EVP_DigestSign(context, sig, &sig_len, tbs.data, tbs.len) == 1);
    ok = cm_buf_add(&body, tbs.data, tbs.len) == CM_OK &&
         cm_buf_add(&body, algorithm, sizeof algorithm) == CM_OK &&
         cm_buf_add(&body, head, header(head, V_ASN1_BIT_STRING, false, sig_len + 1)) == CM_OK &&
         cm_buf_add(&body, "", 1) == CM_OK && cm_buf_add(&body, sig, sig_len) == CM_OK &&
         cm_buf_add(out, head, header(head, V_ASN1_SEQUENCE, true, body.len)) == CM_OK &&
         cm_buf_add(out, body.data, body.len) == CM_OK;
    PKI_MUST(ok);
    EVP_MD_CTX_free(context);
    cm_buf_clear(&tbs);
    cm_buf_clear(&body);
}

// The base bundle with another directory, signed as it ought to be, or with one more CRL in the
// place of Northport's.
static void make_bundle(struct cm_buf *out, struct cm_bytes payload, struct cm_bytes crl)
{
    struct cm_arena *arena = cm_arena_new(16 * ARENA);
    struct cm_directory_bundle bundle;
    struct cm_buf envelope = {0};
    struct cm_bytes crls[8];
    PKI_MUST(cm_directory_bundle_decode(&bundle, arena, cm_buf_bytes(&base), NULL) == CM_OK);
    PKI_MUST(bundle.crl_count > 0 && bundle.crl_count <= 8);
    memcpy(crls, bundle.crls, bundle.crl_count * sizeof crls[0]);
    bundle.crls = crls;
    if (crl.len > 0) {
        crls[0] = crl;
    }
    if (payload.len > 0) {
        PKI_MUST(cm_dsse_sign(&envelope, CM_FAMILY_DIRECTORY, payload,
                              federation.pki->directory_signer->signer, true) == CM_OK);
        bundle.envelope = keep(arena, &envelope);
    }
    PKI_MUST(cm_directory_bundle_encode(out, &bundle) == CM_OK);
    cm_arena_free(arena);
}

static void build(struct cm_buf *out, enum fuzz_part part, struct cm_bytes bytes)
{
    struct cm_buf crl = {0};
    switch (part) {
    case PART_BUNDLE:
    case PART_COUNT:
        PKI_MUST(cm_buf_add(out, bytes.data, bytes.len) == CM_OK);
        break;
    case PART_DIRECTORY:
        make_bundle(out, bytes, CM_BYTES_NONE);
        break;
    case PART_CRL:
        sign_crl(&crl, bytes, pki_find_agency(federation.pki, NORTHPORT)->ca);
        make_bundle(out, CM_BYTES_NONE, cm_buf_bytes(&crl));
        cm_buf_clear(&crl);
        break;
    }
}

static bool believed(struct cm_trust *trust, const struct pki_identity *identity)
{
    struct cm_signatory *signatory = NULL;
    enum cm_status status = cm_trust_chain(&signatory, trust, identity->chain,
                                           identity->chain_count, federation.pki->now_ms, NULL);
    cm_signatory_unref(signatory);
    return status == CM_OK;
}

static void must(bool holds, const char *law)
{
    if (!holds) {
        fprintf(stderr, "broken: %s\n", law);
        abort();
    }
}

static struct cm_directory_store *open_store(void)
{
    struct cm_directory_store *store = NULL;
    struct cm_error error = {0};
    enum cm_status status = cm_directory_store_open(&store, folder, pki_root(federation.pki),
                                                    federation.pki->now_ms, &error);
    must(status == CM_OK, "what was accepted can be opened again");
    return store;
}

// What holds whatever came. Nobody but the CA's key lifts a revocation.
static void check(struct cm_directory_store *store, enum fuzz_part part)
{
    struct cm_trust *trust = cm_directory_store_newest(store);
    must(trust != NULL, "a store that held a directory holds one");
    must(cm_trust_directory(trust)->serial >= BASE_SERIAL, "no rollback");
    must(part == PART_CRL || !believed(trust, federation.revoked), "a revocation stays");
    must(!believed(trust, federation.retired), "the root's revocation stays");
    (void)believed(trust, federation.good);
    cm_trust_unref(trust);
}

// Through a store on disk that holds the base.
static void accept(enum fuzz_part part, struct cm_bytes bundle)
{
    bool changed = false;
    PKI_MUST(cm_file_write(path, cm_buf_bytes(&base), 0600, NULL) == CM_OK);
    struct cm_directory_store *store = open_store();
    enum cm_status status =
        cm_directory_store_accept(store, &changed, bundle, federation.pki->now_ms, NULL);
    must(status == CM_OK, "the store takes what verifies");
    check(store, part);
    if (changed) {
        uint64_t serial = cm_directory_store_serial(store);
        cm_directory_store_free(store);
        store = open_store();
        must(cm_directory_store_serial(store) == serial, "kept over a restart");
        check(store, part);
    }
    cm_directory_store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cm_buf bundle = {0};
    struct cm_error error = {0};
    struct cm_trust *trust = NULL;
    if (size < 2) {
        return 0;
    }
    begin();
    enum fuzz_part part = (enum fuzz_part)(data[0] % PART_COUNT);
    build(&bundle, part, (struct cm_bytes){data + 1, size - 1});
    enum cm_status status = cm_trust_new(&trust, pki_root(federation.pki), cm_buf_bytes(&bundle),
                                         held, federation.pki->now_ms, &error);
    if (status == CM_OK) {
        accept(part, cm_buf_bytes(&bundle));
    } else {
        must(error.where[0] != '\0' && error.text[0] != '\0', "a refusal says where and why");
    }
    cm_trust_unref(trust);
    cm_buf_clear(&bundle);
    return 0;
}

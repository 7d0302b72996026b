#include "pki.h"
#include "pki_x509.h"

#include "proto/base/file.h"
#include "proto/trust/directory_json.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 64 * 1024 * 1024 };

struct cm_bytes pki_root(const struct pki *pki)
{
    return cm_buf_bytes(&pki->root_pem);
}

static void add_der(struct cm_buf *out, X509_CRL *crl)
{
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(crl, &der);
    PKI_MUST(len > 0 && cm_buf_add(out, der, (size_t)len) == CM_OK);
    OPENSSL_free(der);
    X509_CRL_free(crl);
}

static void root_crl(const struct pki *pki, struct cm_buf *out)
{
    X509_CRL *crl = pki_make_crl(pki->root, 1 + pki->root_revoked_count, pki->now_ms - 60000,
                                 pki->now_ms + 90LL * PKI_DAY_MS);
    for (size_t i = 0; i < pki->root_revoked_count; i++) {
        pki_crl_add(crl, pki->root_revoked[i], pki->now_ms - 60000);
    }
    pki_crl_sign(crl, pki->root->key);
    add_der(out, crl);
}

void pki_crl(struct pki *pki, const char *id, struct cm_buf *out)
{
    if (strcmp(id, "_") == 0) {
        root_crl(pki, out);
        return;
    }
    const struct pki_agency *agency = pki_find_agency(pki, id);
    struct pki_ca issuer = *agency->ca;
    if (agency->crl_misnamed) {
        issuer.certificate = pki->root->certificate;
    }
    X509_CRL *crl =
        pki_make_crl(&issuer, agency->crl_number, agency->crl_this_ms, agency->crl_next_ms);
    for (size_t i = 0; i < agency->revoked_count; i++) {
        pki_crl_add(crl, agency->revoked[i].serial, agency->revoked[i].since_ms);
    }
    EVP_PKEY *forger = agency->crl_forged ? pki_key(NULL) : NULL;
    pki_crl_sign(crl, forger != NULL ? forger : agency->ca->key);
    EVP_PKEY_free(forger);
    add_der(out, crl);
}

static void *array(struct cm_arena *arena, size_t count, size_t size)
{
    void *memory = cm_arena_array(arena, count, size);
    PKI_MUST(memory != NULL);
    return memory;
}

static void fill_agency(struct cm_agency *out, const struct pki_agency *agency)
{
    *out = (struct cm_agency){
        .id = agency->id,
        .name = agency->id,
        .kind = agency->kind,
        .state = agency->kind == CM_KIND_FEDERAL ? "" : agency->state,
        .active = agency->active,
        .ca_pin_count = agency->ca_unpinned ? 0 : 1,
        .ca_pins = &agency->ca->pin,
        .node_pin_count = agency->node_pin_count,
        .node_pins = agency->node_pins,
        .case_pattern = agency->case_pattern,
        .rule_signatures = agency->rule_signatures,
    };
}

static void fill_gateway(struct cm_arena *arena, struct cm_gateway_entry *out,
                         const struct pki_gateway *gateway)
{
    const char **address = array(arena, 1, sizeof(*address));
    *address = gateway->address;
    *out = (struct cm_gateway_entry){gateway->name, 1, address, 1, &gateway->pin};
}

void pki_directory(const struct pki *pki, struct cm_arena *arena, struct cm_directory *out)
{
    struct cm_agency *agencies = array(arena, pki->agency_count, sizeof(*agencies));
    for (size_t i = 0; i < pki->agency_count; i++) {
        fill_agency(&agencies[i], pki->agencies[i]);
    }
    struct cm_gateway_entry *gateways = array(arena, pki->gateway_count, sizeof(*gateways));
    for (size_t i = 0; i < pki->gateway_count; i++) {
        fill_gateway(arena, &gateways[i], pki->gateways[i]);
    }
    *out = (struct cm_directory){
        .federation =
            pki->directory_federation != NULL ? pki->directory_federation : pki->federation,
        .serial = pki->serial,
        .previous = pki->previous,
        .issued_ms = pki->issued_ms,
        .expires_ms = pki->expires_ms,
        .agency_count = pki->agency_count,
        .agencies = agencies,
        .purpose_count = cm_default_purpose_count,
        .purposes = cm_default_purposes,
        .gateway_count = pki->gateway_count,
        .gateways = gateways,
    };
}

static void encode_directory(const struct pki *pki, struct cm_arena *arena, struct cm_buf *out)
{
    struct cm_directory directory;
    pki_directory(pki, arena, &directory);
    struct cm_error error = {0};
    if (cm_directory_encode(out, &directory, &error) != CM_OK) {
        fprintf(stderr, "%s: %s\n", error.where, error.text);
        pki_must(false, __FILE__, __LINE__, "the directory can be encoded");
    }
}

static struct cm_bytes keep(struct cm_arena *arena, struct cm_buf *buf)
{
    struct cm_bytes kept;
    PKI_MUST(cm_arena_bytes(arena, &kept, cm_buf_bytes(buf)) == CM_OK);
    cm_buf_clear(buf);
    return kept;
}

void pki_bundle(struct pki *pki, struct cm_buf *out)
{
    struct cm_arena *arena = cm_arena_new(ARENA);
    struct cm_buf buf = {0};
    encode_directory(pki, arena, &buf);
    struct cm_bytes payload = keep(arena, &buf);
    PKI_MUST(cm_dsse_sign(&buf, CM_FAMILY_DIRECTORY, payload, pki->directory_signer->signer,
                          true) == CM_OK);
    struct cm_bytes *crls = array(arena, pki->agency_count + 1, sizeof(*crls));
    struct cm_directory_bundle bundle = {keep(arena, &buf), 0, crls};
    for (size_t i = 0; i < pki->agency_count; i++) {
        if (!pki->agencies[i]->crl_absent) {
            pki_crl(pki, pki->agencies[i]->id, &buf);
            crls[bundle.crl_count++] = keep(arena, &buf);
        }
    }
    if (pki->root_crl) {
        pki_crl(pki, "_", &buf);
        crls[bundle.crl_count++] = keep(arena, &buf);
    }
    PKI_MUST(cm_directory_bundle_encode(out, &bundle) == CM_OK);
    cm_arena_free(arena);
}

const char *pki_bundle_file(struct pki *pki)
{
    struct cm_buf bundle = {0};
    pki_bundle(pki, &bundle);
    snprintf(pki->bundle_path, PKI_PATH, "%.200s/directory", pki->dir);
    PKI_MUST(cm_file_write(pki->bundle_path, cm_buf_bytes(&bundle), 0600, NULL) == CM_OK);
    cm_buf_clear(&bundle);
    return pki->bundle_path;
}

struct cm_trust *pki_trust(struct pki *pki)
{
    struct cm_buf bundle = {0};
    pki_bundle(pki, &bundle);
    struct cm_trust *trust;
    struct cm_error error = {0};
    if (cm_trust_new(&trust, pki_root(pki), cm_buf_bytes(&bundle), NULL, pki->now_ms, &error) !=
        CM_OK) {
        fprintf(stderr, "%s: %s\n", error.where, error.text);
        pki_must(false, __FILE__, __LINE__, "the directory is trusted");
    }
    cm_buf_clear(&bundle);
    return trust;
}

void pki_next(struct pki *pki)
{
    struct cm_arena *arena = cm_arena_new(ARENA);
    struct cm_buf payload = {0};
    encode_directory(pki, arena, &payload);
    cm_sha256_of(&pki->previous, cm_buf_bytes(&payload));
    pki->serial++;
    cm_buf_clear(&payload);
    cm_arena_free(arena);
}

void pki_sign(struct cm_envelope *out, struct cm_arena *arena, enum cm_family family,
              struct cm_bytes payload, const struct cm_signer *signer)
{
    struct cm_buf buf = {0};
    struct cm_error error = {0};
    PKI_MUST(cm_dsse_sign(&buf, family, payload, signer, true) == CM_OK);
    PKI_MUST(cm_envelope_decode(out, arena, keep(arena, &buf), &error) == CM_OK);
}

struct cm_approval pki_approval(const struct cm_query *query, const struct pki_identity *supervisor,
                                int64_t now_ms)
{
    return (struct cm_approval){
        .approval_id = {7, 8, 9},
        .federation = query->federation,
        .supervisor = supervisor->spiffe,
        .requester = query->signer,
        .action = query->action,
        .plate = query->plate,
        .window = query->window,
        .purpose = query->purpose,
        .case_number = query->case_number,
        .issued_ms = now_ms - 3600000,
        .expires_ms = now_ms + 3600000,
        .uses = 1,
    };
}

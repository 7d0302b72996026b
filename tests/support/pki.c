#include "pki.h"

#include "pki_x509.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"

#include <ftw.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CA_USAGE     "critical,keyCertSign,cRLSign"

static void new_serial(uint8_t serial[8])
{
    pki_random(serial, 8);
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
}

static void *zeroed(size_t size)
{
    void *memory = calloc(1, size);
    PKI_MUST(memory != NULL);
    return memory;
}

static void free_ca(struct pki_ca *ca)
{
    if (ca != NULL) {
        X509_free(ca->certificate);
        EVP_PKEY_free(ca->key);
        free(ca);
    }
}

static struct pki_ca *make_ca(const struct pki *pki, const char *name, const char *uri,
                              const char *constraints, const struct pki_ca *issuer)
{
    struct pki_ca *ca = zeroed(sizeof(*ca));
    char san[5 * CM_MAX_ID];
    snprintf(san, sizeof(san), "URI:%s", uri);
    struct pki_cert cert = {
        .common_name = name,
        .san = san,
        .constraints = constraints,
        .key_usage = CA_USAGE,
        .not_before_ms = pki->now_ms - (issuer != NULL ? 1 : 2) * (int64_t)PKI_DAY_MS,
        .not_after_ms = pki->now_ms + 365LL * PKI_DAY_MS,
    };
    new_serial(cert.serial);
    ca->key = pki_key(NULL);
    ca->certificate = pki_certify(&cert, ca->key, issuer);
    pki_spki_hash(&ca->pin, ca->key);
    return ca;
}

static struct pki *new_at(int64_t now_ms)
{
    struct pki *pki = zeroed(sizeof(*pki));
    const char *tmp = getenv("TMPDIR");
    snprintf(pki->dir, sizeof(pki->dir) - 32, "%s/comity-pki-XXXXXX", tmp != NULL ? tmp : "/tmp");
    PKI_MUST(mkdtemp(pki->dir) != NULL);
    pki->federation = "valley.test";
    pki->now_ms = now_ms;
    char uri[CM_MAX_ID + 16];
    snprintf(uri, sizeof(uri), "spiffe://%s", pki->federation);
    pki->root = make_ca(pki, "root", uri, "critical,CA:TRUE,pathlen:1", NULL);
    PKI_MUST(snprintf(pki->root_path, sizeof(pki->root_path), "%s/root.pem", pki->dir) <
             (int)sizeof(pki->root_path));
    pki_write_chain(pki->root_path, &pki->root->certificate, 1);
    PKI_MUST(cm_file_read(&pki->root_pem, pki->root_path, 64 * 1024, NULL) == CM_OK);
    pki->serial = 1;
    pki->issued_ms = pki->now_ms - 60000;
    pki->expires_ms = pki->now_ms + 30LL * PKI_DAY_MS;
    pki->directory_signer = pki_identity(pki, "_", CM_ROLE_DIRECTORY, "operator");
    pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    return pki;
}

struct pki *pki_new(void)
{
    pki_seed(0);
    return new_at(cm_wall_ms(cm_clock_system()) / 1000 * 1000);
}

struct pki *pki_new_seeded(uint64_t seed, int64_t now_ms)
{
    pki_seed(seed);
    return new_at(now_ms);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void pki_free(struct pki *pki)
{
    if (pki == NULL) {
        return;
    }
    for (size_t i = 0; i < pki->identity_count; i++) {
        struct pki_identity *identity = pki->identities[i];
        cm_signer_unref(identity->signer);
        for (size_t j = 0; j < identity->chain_count; j++) {
            OPENSSL_free((void *)(uintptr_t)identity->chain[j].data);
        }
        free(identity);
    }
    for (size_t i = 0; i < pki->agency_count; i++) {
        free_ca(pki->agencies[i]->ca);
        free(pki->agencies[i]);
    }
    for (size_t i = 0; i < pki->gateway_count; i++) {
        free(pki->gateways[i]);
    }
    free_ca(pki->root);
    cm_buf_clear(&pki->root_pem);
    nftw(pki->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(pki);
}

struct pki_agency *pki_find_agency(struct pki *pki, const char *id)
{
    for (size_t i = 0; i < pki->agency_count; i++) {
        if (strcmp(pki->agencies[i]->id, id) == 0) {
            return pki->agencies[i];
        }
    }
    pki_must(false, __FILE__, __LINE__, "the agency was made with pki_agency");
    return NULL;
}

void pki_new_ca(struct pki *pki, struct pki_agency *agency, const char *uri,
                const char *constraints)
{
    char usual[3 * CM_MAX_ID];
    snprintf(usual, sizeof(usual), "spiffe://%s/%s", pki->federation, agency->id);
    free_ca(agency->ca);
    // Several CAs of one agency share a name, as they do where one succeeds another.
    agency->ca =
        make_ca(pki, agency->id, uri != NULL ? uri : usual,
                constraints != NULL ? constraints : "critical,CA:TRUE,pathlen:0", pki->root);
}

struct pki_agency *pki_agency(struct pki *pki, const char *id)
{
    struct pki_agency *agency = zeroed(sizeof(*agency));
    PKI_MUST(pki->agency_count < COUNT(pki->agencies) && strlen(id) <= CM_MAX_ID);
    memcpy(agency->id, id, strlen(id));
    agency->kind = CM_KIND_LOCAL;
    agency->state = "CA";
    agency->active = true;
    agency->case_pattern = "";
    agency->rule_signatures = 1;
    pki_new_ca(pki, agency, NULL, NULL);
    agency->crl_number = 1;
    agency->crl_this_ms = pki->now_ms - 3600000;
    agency->crl_next_ms = pki->now_ms + 20 * 3600000;
    size_t at = pki->agency_count++;
    for (; at > 0 && strcmp(pki->agencies[at - 1]->id, id) > 0; at--) {
        pki->agencies[at] = pki->agencies[at - 1];
    }
    pki->agencies[at] = agency;
    return agency;
}

struct pki_gateway *pki_gateway(struct pki *pki, const char *name)
{
    for (size_t i = 0; i < pki->gateway_count; i++) {
        if (strcmp(pki->gateways[i]->name, name) == 0) {
            return pki->gateways[i];
        }
    }
    struct pki_gateway *gateway = zeroed(sizeof(*gateway));
    PKI_MUST(pki->gateway_count < COUNT(pki->gateways) && strlen(name) <= CM_MAX_ID);
    memcpy(gateway->name, name, strlen(name));
    snprintf(gateway->address, sizeof(gateway->address), "127.0.0.1:1");
    size_t at = pki->gateway_count++;
    for (; at > 0 && strcmp(pki->gateways[at - 1]->name, name) > 0; at--) {
        pki->gateways[at] = pki->gateways[at - 1];
    }
    pki->gateways[at] = gateway;
    return gateway;
}

static const struct pki_ca *issuer_of(struct pki *pki, const char *agency)
{
    return strcmp(agency, "_") == 0 ? pki->root : pki_find_agency(pki, agency)->ca;
}

static void describe(const struct pki *pki, const struct pki_leaf *leaf,
                     struct pki_identity *identity, char *san, size_t size)
{
    if (leaf->uri != NULL) {
        snprintf(identity->spiffe, sizeof(identity->spiffe), "%s", leaf->uri);
    } else {
        snprintf(identity->spiffe, sizeof(identity->spiffe), "spiffe://%s/%s/%s/%s",
                 pki->federation, leaf->agency, cm_role_name(leaf->role), leaf->name);
    }
    char dns[CM_MAX_ID + 16] = "";
    if (leaf->dns != NULL) {
        snprintf(dns, sizeof(dns), ",DNS:%s", leaf->dns);
    } else if (leaf->role == CM_ROLE_GATEWAY) {
        snprintf(dns, sizeof(dns), ",DNS:gateway.%s", pki->federation);
    }
    if (leaf->no_uri != NULL) {
        snprintf(san, size, "DNS:%s", leaf->no_uri);
    } else {
        snprintf(san, size, "URI:%s%s%s%s", identity->spiffe,
                 leaf->second_uri != NULL ? ",URI:" : "",
                 leaf->second_uri != NULL ? leaf->second_uri : "", dns);
    }
}

static const char *or_else(const char *given, const char *usual)
{
    return given != NULL ? given : usual;
}

static void store(struct pki *pki, struct pki_identity *identity, EVP_PKEY *key, X509 *certificate,
                  const struct pki_ca *issuer)
{
    X509 *chain[] = {certificate, issuer->certificate};
    identity->chain_count = issuer == pki->root ? 1 : 2;
    for (size_t i = 0; i < identity->chain_count; i++) {
        pki_der(&identity->chain[i], chain[i]);
    }
    int number = (int)pki->identity_count;
    snprintf(identity->key_path, PKI_PATH, "%.200s/%d.key", pki->dir, number);
    snprintf(identity->chain_path, PKI_PATH, "%.200s/%d.pem", pki->dir, number);
    pki_write_key(identity->key_path, key);
    pki_write_chain(identity->chain_path, chain, identity->chain_count);
    PKI_MUST(pki->identity_count < COUNT(pki->identities));
    pki->identities[pki->identity_count++] = identity;
    if (cm_signer_load(&identity->signer, identity->key_path, identity->chain_path, NULL, NULL) !=
        CM_OK) {
        identity->signer = NULL;
    }
}

const struct pki_identity *pki_leaf(struct pki *pki, const struct pki_leaf *leaf)
{
    struct pki_identity *identity = zeroed(sizeof(*identity));
    const struct pki_ca *issuer = issuer_of(pki, or_else(leaf->issuer, leaf->agency));
    char san[12 * CM_MAX_ID];
    describe(pki, leaf, identity, san, sizeof(san));
    new_serial(identity->serial);
    struct pki_cert cert = {
        .common_name = leaf->name,
        .san = san,
        .constraints = or_else(leaf->constraints, "critical,CA:FALSE"),
        .key_usage = or_else(leaf->key_usage, "critical,digitalSignature"),
        .extended_usage = or_else(leaf->extended_usage, "clientAuth,serverAuth"),
        .critical_unknown = leaf->critical_unknown,
        .repeated_unknown = leaf->repeated_unknown,
        .not_before_ms =
            leaf->not_before_ms != 0 ? leaf->not_before_ms : pki->now_ms - PKI_DAY_MS / 2,
        .not_after_ms =
            leaf->not_after_ms != 0 ? leaf->not_after_ms : pki->now_ms + 90LL * PKI_DAY_MS,
        .digest = leaf->digest,
    };
    memcpy(cert.serial, identity->serial, sizeof(cert.serial));
    EVP_PKEY *key = leaf->key_path != NULL ? pki_read_key(leaf->key_path) : pki_key(leaf->curve);
    X509 *certificate = pki_certify(&cert, key, issuer);
    store(pki, identity, key, certificate, issuer);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return identity;
}

void pki_pin_node(struct pki *pki, const char *agency, const struct pki_identity *identity)
{
    struct pki_agency *entry = pki_find_agency(pki, agency);
    PKI_MUST(entry->node_pin_count < COUNT(entry->node_pins));
    entry->node_pins[entry->node_pin_count++] = *cm_signer_key_hash(identity->signer);
}

const struct pki_identity *pki_identity(struct pki *pki, const char *agency, enum cm_role role,
                                        const char *name)
{
    char spiffe[4 * CM_MAX_ID];
    snprintf(spiffe, sizeof(spiffe), "spiffe://%s/%s/%s/%s", pki->federation, agency,
             cm_role_name(role), name);
    for (size_t i = 0; i < pki->identity_count; i++) {
        if (strcmp(pki->identities[i]->spiffe, spiffe) == 0) {
            return pki->identities[i];
        }
    }
    const struct pki_identity *identity =
        pki_leaf(pki, &(struct pki_leaf){.agency = agency, .role = role, .name = name});
    PKI_MUST(identity->signer != NULL);
    if (role == CM_ROLE_NODE) {
        pki_pin_node(pki, agency, identity);
    }
    if (role == CM_ROLE_GATEWAY) {
        pki_gateway(pki, name)->pin = *cm_signer_key_hash(identity->signer);
    }
    return identity;
}

struct cm_signer *pki_signer(struct pki *pki, const char *agency, enum cm_role role,
                             const char *name)
{
    return pki_identity(pki, agency, role, name)->signer;
}

void pki_revoke(struct pki *pki, const char *agency, const struct pki_identity *identity,
                int64_t since_ms)
{
    if (strcmp(agency, "_") == 0) {
        PKI_MUST(pki->root_revoked_count < COUNT(pki->root_revoked));
        memcpy(pki->root_revoked[pki->root_revoked_count++], identity->serial, 8);
        pki->root_crl = true;
        return;
    }
    struct pki_agency *entry = pki_find_agency(pki, agency);
    PKI_MUST(entry->revoked_count < COUNT(entry->revoked));
    memcpy(entry->revoked[entry->revoked_count].serial, identity->serial, 8);
    entry->revoked[entry->revoked_count++].since_ms = since_ms;
    entry->crl_number++;
}

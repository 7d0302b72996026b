// A federation for tests, made on the spot in a temporary folder: root, agency CAs, leaves, CRLs,
// the signed directory. Whatever goes wrong in here aborts with a line that says where. One thread.
#ifndef CM_TESTS_SUPPORT_PKI_H
#define CM_TESTS_SUPPORT_PKI_H

#include "proto/codec/query.h"
#include "proto/trust/trust.h"

enum { PKI_PATH = 256, PKI_DAY_MS = 24 * 3600 * 1000 };

struct pki_ca; // a CA's key and certificate

// Change members before pki_bundle; a zero means what pki_agency set.
struct pki_agency {
    char id[CM_MAX_ID + 1];
    enum cm_kind kind;
    const char *state;
    bool active;
    const char *case_pattern;
    uint32_t rule_signatures;
    struct pki_ca *ca;
    bool ca_unpinned; // leaves the CA's pin out of the directory
    size_t node_pin_count;
    struct cm_digest node_pins[16];
    bool crl_absent;
    bool crl_forged;   // signed by a key that is not the CA's
    bool crl_misnamed; // by the CA's key under the root's name
    uint64_t crl_number;
    int64_t crl_this_ms;
    int64_t crl_next_ms;
    size_t revoked_count;
    struct {
        uint8_t serial[8];
        int64_t since_ms;
    } revoked[16];
};

struct pki_gateway {
    char name[CM_MAX_ID + 1];
    char address[64]; // "127.0.0.1:1" until set
    struct cm_digest pin;
};

// One key with its certificate.
struct pki_identity {
    char spiffe[4 * CM_MAX_ID];
    char key_path[PKI_PATH];
    char chain_path[PKI_PATH];
    uint8_t serial[8];
    struct cm_signer *signer; // NULL when the certificate is one that cm_signer_load refuses
    size_t chain_count;
    struct cm_bytes chain[CM_MAX_CHAIN]; // DER, leaf first, without the root
};

struct pki {
    char dir[PKI_PATH];
    char root_path[PKI_PATH];   // PEM
    char bundle_path[PKI_PATH]; // after pki_bundle_file
    struct cm_buf root_pem;
    const char *federation; // "valley.test"
    int64_t now_ms;         // the machine's time when this was made, whole seconds
    struct pki_ca *root;
    bool root_crl; // add the root's CRL, which names root_revoked
    size_t root_revoked_count;
    uint8_t root_revoked[8][8];
    // The next directory:
    uint64_t serial;
    struct cm_digest previous;
    int64_t issued_ms;
    int64_t expires_ms;
    const char *directory_federation; // NULL: federation
    const struct pki_identity *directory_signer;
    size_t agency_count;
    struct pki_agency *agencies[1024]; // ascending by id
    size_t gateway_count;
    struct pki_gateway *gateways[16]; // ascending by name
    size_t identity_count;
    struct pki_identity *identities[4096];
};

// What a leaf is to be; what is left zero is as it ought to be.
struct pki_leaf {
    const char *agency; // "_": issued by the root
    enum cm_role role;
    const char *name;
    const char *uri;        // another URI name
    const char *second_uri; // one more
    const char *no_uri;     // any text: a DNS name of that text alone
    const char *dns;        // beside the URI; gateways have gateway.<federation> by themselves
    const char *issuer;     // signed by this agency's CA, or by the root's ("_"), with that chain
    int64_t not_before_ms;
    int64_t not_after_ms;
    const char *key_path;    // uses the key of this file
    const char *curve;       // "P-384"
    const char *digest;      // "SHA384"
    const char *key_usage;   // as openssl's configuration writes it; "" for none
    const char *constraints; // basicConstraints; "" for none
    bool critical_unknown;   // a critical extension that nobody knows
    bool repeated_unknown;   // one that is not critical, twice
    const char *extended_usage;
};

// Root, a directory signer, REQUIREMENTS' purposes, gateway "gw-1", no agency.
struct pki *pki_new(void);
// The same keys and serials at each call with that seed (not 0), and now_ms for the machine's time;
// until the next federation is made.
struct pki *pki_new_seeded(uint64_t seed, int64_t now_ms);
// Removes its folder.
void pki_free(struct pki *pki);

// Adds an agency (local, CA, active, any case number, one rule signature) with a CA and a fresh
// CRL.
struct pki_agency *pki_agency(struct pki *pki, const char *id);
struct pki_agency *pki_find_agency(struct pki *pki, const char *id);
// A new CA key for the agency, certified by the root; uri and constraints NULL for the usual. The
// pin follows.
void pki_new_ca(struct pki *pki, struct pki_agency *agency, const char *uri,
                const char *constraints);
struct pki_gateway *pki_gateway(struct pki *pki, const char *name);

// The identity of that name, made at the first call. A node's and a gateway's key is pinned in the
// directory.
const struct pki_identity *pki_identity(struct pki *pki, const char *agency, enum cm_role role,
                                        const char *name);
struct cm_signer *pki_signer(struct pki *pki, const char *agency, enum cm_role role,
                             const char *name);
// Always a new one, pinned nowhere.
const struct pki_identity *pki_leaf(struct pki *pki, const struct pki_leaf *leaf);
void pki_pin_node(struct pki *pki, const char *agency, const struct pki_identity *identity);
// Enters it into its agency's CRL (or the root's) and raises the CRL's number.
void pki_revoke(struct pki *pki, const char *agency, const struct pki_identity *identity,
                int64_t since_ms);

// The root's certificate, PEM. Borrowed.
struct cm_bytes pki_root(const struct pki *pki);
// The agency's CRL as it stands now, DER; "_": the root's.
void pki_crl(struct pki *pki, const char *agency, struct cm_buf *out);
// The directory as it stands now, for a change of one's own before it is encoded.
void pki_directory(const struct pki *pki, struct cm_arena *arena, struct cm_directory *out);
// Signed, with the CRLs.
void pki_bundle(struct pki *pki, struct cm_buf *out);
// Into <dir>/directory; returns the path.
const char *pki_bundle_file(struct pki *pki);
// A snapshot of it at now_ms, never NULL.
struct cm_trust *pki_trust(struct pki *pki);
// Raises the serial and names the directory as it stood as the previous one. Call before changes.
void pki_next(struct pki *pki);

// Signs payload; the envelope borrows from arena.
void pki_sign(struct cm_envelope *out, struct cm_arena *arena, enum cm_family family,
              struct cm_bytes payload, const struct cm_signer *signer);
// The supervisor's approval of that question: one use, an hour old, for an hour from now_ms.
struct cm_approval pki_approval(const struct cm_query *query, const struct pki_identity *supervisor,
                                int64_t now_ms);

#endif

// The federation of fuzz_bundle and of what makes its corpus: its keys follow from a fixed seed, so
// that what one of them signs the other believes. One thread.
#ifndef CM_TESTS_FUZZ_BUNDLE_FEDERATION_H
#define CM_TESTS_FUZZ_BUNDLE_FEDERATION_H

#include "tests/support/pki.h"

#define NORTHPORT "ca.northport.pd"
#define SOUTHGATE "ca.southgate.pd"

// An input's first byte says, modulo this, what the rest of it is.
enum fuzz_part { PART_BUNDLE, PART_DIRECTORY, PART_CRL, PART_COUNT };

enum { BASE_SERIAL = 3 };

struct fuzz_federation {
    struct pki *pki;
    const struct pki_identity *revoked; // by the CRL of Northport
    const struct pki_identity *good;
    const struct pki_identity *retired; // a directory signer that the root revoked
};

static inline struct fuzz_federation fuzz_federation(void)
{
    struct fuzz_federation out = {.pki = pki_new_seeded(2026, 1800000000000)};
    struct pki *pki = out.pki;
    const struct pki_leaf retired = {.agency = "_", .role = CM_ROLE_DIRECTORY, .name = "retired"};
    pki_agency(pki, NORTHPORT);
    pki_agency(pki, SOUTHGATE)->crl_number = 7;
    out.revoked = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "jdoe");
    out.good = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "alice");
    pki_identity(pki, SOUTHGATE, CM_ROLE_NODE, "node1");
    out.retired = pki_leaf(pki, &retired);
    pki_revoke(pki, NORTHPORT, out.revoked, pki->now_ms - 7200 * 1000);
    pki_revoke(pki, "_", out.retired, pki->now_ms - 7200 * 1000);
    pki->serial = BASE_SERIAL;
    pki->previous = (struct cm_digest){{2}};
    return out;
}

#endif

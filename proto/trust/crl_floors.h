// The highest CRL number ever seen of each CA, pinned now or not: a revocation list never goes
// back, also when a CA's pin leaves the directory and returns. Owned by one snapshot; any thread
// once built.
#ifndef CM_TRUST_CRL_FLOORS_H
#define CM_TRUST_CRL_FLOORS_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

struct cm_crl_floor {
    struct cm_digest issuer; // the key's hash
    uint64_t number;
};

// Zeroed is empty.
struct cm_crl_floors {
    size_t count;
    struct cm_crl_floor *list; // strictly ascending by issuer
};

// 0 for a CA that was never seen.
uint64_t cm_crl_floors_find(const struct cm_crl_floors *floors, const struct cm_digest *issuer);
// The higher number of each of both.
enum cm_status cm_crl_floors_merge(struct cm_crl_floors *floors,
                                   const struct cm_crl_floors *others) CM_MUST_CHECK;
void cm_crl_floors_clear(struct cm_crl_floors *floors);

// A line each: the issuer in hex, its number.
enum cm_status cm_crl_floors_print(struct cm_buf *out,
                                   const struct cm_crl_floors *floors) CM_MUST_CHECK;
// CM_INVALID: the text is not as printed. out is empty then.
enum cm_status cm_crl_floors_parse(struct cm_crl_floors *out, struct cm_bytes text,
                                   const char *where, struct cm_error *error) CM_MUST_CHECK;

#endif

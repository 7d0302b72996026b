// One immutable snapshot of whom to believe: the federation's root, the directory, the CRLs.
// Reference-counted; a newer directory makes a newer snapshot. Verification is safe on any thread.
#ifndef CM_TRUST_TRUST_H
#define CM_TRUST_TRUST_H

#include "proto/codec/directory.h"
#include "proto/envelope/dsse.h"
#include "proto/trust/identity.h"

struct cm_trust;

// root: the federation root certificate, PEM. bundle: encoded DirectoryBundle. Verifies the
// directory's signature by the root, its expiry at now_ms, and each CRL by its pinned CA; CRLs that
// don't verify are left out and logged. older: the snapshot before, or NULL; a lower serial, the
// same serial with another digest, a `previous` that doesn't follow, an agency that is gone or
// whose id is another's now, or another root or federation is CM_STALE and nothing is made. Of each
// CA the CRL with the highest number seen stands, also if its pin was away meanwhile.
enum cm_status cm_trust_new(struct cm_trust **out, struct cm_bytes root, struct cm_bytes bundle,
                            const struct cm_trust *older, int64_t now_ms,
                            struct cm_error *error) CM_MUST_CHECK;
// A directory of before, by current's root and judged as of its own issue: for what was signed
// under it.
enum cm_status cm_trust_archived(struct cm_trust **out, const struct cm_trust *current,
                                 struct cm_bytes bundle, struct cm_error *error) CM_MUST_CHECK;
struct cm_trust *cm_trust_ref(struct cm_trust *trust);
void cm_trust_unref(struct cm_trust *trust);

const struct cm_directory *cm_trust_directory(const struct cm_trust *trust);
// The encoded DirectoryBundle to persist and hand on: the directory's exact envelope with the CRLs
// that stand. Borrowed.
struct cm_bytes cm_trust_bundle(const struct cm_trust *trust);

// A verified leaf: its name and key. Reference-counted.
struct cm_signatory;
struct cm_signatory *cm_signatory_ref(struct cm_signatory *signatory);
void cm_signatory_unref(struct cm_signatory *signatory);
const struct cm_identity *cm_signatory_identity(const struct cm_signatory *signatory);
const struct cm_key *cm_signatory_key(const struct cm_signatory *signatory);

// Chain of DER certificates, leaf first, up to the root, as of as_of_ms: dates, path, key usage,
// SPIFFE name of the CA's own agency, CA pinned, agency active, CRL present, fresh and silent about
// it; node and gateway keys pinned. CM_UNAUTHENTICATED says which. Verified chains are cached in
// the snapshot.
enum cm_status cm_trust_chain(struct cm_signatory **out, struct cm_trust *trust,
                              const struct cm_bytes *chain, size_t count, int64_t as_of_ms,
                              struct cm_error *error) CM_MUST_CHECK;
// Whether the newest CRL known here names the certificate of a signatory or its CA, and since when.
bool cm_trust_revoked(int64_t *since_ms, const struct cm_trust *trust,
                      const struct cm_signatory *signatory);

// Every signature of envelope, in WIRE.md's order: chain, CRL, signature (CM_UNAUTHENTICATED), then
// the family's roles (CM_FORBIDDEN). signatories[i] is owned by the caller. Two signatures must be
// two people and two keys. known: used where a signature carries no chain and its keyid fits; NULL:
// a chain is required.
enum cm_status cm_trust_verify(struct cm_signatory *signatories[2], struct cm_trust *trust,
                               const struct cm_envelope *envelope, struct cm_signatory *known,
                               int64_t as_of_ms, struct cm_error *error) CM_MUST_CHECK;

#endif

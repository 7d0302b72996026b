// A set of digests that only grows. Zeroed is empty; one thread.
#ifndef CM_LEDGER_CLI_DIGEST_SET_H
#define CM_LEDGER_CLI_DIGEST_SET_H

#include "proto/base/bytes.h"

struct cm_digest_set {
    size_t count, cap;
    struct cm_digest *slots; // zero: free
};

// CM_OK also when it is there. A zero digest is never in.
enum cm_status cm_digest_set_add(struct cm_digest_set *set,
                                 const struct cm_digest *digest) CM_MUST_CHECK;
bool cm_digest_set_has(const struct cm_digest_set *set, const struct cm_digest *digest);
void cm_digest_set_clear(struct cm_digest_set *set);

#endif

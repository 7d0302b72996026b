// How much is let in at once, and how much memory it may hold: in all, per investigator, per
// agency. What is full refuses early, with a time to try again. Loop thread.
#ifndef CM_GATEWAY_ADMIT_H
#define CM_GATEWAY_ADMIT_H

#include "gateway/map.h"
#include "proto/base/error.h"

struct cm_admit;

struct cm_admit_limits {
    const char *what; // that is counted, in the plural, for messages
    unsigned total;
    unsigned per_signer;
    unsigned per_agency;
    uint64_t bytes; // that all may hold; of it an investigator has an eighth, an agency a quarter.
                    // 0: not counted
};

// One query's place; zeroed before use, embedded in the query.
struct cm_admission {
    bool entered;
    struct cm_counter *signer;
    struct cm_counter *agency;
};

enum cm_status cm_admit_new(struct cm_admit **out,
                            const struct cm_admit_limits *limits) CM_MUST_CHECK;
void cm_admit_free(struct cm_admit *admit);
// Before anything is read. CM_EXHAUSTED.
enum cm_status cm_admit_enter(struct cm_admit *admit, struct cm_admission *admission,
                              struct cm_error *error) CM_MUST_CHECK;
// Once it is known who asks. CM_EXHAUSTED names whose share is full.
enum cm_status cm_admit_share(struct cm_admit *admit, struct cm_admission *admission,
                              const struct cm_digest *signer, const char *agency,
                              struct cm_error *error) CM_MUST_CHECK;
// What is inside holds `now` bytes where it held `before`.
void cm_admit_hold(struct cm_admit *admit, const struct cm_admission *admission, uint64_t before,
                   uint64_t now);
uint64_t cm_admit_bytes(const struct cm_admit *admit);
// All bytes are taken, and its investigator or agency has more than its part.
bool cm_admit_crowds(const struct cm_admit *admit, const struct cm_admission *admission);
// Gives back its place, once it holds nothing; may be called twice.
void cm_admit_leave(struct cm_admit *admit, struct cm_admission *admission);
unsigned cm_admit_inside(const struct cm_admit *admit);

#endif

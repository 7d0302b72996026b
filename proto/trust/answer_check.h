// Follows one node's answer to one query: each header's signature, role and agency, the chain of
// headers, each batch's rows against its root. Used by the gateway and again by the client. One
// thread at a time.
#ifndef CM_TRUST_ANSWER_CHECK_H
#define CM_TRUST_ANSWER_CHECK_H

#include "proto/codec/answer.h"
#include "proto/trust/trust.h"

struct cm_answer_check {
    struct cm_digest query_digest;
    struct cm_digest key_hash; // the requester's
    char agency[CM_MAX_ID + 1];
    uint32_t attempt;          // 0 until the first header says it
    uint32_t limit;            // rows a node may send
    struct cm_digest previous; // digest of the last header
    struct cm_digest rules_digest;
    uint64_t rows;
    uint8_t last_key[CM_MAX_KEY];
    size_t last_key_len;
    bool final;
    bool cut;                  // the last batch came with withheld leaves: no rows may follow
    bool unmerged;             // a header without its batch came: nothing may follow
    struct cm_signatory *node; // once known
};

void cm_answer_check_init(struct cm_answer_check *check, const struct cm_digest *query_digest,
                          const struct cm_digest *key_hash, const char *agency, uint32_t attempt,
                          uint32_t limit);
void cm_answer_check_clear(struct cm_answer_check *check);

// Verifies batch as the next one; header's strings borrow from arena. CM_INVALID,
// CM_UNAUTHENTICATED or CM_FORBIDDEN (role) says what is wrong; the answer is then void. That a
// row's own owner and time are its key's is the client's to check: a gateway doesn't read rows.
enum cm_status cm_answer_check_batch(struct cm_answer_check *check, struct cm_header *header,
                                     struct cm_arena *arena, struct cm_trust *trust,
                                     const struct cm_batch *batch, int64_t as_of_ms,
                                     struct cm_error *error) CM_MUST_CHECK;
// A header whose batch was left out whole: verified as the next and last, its rows are not there
// (though check->rows counts them).
enum cm_status cm_answer_check_unmerged(struct cm_answer_check *check, struct cm_header *header,
                                        struct cm_arena *arena, struct cm_trust *trust,
                                        const struct cm_envelope *envelope, int64_t as_of_ms,
                                        struct cm_error *error) CM_MUST_CHECK;
// When the node sends no more: CM_INVALID unless its final header came (a cut tail).
enum cm_status cm_answer_check_end(const struct cm_answer_check *check,
                                   struct cm_error *error) CM_MUST_CHECK;

#endif

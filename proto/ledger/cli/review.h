// What an auditor signed to have looked at: entries of a ledger whose tree had that root.
// It lies in the ledger's own audit entries, or in files beside offline copies. Main thread.
#ifndef CM_LEDGER_CLI_REVIEW_H
#define CM_LEDGER_CLI_REVIEW_H

#include "proto/ledger/cli/searches.h"
#include "proto/ledger/cli/trusts.h"

#define CM_REVIEW_COMMAND "review"

// Entries [from, to) of an epoch of a ledger, of which size entries had that root.
struct cm_review {
    struct cm_review *next;
    const char *origin; // of the first epoch
    uint64_t epoch;
    uint64_t from, to, size;
    struct cm_digest root;
    uint64_t searches; // entries about any, that the auditor was shown
    const char *note;  // the auditor's words, or ""
    const char *person;
    int64_t signed_ms;
    bool checked; // its signer, against the federation's directory
    bool held;    // its root is that of the ledger at hand; only then it covers anything
};

// A record of its epoch, one after the other: origin (into arena), size and root, and where it lies
// in [from_ms, to_ms) the range and searches. from begins as UINT64_MAX, the rest as zero.
enum cm_status cm_review_take(struct cm_review *review, struct cm_arena *arena,
                              const struct cm_audit_record *record, int64_t from_ms,
                              int64_t to_ms) CM_MUST_CHECK;
// The arguments of the signed request: "1 0-4123 of 4123 <root> searches 87: note". Appends.
enum cm_status cm_review_format(struct cm_buf *out, const struct cm_review *review) CM_MUST_CHECK;
// An encoded envelope as the ledger or a file has it, decoded into arena; its signature is checked
// by the key of its own certificate, and where there are trusts that certificate and its role by
// one of them. CM_NOT_FOUND: an auditor's request, but no review.
enum cm_status cm_review_open(struct cm_review *out, struct cm_arena *arena,
                              const struct cm_envelope *envelope, const struct cm_trusts *trusts,
                              struct cm_error *error) CM_MUST_CHECK;
// The same of a file.
enum cm_status cm_review_read(struct cm_review *out, struct cm_arena *arena, const char *path,
                              const struct cm_trusts *trusts, struct cm_error *error) CM_MUST_CHECK;
// Signs it, for a file.
enum cm_status cm_review_sign(struct cm_buf *out, const struct cm_review *review,
                              const struct cm_signer *signer, struct cm_error *error) CM_MUST_CHECK;
// Whether one of reviews that is held covers that sighting.
bool cm_review_covers(const struct cm_review *reviews, const struct cm_sighting *seen);

#endif

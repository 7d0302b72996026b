// The investigator's own account of one answer: verifies each header, leaf and proof, counts by
// itself, and holds the gateway's manifest against it. What doesn't hold is said with the agency it
// concerns. One thread.
#ifndef CM_CLIENT_BOOK_H
#define CM_CLIENT_BOOK_H

#include "proto/base/clock.h"
#include "proto/codec/gateway.h"
#include "proto/trust/answer_check.h"

struct cm_book;

struct cm_book_options {
    struct cm_trust *trust;       // reffed
    struct cm_signatory *gateway; // whom TLS showed; reffed
    struct cm_digest query_digest;
    struct cm_digest key_hash; // the signer's
    uint32_t limit;
    enum cm_order order;
    size_t agency_count; // named; 0: all that permit
    const char *const *agencies;
    const struct cm_clock *clock;
    // Each verified row, in the order asked for. The detection is valid during the call.
    void (*row)(void *context, const struct cm_detection *detection);
    void *context;
};

enum cm_status cm_book_new(struct cm_book **out,
                           const struct cm_book_options *options) CM_MUST_CHECK;
void cm_book_free(struct cm_book *book);

// Each returns CM_OK, or what the gateway or a node got wrong; after an error the answer is void.
// Accepted comes once and first: who is asked, and the gateway's record of the query.
enum cm_status cm_book_accepted(struct cm_book *book, const struct cm_accepted *accepted,
                                struct cm_error *error) CM_MUST_CHECK;
// A node's own record of the ask: before its first header, or with its refusal.
enum cm_status cm_book_record(struct cm_book *book, const struct cm_node_record *record,
                              struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_book_batch(struct cm_book *book, const struct cm_batch *batch,
                             struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_book_unmerged(struct cm_book *book, const struct cm_envelope *header,
                                struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_book_refusal(struct cm_book *book, const struct cm_envelope *refusal,
                               struct cm_error *error) CM_MUST_CHECK;
// What the gateway says of one agency while it runs; with an outcome it sends no more rows.
enum cm_status cm_book_progress(struct cm_book *book, const struct cm_progress *progress,
                                struct cm_error *error) CM_MUST_CHECK;
// The last message: releases the remaining rows if everything adds up. out borrows from the book.
enum cm_status cm_book_manifest(struct cm_book *book, const struct cm_manifest **out,
                                const struct cm_envelope *manifest,
                                struct cm_error *error) CM_MUST_CHECK;
// Those that are asked, ascending, once accepted.
const char *const *cm_book_agencies(const struct cm_book *book);
// The manifest of a query that reached its end; NULL before.
const struct cm_manifest *cm_book_ended(const struct cm_book *book);

#endif

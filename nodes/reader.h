// Turns one permitted query into signed batches: reads the store within the visible window, keeps
// the rows and fields that the view shows, in key order, up to the limit. Blocking: one worker at a
// time.
#ifndef CM_NODES_READER_H
#define CM_NODES_READER_H

#include "acl/decide.h"
#include "nodes/store/store.h"
#include "proto/codec/gateway.h"
#include "proto/envelope/signer.h"

struct cm_reader;

// All borrowed until free.
struct cm_reader_options {
    struct cm_store *store;
    const struct cm_query *query;
    const struct cm_view *view;
    const char *agency;
    const struct cm_signer *signer;
    struct cm_digest query_digest;
    struct cm_digest rules_digest;
    uint32_t attempt;
    uint32_t limit;
    int64_t now_ms; // ages are judged by it
};

enum cm_status cm_reader_new(struct cm_reader **out,
                             const struct cm_reader_options *options) CM_MUST_CHECK;
void cm_reader_free(struct cm_reader *reader);
// Replaces message by the next encoded AnswerRequest. *final: there is no further one.
enum cm_status cm_reader_next(struct cm_buf *message, bool *final, struct cm_reader *reader,
                              struct cm_error *error) CM_MUST_CHECK;

// Whether view shows all that the batch made last holds of each row, and tells of the next one.
bool cm_reader_shown_by(const struct cm_reader *reader, const struct cm_view *view) CM_MUST_CHECK;

// What was made so far, the last batch included: rows, and the digest of its header.
void cm_reader_made(uint64_t *rows, struct cm_digest *header, const struct cm_reader *reader);

#endif

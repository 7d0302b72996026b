// A receipt: one answer as its investigator received it. "comity-receipt-v1\n", then parts, each a
// byte of kind, u32be length, bytes: the signed question, the directory bundle it was judged by,
// the certificate that the gateway showed, every LookupResponse from `accepted` on in its order; in
// a saved one last the investigator's signature over all before. Pure; any thread.
#ifndef CM_CLIENT_RECEIPT_H
#define CM_CLIENT_RECEIPT_H

#include "proto/codec/query.h"
#include "proto/envelope/dsse.h"

#define CM_RECEIPT_MAGIC "comity-receipt-v1\n"

enum {
    CM_RECEIPT_MAGIC_SIZE = sizeof CM_RECEIPT_MAGIC - 1,
    CM_RECEIPT_PART_SIZE = 5, // before a part's bytes
    CM_MAX_RECEIPT = 256 * 1024 * 1024,
};

enum cm_receipt_kind {
    CM_RECEIPT_NONE = 0,
    CM_RECEIPT_QUESTION,
    CM_RECEIPT_DIRECTORY,
    CM_RECEIPT_GATEWAY,
    CM_RECEIPT_RESPONSE,
    CM_RECEIPT_SIGNATURE,
    CM_RECEIPT_KIND_COUNT,
};

// Borrows from the bytes it was read from.
struct cm_receipt {
    struct cm_bytes question; // an envelope
    struct cm_bytes directory;
    struct cm_bytes gateway;   // DER
    struct cm_bytes responses; // their parts, one or more; cm_receipt_next
    struct cm_bytes content;   // what is signed
    struct cm_bytes signature; // an envelope; empty where it was not saved yet
};

// What stands before a part of len bytes.
void cm_receipt_part(uint8_t out[CM_RECEIPT_PART_SIZE], enum cm_receipt_kind kind, size_t len);
// Form alone: which parts, their order and sizes. CM_INVALID.
enum cm_status cm_receipt_read(struct cm_receipt *out, struct cm_bytes bytes,
                               struct cm_error *error) CM_MUST_CHECK;
// The next of the responses, which are shortened by it; false after the last.
bool cm_receipt_next(struct cm_bytes *out, struct cm_bytes *responses);
// What the question says, unverified. out borrows from arena.
enum cm_status cm_receipt_question(struct cm_query *out, struct cm_arena *arena,
                                   struct cm_bytes question, struct cm_error *error) CM_MUST_CHECK;

// Appends the signature of what content holds to out, as a part.
enum cm_status cm_receipt_sign(struct cm_buf *out, struct cm_bytes content,
                               const struct cm_signer *signer, int64_t saved_ms,
                               struct cm_error *error) CM_MUST_CHECK;
// CM_UNAUTHENTICATED unless key signed this very content; *saved_ms: when it says so. key NULL, as
// long as it is not known: whether the signature names this content, whoever made it.
enum cm_status cm_receipt_verify(int64_t *saved_ms, const struct cm_receipt *receipt,
                                 const struct cm_key *key, struct cm_error *error) CM_MUST_CHECK;

#endif

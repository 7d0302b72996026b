// What ends a saved receipt (gateway/client/receipt.h): its investigator's word that this is what
// was received. Pure; any thread.
#ifndef CM_CODEC_RECEIPT_H
#define CM_CODEC_RECEIPT_H

#include "proto/base/arena.h"
#include "proto/base/error.h"

struct cm_receipt_seal {
    struct cm_digest content; // SHA-256
    int64_t saved_ms;
};

enum cm_status cm_receipt_seal_decode(struct cm_receipt_seal *out, struct cm_arena *arena,
                                      struct cm_bytes payload,
                                      struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_receipt_seal_encode(struct cm_buf *out,
                                      const struct cm_receipt_seal *seal) CM_MUST_CHECK;

#endif

// The certificates beside a cosigned note: for each witness a line "# name", then its chain as PEM,
// leaf first. There may be some whose line the note lacks. Pure; any thread.
#ifndef CM_LEDGER_COSIGNERS_H
#define CM_LEDGER_COSIGNERS_H

#include "proto/base/arena.h"
#include "proto/base/error.h"
#include "proto/codec/bounds.h"

#include <stddef.h>

struct cm_cosigner {
    const char *name;                    // an origin
    size_t chain_count;                  // 1 to CM_MAX_CHAIN
    struct cm_bytes chain[CM_MAX_CHAIN]; // DER, leaf first
};

enum cm_status cm_cosigners_add(struct cm_buf *out, const char *name, const struct cm_bytes *chain,
                                size_t count) CM_MUST_CHECK;
// Cuts the first off *rest; its bytes come from arena. CM_INVALID unless it is, byte for byte, as
// cm_cosigners_add writes it. Nobody has looked at the certificates.
enum cm_status cm_cosigners_next(struct cm_cosigner *out, struct cm_arena *arena,
                                 struct cm_bytes *rest, struct cm_error *error) CM_MUST_CHECK;

#endif

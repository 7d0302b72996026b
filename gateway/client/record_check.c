#include "gateway/client/record_check.h"

#include "proto/ledger/record.h"

#include <inttypes.h>

enum cm_status cm_record_check(struct cm_entry *out, const struct cm_record *record,
                               struct cm_arena *arena, const struct cm_signatory *gateway,
                               enum cm_entry_kind kind, const struct cm_digest *digest,
                               uint64_t serial, struct cm_error *error)
{
    struct cm_checkpoint head;
    enum cm_status status =
        cm_record_open(out, &head, arena, record, cm_signatory_identity(gateway)->spiffe,
                       cm_signatory_key(gateway), error);
    if (status != CM_OK) {
        return status;
    }
    if (out->kind != kind || !cm_digest_equal(&out->digest, digest)) {
        return cm_fail(error, CM_INVALID, "entry", "the gateway recorded another question");
    }
    if (out->directory_serial != serial) {
        return cm_fail(error, CM_INVALID, "entry",
                       "the gateway recorded directory %" PRIu64 " and answers by %" PRIu64,
                       out->directory_serial, serial);
    }
    return CM_OK;
}

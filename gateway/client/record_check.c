#include "gateway/client/record_check.h"

#include "proto/ledger/checkpoint.h"
#include "proto/ledger/merkle.h"

#include <inttypes.h>
#include <string.h>

enum cm_status cm_record_check(struct cm_entry *out, const struct cm_record *record,
                               struct cm_arena *arena, const struct cm_signatory *gateway,
                               enum cm_entry_kind kind, const struct cm_digest *digest,
                               uint64_t serial, struct cm_error *error)
{
    struct cm_checkpoint head;
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_digest leaf;
    enum cm_status status = cm_entry_decode(out, arena, record->entry, error);
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
    status = cm_checkpoint_open(&head, record->checkpoint, cm_signatory_key(gateway), error);
    if (status == CM_OK) {
        status = cm_checkpoint_origin(origin, cm_signatory_identity(gateway)->spiffe);
    }
    if (status != CM_OK) {
        return status;
    }
    cm_merkle_leaf(&leaf, record->entry);
    if (strcmp(head.origin, origin) != 0 || head.size != record->inclusion->size ||
        cm_merkle_check_inclusion(record->inclusion, &leaf, &head.root) != CM_OK) {
        return cm_fail(error, CM_INVALID, "inclusion",
                       "the gateway does not prove that it recorded the question");
    }
    return CM_OK;
}

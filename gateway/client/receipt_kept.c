#include "gateway/client/receipt_kept.h"

#include "gateway/client/transcript_seal.h"

enum cm_status cm_receipt_open_kept(struct cm_buf *clear, struct cm_receipt *receipt,
                                    const struct cm_answers *answers, const char *id,
                                    const struct cm_signer *owner, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = cm_answers_path(path, answers, id, false, error);
    if (status == CM_OK) {
        status = cm_seal_open(clear, path, owner, 2 * (size_t)CM_MAX_RECEIPT, error);
    }
    if (status == CM_OK) {
        status = cm_receipt_read(receipt, cm_buf_bytes(clear), error);
    }
    if (status == CM_OK && receipt->signature.len > 0) {
        status = cm_fail(error, CM_INVALID, path, "is no kept answer");
    }
    return status;
}

void cm_receipt_close_kept(struct cm_buf *clear)
{
    if (clear->data != NULL) {
        cm_wipe(clear->data, clear->len);
    }
    cm_buf_clear(clear);
}

// A kept answer, opened for those it was kept for. Main thread.
#ifndef CM_CLIENT_RECEIPT_KEPT_H
#define CM_CLIENT_RECEIPT_KEPT_H

#include "gateway/client/receipt.h"
#include "gateway/client/settings.h"
#include "gateway/client/transcript_folder.h"

// clear: zeroed; receipt borrows from it. To be closed either way.
enum cm_status cm_receipt_open_kept(struct cm_buf *clear, struct cm_receipt *receipt,
                                    const struct cm_answers *answers, const char *id,
                                    const struct cm_signer *owner,
                                    struct cm_error *error) CM_MUST_CHECK;
void cm_receipt_close_kept(struct cm_buf *clear);

#endif

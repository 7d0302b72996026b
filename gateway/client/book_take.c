#include "gateway/client/book_take.h"

enum cm_status cm_book_take(struct cm_book *book, const struct cm_lookup_response *response,
                            struct cm_error *error)
{
    const struct cm_manifest *manifest;
    if (cm_book_ended(book) != NULL) {
        return cm_fail(error, CM_INVALID, "answer", "goes on after its manifest");
    }
    switch (response->kind) {
    case CM_LOOKUP_ACCEPTED:
        return cm_book_accepted(book, &response->u.accepted, error);
    case CM_LOOKUP_PROGRESS:
        return cm_book_progress(book, &response->u.progress, error);
    case CM_LOOKUP_BATCH:
        return cm_book_batch(book, &response->u.batch, error);
    case CM_LOOKUP_UNMERGED:
        return cm_book_unmerged(book, &response->u.envelope, error);
    case CM_LOOKUP_REFUSAL:
        return cm_book_refusal(book, &response->u.envelope, error);
    case CM_LOOKUP_RECORD:
        return cm_book_record(book, &response->u.record, error);
    case CM_LOOKUP_MANIFEST:
        return cm_book_manifest(book, &manifest, &response->u.envelope, error);
    case CM_LOOKUP_NONE:
    case CM_LOOKUP_DIRECTORY:
        break;
    }
    return cm_fail(error, CM_INVALID, "answer", "holds a message that has no place in it");
}

// What proves that the gateway and each node recorded the query: their own ledgers' records.
#include "gateway/client/book_internal.h"

#include "proto/ledger/node_record.h"

#include <inttypes.h>
#include <string.h>

static enum cm_status keep_record(struct cm_page *page, struct cm_arena *arena,
                                  const struct cm_record *record, struct cm_error *error)
{
    struct cm_buf packed = {.max = CM_MAX_NODE_RECORD};
    struct cm_bytes kept;
    enum cm_status status = cm_record_encode(&packed, record);
    if (status != CM_OK) {
        return cm_fail(error, CM_INVALID, page->agency, "its node's record is too long");
    }
    cm_sha256_of(&page->record_digest, cm_buf_bytes(&packed));
    status = cm_arena_bytes(arena, &kept, cm_buf_bytes(&packed));
    if (status == CM_OK) {
        status = cm_record_decode(&page->record, arena, kept, error);
    }
    cm_buf_clear(&packed);
    return status;
}

enum cm_status cm_book_record(struct cm_book *book, const struct cm_node_record *record,
                              struct cm_error *error)
{
    if (book->sorter == NULL || book->ended) {
        return cm_fail(error, CM_INVALID, "record", "a node's record outside an accepted query");
    }
    struct cm_page *page = cm_book_page(book, record->agency);
    if (page == NULL) {
        return cm_fail(error, CM_INVALID, record->agency, "recorded the query without being asked");
    }
    if (page->ended || page->refused || page->record.entry.len > 0 ||
        !cm_digest_is_zero(&page->check.previous)) {
        return cm_fail(error, CM_INVALID, page->agency, "its node's record came twice or too late");
    }
    return keep_record(page, book->kept, &record->record, error);
}

enum cm_status cm_book_check_node_record(struct cm_book *book, const struct cm_page *page,
                                         const struct cm_signatory *node, uint32_t attempt,
                                         enum cm_refusal_code refusal, struct cm_error *error)
{
    const struct cm_node_ask ask = {
        .query_digest = &book->options.query_digest,
        .gateway = cm_signatory_identity(book->options.gateway)->name,
        .gateway_index = book->index,
        .attempt = attempt,
        .refusal = refusal,
    };
    if (page->record.entry.len > 0) {
        return cm_node_record_check(book->scratch, &page->record,
                                    cm_signatory_identity(node)->spiffe, cm_signatory_key(node),
                                    &ask, error);
    }
    return cm_node_record_due(refusal)
               ? cm_fail(error, CM_INVALID, page->agency,
                         "its node does not show that it recorded the query")
               : CM_OK;
}

// Private to the book: what each asked agency has sent, and the manifest's check against it. One
// thread.
#ifndef CM_CLIENT_BOOK_INTERNAL_H
#define CM_CLIENT_BOOK_INTERNAL_H

#include "gateway/client/book.h"
#include "gateway/client/record_check.h"
#include "gateway/client/roll_check.h"
#include "gateway/client/sorter.h"

// What one asked agency has sent.
struct cm_page {
    const char *agency;
    struct cm_answer_check check;
    uint64_t rows;
    struct cm_digest last_header; // of the last header that came, whatever was cut
    uint8_t last_key[CM_MAX_KEY]; // of the last row that came
    size_t last_key_len;
    uint8_t next_key[CM_MAX_KEY]; // the first key known to be left out
    size_t next_key_len;
    bool more_matched;
    int64_t visible_from_ms;
    cm_fields fields_withheld;
    bool rows_withheld;
    bool ended; // no more may come
    bool refused;
    struct cm_digest refused_by; // the rules that its refusal names
    struct cm_record record;     // its own, of the ask; without entry until it comes
    struct cm_digest record_digest;
};

struct cm_book {
    struct cm_book_options options;
    struct cm_arena *kept;    // for the book's life
    struct cm_arena *scratch; // for one message
    struct cm_arena *line;    // for one row
    struct cm_sorter *sorter; // NULL until accepted
    struct cm_bytes entry;    // as accepted
    uint64_t index;           // of the entry, in the gateway's ledger
    uint64_t rows;
    size_t page_count;
    const char **names;    // the pages' agencies
    struct cm_page *pages; // ascending by agency
    struct cm_manifest manifest;
    bool ended;
};

// NULL when the gateway did not say that it asks that agency.
struct cm_page *cm_book_page(const struct cm_book *book, const char *agency);
// The agencies that the query could reach.
struct cm_roll cm_book_roll(const struct cm_book *book);
enum cm_status cm_book_check_record(struct cm_book *book, struct cm_bytes entry,
                                    struct cm_bytes checkpoint,
                                    const struct cm_inclusion *inclusion,
                                    struct cm_error *error) CM_MUST_CHECK;
// What came of page's record is what its node's header or refusal (not NONE) of that attempt needs.
enum cm_status cm_book_check_node_record(struct cm_book *book, const struct cm_page *page,
                                         const struct cm_signatory *node, uint32_t attempt,
                                         enum cm_refusal_code refusal,
                                         struct cm_error *error) CM_MUST_CHECK;
// Decodes the manifest into the book and holds it against the pages and the directory.
enum cm_status cm_book_check_manifest(struct cm_book *book, const struct cm_envelope *envelope,
                                      struct cm_error *error) CM_MUST_CHECK;

#endif

#include "gateway/client/book_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_CAP = 64 * 1024 * 1024, SCRATCH_CAP = 1024 * 1024 };

static void emit(void *context, const struct cm_row *row)
{
    struct cm_book *book = context;
    struct cm_detection detection;
    cm_arena_reset(book->line);
    // Rows were decoded once already, when their batch was checked: this cannot fail for what they
    // hold.
    if (cm_row_decode(&detection, book->line, row->row, NULL) == CM_OK) {
        book->options.row(book->options.context, &detection);
    }
}

enum cm_status cm_book_new(struct cm_book **out, const struct cm_book_options *options)
{
    struct cm_book *book = calloc(1, sizeof *book);
    if (book == NULL) {
        return CM_MEMORY;
    }
    book->options = *options;
    book->options.trust = cm_trust_ref(options->trust);
    book->options.gateway = cm_signatory_ref(options->gateway);
    book->kept = cm_arena_new(KEPT_CAP);
    book->scratch = cm_arena_new(SCRATCH_CAP);
    book->line = cm_arena_new(SCRATCH_CAP);
    if (book->kept == NULL || book->scratch == NULL || book->line == NULL) {
        cm_book_free(book);
        return CM_MEMORY;
    }
    *out = book;
    return CM_OK;
}

void cm_book_free(struct cm_book *book)
{
    if (book == NULL) {
        return;
    }
    for (size_t i = 0; i < book->page_count; i++) {
        cm_answer_check_clear(&book->pages[i].check);
    }
    cm_sorter_free(book->sorter);
    cm_arena_free(book->kept);
    cm_arena_free(book->scratch);
    cm_arena_free(book->line);
    cm_trust_unref(book->options.trust);
    cm_signatory_unref(book->options.gateway);
    free(book);
}

struct cm_page *cm_book_page(const struct cm_book *book, const char *agency)
{
    size_t low = 0;
    size_t high = book->page_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(agency, book->pages[middle].agency);
        if (order == 0) {
            return &book->pages[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

struct cm_roll cm_book_roll(const struct cm_book *book)
{
    return (struct cm_roll){
        .directory = cm_trust_directory(book->options.trust),
        .named_count = book->options.agency_count,
        .named = book->options.agencies,
    };
}

enum cm_status cm_book_check_record(struct cm_book *book, struct cm_bytes entry,
                                    struct cm_bytes checkpoint,
                                    const struct cm_inclusion *inclusion, struct cm_error *error)
{
    const struct cm_record record = {entry, checkpoint, *inclusion};
    const struct cm_directory *directory = cm_trust_directory(book->options.trust);
    struct cm_entry facts;
    enum cm_status status =
        cm_record_check(&facts, &record, book->scratch, book->options.gateway, CM_ENTRY_QUERY,
                        &book->options.query_digest, directory->serial, error);
    if (status == CM_OK && facts.decisions != cm_directory_active(directory)) {
        status = cm_fail(error, CM_INVALID, "entry",
                         "the gateway decided for %" PRIu32 " agencies, the directory has %" PRIu64,
                         facts.decisions, cm_directory_active(directory));
    }
    return status;
}

static enum cm_status open_pages(struct cm_book *book, const struct cm_accepted *accepted,
                                 struct cm_error *error)
{
    const struct cm_roll roll = cm_book_roll(book);
    uint32_t listed[CM_OUTCOME_COUNT] = {0};
    for (size_t i = 0; i < accepted->agency_count; i++) {
        const char *id = accepted->agencies[i];
        if (i > 0 && strcmp(accepted->agencies[i - 1], id) >= 0) {
            return cm_fail(error, CM_INVALID, id, "is asked twice or out of order");
        }
        enum cm_status status = cm_roll_check_agency(&roll, listed, id, CM_OUTCOME_NONE, error);
        if (status != CM_OK) {
            return status;
        }
        const struct cm_agency *agency = cm_directory_agency(roll.directory, id);
        book->pages[i].agency = agency->id;
        book->names[i] = agency->id;
        cm_answer_check_init(&book->pages[i].check, &book->options.query_digest,
                             &book->options.key_hash, agency->id, 0, book->options.limit);
        book->page_count++;
    }
    return CM_OK;
}

enum cm_status cm_book_accepted(struct cm_book *book, const struct cm_accepted *accepted,
                                struct cm_error *error)
{
    cm_arena_reset(book->scratch);
    if (book->sorter != NULL) {
        return cm_fail(error, CM_INVALID, "accepted", "the gateway accepted twice");
    }
    enum cm_status status = cm_book_check_record(book, accepted->entry, accepted->checkpoint,
                                                 &accepted->inclusion, error);
    if (status != CM_OK) {
        return status;
    }
    book->pages = cm_arena_array(book->kept, accepted->agency_count, sizeof book->pages[0]);
    book->names = cm_arena_array(book->kept, accepted->agency_count, sizeof book->names[0]);
    if (book->pages == NULL || book->names == NULL ||
        cm_arena_bytes(book->kept, &book->entry, accepted->entry) != CM_OK) {
        return cm_fail(error, CM_MEMORY, "accepted", "too many agencies");
    }
    book->index = accepted->inclusion.index;
    status = open_pages(book, accepted, error);
    if (status != CM_OK) {
        return status;
    }
    if (cm_sorter_new(&book->sorter, book->page_count, emit, book) != CM_OK) {
        return cm_fail(error, CM_MEMORY, "accepted", "out of memory");
    }
    return CM_OK;
}

// The page that a header belongs to, if it may take one more.
static enum cm_status page_of(struct cm_book *book, struct cm_page **out,
                              const struct cm_envelope *header, struct cm_error *error)
{
    struct cm_header facts;
    enum cm_status status = cm_header_decode(&facts, book->scratch, header->payload, error);
    if (status != CM_OK) {
        return status;
    }
    *out = cm_book_page(book, facts.agency);
    if (*out == NULL) {
        return cm_fail(error, CM_INVALID, facts.agency, "answered without being asked");
    }
    if ((*out)->ended) {
        return cm_fail(error, CM_INVALID, facts.agency, "sent more after its end");
    }
    return CM_OK;
}

static void note_header(struct cm_page *page, const struct cm_header *header)
{
    page->last_header = page->check.previous;
    page->more_matched = page->more_matched || header->more_matched;
    page->visible_from_ms = header->visible_from_ms;
    page->fields_withheld = header->fields_withheld;
    page->rows_withheld = header->rows_withheld;
}

static void note_next(struct cm_page *page, struct cm_bytes key)
{
    page->next_key_len = key.len;
    memcpy(page->next_key, key.data, key.len);
    page->ended = true;
}

static enum cm_status release(struct cm_book *book, struct cm_page *page,
                              const struct cm_batch *batch, struct cm_error *error)
{
    for (size_t i = 0; i < batch->row_count; i++) {
        struct cm_detection detection;
        cm_arena_reset(book->line);
        enum cm_status status =
            cm_row_open(&detection, book->line, batch->rows[i].key, batch->rows[i].row, error);
        if (status != CM_OK) {
            return status;
        }
    }
    size_t lane = (size_t)(page - book->pages);
    if (book->options.order == CM_ORDER_UNORDERED) {
        for (size_t i = 0; i < batch->row_count; i++) {
            emit(book, &batch->rows[i]);
        }
    } else if (cm_sorter_add(book->sorter, lane, batch->rows, batch->row_count) != CM_OK) {
        return cm_fail(error, CM_INVALID, page->agency, "a row came too late for its place");
    }
    if (page->ended) {
        cm_sorter_end(book->sorter, lane);
    }
    cm_sorter_pump(book->sorter);
    return CM_OK;
}

enum cm_status cm_book_batch(struct cm_book *book, const struct cm_batch *batch,
                             struct cm_error *error)
{
    struct cm_page *page;
    struct cm_header header = {.agency = ""};
    cm_arena_reset(book->scratch);
    if (book->sorter == NULL || book->ended) {
        return cm_fail(error, CM_INVALID, "batch", "rows outside an accepted query");
    }
    enum cm_status status = page_of(book, &page, &batch->header, error);
    bool first = status == CM_OK && cm_digest_is_zero(&page->check.previous);
    if (status == CM_OK) {
        status = cm_answer_check_batch(&page->check, &header, book->scratch, book->options.trust,
                                       batch, cm_wall_ms(book->options.clock), error);
    }
    if (status == CM_OK && first) {
        status = cm_book_check_node_record(book, page, page->check.node, header.attempt,
                                           CM_REFUSAL_NONE, error);
    }
    if (status != CM_OK) {
        return status;
    }
    note_header(page, &header);
    if (batch->row_count > 0) {
        struct cm_bytes last = batch->rows[batch->row_count - 1].key;
        page->last_key_len = last.len;
        memcpy(page->last_key, last.data, last.len);
    }
    page->rows += batch->row_count;
    book->rows += batch->row_count;
    if (book->rows > book->options.limit) {
        return cm_fail(error, CM_INVALID, page->agency, "more rows than the limit asked for");
    }
    if (batch->withheld_count > 0) {
        note_next(page, batch->withheld[0].key);
    }
    page->ended = page->ended || header.final;
    return release(book, page, batch, error);
}

enum cm_status cm_book_unmerged(struct cm_book *book, const struct cm_envelope *envelope,
                                struct cm_error *error)
{
    struct cm_page *page;
    struct cm_header header = {.agency = ""};
    cm_arena_reset(book->scratch);
    if (book->sorter == NULL || book->ended) {
        return cm_fail(error, CM_INVALID, "unmerged", "a header outside an accepted query");
    }
    enum cm_status status = page_of(book, &page, envelope, error);
    bool first = status == CM_OK && cm_digest_is_zero(&page->check.previous);
    if (status == CM_OK) {
        status = cm_answer_check_unmerged(&page->check, &header, book->scratch, book->options.trust,
                                          envelope, cm_wall_ms(book->options.clock), error);
    }
    if (status == CM_OK && first) {
        status = cm_book_check_node_record(book, page, page->check.node, header.attempt,
                                           CM_REFUSAL_NONE, error);
    }
    if (status == CM_OK && header.count == 0) {
        status = cm_fail(error, CM_INVALID, page->agency, "an empty batch was left out");
    }
    if (status != CM_OK) {
        return status;
    }
    note_header(page, &header);
    note_next(page, header.first_key);
    cm_sorter_end(book->sorter, (size_t)(page - book->pages));
    cm_sorter_pump(book->sorter);
    return CM_OK;
}

enum cm_status cm_book_refusal(struct cm_book *book, const struct cm_envelope *envelope,
                               struct cm_error *error)
{
    struct cm_refusal refusal;
    struct cm_signatory *signers[2] = {NULL, NULL};
    cm_arena_reset(book->scratch);
    enum cm_status status =
        envelope->family != CM_FAMILY_REFUSAL
            ? cm_fail(error, CM_INVALID, "refusal", "is another message")
            : cm_refusal_decode(&refusal, book->scratch, envelope->payload, error);
    if (status != CM_OK) {
        return status;
    }
    status = cm_trust_verify(signers, book->options.trust, envelope, NULL,
                             cm_wall_ms(book->options.clock), error);
    if (status != CM_OK) {
        return status;
    }
    struct cm_page *page = cm_book_page(book, refusal.agency);
    if (page == NULL || page->ended ||
        strcmp(cm_signatory_identity(signers[0])->agency, refusal.agency) != 0 ||
        !cm_digest_equal(&refusal.query_digest, &book->options.query_digest)) {
        status = cm_fail(error, CM_INVALID, "refusal", "is not of this query");
    } else {
        status =
            cm_book_check_node_record(book, page, signers[0], refusal.attempt, refusal.code, error);
        page->refused = true;
        page->refused_by = refusal.rules_digest;
    }
    cm_signatory_unref(signers[0]);
    return status;
}

enum cm_status cm_book_progress(struct cm_book *book, const struct cm_progress *progress,
                                struct cm_error *error)
{
    struct cm_page *page = cm_book_page(book, progress->agency);
    // One that permits but could not be asked has its outcome from the start.
    if (page == NULL && (progress->outcome == CM_OUTCOME_NONE || progress->rows > 0)) {
        return cm_fail(error, CM_INVALID, "progress", "of an agency that was not asked");
    }
    if (page == NULL) {
        const struct cm_roll roll = cm_book_roll(book);
        uint32_t listed[CM_OUTCOME_COUNT] = {0};
        return cm_roll_check_agency(&roll, listed, progress->agency, progress->outcome, error);
    }
    if (progress->outcome != CM_OUTCOME_NONE && book->sorter != NULL) {
        page->ended = true;
        cm_sorter_end(book->sorter, (size_t)(page - book->pages));
        cm_sorter_pump(book->sorter);
    }
    return CM_OK;
}

enum cm_status cm_book_manifest(struct cm_book *book, const struct cm_manifest **out,
                                const struct cm_envelope *envelope, struct cm_error *error)
{
    cm_arena_reset(book->scratch);
    if (book->sorter == NULL || book->ended) {
        return cm_fail(error, CM_INVALID, "manifest", "outside an accepted query");
    }
    enum cm_status status = cm_book_check_manifest(book, envelope, error);
    if (status == CM_OK) {
        cm_sorter_finish(book->sorter);
        book->ended = true;
        *out = &book->manifest;
    }
    return status;
}

const struct cm_manifest *cm_book_ended(const struct cm_book *book)
{
    return book->ended ? &book->manifest : NULL;
}

const char *const *cm_book_agencies(const struct cm_book *book)
{
    return book->names;
}

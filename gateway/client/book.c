#include "gateway/client/book.h"

#include "gateway/client/record_check.h"
#include "gateway/client/sorter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_CAP = 64 * 1024 * 1024, SCRATCH_CAP = 1024 * 1024 };

// What one asked agency has sent.
struct page {
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
};

struct cm_book {
    struct cm_book_options options;
    struct cm_arena *kept;    // for the book's life
    struct cm_arena *scratch; // for one message
    struct cm_arena *line;    // for one row
    struct cm_sorter *sorter; // NULL until accepted
    struct cm_bytes entry;    // as accepted
    uint64_t rows;
    size_t page_count;
    const char **names; // the pages' agencies
    struct page *pages; // ascending by agency
    struct cm_manifest manifest;
    bool ended;
};

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

static struct page *find(const struct cm_book *book, const char *agency)
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

static enum cm_status check_record(struct cm_book *book, struct cm_bytes entry,
                                   struct cm_bytes note, const struct cm_inclusion *inclusion,
                                   struct cm_error *error)
{
    const struct cm_record record = {entry, note, inclusion};
    return cm_record_check(&record, book->scratch, book->options.gateway, CM_ENTRY_QUERY,
                           &book->options.query_digest, error);
}

// Whether the query names agency, or nobody.
static bool named(const struct cm_book *book, const char *agency)
{
    for (size_t i = 0; i < book->options.agency_count; i++) {
        if (strcmp(book->options.agencies[i], agency) == 0) {
            return true;
        }
    }
    return book->options.agency_count == 0;
}

enum cm_status cm_book_accepted(struct cm_book *book, const struct cm_accepted *accepted,
                                struct cm_error *error)
{
    cm_arena_reset(book->scratch);
    if (book->sorter != NULL) {
        return cm_fail(error, CM_INVALID, "accepted", "the gateway accepted twice");
    }
    enum cm_status status =
        check_record(book, accepted->entry, accepted->checkpoint, &accepted->inclusion, error);
    if (status != CM_OK) {
        return status;
    }
    book->pages = cm_arena_array(book->kept, accepted->agency_count, sizeof book->pages[0]);
    book->names = cm_arena_array(book->kept, accepted->agency_count, sizeof book->names[0]);
    if (book->pages == NULL || book->names == NULL ||
        cm_arena_bytes(book->kept, &book->entry, accepted->entry) != CM_OK) {
        return cm_fail(error, CM_MEMORY, "accepted", "too many agencies");
    }
    const struct cm_directory *directory = cm_trust_directory(book->options.trust);
    for (size_t i = 0; i < accepted->agency_count; i++) {
        const struct cm_agency *agency = cm_directory_agency(directory, accepted->agencies[i]);
        if (agency == NULL || !agency->active ||
            (i > 0 && strcmp(accepted->agencies[i - 1], accepted->agencies[i]) >= 0)) {
            return cm_fail(error, CM_INVALID, "accepted.agencies",
                           "the gateway asked an agency that is not in the directory");
        }
        if (!named(book, agency->id)) {
            return cm_fail(error, CM_INVALID, agency->id, "was asked without being named");
        }
        book->pages[i].agency = agency->id;
        book->names[i] = agency->id;
        cm_answer_check_init(&book->pages[i].check, &book->options.query_digest,
                             &book->options.key_hash, agency->id, 0, book->options.limit);
        book->page_count++;
    }
    if (cm_sorter_new(&book->sorter, book->page_count, emit, book) != CM_OK) {
        return cm_fail(error, CM_MEMORY, "accepted", "out of memory");
    }
    return CM_OK;
}

// The page that a header belongs to, if it may take one more.
static enum cm_status page_of(struct cm_book *book, struct page **out,
                              const struct cm_envelope *header, struct cm_error *error)
{
    struct cm_header facts;
    enum cm_status status = cm_header_decode(&facts, book->scratch, header->payload, error);
    if (status != CM_OK) {
        return status;
    }
    *out = find(book, facts.agency);
    if (*out == NULL) {
        return cm_fail(error, CM_INVALID, facts.agency, "answered without being asked");
    }
    if ((*out)->ended) {
        return cm_fail(error, CM_INVALID, facts.agency, "sent more after its end");
    }
    return CM_OK;
}

static void note_header(struct page *page, const struct cm_header *header)
{
    page->last_header = page->check.previous;
    page->more_matched = page->more_matched || header->more_matched;
    page->visible_from_ms = header->visible_from_ms;
    page->fields_withheld = header->fields_withheld;
    page->rows_withheld = header->rows_withheld;
}

static void note_next(struct page *page, struct cm_bytes key)
{
    page->next_key_len = key.len;
    memcpy(page->next_key, key.data, key.len);
    page->ended = true;
}

static enum cm_status release(struct cm_book *book, struct page *page, const struct cm_batch *batch,
                              struct cm_error *error)
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
    struct page *page;
    struct cm_header header;
    cm_arena_reset(book->scratch);
    if (book->sorter == NULL || book->ended) {
        return cm_fail(error, CM_INVALID, "batch", "rows outside an accepted query");
    }
    enum cm_status status = page_of(book, &page, &batch->header, error);
    if (status == CM_OK) {
        status = cm_answer_check_batch(&page->check, &header, book->scratch, book->options.trust,
                                       batch, cm_wall_ms(book->options.clock), error);
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
    struct page *page;
    struct cm_header header;
    cm_arena_reset(book->scratch);
    if (book->sorter == NULL || book->ended) {
        return cm_fail(error, CM_INVALID, "unmerged", "a header outside an accepted query");
    }
    enum cm_status status = page_of(book, &page, envelope, error);
    if (status == CM_OK) {
        status = cm_answer_check_unmerged(&page->check, &header, book->scratch, book->options.trust,
                                          envelope, cm_wall_ms(book->options.clock), error);
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
    struct page *page = find(book, refusal.agency);
    if (page == NULL || page->ended ||
        strcmp(cm_signatory_identity(signers[0])->agency, refusal.agency) != 0 ||
        !cm_digest_equal(&refusal.query_digest, &book->options.query_digest)) {
        status = cm_fail(error, CM_INVALID, "refusal", "is not of this query");
    } else {
        page->refused = true;
    }
    cm_signatory_unref(signers[0]);
    return status;
}

enum cm_status cm_book_progress(struct cm_book *book, const struct cm_progress *progress,
                                struct cm_error *error)
{
    struct page *page = find(book, progress->agency);
    // One that permits but could not be asked has its outcome from the start.
    if (page == NULL && (progress->outcome == CM_OUTCOME_NONE || progress->rows > 0)) {
        return cm_fail(error, CM_INVALID, "progress", "of an agency that was not asked");
    }
    if (page == NULL) {
        return CM_OK;
    }
    if (progress->outcome != CM_OUTCOME_NONE && book->sorter != NULL) {
        page->ended = true;
        cm_sorter_end(book->sorter, (size_t)(page - book->pages));
        cm_sorter_pump(book->sorter);
    }
    return CM_OK;
}

static struct cm_bytes greatest_key(const struct cm_book *book)
{
    struct cm_bytes greatest = CM_BYTES_NONE;
    for (size_t i = 0; i < book->page_count; i++) {
        struct cm_bytes key = {book->pages[i].last_key, book->pages[i].last_key_len};
        if (cm_bytes_compare(key, greatest) > 0) {
            greatest = key;
        }
    }
    return greatest;
}

// What an agency left out must lie behind the last row that came from anyone.
static bool cut_is_honest(const struct cm_book *book, const struct page *page)
{
    // A node that stopped at a limit has more behind its last row, whoever told it the limit.
    if (page->check.final && page->next_key_len == 0 && !page->more_matched) {
        return true;
    }
    if (!book->manifest.cut || book->rows != book->options.limit) {
        return false;
    }
    if (book->options.order == CM_ORDER_UNORDERED) {
        return true;
    }
    struct cm_bytes greatest = greatest_key(book);
    if (page->next_key_len > 0) {
        return cm_bytes_compare((struct cm_bytes){page->next_key, page->next_key_len}, greatest) >
               0;
    }
    // Nothing shown of what follows: honest only where this agency's own row was the last of all.
    return page->last_key_len > 0 &&
           cm_bytes_equal((struct cm_bytes){page->last_key, page->last_key_len}, greatest);
}

static enum cm_status check_account(struct cm_book *book, const struct cm_account *account,
                                    struct cm_error *error)
{
    const struct page *page = find(book, account->agency);
    if (page == NULL) {
        bool unasked = account->outcome != CM_OUTCOME_ANSWERED &&
                       account->outcome != CM_OUTCOME_REFUSED && account->rows == 0;
        return unasked ? CM_OK
                       : cm_fail(error, CM_INVALID, account->agency,
                                 "has an outcome but was not asked");
    }
    struct cm_bytes last = {page->last_key, page->last_key_len};
    if (account->rows != page->rows || !cm_bytes_equal(account->last_key, last) ||
        !cm_digest_equal(&account->last_header, &page->last_header)) {
        return cm_fail(error, CM_INVALID, account->agency,
                       "the manifest counts %" PRIu64 " rows, %" PRIu64 " came", account->rows,
                       page->rows);
    }
    bool whole = page->check.final && page->next_key_len == 0 && !page->more_matched;
    if ((account->outcome == CM_OUTCOME_ANSWERED && account->more_matched == whole) ||
        account->visible_from_ms != page->visible_from_ms ||
        account->fields_withheld != page->fields_withheld ||
        account->rows_withheld != page->rows_withheld) {
        return cm_fail(error, CM_INVALID, account->agency,
                       "the manifest does not say what the agency signed");
    }
    if (account->outcome == CM_OUTCOME_ANSWERED && !cut_is_honest(book, page)) {
        return cm_fail(error, CM_INVALID, account->agency, "rows are missing from its answer");
    }
    if (account->outcome == CM_OUTCOME_REFUSED && !page->refused) {
        return cm_fail(error, CM_INVALID, account->agency, "refused, but did not sign so");
    }
    if (account->outcome != CM_OUTCOME_ANSWERED && page->check.final && page->next_key_len == 0) {
        return cm_fail(error, CM_INVALID, account->agency, "answered in full, the manifest denies");
    }
    return CM_OK;
}

// Active agencies that the query left out by naming others.
static uint64_t not_named(const struct cm_book *book, uint64_t active)
{
    const struct cm_directory *directory = cm_trust_directory(book->options.trust);
    uint64_t named = 0;
    for (size_t i = 0; i < book->options.agency_count; i++) {
        const struct cm_agency *agency = cm_directory_agency(directory, book->options.agencies[i]);
        named += agency != NULL && agency->active;
    }
    return book->options.agency_count > 0 ? active - named : 0;
}

static enum cm_status check_counts(const struct cm_book *book, struct cm_error *error)
{
    const struct cm_directory *directory = cm_trust_directory(book->options.trust);
    const struct cm_manifest *manifest = &book->manifest;
    uint64_t active = cm_directory_active(directory);
    uint64_t counted = 0;
    uint64_t asked = 0;
    for (size_t i = 0; i < CM_OUTCOME_COUNT; i++) {
        counted += manifest->counts[i];
    }
    for (size_t i = 0; i < manifest->account_count; i++) {
        asked += find(book, manifest->accounts[i].agency) != NULL;
    }
    if (manifest->counts[CM_OUTCOME_NOT_NAMED] != not_named(book, active)) {
        return cm_fail(error, CM_INVALID, "manifest.counts",
                       "counts agencies as not named that were");
    }
    if (counted != active || asked != book->page_count) {
        return cm_fail(error, CM_INVALID, "manifest.counts",
                       "account for %" PRIu64 " agencies, the directory has %" PRIu64, counted,
                       active);
    }
    if (manifest->rows != book->rows) {
        return cm_fail(error, CM_INVALID, "manifest.rows",
                       "the manifest counts %" PRIu64 " rows, %" PRIu64 " came", manifest->rows,
                       book->rows);
    }
    return CM_OK;
}

static enum cm_status check_signed(struct cm_book *book, const struct cm_envelope *envelope,
                                   struct cm_error *error)
{
    struct cm_signatory *signers[2] = {NULL, NULL};
    if (envelope->family != CM_FAMILY_MANIFEST) {
        return cm_fail(error, CM_INVALID, "manifest", "is another message");
    }
    enum cm_status status =
        cm_trust_verify(signers, book->options.trust, envelope, book->options.gateway,
                        cm_wall_ms(book->options.clock), error);
    if (status != CM_OK) {
        return status;
    }
    if (!cm_identity_same(cm_signatory_identity(signers[0]),
                          cm_signatory_identity(book->options.gateway))) {
        status = cm_fail(error, CM_UNAUTHENTICATED, "manifest", "signed by another gateway");
    }
    cm_signatory_unref(signers[0]);
    return status;
}

static enum cm_status check_manifest(struct cm_book *book, const struct cm_envelope *envelope,
                                     struct cm_error *error)
{
    const struct cm_manifest *manifest = &book->manifest;
    const struct cm_directory *directory = cm_trust_directory(book->options.trust);
    enum cm_status status = check_signed(book, envelope, error);
    struct cm_bytes payload = CM_BYTES_NONE;
    if (status == CM_OK) {
        status = cm_arena_bytes(book->kept, &payload, envelope->payload);
    }
    if (status == CM_OK) {
        status = cm_manifest_decode(&book->manifest, book->kept, payload, error);
    }
    if (status != CM_OK) {
        return status;
    }
    if (strcmp(manifest->gateway, cm_signatory_identity(book->options.gateway)->name) != 0 ||
        !cm_digest_equal(&manifest->query_digest, &book->options.query_digest) ||
        !cm_bytes_equal(manifest->entry, book->entry)) {
        return cm_fail(error, CM_INVALID, "manifest", "is of another query");
    }
    if (manifest->directory_serial != directory->serial ||
        !cm_digest_equal(&manifest->directory_digest, &directory->digest)) {
        return cm_fail(error, CM_STALE, "manifest", "judged by another directory than ours");
    }
    status = check_record(book, manifest->entry, manifest->checkpoint, &manifest->inclusion, error);
    if (status == CM_OK) {
        status = check_counts(book, error);
    }
    bool more = false;
    for (size_t i = 0; i < manifest->account_count && status == CM_OK; i++) {
        more = more || manifest->accounts[i].more_matched;
        status = check_account(book, &manifest->accounts[i], error);
    }
    if (status == CM_OK && manifest->cut != more) {
        status =
            cm_fail(error, CM_INVALID, "manifest.cut", "is not what the agencies' accounts say");
    }
    return status;
}

enum cm_status cm_book_manifest(struct cm_book *book, const struct cm_manifest **out,
                                const struct cm_envelope *envelope, struct cm_error *error)
{
    cm_arena_reset(book->scratch);
    if (book->sorter == NULL || book->ended) {
        return cm_fail(error, CM_INVALID, "manifest", "outside an accepted query");
    }
    enum cm_status status = check_manifest(book, envelope, error);
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

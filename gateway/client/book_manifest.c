#include "gateway/client/book_internal.h"

#include <inttypes.h>
#include <string.h>

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

// Rows count against the limit also where their agency took them back before they came.
static bool limit_may_cut(const struct cm_book *book)
{
    if (!book->manifest.cut || book->rows == book->options.limit) {
        return book->manifest.cut;
    }
    for (size_t i = 0; i < book->manifest.account_count; i++) {
        const struct cm_account *account = &book->manifest.accounts[i];
        if (account->outcome == CM_OUTCOME_WITHDRAWN &&
            cm_book_page(book, account->agency) != NULL) {
            return true;
        }
    }
    return false;
}

// What an agency left out must lie behind the last row that came from anyone.
static bool cut_is_honest(const struct cm_book *book, const struct cm_page *page)
{
    // A node that stopped at a limit has more behind its last row, whoever told it the limit.
    if (page->check.final && page->next_key_len == 0 && !page->more_matched) {
        return true;
    }
    if (!limit_may_cut(book)) {
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

// Of an agency that the gateway did not ask, it can tell nothing but why.
static enum cm_status check_unasked(const struct cm_account *account, struct cm_error *error)
{
    if (account->outcome == CM_OUTCOME_ANSWERED || account->outcome == CM_OUTCOME_REFUSED ||
        account->rows > 0) {
        return cm_fail(error, CM_INVALID, account->agency, "has an outcome but was not asked");
    }
    if (!cm_digest_is_zero(&account->last_header) || account->more_matched ||
        account->visible_from_ms != 0 || account->fields_withheld != 0 || account->rows_withheld ||
        !cm_digest_is_zero(&account->record_digest)) {
        return cm_fail(error, CM_INVALID, account->agency,
                       "the manifest tells what it showed, but it was not asked");
    }
    // A reason is the rules' own: it names them, and only a denial has one.
    bool reasoned = account->reason[0] != '\0';
    bool denied = account->outcome == CM_OUTCOME_NOT_PERMITTED;
    if ((reasoned && !denied) ||
        (denied && reasoned == cm_digest_is_zero(&account->rules_digest))) {
        return cm_fail(error, CM_INVALID, account->agency,
                       "the manifest's reason is not one of its rules");
    }
    return CM_OK;
}

// What the agency signed: the rules it answered or refused by, and what they let through.
static bool tells_what_was_signed(const struct cm_account *account, const struct cm_page *page)
{
    bool whole = page->check.final && page->next_key_len == 0 && !page->more_matched;
    bool answered = account->outcome == CM_OUTCOME_ANSWERED;
    if ((answered && account->more_matched == whole) ||
        (answered && !cm_digest_equal(&account->rules_digest, &page->check.rules_digest)) ||
        (page->refused && account->outcome == CM_OUTCOME_REFUSED &&
         !cm_digest_equal(&account->rules_digest, &page->refused_by))) {
        return false;
    }
    return account->visible_from_ms == page->visible_from_ms &&
           account->fields_withheld == page->fields_withheld &&
           account->rows_withheld == page->rows_withheld && account->reason[0] == '\0';
}

static enum cm_status check_account(struct cm_book *book, const struct cm_account *account,
                                    struct cm_error *error)
{
    const struct cm_page *page = cm_book_page(book, account->agency);
    if (page == NULL) {
        return check_unasked(account, error);
    }
    struct cm_bytes last = {page->last_key, page->last_key_len};
    if (account->rows != page->rows || !cm_bytes_equal(account->last_key, last) ||
        !cm_digest_equal(&account->last_header, &page->last_header)) {
        return cm_fail(error, CM_INVALID, account->agency,
                       "the manifest counts %" PRIu64 " rows, %" PRIu64 " came", account->rows,
                       page->rows);
    }
    if (!cm_digest_equal(&account->record_digest, &page->record_digest)) {
        return cm_fail(error, CM_INVALID, account->agency,
                       "the manifest names another record of its node than came");
    }
    if (!tells_what_was_signed(account, page)) {
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

static enum cm_status check_accounts(struct cm_book *book, struct cm_error *error)
{
    const struct cm_manifest *manifest = &book->manifest;
    const struct cm_roll roll = cm_book_roll(book);
    uint32_t listed[CM_OUTCOME_COUNT] = {0};
    size_t asked = 0;
    bool more = false;
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < manifest->account_count && status == CM_OK; i++) {
        const struct cm_account *account = &manifest->accounts[i];
        status = cm_roll_check_agency(&roll, listed, account->agency, account->outcome, error);
        if (status == CM_OK) {
            status = check_account(book, account, error);
        }
        asked += cm_book_page(book, account->agency) != NULL;
        more = more || account->more_matched;
    }
    if (status == CM_OK) {
        status = cm_roll_check_counts(&roll, listed, manifest->counts, error);
    }
    if (status == CM_OK && asked != book->page_count) {
        status = cm_fail(error, CM_INVALID, "manifest", "an agency that was asked is missing");
    }
    if (status == CM_OK && manifest->rows != book->rows) {
        status = cm_fail(error, CM_INVALID, "manifest.rows",
                         "the manifest counts %" PRIu64 " rows, %" PRIu64 " came", manifest->rows,
                         book->rows);
    }
    if (status == CM_OK && manifest->cut != more) {
        status =
            cm_fail(error, CM_INVALID, "manifest.cut", "is not what the agencies' accounts say");
    }
    return status;
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

enum cm_status cm_book_check_manifest(struct cm_book *book, const struct cm_envelope *envelope,
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
    status = cm_book_check_record(book, manifest->entry, manifest->checkpoint, &manifest->inclusion,
                                  error);
    return status == CM_OK ? check_accounts(book, error) : status;
}

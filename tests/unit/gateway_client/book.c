#include "gateway/client/book.h"

#include "proto/ledger/checkpoint.h"
#include "proto/ledger/merkle.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

// A gateway and two nodes that are honest until a test bends one message.
#define NORTHPORT "ca.northport.pd"
#define SOUTHGATE "ca.southgate.pd"
#define MILLTOWN  "ca.milltown.pd"

enum { LIMIT = 6, MAX_OUT = 64 };

struct node {
    const char *agency;
    struct cm_signer *signer;
    struct cm_digest previous;
    uint64_t rows;
};

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_arena *arena;
static struct cm_signatory *gateway;
static struct cm_signer *gateway_signer;
static struct cm_book *book;
static struct cm_digest query_digest = {{1}};
static struct cm_digest key_hash = {{2}};
static struct cm_error error;
static struct node north, south;
static struct cm_accepted accepted;
static struct cm_account accounts[2];
static struct cm_manifest manifest;
static int64_t out[MAX_OUT];
static size_t out_count;

static struct cm_bytes keep(struct cm_buf *buf)
{
    struct cm_bytes kept;
    cr_assert_eq(cm_arena_bytes(arena, &kept, cm_buf_bytes(buf)), CM_OK);
    cm_buf_clear(buf);
    return kept;
}

static void collect(void *context, const struct cm_detection *detection)
{
    (void)context;
    out[out_count++] = detection->captured_at_ms;
}

// The gateway's entry for a query, alone in its tree.
static void record(struct cm_accepted *into, const struct cm_digest *digest,
                   struct cm_signer *signer)
{
    static const char *const asked[] = {NORTHPORT, SOUTHGATE};
    struct cm_buf entry = {0};
    struct cm_buf note = {0};
    struct cm_checkpoint head = {.size = 1};
    const struct cm_entry facts = {
        .kind = CM_ENTRY_QUERY,
        .recorded_ms = pki->now_ms,
        .digest = *digest,
        .replay_key = {{7}},
        .expires_ms = pki->now_ms + 1000,
        .directory_serial = cm_trust_directory(trust)->serial,
        .decisions_root = {{8}},
        .decisions = 3,
        .commitments = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}, {{6}}},
    };
    cr_assert_eq(cm_entry_encode(&entry, &facts), CM_OK);
    *into = (struct cm_accepted){.entry = keep(&entry), .agency_count = 2, .agencies = asked};
    cm_merkle_leaf(&head.root, into->entry);
    cr_assert_eq(cm_checkpoint_origin(head.origin, cm_signer_spiffe(signer)), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &head, signer), CM_OK);
    into->checkpoint = keep(&note);
    into->inclusion = (struct cm_inclusion){.index = 0, .size = 1};
}

static void begin(enum cm_order order)
{
    const struct cm_book_options options = {
        .trust = trust,
        .gateway = gateway,
        .query_digest = query_digest,
        .key_hash = key_hash,
        .limit = LIMIT,
        .order = order,
        .clock = cm_clock_system(),
        .row = collect,
    };
    cm_book_free(book);
    cr_assert_eq(cm_book_new(&book, &options), CM_OK);
    cr_assert_eq(cm_book_accepted(book, &accepted, &error), CM_OK, "%s: %s", error.where,
                 error.text);
}

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, MILLTOWN);
    pki_agency(pki, NORTHPORT);
    pki_agency(pki, SOUTHGATE);
    north = (struct node){NORTHPORT, pki_signer(pki, NORTHPORT, CM_ROLE_NODE, "n"), {{0}}, 0};
    south = (struct node){SOUTHGATE, pki_signer(pki, SOUTHGATE, CM_ROLE_NODE, "n"), {{0}}, 0};
    pki_signer(pki, MILLTOWN, CM_ROLE_NODE, "n");
    const struct pki_identity *identity = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    gateway_signer = identity->signer;
    trust = pki_trust(pki);
    arena = cm_arena_new(16 * 1024 * 1024);
    cr_assert_eq(cm_trust_chain(&gateway, trust, identity->chain, identity->chain_count,
                                pki->now_ms, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    record(&accepted, &query_digest, gateway_signer);
    out_count = 0;
    book = NULL;
    begin(CM_ORDER_TIME_DESCENDING);
    accounts[0] =
        (struct cm_account){.agency = NORTHPORT, .outcome = CM_OUTCOME_ANSWERED, .reason = ""};
    accounts[1] =
        (struct cm_account){.agency = SOUTHGATE, .outcome = CM_OUTCOME_ANSWERED, .reason = ""};
    manifest = (struct cm_manifest){
        .query_digest = query_digest,
        .gateway = "gw-1",
        .directory_serial = cm_trust_directory(trust)->serial,
        .directory_digest = cm_trust_directory(trust)->digest,
        .started_ms = pki->now_ms,
        .finished_ms = pki->now_ms + 5,
        .entry = accepted.entry,
        .checkpoint = accepted.checkpoint,
        .inclusion = accepted.inclusion,
        .account_count = 2,
        .accounts = accounts,
    };
    manifest.counts[CM_OUTCOME_ANSWERED] = 2;
    manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
}

static void tear_down(void)
{
    cm_book_free(book);
    cm_signatory_unref(gateway);
    cm_arena_free(arena);
    cm_trust_unref(trust);
    pki_free(pki);
}

TestSuite(book, .init = set_up, .fini = tear_down);

// A row of its own key, unless the node lies about owner or time.
static const char *row_owner;
static int64_t row_later_ms;

static struct cm_row row_of(const struct node *node, int64_t captured_at_ms)
{
    struct cm_buf key = {0};
    struct cm_buf row = {0};
    char id[32];
    snprintf(id, sizeof id, "e-%ld", (long)captured_at_ms);
    const struct cm_detection detection = {
        .event_id = id,
        .owner = row_owner != NULL ? row_owner : node->agency,
        .captured_at_ms = captured_at_ms + row_later_ms,
        .plate_read = "8ZZZ123",
        .plate = "8ZZZ123",
        .state = "",
        .site = "",
        .camera = "",
        .make = "",
        .model = "",
        .colour = "",
        .body = "",
        .image_reference = "",
    };
    cr_assert_eq(cm_row_key(&key, captured_at_ms, node->agency, id), CM_OK);
    cr_assert_eq(cm_row_encode(&row, &detection, 0), CM_OK);
    struct cm_bytes kept = keep(&key);
    return (struct cm_row){kept, keep(&row)};
}

// Whether a final header says that its node stopped at a limit.
static bool node_stopped;

// node's next batch, of reads at these times; the last `cut` of them withheld.
static struct cm_batch batch_of(struct node *node, const int64_t *times, size_t count, bool final,
                                size_t cut)
{
    struct cm_row *rows = cm_arena_array(arena, count + 1, sizeof rows[0]);
    struct cm_digest *leaves = cm_arena_array(arena, count + 1, sizeof leaves[0]);
    struct cm_withheld *withheld = cm_arena_array(arena, cut + 1, sizeof withheld[0]);
    struct cm_buf payload = {0};
    struct cm_batch batch = {.row_count = count - cut, .rows = rows};
    for (size_t i = 0; i < count; i++) {
        rows[i] = row_of(node, times[i]);
        cm_row_leaf(&leaves[i], rows[i].key, rows[i].row);
    }
    for (size_t i = 0; i < cut; i++) {
        withheld[i] = (struct cm_withheld){rows[count - cut + i].key, leaves[count - cut + i]};
    }
    struct cm_header header = {
        .query_digest = query_digest,
        .agency = node->agency,
        .attempt = 1,
        .key_hash = key_hash,
        .rules_digest = {{3}},
        .previous = node->previous,
        .first_index = node->rows,
        .count = (uint32_t)count,
        .final = final,
        .total = final ? node->rows + count : 0,
        .more_matched = final && node_stopped,
    };
    cm_merkle_root_of(&header.root, leaves, count);
    if (count > 0) {
        header.first_key = rows[0].key;
        header.last_key = rows[count - 1].key;
    }
    cr_assert_eq(cm_header_encode(&payload, &header), CM_OK);
    struct cm_bytes bytes = keep(&payload);
    cm_sha256_of(&node->previous, bytes);
    node->rows += count;
    pki_sign(&batch.header, arena, CM_FAMILY_HEADER, bytes, node->signer);
    batch.withheld = withheld;
    batch.withheld_count = cut;
    return batch;
}

static enum cm_status give(const struct cm_batch *batch)
{
    return cm_book_batch(book, batch, &error);
}

static void note(struct cm_account *account, const struct node *node, const struct cm_batch *batch)
{
    account->rows += batch->row_count;
    manifest.rows += batch->row_count;
    account->last_header = node->previous;
    if (batch->row_count > 0) {
        account->last_key = batch->rows[batch->row_count - 1].key;
    }
}

// An honest batch, taken and entered into the gateway's account.
static void answer(struct node *node, struct cm_account *account, const int64_t *times,
                   size_t count, bool final, size_t cut)
{
    struct cm_batch batch = batch_of(node, times, count, final, cut);
    cr_assert_eq(give(&batch), CM_OK, "%s: %s", error.where, error.text);
    note(account, node, &batch);
}

static enum cm_status end_by(struct cm_signer *signer)
{
    struct cm_buf payload = {0};
    struct cm_envelope envelope;
    const struct cm_manifest *result;
    cr_assert_eq(cm_manifest_encode(&payload, &manifest), CM_OK);
    pki_sign(&envelope, arena, CM_FAMILY_MANIFEST, keep(&payload), signer);
    return cm_book_manifest(book, &result, &envelope, &error);
}

static enum cm_status end(void)
{
    return end_by(gateway_signer);
}

static const int64_t north_times[] = {900, 700, 500};
static const int64_t south_times[] = {800, 600};

static void answer_all(void)
{
    answer(&north, &accounts[0], north_times, 3, true, 0);
    answer(&south, &accounts[1], south_times, 2, true, 0);
}

Test(book, shows_one_order_of_all_and_believes_an_honest_manifest)
{
    static const int64_t expected[] = {900, 800, 700, 600, 500};
    answer_all();
    cr_assert_eq(end(), CM_OK, "%s: %s", error.where, error.text);
    cr_assert_eq(out_count, 5);
    cr_expect_arr_eq(out, expected, sizeof expected);
    cr_expect_not_null(cm_book_ended(book));
}

Test(book, takes_an_empty_answer)
{
    answer(&north, &accounts[0], north_times, 0, true, 0);
    answer(&south, &accounts[1], south_times, 2, true, 0);
    cr_assert_eq(end(), CM_OK, "%s: %s", error.where, error.text);
    cr_expect_eq(out_count, 2);
}

Test(book, refuses_a_record_of_another_query_or_gateway)
{
    struct cm_accepted other;
    struct cm_digest another = {{9}};
    const struct cm_book_options options = {
        .trust = trust,
        .gateway = gateway,
        .query_digest = query_digest,
        .key_hash = key_hash,
        .limit = LIMIT,
        .order = CM_ORDER_TIME_DESCENDING,
        .clock = cm_clock_system(),
        .row = collect,
    };
    struct cm_accepted cases[4];
    record(&cases[0], &another, gateway_signer);
    record(&cases[1], &query_digest, north.signer);
    record(&other, &another, gateway_signer);
    cases[2] = accepted;
    cases[2].checkpoint = other.checkpoint; // a tree head that doesn't hold this entry
    cases[3] = accepted;
    cases[3].inclusion.index = 1;
    for (size_t i = 0; i < 4; i++) {
        struct cm_book *fresh;
        cr_assert_eq(cm_book_new(&fresh, &options), CM_OK);
        cr_expect_neq(cm_book_accepted(fresh, &cases[i], &error), CM_OK, "case %zu", i);
        cm_book_free(fresh);
    }
}

Test(book, refuses_an_asked_agency_that_the_query_does_not_name)
{
    static const char *const only[] = {NORTHPORT};
    struct cm_book *fresh;
    const struct cm_book_options options = {
        .trust = trust,
        .gateway = gateway,
        .query_digest = query_digest,
        .key_hash = key_hash,
        .limit = LIMIT,
        .order = CM_ORDER_TIME_DESCENDING,
        .agency_count = 1,
        .agencies = only,
        .clock = cm_clock_system(),
        .row = collect,
    };
    cr_assert_eq(cm_book_new(&fresh, &options), CM_OK);
    cr_expect_eq(cm_book_accepted(fresh, &accepted, &error), CM_INVALID);
    cm_book_free(fresh);
}

Test(book, refuses_rows_that_were_altered_dropped_or_swapped)
{
    struct cm_batch batch = batch_of(&north, north_times, 3, true, 0);
    struct cm_row rows[3];
    memcpy(rows, batch.rows, sizeof rows);
    batch.rows = rows;
    batch.row_count = 2;
    cr_expect_neq(give(&batch), CM_OK, "a row dropped");
    batch.row_count = 3;
    rows[0] = rows[1];
    cr_expect_neq(give(&batch), CM_OK, "a row doubled");
    rows[0] = row_of(&north, 901);
    cr_expect_neq(give(&batch), CM_OK, "a row of another key");
    cr_expect_eq(out_count, 0);
}

Test(book, refuses_a_row_whose_key_says_something_else)
{
    row_owner = MILLTOWN;
    struct cm_batch batch = batch_of(&north, north_times, 3, true, 0);
    cr_expect_neq(give(&batch), CM_OK, "another agency's row");
    row_owner = NULL;
    row_later_ms = 1;
    batch = batch_of(&south, south_times, 2, true, 0);
    cr_expect_neq(give(&batch), CM_OK, "a row moved in time");
    row_later_ms = 0;
    cr_expect_eq(out_count, 0);
}

Test(book, refuses_an_agency_that_was_not_asked)
{
    struct node stranger = {MILLTOWN, pki_signer(pki, MILLTOWN, CM_ROLE_NODE, "n"), {{0}}, 0};
    struct cm_batch batch = batch_of(&stranger, north_times, 1, true, 0);
    cr_expect_neq(give(&batch), CM_OK);
    struct node liar = {NORTHPORT, south.signer, {{0}}, 0};
    batch = batch_of(&liar, north_times, 1, true, 0);
    cr_expect_neq(give(&batch), CM_OK, "signed by another agency's node");
}

Test(book, refuses_more_than_the_limit)
{
    static const int64_t many[] = {99, 98, 97, 96, 95, 94, 93};
    struct cm_batch batch = batch_of(&north, many, 7, true, 0);
    cr_expect_neq(give(&batch), CM_OK);
}

Test(book, finds_a_dropped_answer)
{
    answer(&north, &accounts[0], north_times, 3, true, 0);
    // Southgate's rows are swallowed and its account says that there were none.
    cr_expect_neq(end(), CM_OK);
    cr_expect_eq(out_count, 0, "nothing is shown while Southgate may still answer");
}

Test(book, finds_a_cut_tail)
{
    answer(&north, &accounts[0], north_times, 3, false, 0); // its final batch is swallowed
    answer(&south, &accounts[1], south_times, 2, true, 0);
    cr_expect_eq(end(), CM_INVALID);
    manifest.cut = true;
    cr_expect_eq(end(), CM_INVALID, "nor does it help to call it cut below the limit");
}

Test(book, finds_a_smaller_limit_than_the_one_signed)
{
    // The gateway told both nodes to stop at one row; each signed that it has more.
    node_stopped = true;
    answer(&north, &accounts[0], north_times, 1, true, 0);
    answer(&south, &accounts[1], south_times, 1, true, 0);
    accounts[0].more_matched = true;
    accounts[1].more_matched = true;
    cr_expect_eq(end(), CM_INVALID, "two rows are not the limit");
    manifest.cut = true;
    cr_expect_eq(end(), CM_INVALID);
}

Test(book, wants_the_manifest_to_say_that_it_was_cut)
{
    answer_all();
    manifest.cut = true;
    cr_expect_eq(end(), CM_INVALID, "nothing was cut");
}

Test(book, finds_lies_in_counts)
{
    answer_all();
    manifest.rows = 6;
    accounts[0].rows = 4;
    cr_expect_neq(end(), CM_OK, "rows that never came");
    manifest.rows = 5;
    accounts[0].rows = 3;
    manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    cr_expect_neq(end(), CM_OK, "an agency missing silently");
    manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    accounts[1].more_matched = true;
    cr_expect_neq(end(), CM_OK, "more rows than the agency signed for");
    accounts[1].more_matched = false;
    accounts[1].visible_from_ms = 5;
    cr_expect_neq(end(), CM_OK, "another window than the agency signed");
    accounts[1].visible_from_ms = 0;
    accounts[1].last_header.b[3] ^= 1;
    cr_expect_neq(end(), CM_OK, "another last header");
    accounts[1].last_header.b[3] ^= 1;
    cr_expect_eq(end(), CM_OK, "%s: %s", error.where, error.text);
}

Test(book, finds_lies_in_outcomes)
{
    answer_all();
    accounts[1].outcome = CM_OUTCOME_LATE;
    manifest.counts[CM_OUTCOME_ANSWERED] = 1;
    manifest.counts[CM_OUTCOME_LATE] = 1;
    cr_expect_neq(end(), CM_OK, "it answered in full");
    accounts[1].outcome = CM_OUTCOME_REFUSED;
    manifest.counts[CM_OUTCOME_LATE] = 0;
    manifest.counts[CM_OUTCOME_REFUSED] = 1;
    cr_expect_neq(end(), CM_OK, "it signed no refusal");
}

Test(book, finds_another_query_directory_or_signer_in_the_manifest)
{
    answer_all();
    manifest.query_digest.b[0] ^= 1;
    cr_expect_neq(end(), CM_OK);
    manifest.query_digest.b[0] ^= 1;
    manifest.directory_serial++;
    cr_expect_neq(end(), CM_OK);
    manifest.directory_serial--;
    manifest.gateway = "gw-2";
    cr_expect_neq(end(), CM_OK);
    manifest.gateway = "gw-1";
    cr_expect_neq(end_by(north.signer), CM_OK, "a node's signature");
    cr_expect_eq(end(), CM_OK, "%s: %s", error.where, error.text);
}

static const int64_t first_south[] = {850, 800, 750};
static const int64_t first_north[] = {900, 700, 500, 300};

// The limit of 6 cuts: Northport's last row lies behind all that were merged.
static void answer_cut(void)
{
    answer(&south, &accounts[1], first_south, 3, true, 0);
    answer(&north, &accounts[0], first_north, 4, false, 1);
    manifest.cut = true;
    accounts[0].more_matched = true;
}

Test(book, takes_an_answer_that_the_limit_cut_with_its_proof)
{
    static const int64_t expected[] = {900, 850, 800, 750, 700, 500};
    answer_cut();
    cr_assert_eq(end(), CM_OK, "%s: %s", error.where, error.text);
    cr_assert_eq(out_count, 6);
    cr_expect_arr_eq(out, expected, sizeof expected);
}

Test(book, finds_an_earlier_row_behind_a_cut)
{
    static const int64_t late_south[] = {850, 400};
    static const int64_t early_north[] = {900, 700, 600, 550, 500};
    // 500 of Northport is withheld although 400 of Southgate, which is older, was let in.
    answer(&south, &accounts[1], late_south, 2, true, 0);
    answer(&north, &accounts[0], early_north, 5, false, 1);
    manifest.cut = true;
    accounts[0].more_matched = true;
    cr_expect_eq(end(), CM_INVALID);
}

Test(book, wants_the_header_of_a_batch_that_was_left_out_whole)
{
    static const int64_t six[] = {900, 890, 880, 870, 860, 850};
    static const int64_t rest[] = {700, 600};
    answer(&north, &accounts[0], six, 6, true, 0);
    manifest.cut = true;
    accounts[1].more_matched = true;
    cr_expect_eq(end(), CM_INVALID, "Southgate showed nothing at all");
    struct cm_batch left = batch_of(&south, rest, 2, true, 0);
    cr_assert_eq(cm_book_unmerged(book, &left.header, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    accounts[1].last_header = south.previous;
    cr_expect_eq(end(), CM_OK, "%s: %s", error.where, error.text);
}

Test(book, finds_a_left_out_batch_with_an_earlier_row)
{
    static const int64_t six[] = {900, 890, 880, 870, 860, 650};
    static const int64_t rest[] = {700, 600};
    answer(&north, &accounts[0], six, 6, true, 0);
    struct cm_batch left = batch_of(&south, rest, 2, true, 0);
    cr_assert_eq(cm_book_unmerged(book, &left.header, &error), CM_OK);
    accounts[1].last_header = south.previous;
    accounts[1].more_matched = true;
    manifest.cut = true;
    cr_expect_eq(end(), CM_INVALID);
}

Test(book, takes_rows_as_they_come_when_asked_to)
{
    begin(CM_ORDER_UNORDERED);
    answer(&south, &accounts[1], south_times, 2, true, 0);
    cr_expect_eq(out_count, 2, "at once");
    answer(&north, &accounts[0], north_times, 3, true, 0);
    cr_expect_eq(end(), CM_OK, "%s: %s", error.where, error.text);
}

Test(book, refuses_a_row_that_comes_after_its_place)
{
    const struct cm_progress ended = {.agency = NORTHPORT, .outcome = CM_OUTCOME_LATE};
    cr_assert_eq(cm_book_progress(book, &ended, &error), CM_OK);
    answer(&south, &accounts[1], south_times, 2, true, 0);
    cr_expect_eq(out_count, 2);
    struct cm_batch late = batch_of(&north, north_times, 3, true, 0);
    cr_expect_neq(give(&late), CM_OK);
}

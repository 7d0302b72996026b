#include "proto/trust/answer_check.h"

#include "support.h"

#include <stdio.h>

enum { ROWS = 40 };

static struct cm_trust *trust;
static struct cm_signer *node;
static struct cm_answer_check check;
static struct cm_digest query_digest = {{1}};
static struct cm_digest key_hash = {{2}};
static struct cm_row rows[ROWS];

static struct cm_bytes keep(struct cm_buf *buf)
{
    struct cm_bytes kept;
    cr_assert_eq(cm_arena_bytes(arena, &kept, cm_buf_bytes(buf)), CM_OK);
    cm_buf_clear(buf);
    return kept;
}

static struct cm_row row(int64_t captured_at_ms, const char *agency, const char *text)
{
    struct cm_buf key = {0};
    cr_assert_eq(cm_row_key(&key, captured_at_ms, agency, "event-1"), CM_OK);
    return (struct cm_row){keep(&key), cm_bytes_of(text)};
}

static void setup(void)
{
    trust_setup();
    node = pki_signer(pki, NORTHPORT, CM_ROLE_NODE, "n1");
    pki_signer(pki, NORTHPORT, CM_ROLE_NODE, "n2");
    pki_signer(pki, SOUTHGATE, CM_ROLE_NODE, "n1");
    trust = pki_trust(pki);
    for (int i = 0; i < ROWS; i++) {
        rows[i] = row(1000000 - i, NORTHPORT, "a row");
    }
    cm_answer_check_init(&check, &query_digest, &key_hash, NORTHPORT, 0, ROWS);
}

static void teardown(void)
{
    cm_answer_check_clear(&check);
    cm_trust_unref(trust);
    trust_teardown();
}

TestSuite(answer_check, .init = setup, .fini = teardown);

static struct cm_digest leaf_of(const struct cm_row *of)
{
    struct cm_digest leaf;
    cm_row_leaf(&leaf, of->key, of->row);
    return leaf;
}

// RFC 6962's root by its definition.
static struct cm_digest root_of(const struct cm_row *of, size_t count)
{
    struct cm_digest out;
    if (count == 0) {
        cm_sha256_of(&out, CM_BYTES_NONE);
        return out;
    }
    if (count == 1) {
        return leaf_of(of);
    }
    size_t split = 1;
    while (split * 2 < count) {
        split *= 2;
    }
    static const uint8_t one = 1;
    struct cm_digest left = root_of(of, split);
    struct cm_digest right = root_of(of + split, count - split);
    const struct cm_bytes parts[] = {{&one, 1}, cm_bytes_digest(&left), cm_bytes_digest(&right)};
    cm_sha256(&out, parts, 3);
    return out;
}

// An honest node's next header for count rows from `from`.
static struct cm_header header_of(size_t from, size_t count, bool final)
{
    struct cm_header header = {
        .query_digest = query_digest,
        .agency = NORTHPORT,
        .attempt = 1,
        .key_hash = key_hash,
        .rules_digest = {{3}},
        .previous = check.previous,
        .first_index = from,
        .count = (uint32_t)count,
        .root = root_of(rows + from, count),
        .final = final,
        .total = final ? from + count : 0,
    };
    if (count > 0) {
        header.first_key = rows[from].key;
        header.last_key = rows[from + count - 1].key;
    }
    return header;
}

static struct cm_envelope sign(const struct cm_header *header, struct cm_signer *signer)
{
    struct cm_buf payload = {0};
    struct cm_envelope envelope;
    cr_assert_eq(cm_header_encode(&payload, header), CM_OK);
    struct cm_bytes kept = keep(&payload);
    pki_sign(&envelope, arena, CM_FAMILY_HEADER, kept, signer);
    if (header->first_index > 0) {
        envelope.signatures[0].chain_count = 0;
    }
    return envelope;
}

static enum cm_status give(const struct cm_batch *batch, struct cm_error *error)
{
    struct cm_header header;
    return cm_answer_check_batch(&check, &header, arena, trust, batch, pki->now_ms, error);
}

static enum cm_status give_rows(const struct cm_header *header, size_t from, size_t count,
                                struct cm_error *error)
{
    struct cm_batch batch = {.header = sign(header, node), .row_count = count, .rows = rows + from};
    return give(&batch, error);
}

// Honest batches up to row `to`, none of them final.
static void feed(size_t to)
{
    for (size_t from = 0; from < to; from += 10) {
        struct cm_error error = {0};
        struct cm_header header = header_of(from, 10, false);
        cr_assert_eq(give_rows(&header, from, 10, &error), CM_OK, "%s: %s", error.where,
                     error.text);
    }
}

#define EXPECT_VOID(call, place)                                                                   \
    do {                                                                                           \
        struct cm_error error_ = {0};                                                              \
        struct cm_error *error = &error_;                                                          \
        cr_expect_neq((call), CM_OK);                                                              \
        cr_expect_str_eq(error_.where, (place), "%s: %s", error_.where, error_.text);              \
    } while (0)

Test(answer_check, an_honest_answer_holds_to_its_end)
{
    feed(30);
    cr_expect_eq(cm_answer_check_end(&check, NULL), CM_INVALID, "a cut tail");
    struct cm_header header = header_of(30, 10, true);
    cr_expect_eq(give_rows(&header, 30, 10, NULL), CM_OK);
    cr_expect_eq(cm_answer_check_end(&check, NULL), CM_OK);
    cr_expect_eq(check.rows, 40);
    cr_expect_eq(check.attempt, 1);
}

Test(answer_check, an_empty_answer_is_one_final_header)
{
    struct cm_header header = header_of(0, 0, true);
    cr_expect_eq(give_rows(&header, 0, 0, NULL), CM_OK);
    cr_expect_eq(cm_answer_check_end(&check, NULL), CM_OK);
}

Test(answer_check, nothing_comes_after_the_final_header)
{
    feed(10);
    struct cm_header header = header_of(10, 10, true);
    cr_assert_eq(give_rows(&header, 10, 10, NULL), CM_OK);
    header = header_of(20, 10, true);
    EXPECT_VOID(give_rows(&header, 20, 10, error), "header");
    header = header_of(20, 0, true);
    EXPECT_VOID(give_rows(&header, 20, 0, error), "header");
}

Test(answer_check, rows_altered_dropped_or_reordered_are_seen)
{
    feed(10);
    struct cm_header header = header_of(10, 10, false);
    struct cm_row other[10];
    struct cm_batch batch = {.header = sign(&header, node), .row_count = 10, .rows = other};
    memcpy(other, rows + 10, sizeof(other));
    other[4].row = cm_bytes_of("A row");
    EXPECT_VOID(give(&batch, error), "root");
    memcpy(other, rows + 10, sizeof(other));
    other[4] = rows[15];
    other[5] = rows[14];
    EXPECT_VOID(give(&batch, error), "rows[5].key");
    memcpy(other, rows + 10, sizeof(other));
    other[9].key = row(1000000 - 19 - 1, NORTHPORT, "").key; // another time for the same row
    cr_expect_neq(give(&batch, NULL), CM_OK);
    memcpy(other, rows + 10, sizeof(other));
    other[4] = row(1000000 - 14, SOUTHGATE, "a row");
    cr_expect_neq(give(&batch, NULL), CM_OK, "another owner");
    memcpy(other, rows + 10, sizeof(other));
    batch.row_count = 9;
    EXPECT_VOID(give(&batch, error), "count");
    batch.row_count = 10;
    cr_expect_eq(give(&batch, NULL), CM_OK, "as it was signed");
}

Test(answer_check, a_batch_dropped_or_given_twice_breaks_the_chain)
{
    feed(10);
    struct cm_header second = header_of(10, 10, false);
    struct cm_batch batch = {.header = sign(&second, node), .row_count = 10, .rows = rows + 10};
    cr_assert_eq(give(&batch, NULL), CM_OK);
    EXPECT_VOID(give(&batch, error), "header.previous");
    struct cm_header third = header_of(20, 10, false);
    cm_sha256_of(&third.previous, cm_bytes_of("one that was dropped"));
    EXPECT_VOID(give_rows(&third, 20, 10, error), "header.previous");
    third = header_of(20, 10, false);
    third.first_index = 21;
    EXPECT_VOID(give_rows(&third, 20, 10, error), "header.first_index");
}

Test(answer_check, a_batch_that_goes_back_in_time_is_seen)
{
    feed(10);
    struct cm_header header = header_of(10, 10, false);
    struct cm_row again[10];
    memcpy(again, rows, sizeof(again)); // rows of the first batch under a new header
    header.root = root_of(again, 10);
    header.first_key = again[0].key;
    header.last_key = again[9].key;
    struct cm_batch batch = {.header = sign(&header, node), .row_count = 10, .rows = again};
    EXPECT_VOID(give(&batch, error), "rows[0].key");
}

Test(answer_check, it_answers_this_query_requester_agency_and_attempt)
{
    struct cm_header header = header_of(0, 10, false);
    header.query_digest.b[0] ^= 1;
    EXPECT_VOID(give_rows(&header, 0, 10, error), "header.query_digest");
    header = header_of(0, 10, false);
    header.key_hash.b[0] ^= 1;
    EXPECT_VOID(give_rows(&header, 0, 10, error), "header.key_hash");
    struct cm_row foreign = row(1000000, SOUTHGATE, "a row");
    header = header_of(0, 1, false);
    header.agency = SOUTHGATE;
    header.first_key = header.last_key = foreign.key;
    header.root = leaf_of(&foreign);
    struct cm_batch batch = {.header = sign(&header, node), .row_count = 1, .rows = &foreign};
    EXPECT_VOID(give(&batch, error), "header.agency");

    check.attempt = 2; // the gateway knows which
    header = header_of(0, 10, false);
    EXPECT_VOID(give_rows(&header, 0, 10, error), "header.attempt");
    check.attempt = 0; // a client takes the first header's word, and holds it to that
    feed(10);
    header = header_of(10, 10, false);
    header.attempt = 2;
    EXPECT_VOID(give_rows(&header, 10, 10, error), "header.attempt");
}

Test(answer_check, the_rules_stay_the_same)
{
    feed(10);
    struct cm_header header = header_of(10, 10, false);
    header.rules_digest.b[0] ^= 1;
    EXPECT_VOID(give_rows(&header, 10, 10, error), "header.rules_digest");
}

Test(answer_check, the_limit_is_kept)
{
    check.limit = 25;
    feed(20);
    struct cm_header header = header_of(20, 6, true);
    EXPECT_VOID(give_rows(&header, 20, 6, error), "header.count");
    header = header_of(20, 5, true);
    cr_expect_eq(give_rows(&header, 20, 5, NULL), CM_OK);
}

Test(answer_check, a_wrong_total_is_seen)
{
    feed(20);
    struct cm_header header = header_of(20, 5, true);
    header.total = 24;
    struct cm_buf payload = {0};
    // An honest encoder refuses it; what is decoded is refused too.
    if (cm_header_encode(&payload, &header) == CM_OK) {
        cr_expect_neq(give_rows(&header, 20, 5, NULL), CM_OK);
    }
    cm_buf_clear(&payload);
}

static enum cm_status first_by(struct cm_signer *signer, struct cm_error *error)
{
    struct cm_header header = header_of(0, 10, false);
    struct cm_batch batch = {.header = sign(&header, signer), .row_count = 10, .rows = rows};
    return give(&batch, error);
}

Test(answer_check, a_node_of_that_agency_signs)
{
    struct cm_error error = {0};
    cr_expect_eq(first_by(pki_signer(pki, NORTHPORT, CM_ROLE_ADMIN, "ann"), &error), CM_FORBIDDEN);
    cr_expect_eq(first_by(pki_signer(pki, SOUTHGATE, CM_ROLE_NODE, "n1"), &error),
                 CM_UNAUTHENTICATED);
    cr_expect_eq(first_by(pki_signer(pki, "_", CM_ROLE_GATEWAY, "gw-1"), &error), CM_FORBIDDEN);
    const struct pki_identity *unpinned =
        pki_leaf(pki, &(struct pki_leaf){.agency = NORTHPORT, .role = CM_ROLE_NODE, .name = "n9"});
    cr_expect_eq(first_by(unpinned->signer, &error), CM_UNAUTHENTICATED);
    cr_expect_eq(first_by(node, &error), CM_OK, "%s", error.text);
}

Test(answer_check, one_key_signs_all_along)
{
    struct cm_signer *second = pki_signer(pki, NORTHPORT, CM_ROLE_NODE, "n2");
    feed(10);
    struct cm_header header = header_of(10, 10, false);
    struct cm_batch batch = {.header = sign(&header, second), .row_count = 10, .rows = rows + 10};
    EXPECT_VOID(give(&batch, error), "chain");
    batch.header.signatures[0].chain_count = 2; // it brings its certificates
    memcpy(batch.header.signatures[0].chain,
           pki_identity(pki, NORTHPORT, CM_ROLE_NODE, "n2")->chain, 2 * sizeof(struct cm_bytes));
    EXPECT_VOID(give(&batch, error), "header");
}

Test(answer_check, the_first_header_brings_its_certificates)
{
    struct cm_header header = header_of(0, 10, false);
    struct cm_batch batch = {.header = sign(&header, node), .row_count = 10, .rows = rows};
    batch.header.signatures[0].chain_count = 0;
    EXPECT_VOID(give(&batch, error), "chain");
    batch.header = sign(&header, node);
    batch.header.family = CM_FAMILY_REFUSAL;
    EXPECT_VOID(give(&batch, error), "header");
}

static enum cm_status unmerged(const struct cm_header *header, struct cm_error *error)
{
    struct cm_header out;
    struct cm_envelope envelope = sign(header, node);
    return cm_answer_check_unmerged(&check, &out, arena, trust, &envelope, pki->now_ms, error);
}

Test(answer_check, after_a_cut_batch_no_rows_follow)
{
    feed(10);
    struct cm_header header = header_of(10, 10, false);
    struct cm_withheld withheld[4];
    for (size_t i = 0; i < 4; i++) {
        withheld[i] = (struct cm_withheld){rows[16 + i].key, leaf_of(&rows[16 + i])};
    }
    struct cm_batch batch = {.header = sign(&header, node),
                             .row_count = 6,
                             .rows = rows + 10,
                             .withheld_count = 4,
                             .withheld = withheld};
    cr_assert_eq(give(&batch, NULL), CM_OK);
    header = header_of(20, 10, false);
    EXPECT_VOID(give_rows(&header, 20, 10, error), "header");
    cr_expect_eq(unmerged(&header, NULL), CM_OK, "its header may");
}

Test(answer_check, an_unmerged_header_is_the_next_and_the_last)
{
    feed(10);
    struct cm_header header = header_of(20, 10, false);
    EXPECT_VOID(unmerged(&header, error), "header.first_index");
    header = header_of(10, 10, false);
    header.first_key = rows[9].key; // claims to begin with a row that was shown
    EXPECT_VOID(unmerged(&header, error), "header.first_key");
    header = header_of(10, 10, false);
    cr_expect_eq(unmerged(&header, NULL), CM_OK);
    header = header_of(20, 10, false);
    EXPECT_VOID(give_rows(&header, 20, 10, error), "header");
    EXPECT_VOID(unmerged(&header, error), "header");
}

Test(answer_check, a_node_revoked_in_the_middle_is_refused_from_then)
{
    feed(10);
    pki_revoke(pki, NORTHPORT, pki_identity(pki, NORTHPORT, CM_ROLE_NODE, "n1"), pki->now_ms);
    struct cm_trust *newer;
    cr_assert_eq(trust_load(&newer, trust, NULL), CM_OK);
    cm_trust_unref(trust);
    trust = newer;
    struct cm_header header = header_of(10, 10, false);
    EXPECT_VOID(give_rows(&header, 10, 10, error), "chain");
}

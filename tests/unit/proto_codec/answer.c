#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again_header(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                   struct cm_error *error)
{
    struct cm_header header;
    enum cm_status status = cm_header_decode(&header, arena, in, error);

    return status == CM_OK ? cm_header_encode(out, &header) : status;
}

static enum cm_status again_refusal(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                    struct cm_error *error)
{
    struct cm_refusal refusal;
    enum cm_status status = cm_refusal_decode(&refusal, arena, in, error);

    return status == CM_OK ? cm_refusal_encode(out, &refusal) : status;
}

// The second and last header of an answer.
static void a_header(struct cm_header *header)
{
    struct cm_batch batch;

    codec_batch(&batch, header, 3);
    header->previous = codec_digest(4);
    header->first_index = 16;
    header->final = true;
    header->total = 19;
    header->more_matched = true;
}

Test(answer, header_golden)
{
    struct cm_header header;
    struct cm_buf bytes = {0};

    a_header(&header);
    cr_assert_eq(cm_header_encode(&bytes, &header), CM_OK);
    codec_expect("header", cm_buf_bytes(&bytes), again_header);
    cm_buf_clear(&bytes);
}

Test(answer, header_decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf bytes = codec_golden("header");
    struct cm_header want;
    struct cm_header got;

    a_header(&want);
    cr_assert_eq(cm_header_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(cm_digest_equal(&got.query_digest, &want.query_digest));
    cr_expect_str_eq(got.agency, want.agency);
    cr_expect_eq(got.attempt, 1);
    cr_expect(cm_digest_equal(&got.key_hash, &want.key_hash));
    cr_expect(cm_digest_equal(&got.rules_digest, &want.rules_digest));
    cr_expect(cm_digest_equal(&got.previous, &want.previous));
    cr_expect_eq(got.first_index, 16);
    cr_expect_eq(got.count, 3);
    cr_expect(cm_bytes_equal(got.first_key, want.first_key));
    cr_expect(cm_bytes_equal(got.last_key, want.last_key));
    cr_expect(cm_digest_equal(&got.root, &want.root));
    cr_expect(got.final && got.more_matched && got.rows_withheld);
    cr_expect_eq(got.total, 19);
    cr_expect_eq(got.visible_from_ms, want.visible_from_ms);
    cr_expect_eq(got.fields_withheld, want.fields_withheld);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define HEADER(status, change)                                                                     \
    do {                                                                                           \
        struct cm_header h;                                                                        \
        a_header(&h);                                                                              \
        change;                                                                                    \
        cr_expect_eq(cm_header_encode(&out, &h), status, #change);                                 \
    } while (0)

Test(answer, header_form)
{
    struct cm_buf out = {0};
    struct cm_digest zero = {{0}};
    struct cm_digest empty;
    struct cm_bytes swap;

    cm_sha256_of(&empty, CM_BYTES_NONE);
    HEADER(CM_INVALID, h.previous = zero);
    HEADER(CM_INVALID, (h.first_index = 0, h.total = 3));
    HEADER(CM_OK, (h.first_index = 0, h.total = 3, h.previous = zero));
    HEADER(CM_INVALID, (h.first_index = 0, h.previous = zero, h.count = 17, h.total = 17));
    HEADER(CM_INVALID, h.total = 18);
    HEADER(CM_INVALID, h.final = false);
    HEADER(CM_OK, (h.final = false, h.total = 0, h.more_matched = false));
    HEADER(CM_INVALID, (h.final = false, h.total = 0));
    HEADER(CM_INVALID, (swap = h.first_key, h.first_key = h.last_key, h.last_key = swap));
    HEADER(CM_INVALID, (h.count = 1, h.total = 17));
    HEADER(CM_INVALID, h.agency = "ca.southgate.pd");
    HEADER(CM_INVALID, h.attempt = 0);
    HEADER(CM_INVALID, (h.count = CM_MAX_BATCH_ROWS + 1, h.total = 16 + h.count));
    HEADER(CM_INVALID, (h.count = 0, h.total = 16));
    HEADER(CM_OK,
           (h.count = 0, h.total = 16, h.root = empty, h.first_key = h.last_key = CM_BYTES_NONE));
    HEADER(CM_INVALID, (h.count = 0, h.total = 16, h.root = codec_digest(9),
                        h.first_key = h.last_key = CM_BYTES_NONE));
    cm_buf_clear(&out);
}

Test(answer, refusal_golden)
{
    struct cm_refusal refusal = {
        .query_digest = codec_digest(1),
        .agency = "ca.milltown.pd",
        .attempt = 2,
        .code = CM_REFUSAL_NOT_PERMITTED,
        .rules_digest = codec_digest(3),
        .refused_ms = 1767225600123,
        .text = "northport.rules:12",
    };
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_refusal got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_refusal_encode(&bytes, &refusal), CM_OK);
    codec_expect("refusal", cm_buf_bytes(&bytes), again_refusal);
    cr_assert_eq(cm_refusal_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(cm_digest_equal(&got.query_digest, &refusal.query_digest));
    cr_expect_str_eq(got.agency, refusal.agency);
    cr_expect_eq(got.attempt, 2);
    cr_expect_eq(got.code, CM_REFUSAL_NOT_PERMITTED);
    cr_expect(cm_digest_equal(&got.rules_digest, &refusal.rules_digest));
    cr_expect_eq(got.refused_ms, refusal.refused_ms);
    cr_expect_str_eq(got.text, refusal.text);
    refusal.code = CM_REFUSAL_NONE;
    cr_expect_eq(cm_refusal_encode(&bytes, &refusal), CM_INVALID);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

static void batch_refused(const struct cm_batch *batch, const struct cm_header *header,
                          struct cm_bytes before, const char *where)
{
    struct cm_error error = {0};

    cr_expect_eq(cm_batch_check(batch, header, before, &error), CM_INVALID, "%s", where);
    cr_expect_str_eq(error.where, where, "%s: %s", error.where, error.text);
}

// Every size's root is the one that RFC 6962 defines.
Test(answer, batches_of_every_size_hold)
{
    struct cm_batch batch;
    struct cm_header header;
    struct cm_error error;

    for (size_t count = 1; count <= CM_MAX_BATCH_ROWS; count += 1 + count / 20) {
        codec_batch(&batch, &header, count);
        cr_expect_eq(cm_batch_check(&batch, &header, CM_BYTES_NONE, &error), CM_OK, "%zu: %s: %s",
                     count, error.where, error.text);
    }
    batch = (struct cm_batch){0};
    header = (struct cm_header){.agency = "ca.milltown.pd", .final = true};
    cm_sha256_of(&header.root, CM_BYTES_NONE);
    cr_expect_eq(cm_batch_check(&batch, &header, CM_BYTES_NONE, NULL), CM_OK);
}

Test(answer, a_cut_batch_holds_at_every_cut)
{
    struct cm_withheld withheld[21];
    struct cm_batch batch;
    struct cm_header header;

    codec_batch(&batch, &header, 21);
    for (size_t i = 0; i < 21; i++) {
        withheld[i].key = batch.rows[i].key;
        cm_row_leaf(&withheld[i].leaf, batch.rows[i].key, batch.rows[i].row);
    }
    for (size_t rows = 0; rows <= 21; rows++) {
        batch.row_count = rows;
        batch.withheld = withheld + rows;
        batch.withheld_count = 21 - rows;
        cr_expect_eq(cm_batch_check(&batch, &header, CM_BYTES_NONE, NULL), CM_OK);
    }
    batch.row_count = 11;
    batch.withheld = withheld + 11;
    batch.withheld_count = 9;
    batch_refused(&batch, &header, CM_BYTES_NONE, "count");
    batch.withheld_count = 10;
    withheld[15].leaf.b[0] ^= 1;
    batch_refused(&batch, &header, CM_BYTES_NONE, "root");
    withheld[15].leaf.b[0] ^= 1;
    withheld[15].key = withheld[14].key;
    batch_refused(&batch, &header, CM_BYTES_NONE, "withheld[4].key");
}

Test(answer, dropped_reordered_altered_or_foreign_rows_are_found)
{
    struct cm_batch batch;
    struct cm_header header;
    struct cm_row rows[5];
    struct cm_buf key = {0};

    codec_batch(&batch, &header, 5);
    memcpy(rows, batch.rows, sizeof rows);
    batch.rows = rows;
    batch_refused(&batch, &header, rows[0].key, "rows[0].key");
    batch.row_count = 4;
    batch_refused(&batch, &header, CM_BYTES_NONE, "count");
    header.count = 4;
    batch_refused(&batch, &header, CM_BYTES_NONE, "last_key");
    header.count = 5;
    batch.row_count = 5;
    rows[2] = batch.rows[3];
    batch_refused(&batch, &header, CM_BYTES_NONE, "rows[3].key");
    codec_batch(&batch, &header, 5);
    memcpy(rows, batch.rows, sizeof rows);
    batch.rows = rows;
    rows[2].row = rows[1].row;
    batch_refused(&batch, &header, CM_BYTES_NONE, "root");
    cr_assert_eq(cm_row_key(&key, 1767225596123, "ca.southgate.pd", "evt-0001"), CM_OK);
    rows[2].key = cm_buf_bytes(&key);
    batch_refused(&batch, &header, CM_BYTES_NONE, "rows[2].key");
    cm_buf_clear(&key);
}

Test(answer, refusals_of_statuses)
{
    for (int i = 0; i < CM_REFUSAL_COUNT; i++) {
        cr_expect_str_not_empty(cm_refusal_name((enum cm_refusal_code)i));
    }
    for (int code = 1; code < CM_REFUSAL_COUNT; code++) {
        const enum cm_status status = cm_status_of_refusal((enum cm_refusal_code)code);
        cr_expect(status != CM_OK && status != CM_INTERNAL, "%d", code);
    }
    cr_expect_eq(cm_refusal_of_status(CM_OK), CM_REFUSAL_NONE);
    cr_expect_eq(cm_refusal_of_status(CM_REPLAYED), CM_REFUSAL_REPLAYED);
    cr_expect_eq(cm_refusal_of_status(CM_IO), CM_REFUSAL_UNAVAILABLE);
    for (int i = CM_OK + 1; i <= CM_LATE; i++) {
        cr_expect_neq(cm_refusal_of_status((enum cm_status)i), CM_REFUSAL_NONE);
    }
}

#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_manifest manifest;
    enum cm_status status = cm_manifest_decode(&manifest, arena, in, error);

    return status == CM_OK ? cm_manifest_encode(out, &manifest) : status;
}

static struct cm_buf key;
static struct cm_account accounts[3];

static struct cm_manifest a_manifest(void)
{
    struct cm_manifest manifest = {
        .query_digest = codec_digest(1),
        .gateway = "gw-1",
        .directory_serial = 7,
        .directory_digest = codec_digest(2),
        .started_ms = 1767225600000,
        .finished_ms = 1767225600412,
        .entry = cm_bytes_of("an entry"),
        .checkpoint = cm_bytes_of("a checkpoint"),
        .inclusion = codec_inclusion(),
        .account_count = 3,
        .accounts = accounts,
        .counts = {[CM_OUTCOME_ANSWERED] = 1,
                   [CM_OUTCOME_OFFLINE] = 2,
                   [CM_OUTCOME_LATE] = 1,
                   [CM_OUTCOME_NOT_PERMITTED] = 9},
        .rows = 12,
        .cut = true,
    };

    key.len = 0;
    cr_assert_eq(cm_row_key(&key, 1767225599123, "ca.milltown.pd", "evt-0001"), CM_OK);
    accounts[0] = (struct cm_account){
        .agency = "ca.milltown.pd",
        .outcome = CM_OUTCOME_ANSWERED,
        .rows = 12,
        .last_key = cm_buf_bytes(&key),
        .last_header = codec_digest(3),
        .more_matched = true,
        .visible_from_ms = 1764633600000,
        .fields_withheld = 1u << CM_FIELD_CAMERA | 1u << CM_FIELD_IMAGE,
        .rows_withheld = true,
        .elapsed_ms = 17,
        .rules_digest = codec_digest(4),
        .reason = "",
        .record_digest = codec_digest(5),
    };
    accounts[1] =
        (struct cm_account){.agency = "ca.northport.pd", .outcome = CM_OUTCOME_LATE, .reason = ""};
    accounts[2] = (struct cm_account){
        .agency = "ca.southgate.pd", .outcome = CM_OUTCOME_NOT_PERMITTED, .reason = "line 12"};
    return manifest;
}

static void refuses(const struct cm_manifest *manifest)
{
    struct cm_buf out = {0};

    cr_expect_eq(cm_manifest_encode(&out, manifest), CM_INVALID);
    cr_expect_eq(out.len, 0);
    cm_buf_clear(&out);
}

Test(manifest, golden)
{
    struct cm_manifest manifest = a_manifest();
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_manifest_encode(&bytes, &manifest), CM_OK);
    codec_expect("manifest", cm_buf_bytes(&bytes), again);
    cm_buf_clear(&bytes);
    cm_buf_clear(&key);
}

Test(manifest, decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_manifest want = a_manifest();
    struct cm_buf bytes = codec_golden("manifest");
    struct cm_manifest got;

    cr_assert_eq(cm_manifest_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(cm_digest_equal(&got.query_digest, &want.query_digest));
    cr_expect_str_eq(got.gateway, "gw-1");
    cr_expect_eq(got.directory_serial, 7);
    cr_expect(cm_digest_equal(&got.directory_digest, &want.directory_digest));
    cr_expect_eq(got.started_ms, want.started_ms);
    cr_expect_eq(got.finished_ms, want.finished_ms);
    cr_expect(cm_bytes_equal(got.entry, want.entry));
    cr_expect(cm_bytes_equal(got.checkpoint, want.checkpoint));
    cr_expect_eq(got.inclusion.index, 5);
    cr_expect_eq(got.inclusion.size, 8);
    cr_assert_eq(got.inclusion.count, 3);
    cr_expect(cm_digest_equal(&got.inclusion.hashes[2], &want.inclusion.hashes[2]));
    cr_expect_arr_eq(got.counts, want.counts, sizeof want.counts);
    cr_expect(got.rows == 12 && got.cut);
    cr_assert_eq(got.account_count, 3);
    cr_expect_str_eq(got.accounts[0].agency, "ca.milltown.pd");
    cr_expect_eq(got.accounts[0].outcome, CM_OUTCOME_ANSWERED);
    cr_expect_eq(got.accounts[0].rows, 12);
    cr_expect(cm_bytes_equal(got.accounts[0].last_key, accounts[0].last_key));
    cr_expect(cm_digest_equal(&got.accounts[0].last_header, &accounts[0].last_header));
    cr_expect(cm_digest_equal(&got.accounts[0].record_digest, &accounts[0].record_digest));
    cr_expect(got.accounts[0].more_matched && got.accounts[0].rows_withheld);
    cr_expect_eq(got.accounts[0].visible_from_ms, accounts[0].visible_from_ms);
    cr_expect_eq(got.accounts[0].fields_withheld, accounts[0].fields_withheld);
    cr_expect_eq(got.accounts[0].elapsed_ms, 17);
    cr_expect(cm_digest_equal(&got.accounts[0].rules_digest, &accounts[0].rules_digest));
    cr_expect_str_eq(got.accounts[2].reason, "line 12");
    cm_buf_clear(&bytes);
    cm_buf_clear(&key);
    cm_arena_free(arena);
}

Test(manifest, sums_must_hold)
{
    struct cm_manifest m = a_manifest();

    m.rows = 13;
    refuses(&m);
    m = a_manifest();
    m.counts[CM_OUTCOME_ANSWERED] = 2;
    refuses(&m);
    m = a_manifest();
    m.counts[CM_OUTCOME_LATE] = 0;
    refuses(&m);
    m = a_manifest();
    m.counts[CM_OUTCOME_FAILED] = 1;
    refuses(&m);
    m = a_manifest();
    m.counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    refuses(&m);
    m = a_manifest();
    m.counts[CM_OUTCOME_NONE] = 1;
    refuses(&m);
    cm_buf_clear(&key);
}

Test(manifest, form)
{
    struct cm_manifest m = a_manifest();

    accounts[1].agency = "ca.milltown.pd";
    refuses(&m);
    m = a_manifest();
    accounts[0].outcome = CM_OUTCOME_NONE;
    refuses(&m);
    m = a_manifest();
    accounts[0].last_key = CM_BYTES_NONE;
    refuses(&m);
    m = a_manifest();
    accounts[1].last_key = accounts[0].last_key;
    refuses(&m);
    m = a_manifest();
    accounts[0].last_header = (struct cm_digest){{0}};
    refuses(&m);
    m = a_manifest();
    accounts[0].agency = "ca.milltown.sd";
    refuses(&m);
    m = a_manifest();
    accounts[2].record_digest = codec_digest(6);
    refuses(&m);
    m = a_manifest();
    m.inclusion.index = m.inclusion.size;
    refuses(&m);
    m = a_manifest();
    m.entry = CM_BYTES_NONE;
    refuses(&m);
    cm_buf_clear(&key);
}

Test(manifest, outcome_names)
{
    cr_expect_str_eq(cm_outcome_name(CM_OUTCOME_NOT_PERMITTED), "not permitted");
    for (int i = 1; i < CM_OUTCOME_COUNT; i++) {
        cr_expect_str_neq(cm_outcome_name((enum cm_outcome)i), cm_outcome_name(CM_OUTCOME_NONE));
    }
}

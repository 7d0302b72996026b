#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again_query(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                  struct cm_error *error)
{
    struct cm_query query;
    enum cm_status status = cm_query_decode(&query, arena, in, error);

    return status == CM_OK ? cm_query_encode(out, &query, error) : status;
}

static enum cm_status again_reach(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                  struct cm_error *error)
{
    struct cm_query query;
    enum cm_status status = cm_reach_decode(&query, arena, in, error);

    return status == CM_OK ? cm_reach_encode(out, &query, error) : status;
}

static enum cm_status again_approval(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                     struct cm_error *error)
{
    struct cm_approval approval;
    enum cm_status status = cm_approval_decode(&approval, arena, in, error);

    return status == CM_OK ? cm_approval_encode(out, &approval, error) : status;
}

static struct cm_approval an_approval(void)
{
    struct cm_approval approval = {
        .federation = "west.example",
        .supervisor = "spiffe://west.example/ca.northport.pd/supervisor/m.okafor",
        .requester = "spiffe://west.example/ca.northport.pd/investigator/r.vega",
        .action = CM_ACTION_LOOKUP,
        .plate = {"8ABC123", ""},
        .window = {1764633600000, 1767225600000},
        .purpose = "homicide",
        .case_number = "26-1234",
        .issued_ms = 1767225600000,
        .expires_ms = 1767225600000 + CM_MAX_APPROVAL_LIFE_MS,
        .uses = 3,
    };

    codec_fill(approval.approval_id, sizeof approval.approval_id, 7);
    return approval;
}

Test(query, golden)
{
    struct cm_query query = codec_query();
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_query_encode(&bytes, &query, NULL), CM_OK);
    codec_expect("query", cm_buf_bytes(&bytes), again_query);
    cm_buf_clear(&bytes);
}

Test(reach, golden)
{
    struct cm_query reach = codec_reach();
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_reach_encode(&bytes, &reach, NULL), CM_OK);
    codec_expect("reach", cm_buf_bytes(&bytes), again_reach);
    cm_buf_clear(&bytes);
}

Test(approval, golden)
{
    struct cm_approval approval = an_approval();
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_approval_encode(&bytes, &approval, NULL), CM_OK);
    codec_expect("approval", cm_buf_bytes(&bytes), again_approval);
    cm_buf_clear(&bytes);
}

Test(query, decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_query query = codec_query();
    struct cm_buf bytes = codec_golden("query");
    struct cm_query got;

    cr_assert_eq(cm_query_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_arr_eq(got.query_id, query.query_id, sizeof query.query_id);
    cr_expect_arr_eq(got.blind, query.blind, sizeof query.blind);
    cr_expect_eq(got.issued_ms, query.issued_ms);
    cr_expect_eq(got.expires_ms, query.expires_ms);
    cr_expect_str_eq(got.federation, query.federation);
    cr_expect_str_eq(got.gateway, query.gateway);
    cr_expect_eq(got.agency_count, 2);
    cr_expect_str_eq(got.agencies[1], query.agencies[1]);
    cr_expect_str_eq(got.signer, query.signer);
    cr_expect(cm_digest_equal(&got.key_hash, &query.key_hash));
    cr_expect_eq(got.action, query.action);
    cr_expect_str_eq(got.plate.plate, "8ABC123");
    cr_expect_str_eq(got.plate.state, "CA");
    cr_expect_eq(got.window.from_ms, query.window.from_ms);
    cr_expect_eq(got.window.to_ms, query.window.to_ms);
    cr_expect_eq(got.fields, query.fields);
    cr_expect_str_eq(got.purpose, query.purpose);
    cr_expect_str_eq(got.case_number, query.case_number);
    cr_expect_str_eq(got.reason, query.reason);
    cr_expect_str_eq(got.on_behalf_of, query.on_behalf_of);
    cr_expect_eq(got.approval.family, CM_FAMILY_APPROVAL);
    cr_expect_gt(got.approval.raw.len, 0);
    cr_expect_str_eq(got.court_order, query.court_order);
    cr_expect(got.attested);
    cr_expect(cm_digest_equal(&got.attestation, &query.attestation));
    cr_expect_eq(got.evidence_kinds, query.evidence_kinds);
    cr_expect_eq(got.limit, query.limit);
    cr_expect_eq(got.order, query.order);
    cr_expect_eq(got.deadline_ms, query.deadline_ms);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(reach, decodes_without_plate_reason_and_blind)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf bytes = codec_golden("reach");
    struct cm_query got;

    cr_assert_eq(cm_reach_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_null(got.plate.plate);
    cr_expect_str_eq(got.reason, "");
    cr_expect_eq(got.limit, 0);
    cr_expect_eq(got.blind[0], 0);
    cr_expect_eq(got.evidence_kinds, codec_reach().evidence_kinds);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(query, an_action_without_a_selector_of_its_own_is_refused_but_may_be_reached)
{
    struct cm_query query = codec_query();
    struct cm_query reach = codec_reach();
    struct cm_buf out = {0};
    struct cm_error error;

    query.action = CM_ACTION_FUZZY;
    cr_expect_eq(cm_query_encode(&out, &query, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "selector");
    reach.action = CM_ACTION_FUZZY;
    cr_expect_eq(cm_reach_encode(&out, &reach, &error), CM_OK);
    cm_buf_clear(&out);
}

// Without approval, order, attestation, fields and agencies there is one way to write it as well.
Test(query, the_least_query_comes_through)
{
    struct cm_query query = codec_query();
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf once = {0};
    struct cm_buf twice = {0};

    query.agency_count = 0;
    query.fields = 0;
    query.case_number = query.on_behalf_of = query.court_order = "";
    query.approval = (struct cm_envelope){0};
    query.attested = false;
    query.plate.state = "";
    cr_assert_eq(cm_query_encode(&once, &query, NULL), CM_OK);
    cr_assert_eq(again_query(&twice, arena, cm_buf_bytes(&once), NULL), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&once), cm_buf_bytes(&twice)));
    cm_buf_clear(&once);
    cm_buf_clear(&twice);
    cm_arena_free(arena);
}

// An Evidence that says nothing would be a second way to write the same query.
Test(query, empty_evidence_is_refused)
{
    struct cm_query query = codec_query();
    struct cm_buf bytes = {0};
    uint8_t *limit;

    query.approval = (struct cm_envelope){0};
    query.attested = false;
    query.court_order = "";
    cr_assert_eq(cm_query_encode(&bytes, &query, NULL), CM_OK);
    cr_assert_eq(cm_buf_add(&bytes, "end", 3), CM_OK);
    limit = memmem(bytes.data, bytes.len, "\xd0\x01\xe8\x07", 4);
    cr_assert_not_null(limit);
    memmove(limit + 3, limit, (size_t)(bytes.data + bytes.len - 3 - limit));
    memcpy(limit, "\xca\x01\x00", 3);
    codec_refuses(again_query, cm_buf_bytes(&bytes), CM_INVALID, "evidence");
    cm_buf_clear(&bytes);
}

Test(query, replay_key_golden)
{
    struct cm_query query = codec_query();
    struct cm_digest key;
    struct cm_buf golden = codec_golden("replay_key");

    cm_query_replay_key(&key, &query);
    cr_expect(cm_bytes_equal(cm_bytes_digest(&key), cm_buf_bytes(&golden)));
    cm_buf_clear(&golden);
}

#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN(name)                                                                                \
    static enum cm_status again_##name(struct cm_buf *out, struct cm_arena *arena,                 \
                                       struct cm_bytes in, struct cm_error *error)                 \
    {                                                                                              \
        struct cm_##name value;                                                                    \
        enum cm_status status = cm_##name##_decode(&value, arena, in, error);                      \
                                                                                                   \
        return status == CM_OK ? cm_##name##_encode(out, &value) : status;                         \
    }

AGAIN(lookup_request)
AGAIN(lookup_response)
AGAIN(reach_response)
AGAIN(error)

static const char *const agencies[] = {"ca.milltown.pd", "ca.southgate.pd"};

static void expect_response(const char *name, const struct cm_lookup_response *response)
{
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_lookup_response_encode(&bytes, response), CM_OK, "%s", name);
    codec_expect(name, cm_buf_bytes(&bytes), again_lookup_response);
    cm_buf_clear(&bytes);
}

Test(gateway, lookup_request_golden)
{
    struct cm_lookup_request request = {.directory_serial = 7};
    struct cm_buf bytes = {0};

    codec_envelope(&request.query, CM_FAMILY_QUERY);
    cr_assert_eq(cm_lookup_request_encode(&bytes, &request), CM_OK);
    codec_expect("lookup_request", cm_buf_bytes(&bytes), again_lookup_request);
    codec_envelope(&request.query, CM_FAMILY_REACH);
    cr_expect_eq(cm_lookup_request_encode(&bytes, &request), CM_OK);
    codec_envelope(&request.query, CM_FAMILY_MANIFEST);
    cr_expect_eq(cm_lookup_request_encode(&bytes, &request), CM_INVALID);
    cm_buf_clear(&bytes);
}

Test(gateway, a_nested_envelope_keeps_its_exact_bytes)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_lookup_request request = {.directory_serial = 7};
    struct cm_lookup_request got;
    struct cm_buf alone = {0};
    struct cm_buf bytes = {0};

    codec_envelope(&request.query, CM_FAMILY_QUERY);
    cr_assert_eq(cm_envelope_encode(&alone, &request.query), CM_OK);
    cr_assert_eq(cm_lookup_request_encode(&bytes, &request), CM_OK);
    cr_assert_eq(cm_lookup_request_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(cm_bytes_equal(got.query.raw, cm_buf_bytes(&alone)));
    cr_expect_eq(got.directory_serial, 7);
    cm_buf_clear(&alone);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(gateway, responses_golden)
{
    struct cm_lookup_response response = {.kind = CM_LOOKUP_DIRECTORY};
    struct cm_header header;

    response.u.directory = (struct cm_directory_part){7, 1, 3, cm_bytes_of("part")};
    expect_response("response_directory", &response);
    response.kind = CM_LOOKUP_ACCEPTED;
    response.u.accepted = (struct cm_accepted){cm_bytes_of("an entry"), cm_bytes_of("a checkpoint"),
                                               codec_inclusion(), 2, agencies};
    expect_response("response_accepted", &response);
    response.kind = CM_LOOKUP_PROGRESS;
    response.u.progress = (struct cm_progress){"ca.milltown.pd", CM_OUTCOME_NONE, 16};
    expect_response("response_progress", &response);
    response.kind = CM_LOOKUP_BATCH;
    codec_batch(&response.u.batch, &header, 2);
    expect_response("response_batch", &response);
    response.kind = CM_LOOKUP_UNMERGED;
    codec_envelope(&response.u.envelope, CM_FAMILY_HEADER);
    expect_response("response_unmerged", &response);
    response.kind = CM_LOOKUP_REFUSAL;
    codec_envelope(&response.u.envelope, CM_FAMILY_REFUSAL);
    expect_response("response_refusal", &response);
    response.kind = CM_LOOKUP_MANIFEST;
    codec_envelope(&response.u.envelope, CM_FAMILY_MANIFEST);
    expect_response("response_manifest", &response);
    response.kind = CM_LOOKUP_RECORD;
    response.u.record = (struct cm_node_record){"ca.milltown.pd", codec_record()};
    expect_response("response_record", &response);
}

Test(gateway, responses_decode_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf bytes = codec_golden("response_accepted");
    struct cm_lookup_response got;
    struct cm_batch batch;
    struct cm_header header;

    cr_assert_eq(cm_lookup_response_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_LOOKUP_ACCEPTED);
    cr_expect(cm_bytes_equal(got.u.accepted.entry, cm_bytes_of("an entry")));
    cr_expect(cm_bytes_equal(got.u.accepted.checkpoint, cm_bytes_of("a checkpoint")));
    cr_expect_eq(got.u.accepted.inclusion.size, 8);
    cr_assert_eq(got.u.accepted.agency_count, 2);
    cr_expect_str_eq(got.u.accepted.agencies[1], "ca.southgate.pd");
    cm_buf_clear(&bytes);
    bytes = codec_golden("response_directory");
    cr_assert_eq(cm_lookup_response_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_LOOKUP_DIRECTORY);
    cr_expect(got.u.directory.serial == 7 && got.u.directory.index == 1 &&
              got.u.directory.count == 3);
    cr_expect(cm_bytes_equal(got.u.directory.data, cm_bytes_of("part")));
    cm_buf_clear(&bytes);
    bytes = codec_golden("response_progress");
    cr_assert_eq(cm_lookup_response_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_LOOKUP_PROGRESS);
    cr_expect_str_eq(got.u.progress.agency, "ca.milltown.pd");
    cr_expect_eq(got.u.progress.rows, 16);
    cm_buf_clear(&bytes);
    bytes = codec_golden("response_record");
    cr_assert_eq(cm_lookup_response_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_LOOKUP_RECORD);
    cr_expect_str_eq(got.u.record.agency, "ca.milltown.pd");
    cr_expect(cm_bytes_equal(got.u.record.record.entry, cm_bytes_of("an entry")));
    cr_expect_eq(got.u.record.record.inclusion.size, 8);
    cm_buf_clear(&bytes);
    bytes = codec_golden("response_batch");
    codec_batch(&batch, &header, 2);
    cr_assert_eq(cm_lookup_response_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_LOOKUP_BATCH);
    cr_assert_eq(got.u.batch.row_count, 2);
    cr_expect_eq(cm_batch_check(&got.u.batch, &header, CM_BYTES_NONE, NULL), CM_OK);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(gateway, a_node_record_needs_both_its_members)
{
    struct cm_lookup_response response = {.kind = CM_LOOKUP_RECORD};
    struct cm_buf out = {0};

    response.u.record = (struct cm_node_record){"ca.milltown.pd", {.entry = CM_BYTES_NONE}};
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    response.u.record = (struct cm_node_record){"milltown", codec_record()};
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    // A NodeRecord that names an agency alone.
    codec_refuses(again_lookup_response,
                  cm_bytes_of("\x42\x05\x0a\x03"
                              "a.b"),
                  CM_INVALID, "record");
    cm_buf_clear(&out);
}

// A manifest may not come where a refusal is announced.
Test(gateway, an_envelope_of_another_family_is_refused)
{
    struct cm_lookup_response response = {.kind = CM_LOOKUP_REFUSAL};
    struct cm_buf bytes = codec_golden("response_manifest");
    struct cm_buf out = {0};

    codec_envelope(&response.u.envelope, CM_FAMILY_MANIFEST);
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    response.u.envelope.family = CM_FAMILY_NONE;
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    bytes.data[0] = 6 << 3 | 2;
    codec_refuses(again_lookup_response, cm_buf_bytes(&bytes), CM_INVALID, "envelope.payload_type");
    cm_buf_clear(&bytes);
    cm_buf_clear(&out);
}

Test(gateway, form)
{
    static uint8_t big[CM_DIRECTORY_PART + 1];
    struct cm_lookup_response response = {.kind = CM_LOOKUP_DIRECTORY};
    struct cm_buf out = {0};

    response.u.directory = (struct cm_directory_part){7, 3, 3, cm_bytes_of("part")};
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    response.u.directory = (struct cm_directory_part){7, 0, 33, cm_bytes_of("part")};
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    response.u.directory = (struct cm_directory_part){7, 0, 1, {big, sizeof big}};
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    response.u.directory.data.len--;
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_OK);
    response.kind = CM_LOOKUP_NONE;
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    response.kind = CM_LOOKUP_PROGRESS;
    response.u.progress = (struct cm_progress){"ca.milltown.pd", CM_OUTCOME_COUNT, 0};
    cr_expect_eq(cm_lookup_response_encode(&out, &response), CM_INVALID);
    codec_refuses(again_lookup_response, CM_BYTES_NONE, CM_INVALID, "what");
    codec_refuses(again_lookup_request, CM_BYTES_NONE, CM_INVALID, "query");
    cm_buf_clear(&out);
}

Test(gateway, reach_golden)
{
    static const struct cm_progress would[] = {
        {"ca.milltown.pd", CM_OUTCOME_NONE, 0},
        {"ca.southgate.pd", CM_OUTCOME_OFFLINE, 0},
    };
    struct cm_reach_response reach = {
        .directory_serial = 7,
        .directory_digest = codec_digest(1),
        .entry = cm_bytes_of("an entry"),
        .checkpoint = cm_bytes_of("a checkpoint"),
        .inclusion = codec_inclusion(),
        .agency_count = 2,
        .agencies = would,
        .counts = {[CM_OUTCOME_OFFLINE] = 1, [CM_OUTCOME_NOT_PERMITTED] = 3},
    };
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_reach_response got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_reach_response_encode(&bytes, &reach), CM_OK);
    codec_expect("reach_response", cm_buf_bytes(&bytes), again_reach_response);
    cr_assert_eq(cm_reach_response_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.agency_count, 2);
    cr_expect_eq(got.agencies[1].outcome, CM_OUTCOME_OFFLINE);
    cr_expect_arr_eq(got.counts, reach.counts, sizeof reach.counts);
    cr_expect(cm_digest_equal(&got.directory_digest, &reach.directory_digest));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(gateway, error_golden)
{
    struct cm_error error = {CM_EXHAUSTED, "agencies", "too many at once", "wait", 1500};
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_error got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_error_encode(&bytes, &error), CM_OK);
    codec_expect("error", cm_buf_bytes(&bytes), again_error);
    cr_assert_eq(cm_error_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.status, CM_EXHAUSTED);
    cr_expect_str_eq(got.where, "agencies");
    cr_expect_str_eq(got.text, "too many at once");
    cr_expect_str_eq(got.hint, "wait");
    cr_expect_eq(got.retry_after_ms, 1500);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

// What a peer says ends up on a terminal; what we say must arrive even when it was cut.
Test(gateway, errors_are_clean_text)
{
    struct cm_error error = {CM_INVALID, "", "line one\nline two \xc3", "", 0};
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_error got;
    struct cm_buf bytes = {0};
    uint8_t *at;

    cr_assert_eq(cm_error_encode(&bytes, &error), CM_OK);
    cr_assert_eq(cm_error_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_str_eq(got.text, "line one?line two ?");
    at = memchr(bytes.data, '?', bytes.len);
    cr_assert_not_null(at);
    *at = 0x1b;
    codec_refuses(again_error, cm_buf_bytes(&bytes), CM_INVALID, "text");
    error.status = CM_OK;
    cr_expect_eq(cm_error_encode(&bytes, &error), CM_INVALID);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

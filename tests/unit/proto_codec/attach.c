#include "support.h"

#include <criterion/criterion.h>
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

AGAIN(attach_up)
AGAIN(attach_down)
AGAIN(answer_request)

static void expect_up(const char *name, const struct cm_attach_up *up)
{
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_attach_up_encode(&bytes, up), CM_OK, "%s", name);
    codec_expect(name, cm_buf_bytes(&bytes), again_attach_up);
    cm_buf_clear(&bytes);
}

static void expect_down(const char *name, const struct cm_attach_down *down)
{
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_attach_down_encode(&bytes, down), CM_OK, "%s", name);
    codec_expect(name, cm_buf_bytes(&bytes), again_attach_down);
    cm_buf_clear(&bytes);
}

static struct cm_attach_up a_hello(void)
{
    static struct cm_envelope rule_sets[2];
    struct cm_attach_up up = {
        .kind = CM_UP_HELLO,
        .hello =
            {
                .agency = "ca.milltown.pd",
                .protocol_min = 1,
                .protocol_max = 2,
                .rule_language = 1,
                .rule_set_count = 2,
                .rule_sets = rule_sets,
                .directory_serial = 7,
                .tree_size = 300,
                .tree_root = codec_digest(1),
                .credits = CM_CREDITS,
            },
    };

    codec_envelope(&rule_sets[0], CM_FAMILY_RULESET);
    codec_envelope(&rule_sets[1], CM_FAMILY_RULESET);
    codec_envelope(&up.hello.overlay, CM_FAMILY_OVERLAY);
    codec_envelope(&up.hello.epoch, CM_FAMILY_EPOCH);
    codec_fill(up.hello.instance, sizeof up.hello.instance, 5);
    return up;
}

Test(attach, up_golden)
{
    struct cm_attach_up up = a_hello();

    expect_up("up_hello", &up);
    up = (struct cm_attach_up){.kind = CM_UP_REFUSE, .ask = 9};
    codec_envelope(&up.envelope, CM_FAMILY_REFUSAL);
    expect_up("up_refuse", &up);
    up.record = codec_record();
    expect_up("up_refuse_recorded", &up);
    up = (struct cm_attach_up){.kind = CM_UP_CREDIT, .credits = 3};
    expect_up("up_credit", &up);
    up = (struct cm_attach_up){.kind = CM_UP_RULES_CHANGED};
    codec_envelope(&up.envelope, CM_FAMILY_RULESET);
    codec_envelope(&up.overlay, CM_FAMILY_OVERLAY);
    expect_up("up_rules_changed", &up);
    up = (struct cm_attach_up){.kind = CM_UP_WITHDRAW, .ask = 9, .rules_sequence = 4};
    expect_up("up_withdraw", &up);
    up =
        (struct cm_attach_up){.kind = CM_UP_DIRECTORY, .directory = {7, 0, 1, cm_bytes_of("part")}};
    expect_up("up_directory", &up);
    up = (struct cm_attach_up){.kind = CM_UP_COPIED, .copied = 300};
    expect_up("up_copied", &up);
}

Test(attach, hello_decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_attach_up want = a_hello();
    struct cm_buf bytes = codec_golden("up_hello");
    struct cm_attach_up got;

    cr_assert_eq(cm_attach_up_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_UP_HELLO);
    cr_expect_str_eq(got.hello.agency, "ca.milltown.pd");
    cr_expect_arr_eq(got.hello.instance, want.hello.instance, CM_INSTANCE_SIZE);
    cr_expect(got.hello.protocol_min == 1 && got.hello.protocol_max == 2);
    cr_expect_eq(got.hello.rule_language, 1);
    cr_assert_eq(got.hello.rule_set_count, 2);
    cr_expect_eq(got.hello.rule_sets[1].family, CM_FAMILY_RULESET);
    cr_expect_eq(got.hello.overlay.family, CM_FAMILY_OVERLAY);
    cr_expect_eq(got.hello.directory_serial, 7);
    cr_expect_eq(got.hello.tree_size, 300);
    cr_expect(cm_digest_equal(&got.hello.tree_root, &want.hello.tree_root));
    cr_expect_eq(got.hello.credits, CM_CREDITS);
    cr_expect_eq(got.hello.epoch.family, CM_FAMILY_EPOCH);
    cm_buf_clear(&bytes);
    bytes = codec_golden("up_withdraw");
    cr_assert_eq(cm_attach_up_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(got.kind == CM_UP_WITHDRAW && got.ask == 9 && got.rules_sequence == 4);
    cm_buf_clear(&bytes);
    bytes = codec_golden("up_copied");
    cr_assert_eq(cm_attach_up_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(got.kind == CM_UP_COPIED && got.copied == 300);
    cm_buf_clear(&bytes);
    bytes = codec_golden("up_refuse_recorded");
    cr_assert_eq(cm_attach_up_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(got.kind == CM_UP_REFUSE && got.ask == 9);
    cr_expect(cm_bytes_equal(got.record.checkpoint, cm_bytes_of("a checkpoint")));
    cm_buf_clear(&bytes);
    bytes = codec_golden("up_refuse");
    cr_assert_eq(cm_attach_up_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(got.kind == CM_UP_REFUSE && got.ask == 9);
    cr_expect_eq(got.envelope.family, CM_FAMILY_REFUSAL);
    cr_expect_eq(got.record.entry.len, 0);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define HELLO(change)                                                                              \
    do {                                                                                           \
        struct cm_attach_up whole = a_hello();                                                     \
        struct cm_hello *h = &whole.hello;                                                         \
        change;                                                                                    \
        cr_expect_eq(cm_attach_up_encode(&out, &whole), CM_INVALID, #change);                      \
    } while (0)

Test(attach, up_form)
{
    struct cm_buf out = {0};
    struct cm_attach_up up = {.kind = CM_UP_RULES_CHANGED};

    HELLO(h->agency = "milltown");
    HELLO(h->protocol_min = 0);
    HELLO(h->protocol_min = 3);
    HELLO(h->rule_language = 0);
    HELLO(h->rule_set_count = CM_MAX_RULE_SETS + 1);
    HELLO(h->tree_size = 0);
    HELLO(h->tree_root = (struct cm_digest){{0}});
    HELLO(h->credits = CM_CREDITS + 1);
    HELLO(h->overlay.family = CM_FAMILY_RULESET);
    HELLO(h->epoch.family = CM_FAMILY_RULESET);
    cr_expect_eq(cm_attach_up_encode(&out, &up), CM_INVALID, "neither rules nor overlay");
    up.kind = CM_UP_REFUSE;
    cr_expect_eq(cm_attach_up_encode(&out, &up), CM_INVALID, "no refusal");
    up.kind = CM_UP_NONE;
    cr_expect_eq(cm_attach_up_encode(&out, &up), CM_INVALID);
    codec_refuses(again_attach_up, CM_BYTES_NONE, CM_INVALID, "what");
    cm_buf_clear(&out);
}

static struct cm_attach_down an_ask(void)
{
    static struct cm_digest path[2];
    static struct cm_digest hashes[1];
    struct cm_attach_down down = {
        .kind = CM_DOWN_ASK,
        .ask =
            {
                .ask = 9,
                .attempt = 1,
                .remaining_ms = 9500,
                .limit = 1000,
                .entry = cm_bytes_of("an entry"),
                .leaf = cm_bytes_of("a leaf"),
                .leaf_index = 2,
                .leaf_path_count = 2,
                .leaf_path = path,
                .checkpoint = cm_bytes_of("a checkpoint"),
                .inclusion = codec_inclusion(),
                .consistency = {4, 8, 1, hashes},
            },
    };

    path[0] = codec_digest(1);
    path[1] = codec_digest(2);
    hashes[0] = codec_digest(3);
    codec_fill(down.ask.token, CM_TOKEN_SIZE, 0x33);
    codec_envelope(&down.ask.query, CM_FAMILY_QUERY);
    return down;
}

Test(attach, down_golden)
{
    struct cm_attach_down down = {.kind = CM_DOWN_WELCOME, .welcome = {"gw-1", 1, {7}, 300}};

    expect_down("down_welcome", &down);
    down = an_ask();
    expect_down("down_ask", &down);
    down = (struct cm_attach_down){.kind = CM_DOWN_CANCEL, .cancel = 9};
    expect_down("down_cancel", &down);
    down = (struct cm_attach_down){.kind = CM_DOWN_DIRECTORY,
                                   .directory = {7, 0, 1, cm_bytes_of("part")}};
    expect_down("down_directory", &down);
}

Test(attach, ask_decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_attach_down want = an_ask();
    struct cm_buf bytes = codec_golden("down_welcome");
    struct cm_attach_down got;

    cr_assert_eq(cm_attach_down_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(got.kind == CM_DOWN_WELCOME && got.welcome.witnessed_size == 300);
    cm_buf_clear(&bytes);
    bytes = codec_golden("down_ask");
    cr_assert_eq(cm_attach_down_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_DOWN_ASK);
    cr_expect_eq(got.ask.ask, 9);
    cr_expect_arr_eq(got.ask.token, want.ask.token, CM_TOKEN_SIZE);
    cr_expect(got.ask.attempt == 1 && got.ask.remaining_ms == 9500 && got.ask.limit == 1000);
    cr_expect_eq(got.ask.query.family, CM_FAMILY_QUERY);
    cr_expect(cm_bytes_equal(got.ask.entry, want.ask.entry));
    cr_expect(cm_bytes_equal(got.ask.leaf, want.ask.leaf));
    cr_expect_eq(got.ask.leaf_index, 2);
    cr_assert_eq(got.ask.leaf_path_count, 2);
    cr_expect(cm_digest_equal(&got.ask.leaf_path[1], &want.ask.leaf_path[1]));
    cr_expect(cm_bytes_equal(got.ask.checkpoint, want.ask.checkpoint));
    cr_expect_eq(got.ask.inclusion.index, 5);
    cr_expect(got.ask.consistency.old_size == 4 && got.ask.consistency.new_size == 8);
    cr_expect(cm_digest_equal(&got.ask.consistency.hashes[0], &want.ask.consistency.hashes[0]));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define ASK(status, change)                                                                        \
    do {                                                                                           \
        struct cm_attach_down down = an_ask();                                                     \
        struct cm_ask *a = &down.ask;                                                              \
        change;                                                                                    \
        cr_expect_eq(cm_attach_down_encode(&out, &down), status, #change);                         \
    } while (0)

Test(attach, ask_form)
{
    static uint8_t big[CM_MAX_ENTRY];
    struct cm_buf out = {0};

    ASK(CM_OK, a->consistency = (struct cm_consistency){0});
    ASK(CM_INVALID, a->consistency.old_size = 9);
    ASK(CM_INVALID, a->attempt = 0);
    ASK(CM_INVALID, a->remaining_ms = 0);
    ASK(CM_INVALID, a->remaining_ms = CM_MAX_DEADLINE_MS + 1);
    ASK(CM_INVALID, a->limit = CM_MAX_LIMIT + 1);
    ASK(CM_INVALID, a->entry = CM_BYTES_NONE);
    ASK(CM_INVALID, a->leaf.len = CM_MAX_LEAF + 1);
    ASK(CM_INVALID, a->leaf_path_count = CM_MAX_LEAF_PATH + 1);
    ASK(CM_INVALID, a->inclusion.index = 8);
    ASK(CM_INVALID, a->query.family = CM_FAMILY_REACH);
    ASK(CM_INVALID, (a->entry = (struct cm_bytes){big, sizeof big}));
    cm_buf_clear(&out);
}

Test(answer_request, golden)
{
    struct cm_answer_request request = {.is_start = true, .start = {{1}, 9, {2}, codec_record()}};
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_answer_request got;
    struct cm_header header;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_answer_request_encode(&bytes, &request), CM_OK);
    codec_expect("answer_start", cm_buf_bytes(&bytes), again_answer_request);
    cr_assert_eq(cm_answer_request_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(got.is_start && got.start.ask == 9);
    cr_expect(got.start.session[0] == 1 && got.start.token[0] == 2);
    cr_expect(cm_bytes_equal(got.start.record.entry, cm_bytes_of("an entry")));
    bytes.len = 0;
    request.is_start = false;
    codec_batch(&request.batch, &header, 2);
    cr_assert_eq(cm_answer_request_encode(&bytes, &request), CM_OK);
    codec_expect("answer_batch", cm_buf_bytes(&bytes), again_answer_request);
    cr_assert_eq(cm_answer_request_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(!got.is_start && got.batch.row_count == 2);
    codec_refuses(again_answer_request, CM_BYTES_NONE, CM_INVALID, "what");
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(answer_request, batch_bounds)
{
    static const uint8_t big[CM_MAX_ROW + 1];
    static struct cm_row rows[CM_MAX_BATCH_ROWS + 1];
    struct cm_answer_request request = {.is_start = false};
    struct cm_header header;
    struct cm_buf out = {0};

    codec_batch(&request.batch, &header, 2);
    rows[0] = rows[1] = request.batch.rows[0];
    for (size_t i = 2; i <= CM_MAX_BATCH_ROWS; i++) {
        rows[i] = rows[0];
    }
    request.batch.rows = rows;
    rows[1].row = (struct cm_bytes){big, CM_MAX_ROW};
    cr_expect_eq(cm_answer_request_encode(&out, &request), CM_OK);
    rows[1].row.len++;
    cr_expect_eq(cm_answer_request_encode(&out, &request), CM_INVALID, "row too large");
    rows[1].row = CM_BYTES_NONE;
    cr_expect_eq(cm_answer_request_encode(&out, &request), CM_INVALID, "row empty");
    rows[1] = rows[0];
    request.batch.row_count = CM_MAX_BATCH_ROWS;
    cr_expect_eq(cm_answer_request_encode(&out, &request), CM_OK);
    request.batch.row_count++;
    cr_expect_eq(cm_answer_request_encode(&out, &request), CM_INVALID, "too many rows");
    request.batch.row_count = 16;
    for (size_t i = 0; i < 16; i++) {
        rows[i].row = (struct cm_bytes){big, CM_MAX_ROW};
    }
    cr_expect_eq(cm_answer_request_encode(&out, &request), CM_INVALID, "more than 64 KiB of rows");
    cm_buf_clear(&out);
}

#include "support.h"

#include "proto/codec/access.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again_audit(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                  struct cm_error *error)
{
    struct cm_audit_request request;
    enum cm_status status = cm_audit_request_decode(&request, arena, in, error);

    return status == CM_OK ? cm_audit_request_encode(out, &request) : status;
}

static enum cm_status again_epoch(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                  struct cm_error *error)
{
    struct cm_epoch_statement statement;
    enum cm_status status = cm_epoch_statement_decode(&statement, arena, in, error);

    return status == CM_OK ? cm_epoch_statement_encode(out, &statement) : status;
}

static struct cm_audit_request a_request(void)
{
    struct cm_audit_request request = {.origin = "west.example/ca.northport.pd/node/n1",
                                       .command = "subject",
                                       .arguments = "--plate 8ABC123",
                                       .signed_ms = 1767225600000};

    codec_fill(request.challenge, sizeof request.challenge, 7);
    return request;
}

static struct cm_epoch_statement a_statement(void)
{
    return (struct cm_epoch_statement){.origin = "west.example/ca.northport.pd/node/n1",
                                       .epoch = 2,
                                       .restored_size = 290,
                                       .restored_root = codec_digest(1),
                                       .cosigned = cm_bytes_of("a checkpoint"),
                                       .signed_ms = 1767225600000,
                                       .why = "The disk on Pier Road failed"};
}

Test(statements, audit_golden)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_audit_request want = a_request();
    struct cm_audit_request got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_audit_request_encode(&bytes, &want), CM_OK);
    codec_expect("audit_request", cm_buf_bytes(&bytes), again_audit);
    cr_assert_eq(cm_audit_request_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_arr_eq(got.challenge, want.challenge, sizeof got.challenge);
    cr_expect_str_eq(got.origin, want.origin);
    cr_expect_str_eq(got.command, want.command);
    cr_expect_str_eq(got.arguments, want.arguments);
    cr_expect_eq(got.signed_ms, want.signed_ms);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(statements, epoch_golden)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_epoch_statement want = a_statement();
    struct cm_epoch_statement got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_epoch_statement_encode(&bytes, &want), CM_OK);
    codec_expect("epoch_statement", cm_buf_bytes(&bytes), again_epoch);
    cr_assert_eq(cm_epoch_statement_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_str_eq(got.origin, want.origin);
    cr_expect(got.epoch == 2 && got.restored_size == 290);
    cr_expect(cm_digest_equal(&got.restored_root, &want.restored_root));
    cr_expect(cm_bytes_equal(got.cosigned, want.cosigned));
    cr_expect_eq(got.signed_ms, want.signed_ms);
    cr_expect_str_eq(got.why, want.why);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define REFUSES(make, encode, change)                                                              \
    do {                                                                                           \
        __typeof__(make()) v = make();                                                             \
        change;                                                                                    \
        cr_expect_eq(encode(&out, &v), CM_INVALID, #change);                                       \
    } while (0)

Test(statements, form)
{
    static char text[CM_MAX_ACCESS_TEXT + 2];
    static const uint8_t big[CM_MAX_CHECKPOINT + 1];
    struct cm_buf out = {0};

    memset(text, 'a', CM_MAX_ACCESS_TEXT + 1);
    REFUSES(a_request, cm_audit_request_encode, v.origin = "");
    REFUSES(a_request, cm_audit_request_encode, v.command = "");
    REFUSES(a_request, cm_audit_request_encode, v.arguments = text);
    REFUSES(a_request, cm_audit_request_encode, v.signed_ms = -1);
    REFUSES(a_statement, cm_epoch_statement_encode, v.origin = text);
    REFUSES(a_statement, cm_epoch_statement_encode, v.epoch = 1);
    REFUSES(a_statement, cm_epoch_statement_encode, v.restored_size = 0);
    REFUSES(a_statement, cm_epoch_statement_encode,
            v.cosigned = ((struct cm_bytes){big, sizeof big}));
    REFUSES(a_statement, cm_epoch_statement_encode, v.why = "");
    REFUSES(a_statement, cm_epoch_statement_encode, v.why = text);
    codec_refuses(again_audit, CM_BYTES_NONE, CM_INVALID, "challenge");
    codec_refuses(again_epoch, CM_BYTES_NONE, CM_INVALID, "origin");
    cm_buf_clear(&out);
}

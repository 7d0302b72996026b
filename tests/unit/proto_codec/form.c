#include "proto/codec/form.h"

#include <criterion/criterion.h>
#include <string.h>

Test(form, keeps_the_first_failure_with_its_path)
{
    struct cm_error error = {0};
    struct cm_form form = {.error = &error};

    cm_form_enter(&form, "agencies", 3);
    cm_form_enter(&form, "camera", CM_FORM_NO_INDEX);
    cm_form_id(&form, "id", "Not An Id");
    cm_form_leave(&form);
    cm_form_leave(&form);
    cm_form_id(&form, "gateway", "");
    cr_expect_eq(form.status, CM_INVALID);
    cr_expect_str_eq(error.where, "agencies[3].camera.id");
    cr_expect_null(strstr(error.text, "Not An Id"));
}

Test(form, a_failure_without_a_field_is_the_messages)
{
    struct cm_error error = {0};
    struct cm_form form = {.error = &error, .name = "query"};

    cm_form_fail(&form, CM_MEMORY, "", "too large");
    cr_expect_str_eq(error.where, "query");
}

Test(form, a_path_deeper_than_it_can_say_is_harmless)
{
    struct cm_error error = {0};
    struct cm_form form = {.error = &error};

    for (int i = 0; i < 3 * CM_FORM_DEPTH; i++) {
        cm_form_enter(&form, "a-long-name-of-a-part", 12345678);
    }
    cm_form_fail(&form, CM_INVALID, "id", "is wrong");
    for (int i = 0; i < 3 * CM_FORM_DEPTH; i++) {
        cm_form_leave(&form);
    }
    cr_expect_eq(form.depth, 0);
    cr_expect_eq(strlen(error.where), sizeof error.where - 1);
}

Test(form, spans)
{
    struct cm_arena *arena = cm_arena_new(1024);
    struct cm_error error = {0};
    struct cm_form form = {.arena = arena, .error = &error};
    uint8_t data[4] = {1, 2, 3, 4};
    const ProtobufCBinaryData in[] = {{4, data}, {1, data}};
    const struct cm_bytes *spans = cm_form_spans(&form, in, 2);
    ProtobufCBinaryData *out = cm_form_out_spans(&form, spans, 2);

    cr_assert(spans && out);
    cr_expect(out[1].len == 1 && out[1].data == data);
    cm_form_spans_check(&form, "leaves", spans, 2, 2, 4);
    cr_expect(cm_form_ok(&form));
    cm_form_spans_check(&form, "leaves", spans, 2, 2, 3);
    cr_expect_str_eq(error.where, "leaves[0]");
    form.status = CM_OK;
    cm_form_spans_check(&form, "leaves", spans, 2, 1, 4);
    cr_expect_str_eq(error.where, "leaves");
    cm_arena_free(arena);
}

static bool text_ok(const char *text, size_t least, size_t most)
{
    struct cm_form form = {0};

    cm_form_text(&form, "text", text, least, most);
    return cm_form_ok(&form);
}

Test(form, text)
{
    cr_expect(text_ok("", 0, 4));
    cr_expect(text_ok(NULL, 0, 4));
    cr_expect_not(text_ok("", 1, 4));
    cr_expect(text_ok("año", 1, 4));
    cr_expect_not(text_ok("años", 1, 4));
    cr_expect_not(text_ok("a\tb", 1, 4));
    cr_expect_not(text_ok("a\x7f", 1, 4));
    cr_expect_not(text_ok("\xc2\x9b", 1, 4), "C1 control sequence introducer");
    cr_expect_not(text_ok("\xe2\x80\xae", 1, 4), "right-to-left override");
    cr_expect_not(text_ok("\xe2\x81\xa6", 1, 4), "isolate");
    cr_expect_not(text_ok("\xed\xa0\x80", 1, 4), "surrogate");
}

Test(form, words)
{
    static const char *const words[] = {"none", "one", "two"};

    cr_expect_eq(cm_form_word(words, 3, cm_bytes_of("two")), 2);
    cr_expect_eq(cm_form_word(words, 3, cm_bytes_of("tw")), 0);
    cr_expect_eq(cm_form_word(words, 3, cm_bytes_of("none")), 0);
}

Test(form, digests)
{
    uint8_t bytes[CM_DIGEST_SIZE] = {0};
    ProtobufCBinaryData in = {sizeof bytes, bytes};
    struct cm_digest out;
    struct cm_form form = {0};

    cm_form_digest(&form, "digest", &out, &in);
    cr_expect(cm_form_ok(&form));
    cm_form_digest_or_none(&form, "digest", &out, &in);
    cr_expect_not(cm_form_ok(&form), "zero has one form, the empty one");
    form.status = CM_OK;
    in.len = 0;
    cm_form_digest_or_none(&form, "digest", &out, &in);
    cr_expect(cm_form_ok(&form) && cm_digest_is_zero(&out));
    cm_form_digest(&form, "digest", &out, &in);
    cr_expect_not(cm_form_ok(&form));
}

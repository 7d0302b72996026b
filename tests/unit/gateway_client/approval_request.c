#include "gateway/client/approval_request.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct cm_approval_request asked = {
    .federation = "valley.test",
    .requester = "spiffe://valley.test/ca.northport.pd/investigator/rivera",
    .plate = "8ABC123",
    .state = "CA",
    .purpose = "homicide",
    .case_number = "26-1234",
    .reason = "seen \"near\" the scene twice",
    .from_ms = 1000,
    .to_ms = 0,
    .asked_ms = 2000,
};

static enum cm_status decode(struct cm_approval_request *out, const char *text)
{
    struct cm_error error;
    return cm_approval_request_decode(out, cm_bytes_of(text), "file", &error);
}

Test(approval_request, comes_back_as_it_was_written)
{
    struct cm_buf text = {0};
    struct cm_error error;
    struct cm_approval_request back;
    cr_assert_eq(cm_approval_request_encode(&text, &asked), CM_OK);
    cr_assert_eq(cm_approval_request_decode(&back, cm_buf_bytes(&text), "file", &error), CM_OK,
                 "%s", error.text);
    cr_expect_eq(memcmp(&back, &asked, sizeof back), 0);
    cm_buf_clear(&text);
}

// What is changed, and to what.
static char *changed(const char *from, const char *to)
{
    struct cm_buf text = {0};
    cr_assert_eq(cm_approval_request_encode(&text, &asked), CM_OK);
    cr_assert_eq(cm_buf_add(&text, "", 1), CM_OK);
    char *at = strstr((char *)text.data, from);
    cr_assert_not_null(at, "%s", from);
    char *out = calloc(1, text.len + strlen(to) + 1);
    memcpy(out, text.data, (size_t)(at - (char *)text.data));
    strcat(out, to);
    strcat(out, at + strlen(from));
    cm_buf_clear(&text);
    return out;
}

Test(approval_request, anything_else_is_none)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\"version\": 1", "\"version\": 2"},
        {"approval request", "approval"},
        {"\"version\": 1", "\"version\": 1, \"uses\": 9"},
        {"\"version\": 1", "\"version\": 1, \"version\": 1"},
        {"\"CA\"", "\"CAL\""},
        {"8ABC123", "8ABC123456789"},
        {"\"from_ms\": 1000", "\"from_ms\": -1"},
        {"\"from_ms\": 1000", "\"from_ms\": 9007199254740993000"},
        {"\"to_ms\": 0", "\"to_ms\": \"0\""},
        {"homicide", "homi\\u0000cide"},
        {"}", ""},
    };
    struct cm_approval_request out;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = changed(cases[i].from, cases[i].to);
        cr_expect_eq(decode(&out, text), CM_INVALID, "case %zu: %s", i, cases[i].to);
        cr_expect_str_eq(out.plate, "", "nothing is left of it");
        free(text);
    }
    cr_expect_eq(decode(&out, ""), CM_INVALID);
    cr_expect_eq(decode(&out, "[]"), CM_INVALID);
}

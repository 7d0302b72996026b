#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static void refuses(const struct cm_query *query, const char *where)
{
    struct cm_buf out = {0};
    struct cm_error error = {0};

    cr_expect_eq(cm_query_encode(&out, query, &error), CM_INVALID, "%s", where);
    cr_expect_str_eq(error.where, where, "%s: %s", error.where, error.text);
    cr_expect_eq(out.len, 0);
    cm_buf_clear(&out);
}

static void accepts(const struct cm_query *query)
{
    struct cm_buf out = {0};
    struct cm_error error = {0};

    cr_expect_eq(cm_query_encode(&out, query, &error), CM_OK, "%s: %s", error.where, error.text);
    cm_buf_clear(&out);
}

#define REFUSES(where, change)                                                                     \
    do {                                                                                           \
        struct cm_query q = codec_query();                                                         \
        change;                                                                                    \
        refuses(&q, where);                                                                        \
    } while (0)

#define ACCEPTS(change)                                                                            \
    do {                                                                                           \
        struct cm_query q = codec_query();                                                         \
        change;                                                                                    \
        accepts(&q);                                                                               \
    } while (0)

Test(query_check, times)
{
    REFUSES("expires_ms", q.expires_ms = q.issued_ms);
    REFUSES("expires_ms", q.expires_ms = q.issued_ms + CM_MAX_QUERY_LIFE_MS + 1);
    ACCEPTS(q.expires_ms = q.issued_ms + CM_MAX_QUERY_LIFE_MS);
    REFUSES("issued_ms", q.issued_ms = -1);
    REFUSES("expires_ms", q.expires_ms = INT64_MAX);
    REFUSES("window.to_ms", q.window.to_ms = q.window.from_ms);
    REFUSES("window.from_ms", q.window.from_ms = INT64_MIN);
    REFUSES("window.to_ms", q.window.to_ms = INT64_MAX);
    REFUSES("deadline_ms", q.deadline_ms = CM_MIN_DEADLINE_MS - 1);
    REFUSES("deadline_ms", q.deadline_ms = CM_MAX_DEADLINE_MS + 1);
    ACCEPTS(q.deadline_ms = CM_MAX_DEADLINE_MS);
}

Test(query_check, names)
{
    char longest[CM_MAX_ID + 2];

    memset(longest, 'a', sizeof longest);
    longest[CM_MAX_ID] = '\0';
    ACCEPTS(q.purpose = longest);
    longest[CM_MAX_ID] = 'a';
    longest[CM_MAX_ID + 1] = '\0';
    REFUSES("purpose", q.purpose = longest);
    REFUSES("purpose", q.purpose = "");
    REFUSES("purpose", q.purpose = "Homicide");
    REFUSES("federation", q.federation = "west example");
    REFUSES("gateway", q.gateway = "gw/1");
    REFUSES("on_behalf_of", q.on_behalf_of = "customs");
    REFUSES("signer", q.signer = "spiffe://west.example/ca.northport.pd/investigator");
    REFUSES("signer", q.signer = "spiffe://west.example/ca.northport.pd/investigator/a/b");
    REFUSES("signer", q.signer = "spiffe://west.example/ca.northport.pd//a");
    REFUSES("signer", q.signer = "https://west.example/ca.northport.pd/investigator/a");
    REFUSES("case_number", q.case_number = "a\nb");
    REFUSES("case_number", q.case_number = "12\xff");
    REFUSES("evidence.court_order", q.court_order = "\xe2\x80\xae"
                                                    "77-WS");
}

Test(query_check, agencies)
{
    static const char *const twice[] = {"ca.milltown.pd", "ca.milltown.pd"};
    static const char *const order[] = {"ca.southgate.pd", "ca.milltown.pd"};
    static const char *const dotless[] = {"ca.milltown.pd", "southgate"};
    static const char *const many[CM_MAX_AGENCIES_NAMED + 1];

    REFUSES("agencies[1]", q.agencies = twice);
    REFUSES("agencies[1]", q.agencies = order);
    REFUSES("agencies[1]", q.agencies = dotless);
    REFUSES("agencies", (q.agencies = many, q.agency_count = CM_MAX_AGENCIES_NAMED + 1));
}

Test(query_check, selector)
{
    REFUSES("selector", q.plate.plate = NULL);
    REFUSES("selector", q.action = CM_ACTION_AREA);
    REFUSES("action", q.action = CM_ACTION_NONE);
    REFUSES("action", q.action = CM_ACTION_COUNT);
    REFUSES("plate.plate", q.plate.plate = "");
    REFUSES("plate.plate", q.plate.plate = "8abc123");
    REFUSES("plate.plate", q.plate.plate = "8ABC 123");
    REFUSES("plate.plate", q.plate.plate = "8ABC123456789");
    ACCEPTS(q.plate.plate = "8ABC12345678");
    REFUSES("plate.state", q.plate.state = "ca");
    REFUSES("plate.state", q.plate.state = "XX");
    REFUSES("plate.state", q.plate.state = "A ");
    ACCEPTS(q.plate.state = "PR");
}

Test(query_check, rest)
{
    REFUSES("limit", q.limit = 0);
    REFUSES("limit", q.limit = CM_MAX_LIMIT + 1);
    ACCEPTS(q.limit = CM_MAX_LIMIT);
    REFUSES("order", q.order = CM_ORDER_NONE);
    REFUSES("fields", q.fields = 0x80);
    REFUSES("fields", q.fields = 1);
    REFUSES("reason", q.reason = "inv");
    REFUSES("evidence.approval.payload_type", q.approval.family = CM_FAMILY_QUERY);
}

Test(query_check, approval)
{
    struct cm_buf out = {0};
    struct cm_error error = {0};
    struct cm_approval approval = {
        .federation = "west.example",
        .supervisor = "spiffe://west.example/ca.northport.pd/supervisor/m.okafor",
        .requester = "spiffe://west.example/ca.northport.pd/supervisor/m.okafor",
        .action = CM_ACTION_LOOKUP,
        .plate = {"8ABC123", ""},
        .window = {1, 2},
        .purpose = "homicide",
        .case_number = "",
        .issued_ms = 5,
        .expires_ms = 6,
        .uses = 1,
    };

    cr_expect_eq(cm_approval_encode(&out, &approval, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "supervisor");
    approval.requester = "spiffe://west.example/ca.northport.pd/investigator/r.vega";
    cr_expect_eq(cm_approval_encode(&out, &approval, &error), CM_OK);
    approval.uses = CM_MAX_APPROVAL_USES + 1;
    cr_expect_eq(cm_approval_encode(&out, &approval, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "uses");
    approval.uses = 1;
    approval.expires_ms = 6 + CM_MAX_APPROVAL_LIFE_MS;
    cr_expect_eq(cm_approval_encode(&out, &approval, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "expires_ms");
    cm_buf_clear(&out);
}

Test(query_check, words)
{
    for (int i = 1; i < CM_ACTION_COUNT; i++) {
        cr_expect_eq((int)cm_action_of(cm_bytes_of(cm_action_name((enum cm_action)i))), i);
    }
    for (int i = 1; i < CM_FIELD_COUNT; i++) {
        cr_expect_eq((int)cm_field_of(cm_bytes_of(cm_field_name((enum cm_field)i))), i);
    }
    for (int i = 1; i < CM_EVIDENCE_COUNT; i++) {
        cr_expect_eq((int)cm_evidence_of(cm_bytes_of(cm_evidence_name((enum cm_evidence)i))), i);
    }
    cr_expect_eq(cm_action_of(cm_bytes_of("none")), CM_ACTION_NONE);
    cr_expect_eq(cm_field_of(cm_bytes_of("plate")), CM_FIELD_NONE);
}

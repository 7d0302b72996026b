#include "support.h"

#include <criterion/criterion.h>

static const struct cm_rejected_count counts[] = {{CM_INVALID, 1}, {CM_LATE, 2}, {CM_LATE, 3}};

static struct cm_entry an_entry(enum cm_entry_kind kind)
{
    return (struct cm_entry){
        .kind = kind,
        .recorded_ms = 1767225600001,
        .digest = codec_digest(1),
        .gateway = "gw-1",
        .deciding_rule = "northport.rules:12",
        .agency = "ca.northport.pd",
        .text = "west.example/gateway/gw-1",
        .attempt = 1,
        .permitted = true,
        .sequence = 2,
        .decisions = 3,
        .answered = 3,
        .release = CM_RELEASE_COMPLETE,
        .refusal = kind == CM_ENTRY_REFUSED ? CM_STALE : 0,
        .from_ms = 1,
        .to_ms = 1,
        .count_count = 2,
        .counts = counts,
        .finding = CM_WITNESS_EPOCH,
    };
}

#define ENTRY(of, change)                                                                          \
    do {                                                                                           \
        struct cm_entry whole = an_entry(of);                                                      \
        struct cm_entry *e = &whole;                                                               \
        cr_expect_eq(cm_entry_encode(&out, e), CM_OK, #of);                                        \
        change;                                                                                    \
        cr_expect_eq(cm_entry_encode(&out, e), CM_INVALID, #change);                               \
    } while (0)

Test(entry_check, what_a_query_leaves_behind)
{
    struct cm_buf out = {0};

    ENTRY(CM_ENTRY_QUERY, e->recorded_ms = -1);
    ENTRY(CM_ENTRY_NODE, e->gateway = "GW");
    ENTRY(CM_ENTRY_RELEASE, e->attempt = 0);
    ENTRY(CM_ENTRY_RELEASE, e->release = CM_RELEASE_NONE);
    ENTRY(CM_ENTRY_RELEASE, e->release = CM_RELEASE_COUNT);
    ENTRY(CM_ENTRY_RELEASE, e->rows = 1);
    ENTRY(CM_ENTRY_RELEASE, e->rows = CM_MAX_LIMIT + 1; e->last_digest = codec_digest(2));
    ENTRY(CM_ENTRY_MANIFEST, e->answered = 4);
    ENTRY(CM_ENTRY_MANIFEST, e->decisions = CM_MAX_DIRECTORY_AGENCIES + 1);
    ENTRY(CM_ENTRY_COPY, e->gateway = "");
    ENTRY(CM_ENTRY_REFUSED, e->refusal = CM_OK);
    ENTRY(CM_ENTRY_REFUSED, e->refusal = CM_LATE + 1);
    ENTRY(CM_ENTRY_REFUSED, e->text = "a\nb");
    cm_buf_clear(&out);
}

Test(entry_check, what_a_ledgers_keeper_does_and_sees)
{
    static struct cm_rejected_count many[CM_MAX_REJECTED_CODES + 1];
    struct cm_buf out = {0};

    ENTRY(CM_ENTRY_RULES, e->sequence = 0);
    ENTRY(CM_ENTRY_ADMIN, e->text = "a\x1b");
    ENTRY(CM_ENTRY_STOP, e->text = "a\x1b");
    ENTRY(CM_ENTRY_START, e->text = "a\x1b");
    ENTRY(CM_ENTRY_REJECTED, e->to_ms = 0);
    ENTRY(CM_ENTRY_REJECTED, e->count_count = 0);
    ENTRY(CM_ENTRY_REJECTED, e->count_count = 3);
    ENTRY(CM_ENTRY_REJECTED, e->counts = many);
    ENTRY(CM_ENTRY_REJECTED, e->count_count = CM_MAX_REJECTED_CODES + 1; e->counts = many);
    ENTRY(CM_ENTRY_SHARING, e->agency = "north port");
    ENTRY(CM_ENTRY_WITNESS, e->text = "");
    ENTRY(CM_ENTRY_WITNESS, e->finding = CM_WITNESS_COUNT);
    ENTRY(CM_ENTRY_WITNESS, e->finding = CM_WITNESS_FORK);
    ENTRY(CM_ENTRY_WITNESS, e->digest = (struct cm_digest){{0}});
    ENTRY(CM_ENTRY_WITNESS, e->old_size = 1);
    ENTRY(CM_ENTRY_WITNESS, e->new_root = codec_digest(3));
    ENTRY(CM_ENTRY_EPOCH, e->sequence = 1);
    ENTRY(CM_ENTRY_EPOCH, e->old_size = 1);
    ENTRY(CM_ENTRY_EPOCH, e->new_size = 1);
    ENTRY(CM_ENTRY_STOP, e->kind = CM_ENTRY_NONE);
    ENTRY(CM_ENTRY_STOP, e->kind = CM_ENTRY_COUNT);
    cm_buf_clear(&out);
}

Test(entry_check, sharing_may_be_with_all_or_with_a_class)
{
    static const char *const partners[] = {"all", "@neighbours", "kind:federal", "state:CA"};
    struct cm_entry entry = an_entry(CM_ENTRY_SHARING);
    struct cm_buf out = {0};

    for (size_t i = 0; i < sizeof partners / sizeof *partners; i++) {
        entry.agency = partners[i];
        cr_expect_eq(cm_entry_encode(&out, &entry), CM_OK, "%s", partners[i]);
    }
    cm_buf_clear(&out);
}

Test(entry_check, every_kind_has_its_name)
{
    for (int i = 1; i < CM_ENTRY_COUNT; i++) {
        cr_assert_not_null(cm_entry_kind_name((enum cm_entry_kind)i));
        for (int k = 0; k < i; k++) {
            cr_expect_str_neq(cm_entry_kind_name((enum cm_entry_kind)i),
                              cm_entry_kind_name((enum cm_entry_kind)k));
        }
    }
    cr_expect_str_eq(cm_entry_kind_name(CM_ENTRY_QUERY), "query");
    cr_expect_str_eq(cm_entry_kind_name(CM_ENTRY_COUNT), "none");
    cr_expect_str_eq(cm_release_outcome_name(CM_RELEASE_COMPLETE), "complete");
    cr_expect_str_eq(cm_release_outcome_name(CM_RELEASE_COUNT), "none");
    cr_expect_str_eq(cm_witness_finding_name(CM_WITNESS_ROLLBACK), "rollback");
    cr_expect_str_eq(cm_witness_finding_name(CM_WITNESS_COUNT), "none");
}

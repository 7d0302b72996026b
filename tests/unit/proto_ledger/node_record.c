#include "proto/ledger/node_record.h"

#include "fixture.h"
#include "tests/support/node_record.h"

#include <criterion/criterion.h>

#define NODE "spiffe://test.example/ca.northport.pd/node/n1"

static const struct cm_digest asked = {{1}}, another = {{2}};

static struct cm_node_ask an_ask(enum cm_refusal_code refusal)
{
    return (struct cm_node_ask){.query_digest = &asked,
                                .gateway = "gw1",
                                .gateway_index = 7,
                                .attempt = 1,
                                .refusal = refusal};
}

// A node's record of one ask, held against what was asked and what came.
struct world {
    struct fixture f;
    struct cm_signer *node;
    struct cm_key *key;
    struct cm_arena *arena;
    struct cm_record record;
};

static void set(struct world *w, enum cm_refusal_code recorded)
{
    const struct cm_node_ask ask = an_ask(recorded);
    *w = (struct world){.arena = cm_arena_new(1 << 20)};
    fixture_open(&w->f);
    w->node = fixture_signer(&w->f, NODE);
    cr_assert_eq(cm_key_new(&w->key, cm_signer_spki(w->node)), CM_OK);
    node_record_make(&w->record, w->arena, w->node, &ask);
}

static void clear(struct world *w)
{
    cm_key_free(w->key);
    cm_signer_unref(w->node);
    cm_arena_free(w->arena);
    fixture_close(&w->f);
}

static enum cm_status check(struct world *w, const struct cm_node_ask *ask)
{
    return cm_node_record_check(w->arena, &w->record, NODE, w->key, ask, NULL);
}

Test(node_record, names_this_very_ask)
{
    struct world w;
    set(&w, CM_REFUSAL_NONE);
    struct cm_node_ask ask = an_ask(CM_REFUSAL_NONE);
    cr_expect_eq(check(&w, &ask), CM_OK);
    ask.query_digest = &another;
    cr_expect_eq(check(&w, &ask), CM_INVALID, "another question");
    ask = an_ask(CM_REFUSAL_NONE);
    ask.gateway = "gw2";
    cr_expect_eq(check(&w, &ask), CM_INVALID, "of another gateway");
    ask = an_ask(CM_REFUSAL_NONE);
    ask.gateway_index = 8;
    cr_expect_eq(check(&w, &ask), CM_INVALID, "another entry of it");
    ask = an_ask(CM_REFUSAL_NONE);
    ask.attempt = 2;
    cr_expect_eq(check(&w, &ask), CM_INVALID, "another attempt");
    ask = an_ask(CM_REFUSAL_NONE);
    cr_expect_eq(cm_node_record_check(w.arena, &w.record,
                                      "spiffe://test.example/ca.northport.pd/node/n2", w.key, &ask,
                                      NULL),
                 CM_INVALID, "another node's name");
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(w.f.signer)), CM_OK);
    cr_expect_eq(cm_node_record_check(w.arena, &w.record, NODE, key, &ask, NULL),
                 CM_UNAUTHENTICATED, "another key");
    cm_key_free(key);
    clear(&w);
}

Test(node_record, says_what_the_node_sent)
{
    static const struct {
        enum cm_refusal_code recorded, sent;
        enum cm_status status;
    } cases[] = {
        {CM_REFUSAL_NONE, CM_REFUSAL_NONE, CM_OK},
        {CM_REFUSAL_NONE, CM_REFUSAL_UNAVAILABLE, CM_OK}, // its store failed then
        {CM_REFUSAL_NONE, CM_REFUSAL_NOT_PERMITTED, CM_INVALID},
        {CM_REFUSAL_NOT_PERMITTED, CM_REFUSAL_NOT_PERMITTED, CM_OK},
        {CM_REFUSAL_NOT_PERMITTED, CM_REFUSAL_NONE, CM_INVALID},
        {CM_REFUSAL_NOT_PERMITTED, CM_REFUSAL_UNAVAILABLE, CM_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        const struct cm_node_ask ask = an_ask(cases[i].sent);
        set(&w, cases[i].recorded);
        cr_expect_eq(check(&w, &ask), cases[i].status, "case %zu", i);
        clear(&w);
    }
}

Test(node_record, another_kind_of_entry_is_none)
{
    struct world w;
    const struct cm_node_ask ask = an_ask(CM_REFUSAL_NONE);
    const struct cm_entry stop = {.kind = CM_ENTRY_STOP, .recorded_ms = 1, .text = "asked to"};
    set(&w, CM_REFUSAL_NONE);
    node_record_of(&w.record, w.arena, w.node, &stop);
    cr_expect_eq(check(&w, &ask), CM_INVALID);
    clear(&w);
}

Test(node_record, is_due_where_the_rules_decided)
{
    for (unsigned code = CM_REFUSAL_NONE; code < CM_REFUSAL_COUNT; code++) {
        cr_expect_eq(cm_node_record_due((enum cm_refusal_code)code),
                     code == CM_REFUSAL_NONE || code == CM_REFUSAL_NOT_PERMITTED);
    }
}

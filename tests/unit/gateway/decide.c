#include "gateway/decide.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 5 };

static const char *const ids[COUNT] = {"ca.eastfield.so", "ca.milltown.pd", "ca.northport.pd",
                                       "ca.quietville.pd", "ca.southgate.pd"};
static struct pki *pki;
static struct cm_trust *trust;
static struct cm_arena *arena, *scratch;
static struct cm_checked_query checked;
static struct cm_decision list[COUNT];
static struct cm_decisions decisions;

static void setup(void)
{
    pki = pki_new();
    for (size_t i = 0; i < COUNT; i++) {
        pki_agency(pki, ids[i]);
        if (i != 3) {
            pki_identity(pki, ids[i], CM_ROLE_NODE, "node-1");
        }
    }
    const struct pki_identity *asker =
        pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    trust = pki_trust(pki);
    arena = cm_arena_new(1 << 20);
    scratch = cm_arena_new(1 << 20);
    checked = (struct cm_checked_query){
        .query = {.action = CM_ACTION_LOOKUP,
                  .purpose = "homicide",
                  .on_behalf_of = "",
                  .window = {pki->now_ms - PKI_DAY_MS, pki->now_ms}},
    };
    cr_assert_eq(
        cm_trust_chain(&checked.signer, trust, asker->chain, asker->chain_count, pki->now_ms, NULL),
        CM_OK);
    memset(list, 0, sizeof list);
    decisions = (struct cm_decisions){.count = COUNT, .list = list};
    for (size_t i = 0; i < COUNT; i++) {
        list[i].agency = cm_directory_agency(cm_trust_directory(trust), ids[i]);
    }
}

static void teardown(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        cm_standing_unref(list[i].standing);
    }
    cm_decisions_clear(&decisions);
    cm_signatory_unref(checked.signer);
    cm_trust_unref(trust);
    cm_arena_free(scratch);
    cm_arena_free(arena);
    pki_free(pki);
}

TestSuite(decide, .init = setup, .fini = teardown);

static void give_rules(size_t index, const char *rules)
{
    char text[512];
    snprintf(text, sizeof text, "rules 1\nnode %s\n%s\n", ids[index], rules);
    struct cm_rule_file file = {"main.rules", cm_bytes_of(text)};
    struct cm_rules_source source = {.main = "main.rules",
                                     .file_count = 1,
                                     .files = &file,
                                     .directory = cm_trust_directory(trust),
                                     .now_ms = pki->now_ms};
    struct cm_diagnostics diagnostics = {0};
    struct cm_standing *standing = calloc(1, sizeof *standing);
    cr_assert_eq(cm_rules_compile(&standing->rules, &source, &diagnostics), CM_OK);
    cm_diagnostics_clear(&diagnostics);
    standing->references = 1;
    standing->sequence = index + 1;
    standing->digest.b[0] = (uint8_t)(index + 1);
    list[index].standing = standing;
    list[index].verdict = CM_VERDICT_OPEN;
}

static void decide(void)
{
    decisions.request = cm_decide_request(&checked, pki->now_ms);
    cr_assert_eq(cm_decide(&decisions, arena, scratch, cm_trust_directory(trust), &checked.query),
                 CM_OK);
}

Test(decide, each_agency_gets_what_its_rules_say)
{
    give_rules(0, "permit anyone to lookup for homicide back 7 days see all until 2099-01-01");
    give_rules(1, "permit self to any for any back all see all");
    give_rules(2, "permit self to any for any back all see all");
    give_rules(3, "permit anyone to any for any back all see all until 2099-01-01");
    decide();
    cr_assert(list[0].permitted);
    cr_assert_eq(list[1].outcome, CM_OUTCOME_NOT_PERMITTED);
    cr_assert(list[2].permitted, "its own");
    cr_assert_eq(list[3].outcome, CM_OUTCOME_NO_NODE);
    cr_assert_eq(list[4].outcome, CM_OUTCOME_OFFLINE, "no rules are known: denied");
    cr_assert_eq(decisions.permitted, 2);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert_str_eq(list[i].reason, "");
    }
}

Test(decide, why_not_is_told_only_where_the_rules_disclose)
{
    give_rules(0, "permit self to any for any back all see all");
    give_rules(1, "disclose denial\npermit self to any for any back all see all");
    decide();
    cr_assert_str_eq(list[0].reason, "");
    cr_assert_str_neq(list[1].reason, "");
}

Test(decide, an_agency_that_is_not_named_is_not_asked)
{
    const char *const named[] = {"ca.eastfield.so"};
    give_rules(0, "permit anyone to any for any back all see all until 2099-01-01");
    give_rules(1, "permit anyone to any for any back all see all until 2099-01-01");
    checked.query.agencies = named;
    checked.query.agency_count = 1;
    decide();
    cr_assert(list[0].permitted && list[0].named);
    cr_assert_eq(list[1].outcome, CM_OUTCOME_NOT_NAMED);
    cr_assert_eq(list[3].outcome, CM_OUTCOME_NOT_NAMED);
}

Test(decide, limits_are_free_and_cited_orders_hold_here)
{
    give_rules(0, "permit anyone to any for any back all see all limit 1/day per agency "
                  "until 2099-01-01");
    give_rules(1, "permit anyone to any for any back all see all require court-order "
                  "until 2099-01-01");
    give_rules(4, "permit anyone to any for any back all see all require supervisor "
                  "until 2099-01-01");
    checked.evidence = 1u << CM_EVIDENCE_COURT_ORDER;
    decide();
    cr_assert(list[0].permitted);
    cr_assert(list[1].permitted);
    cr_assert_eq(list[4].outcome, CM_OUTCOME_NOT_PERMITTED);
}

Test(decide, every_leaf_is_in_the_tree_under_its_own_salt)
{
    give_rules(0, "permit anyone to any for any back all see all until 2099-01-01");
    give_rules(1, "permit self to any for any back all see all");
    decide();
    uint8_t salts[COUNT][CM_SALT_SIZE];
    for (size_t i = 0; i < COUNT; i++) {
        struct cm_decision_leaf leaf;
        struct cm_inclusion path;
        struct cm_digest hash;
        cr_assert_eq(cm_decision_leaf_decode(&leaf, arena, list[i].leaf, NULL), CM_OK);
        cr_assert_str_eq(leaf.agency, ids[i]);
        cr_assert_eq(leaf.permitted, i == 0);
        cr_assert_eq(leaf.rules_sequence, i < 2 ? i + 1 : 0);
        memcpy(salts[i], leaf.salt, CM_SALT_SIZE);
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(memcmp(salts[i], salts[j], CM_SALT_SIZE), 0);
        }
        cm_merkle_leaf(&hash, list[i].leaf);
        cr_assert_eq(cm_merkle_inclusion(&path, arena, decisions.tree, i, COUNT), CM_OK);
        cr_assert_eq(cm_merkle_check_inclusion(&path, &hash, &decisions.root), CM_OK);
    }
}

Test(decide, what_the_index_says_counts)
{
    // The rules say otherwise, so it shows who was asked.
    give_rules(0, "permit anyone to any for any back all see all until 2099-01-01");
    give_rules(1,
               "disclose denial\npermit anyone to any for any back all see all until 2099-01-01");
    give_rules(2, "permit anyone to any for any back all see all until 2099-01-01");
    list[0].verdict = CM_VERDICT_DENIED;
    list[1].verdict = CM_VERDICT_HIDDEN;
    list[2].verdict = CM_VERDICT_PERMITTED;
    decide();
    cr_assert_eq(list[0].outcome, CM_OUTCOME_NOT_PERMITTED);
    cr_assert_str_eq(list[0].reason, "");
    cr_assert_eq(list[1].outcome, CM_OUTCOME_NOT_PERMITTED);
    cr_assert_not_null(strstr(list[1].reason, "forbids"));
    cr_assert(list[2].permitted);
    cr_assert_eq(decisions.permitted, 1);
}

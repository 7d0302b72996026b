#include "gateway/session_internal.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char owner[] = "ca.eastfield.so";
static const char asker[] = "ca.northport.pd";

static struct pki *pki;
static struct cm_loop *loop;
static struct cm_trust *trust;
static struct cm_rules_index rules;
static struct cm_party party;
static struct cm_standing standing;
static struct cm_request request;

static void setup(void)
{
    struct cm_error error;
    pki = pki_new();
    pki_agency(pki, owner);
    pki_agency(pki, asker);
    trust = pki_trust(pki);
    cr_assert_eq(cm_loop_new(&loop, &error), CM_OK);
    cr_assert_eq(cm_rules_index_init(&rules, loop, trust), CM_OK);
    snprintf(party.id, sizeof party.id, "%s", owner);
    request = (struct cm_request){.agency = asker,
                                  .role = CM_ROLE_INVESTIGATOR,
                                  .on_behalf_of = "",
                                  .action = CM_ACTION_LOOKUP,
                                  .purpose = "homicide",
                                  .now_ms = pki->now_ms,
                                  .window = {pki->now_ms - PKI_DAY_MS, pki->now_ms}};
}

static void teardown(void)
{
    cm_rules_index_clear(&rules);
    cm_rules_unref(standing.rules);
    cm_trust_unref(trust);
    cm_loop_free(loop);
    pki_free(pki);
}

TestSuite(rules_index, .init = setup, .fini = teardown);

static void stand(const char *text)
{
    struct cm_rule_file file = {"main.rules", cm_bytes_of(text)};
    struct cm_rules_source source = {.main = "main.rules",
                                     .file_count = 1,
                                     .files = &file,
                                     .directory = cm_trust_directory(trust)};
    struct cm_diagnostics diagnostics = {0};
    cm_rules_unref(standing.rules);
    cr_assert_eq(cm_rules_compile(&standing.rules, &source, &diagnostics), CM_OK);
    cm_diagnostics_clear(&diagnostics);
    party.desk.standing = &standing;
    cm_rules_index_changed(&rules, &party);
}

// What the index says of the owner for the newest directory.
static enum cm_verdict verdict(void)
{
    uint8_t verdicts[2];
    const struct cm_directory *directory = cm_trust_directory(trust);
    cr_assert_eq(directory->agency_count, 2);
    cr_assert(cm_rules_index_decide(&rules, directory, &request, verdicts));
    return (enum cm_verdict)verdicts[strcmp(directory->agencies[1].id, owner) == 0];
}

#define PERMIT                                                                                     \
    "rules 1\nnode ca.eastfield.so\npermit ca.northport.pd to any for any back all see all\n"

Test(rules_index, follows_what_stands)
{
    cr_expect_eq(verdict(), CM_VERDICT_DENIED, "nothing stands yet");
    stand(PERMIT);
    cr_expect_eq(verdict(), CM_VERDICT_PERMITTED);
    stand(PERMIT "forbid anyone for homicide\n");
    cr_expect_eq(verdict(), CM_VERDICT_HIDDEN);
    stand(PERMIT);
    party.desk.standing = NULL;
    cm_rules_index_changed(&rules, &party);
    cr_expect_eq(verdict(), CM_VERDICT_DENIED);
}

Test(rules_index, leaves_nodes_open_until_a_new_directory_is_worked_in)
{
    uint8_t verdicts[2];
    stand(PERMIT);
    struct cm_trust *old = trust;
    pki_next(pki);
    trust = pki_trust(pki);
    cm_rules_index_retrust(&rules, trust);
    cr_expect_eq(verdict(), CM_VERDICT_OPEN);
    cr_expect_not(cm_rules_index_decide(&rules, cm_trust_directory(old), &request, verdicts),
                  "for a query that began before");
    for (int i = 0; i < 100 && verdict() == CM_VERDICT_OPEN; i++) {
        cm_loop_step(loop, 1000);
    }
    cr_expect_eq(verdict(), CM_VERDICT_PERMITTED);
    cm_trust_unref(old);
}

Test(rules_index, stays_as_it_is_for_the_same_directory)
{
    stand(PERMIT);
    cm_rules_index_retrust(&rules, trust);
    cr_expect_eq(verdict(), CM_VERDICT_PERMITTED);
}

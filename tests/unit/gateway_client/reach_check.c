#include "gateway/client/reach_check.h"

#include "proto/ledger/checkpoint.h"
#include "proto/ledger/merkle.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <string.h>

// Three agencies: Northport would be asked, Southgate permits but is offline, Milltown denies.
#define MILLTOWN  "ca.milltown.pd"
#define NORTHPORT "ca.northport.pd"
#define SOUTHGATE "ca.southgate.pd"

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_arena *arena;
static struct cm_signatory *gateway;
static struct cm_signer *signer;
static struct cm_roll roll;
static struct cm_digest digest = {{1}};
static struct cm_progress agencies[3];
static struct cm_reach_response response;
static struct cm_entry entry;
static struct cm_error error;

static struct cm_bytes keep(struct cm_buf *buf)
{
    struct cm_bytes kept;
    cr_assert_eq(cm_arena_bytes(arena, &kept, cm_buf_bytes(buf)), CM_OK);
    cm_buf_clear(buf);
    return kept;
}

// The gateway's entry, alone in its tree.
static void record(void)
{
    struct cm_buf bytes = {0};
    struct cm_buf note = {0};
    struct cm_checkpoint head = {.size = 1};
    cr_assert_eq(cm_entry_encode(&bytes, &entry), CM_OK);
    response.entry = keep(&bytes);
    cm_merkle_leaf(&head.root, response.entry);
    cr_assert_eq(cm_checkpoint_origin(head.origin, cm_signer_spiffe(signer)), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &head, signer), CM_OK);
    response.checkpoint = keep(&note);
    response.inclusion = (struct cm_inclusion){.index = 0, .size = 1};
}

static void set_up(void)
{
    static const char *const ids[] = {MILLTOWN, NORTHPORT, SOUTHGATE};
    pki = pki_new();
    for (size_t i = 0; i < 3; i++) {
        pki_agency(pki, ids[i]);
        pki_identity(pki, ids[i], CM_ROLE_NODE, "n");
    }
    const struct pki_identity *identity = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    signer = identity->signer;
    trust = pki_trust(pki);
    arena = cm_arena_new(1024 * 1024);
    cr_assert_eq(cm_trust_chain(&gateway, trust, identity->chain, identity->chain_count,
                                pki->now_ms, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    const struct cm_directory *directory = cm_trust_directory(trust);
    roll = (struct cm_roll){.directory = directory};
    agencies[0] = (struct cm_progress){.agency = NORTHPORT};
    agencies[1] = (struct cm_progress){.agency = SOUTHGATE, .outcome = CM_OUTCOME_OFFLINE};
    response = (struct cm_reach_response){
        .directory_serial = directory->serial,
        .directory_digest = directory->digest,
        .agency_count = 2,
        .agencies = agencies,
    };
    response.counts[CM_OUTCOME_OFFLINE] = 1;
    response.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    entry = (struct cm_entry){
        .kind = CM_ENTRY_REACH,
        .recorded_ms = pki->now_ms,
        .digest = digest,
        .replay_key = {{7}},
        .expires_ms = pki->now_ms + 1000,
        .directory_serial = directory->serial,
        .decisions = 2,
    };
    record();
}

static void tear_down(void)
{
    cm_signatory_unref(gateway);
    cm_arena_free(arena);
    cm_trust_unref(trust);
    pki_free(pki);
}

TestSuite(reach_check, .init = set_up, .fini = tear_down);

static enum cm_status check(void)
{
    return cm_reach_check(&response, arena, &roll, gateway, &digest, &error);
}

Test(reach_check, takes_an_honest_answer)
{
    cr_expect_eq(check(), CM_OK, "%s: %s", error.where, error.text);
}

Test(reach_check, shows_nothing_that_a_newer_directory_counts)
{
    response.directory_serial = ++entry.directory_serial;
    record();
    cr_expect_eq(check(), CM_STALE);
    cr_expect_neq(error.hint[0], '\0', "it says what to do");
}

Test(reach_check, refuses_an_older_or_another_directory)
{
    response.directory_digest.b[0] ^= 1;
    cr_expect_eq(check(), CM_INVALID);
    pki_next(pki);
    struct cm_trust *newer = pki_trust(pki);
    roll.directory = cm_trust_directory(newer);
    cr_expect_eq(check(), CM_INVALID);
    cm_trust_unref(newer);
}

Test(reach_check, refuses_a_record_of_another_question_or_directory)
{
    entry.directory_serial++;
    record();
    cr_expect_eq(check(), CM_INVALID, "another directory");
    entry.directory_serial--;
    entry.digest.b[0] ^= 1;
    record();
    cr_expect_eq(check(), CM_INVALID, "another question");
}

Test(reach_check, finds_a_stranger)
{
    agencies[0].agency = "ca.elsewhere.pd";
    cr_expect_eq(check(), CM_INVALID);
    cr_expect_str_eq(error.where, "ca.elsewhere.pd");
}

Test(reach_check, finds_answers_where_nobody_was_asked)
{
    agencies[0].rows = 3;
    cr_expect_eq(check(), CM_INVALID);
    agencies[0].rows = 0;
    agencies[0].outcome = CM_OUTCOME_ANSWERED;
    response.counts[CM_OUTCOME_ANSWERED] = 1;
    cr_expect_eq(check(), CM_INVALID);
    cr_expect_str_eq(error.where, NORTHPORT);
}

Test(reach_check, finds_counts_that_do_not_add_up)
{
    response.counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    cr_expect_eq(check(), CM_INVALID);
    response.counts[CM_OUTCOME_NOT_PERMITTED] = 2;
    cr_expect_eq(check(), CM_INVALID);
}

Test(reach_check, finds_more_or_fewer_that_permit_than_were_recorded)
{
    entry.decisions = 3;
    record();
    cr_expect_eq(check(), CM_INVALID, "one that permits is hidden");
    entry.decisions = 1;
    record();
    cr_expect_eq(check(), CM_INVALID);
}

Test(reach_check, counts_those_named_whether_or_not_they_permit)
{
    static const char *const named[] = {MILLTOWN, NORTHPORT};
    roll.named = named;
    roll.named_count = 2;
    agencies[0] = (struct cm_progress){.agency = MILLTOWN, .outcome = CM_OUTCOME_NOT_PERMITTED};
    agencies[1] = (struct cm_progress){.agency = NORTHPORT};
    response.counts[CM_OUTCOME_OFFLINE] = 0;
    response.counts[CM_OUTCOME_NOT_NAMED] = 1;
    entry.decisions = 1;
    record();
    cr_expect_eq(check(), CM_OK, "%s: %s", error.where, error.text);
    agencies[0].agency = SOUTHGATE;
    cr_expect_eq(check(), CM_INVALID, "Southgate was not named");
}

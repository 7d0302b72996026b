// What the node records of a query, held against REQUIREMENTS.md, "Records".
#include "node_world.h"

#include <criterion/criterion.h>

#include <string.h>

static struct world world;

static struct world_ask send(void)
{
    struct world_ask ask;
    world_question(&world, &ask);
    world_record(&world, &ask);
    world_send(&world, &ask);
    return ask;
}

static struct world_ask with(const char *rules, size_t rows)
{
    world_new(&world, 1, rules);
    world_fill(&world, rows);
    return send();
}

// Of the first query: what its entry and its access record say.
struct recorded {
    const struct cm_entry *entry;
    const struct cm_access *access;
    struct cm_query query; // the signed question, out of the access record
    const struct cm_entry *release;
};

static void read_back(struct recorded *out)
{
    *out = (struct recorded){
        &world.entries[0], &world.accesses[0], {.signer = ""}, &world.releases[0]};
    cr_assert_eq(out->access->question.family, CM_FAMILY_QUERY);
    cr_assert_eq(cm_query_decode(&out->query, world.arena, out->access->question.payload, NULL),
                 CM_OK);
}

static bool when(const struct recorded *r)
{
    return r->entry->recorded_ms == world.wall_ms && r->release->recorded_ms == world.wall_ms;
}

static bool elements(const struct recorded *r)
{
    struct cm_digest plate;
    cm_commitment(&plate, r->query.blind, "plate", r->query.plate.plate);
    return strcmp(r->query.plate.plate, WORLD_PLATE) == 0 &&
           cm_digest_equal(&plate, &r->entry->commitments.plate);
}

static bool person(const struct recorded *r)
{
    struct cm_digest requester;
    cm_commitment(&requester, r->query.blind, "requester", r->query.signer);
    return strstr(r->query.signer, "/investigator/ana") &&
           cm_digest_equal(&requester, &r->entry->commitments.requester);
}

static bool organisation(const struct recorded *r)
{
    struct cm_digest agency;
    cm_commitment(&agency, r->query.blind, "agency", WORLD_ASKER);
    return strstr(r->query.signer, WORLD_ASKER) &&
           cm_digest_equal(&agency, &r->entry->commitments.agency);
}

static bool purpose(const struct recorded *r)
{
    return strcmp(r->query.purpose, "homicide") == 0;
}

static bool case_and_reason(const struct recorded *r)
{
    return strcmp(r->query.case_number, "26-1234") == 0 && strstr(r->query.reason, "harbour");
}

static bool source(const struct recorded *r)
{
    return strcmp(r->entry->gateway, "gw-1") == 0 && r->entry->gateway_index == 0;
}

static bool event_and_outcome(const struct recorded *r)
{
    return r->entry->kind == CM_ENTRY_NODE && r->entry->permitted &&
           r->release->release == CM_RELEASE_COMPLETE;
}

static bool decision(const struct recorded *r)
{
    return cm_digest_equal(&r->entry->rules_digest, &world.rules_digest) &&
           strcmp(r->entry->deciding_rule, "rules:4") == 0;
}

static bool release(const struct recorded *r)
{
    return r->release->rows == 40 && !cm_digest_is_zero(&r->release->last_digest) &&
           cm_digest_equal(&r->release->recipient, &r->entry->commitments.requester);
}

static bool signature(const struct recorded *r)
{
    struct cm_signatory *by[2];
    const bool holds = cm_trust_verify(by, world.node.trust, &r->access->question, NULL,
                                       r->entry->recorded_ms, NULL) == CM_OK;
    cm_signatory_unref(by[0]);
    return holds;
}

static const struct {
    const char *demand; // of REQUIREMENTS.md
    bool (*holds)(const struct recorded *recorded);
} demands[] = {
    {"1798.90.52: date and time", when},
    {"1798.90.52: plate or other query elements", elements},
    {"1798.90.52: username", person},
    {"1798.90.52: organisation", organisation},
    {"1798.90.52: purpose", purpose},
    {"case number and reason", case_and_reason},
    {"AU-3: event and outcome", event_and_outcome},
    {"AU-3: where and source", source},
    {"decision: the rules' digest and the deciding rule", decision},
    {"28 CFR 23.20: recipient, reason, date of each release", release},
    {"identity, provably: the question as it was signed", signature},
};

Test(node_records, hold_what_the_law_asks_for)
{
    struct recorded recorded;
    with(WORLD_SHARES, 40);
    world_run(&world);
    cr_assert_eq(world.entry_count, 1);
    cr_assert_eq(world.release_count, 1);
    read_back(&recorded);
    for (size_t i = 0; i < sizeof demands / sizeof *demands; i++) {
        cr_expect(demands[i].holds(&recorded), "%s", demands[i].demand);
    }
    world_free(&world);
}

Test(node_records, of_a_denial_too)
{
    struct recorded recorded;
    with(WORLD_SHARES_NOTHING, 40);
    world_run(&world);
    read_back(&recorded);
    cr_assert_eq(recorded.entry->refusal, CM_REFUSAL_NOT_PERMITTED);
    cr_assert(elements(&recorded) && person(&recorded) && organisation(&recorded));
    cr_assert(purpose(&recorded) && case_and_reason(&recorded) && signature(&recorded));
    cr_assert_eq(world.release_count, 0);
    world_free(&world);
}

Test(node_records, clear_values_are_in_no_entry)
{
    static const char *const clear[] = {WORLD_PLATE, "ana", "harbour", "26-1234", WORLD_ASKER};
    with(WORLD_SHARES, 40);
    world_run(&world);
    for (unsigned i = 0; i < world.entry_count + world.release_count; i++) {
        struct cm_buf bytes = {0};
        const bool is_release = i >= world.entry_count;
        const struct cm_entry *entry =
            is_release ? &world.releases[i - world.entry_count] : &world.entries[i];
        cr_assert_eq(cm_entry_encode(&bytes, entry), CM_OK);
        for (size_t j = 0; j < sizeof clear / sizeof *clear; j++) {
            cr_assert_null(memmem(bytes.data, bytes.len, clear[j], strlen(clear[j])), "%s",
                           clear[j]);
        }
        cm_buf_clear(&bytes);
    }
    world_free(&world);
}

static void a_day_later(void)
{
    static const char *const agencies[] = {WORLD_OTHER, WORLD_OWNER, WORLD_ASKER};
    world.pki->now_ms = world.wall_ms += CM_DAY_LENGTH_MS;
    for (size_t i = 0; i < 3; i++) {
        struct pki_agency *agency = pki_find_agency(world.pki, agencies[i]);
        agency->crl_this_ms += CM_DAY_LENGTH_MS;
        agency->crl_next_ms += CM_DAY_LENGTH_MS;
    }
    world_retrust(&world);
}

Test(node_records, the_signers_certificates_are_written_once_a_day)
{
    with(WORLD_SHARES, 1);
    world_run(&world);
    for (unsigned i = 0; i < 5; i++) {
        send();
        world_run(&world);
    }
    cr_assert_eq(world.entry_count, 6);
    cr_assert_eq(world.chains, 1);
    for (unsigned i = 1; i < 6; i++) {
        cr_assert(world.accesses[i].chain_elsewhere);
        cr_assert_eq(world.accesses[i].chain_at, world.places[0]);
    }
    a_day_later();
    send();
    world_run(&world);
    cr_assert_eq(world.chains, 2, "their key is another");
    world_free(&world);
}

Test(node_records, answers_and_refusals_carry_the_record)
{
    struct world_ask asked = with(WORLD_SHARES, 40);
    world_run(&world);
    const struct world_said *said = world_said(&world, asked.ask.ask);
    cr_assert(said->has_record && said->record.permitted);
    cr_assert(cm_digest_equal(&said->record.digest, &asked.entry.digest));
    world_rules(&world, WORLD_SHARES_NOTHING);
    asked = send();
    world_run(&world);
    world_expect_refused(&world, asked.ask.ask, CM_REFUSAL_NOT_PERMITTED);
    cr_assert(world_said(&world, asked.ask.ask)->has_record);
    world_free(&world);
}

Test(node_records, a_refusal_that_could_not_be_recorded_carries_none)
{
    world_new(&world, 1, WORLD_SHARES);
    world.append_status = CM_UNAVAILABLE;
    const struct world_ask asked = send();
    world_run(&world);
    world_expect_refused(&world, asked.ask.ask, CM_REFUSAL_UNAVAILABLE);
    cr_assert_not(world_said(&world, asked.ask.ask)->has_record);
    world_free(&world);
}

Test(node_records, without_todays_key_nothing_is_answered)
{
    with(WORLD_SHARES, 40);
    world_run(&world);
    cm_day_keys_free(world.node.keys);
    cr_assert_eq(cm_day_keys_new(&world.node.keys), CM_OK);
    const struct world_ask asked = send();
    const unsigned finds = world.finds;
    world_run(&world);
    world_expect_refused(&world, asked.ask.ask, CM_REFUSAL_UNAVAILABLE);
    cr_assert_eq(world.finds, finds, "nothing was read");
    world_free(&world);
}

Test(node_records, a_release_says_how_an_answer_ended)
{
    struct world_ask asked = with(WORLD_SHARES, 300);
    world.next_fails_at = 3;
    world_run(&world);
    const struct cm_entry *entry = world_release(&world, &asked);
    cr_assert_eq(entry->release, CM_RELEASE_FAILED);
    cr_assert_eq(entry->rows, CM_FIRST_BATCH_ROWS);
    cr_assert_not(cm_digest_is_zero(&entry->last_digest));
    world.next_fails_at = 0;
    world.find_status = CM_UNAVAILABLE;
    asked = send();
    world_run(&world);
    entry = world_release(&world, &asked);
    cr_assert_eq(entry->release, CM_RELEASE_FAILED);
    cr_assert_eq(entry->rows, 0);
    cr_assert(cm_digest_is_zero(&entry->last_digest));
    world_free(&world);
}

// Runs until the ask's answer has so many batches.
static void run_to(uint64_t ask, size_t batches)
{
    while (world_said(&world, ask)->batch_count < batches) {
        cr_assert(world_step(&world));
    }
}

Test(node_records, a_cancelled_or_late_answer_is_released_as_far_as_it_went)
{
    struct world_ask asked = with(WORLD_SHARES, 2000);
    run_to(asked.ask.ask, 2);
    cm_node_query_cancel(cm_node_query_find(&world.node, &world.asker, asked.ask.ask));
    world_run(&world);
    const struct world_said *said = world_said(&world, asked.ask.ask);
    const struct cm_entry *entry = world_release(&world, &asked);
    cr_assert_eq(entry->release, CM_RELEASE_CANCELLED);
    uint64_t rows = 0;
    for (size_t i = 0; i < said->batch_count; i++) {
        rows += said->batches[i].row_count;
    }
    struct cm_digest last;
    cm_sha256_of(&last, said->batches[said->batch_count - 1].header.payload);
    cr_assert_eq(entry->rows, rows);
    cr_assert(cm_digest_equal(&entry->last_digest, &last));
    asked = send();
    run_to(asked.ask.ask, 1);
    world.mono_ms += 20000;
    cm_node_query_cancel(cm_node_query_find(&world.node, &world.asker, asked.ask.ask));
    world_run(&world);
    cr_assert_eq(world_release(&world, &asked)->release, CM_RELEASE_LATE);
    world_free(&world);
}

Test(node_records, an_answer_that_the_gateway_did_not_take_whole_is_not_complete)
{
    struct world_ask asked = with(WORLD_SHARES, 5);
    world_said(&world, asked.ask.ask)->end = CM_UNAVAILABLE;
    world_run(&world);
    cr_assert_eq(world_release(&world, &asked)->release, CM_RELEASE_CANCELLED);
    cr_assert_eq(world_release(&world, &asked)->rows, 5, "it may have them");
    world_free(&world);
}

Test(node_records, a_withdrawn_answer_is_released_as_such)
{
    struct world_ask asked = with(WORLD_SHARES, 2000);
    run_to(asked.ask.ask, 1);
    world_rules(&world, WORLD_SHARES_NOTHING);
    cm_node_queries_judge_again(&world.node);
    world_run(&world);
    cr_assert_eq(world_release(&world, &asked)->release, CM_RELEASE_WITHDRAWN);
    world_free(&world);
}

// A full queue is not a reason to lose what was released.
Test(node_records, releases_wait_for_room_in_order)
{
    struct world_ask asked[3];
    asked[0] = with(WORLD_SHARES, 5);
    asked[1] = send();
    asked[2] = send();
    world.release_room = 0;
    world_run(&world);
    cr_assert_eq(world.release_count, 0);
    cr_assert_eq(world.node.releases, 3);
    world.release_room = 1;
    cm_append_queue_retry(&world.node.appends);
    world_run(&world);
    cr_assert_eq(world.release_count, 1);
    world.release_room = 64;
    cm_append_queue_retry(&world.node.appends);
    world_run(&world);
    cr_assert_eq(world.node.releases, 0);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(world_release(&world, &asked[i])->release, CM_RELEASE_COMPLETE);
    }
    world_free(&world);
}

// Noise fills no ledger: it is counted.
Test(node_records, what_nobody_signed_is_counted_once_a_minute)
{
    struct cm_entry entry;
    world_new(&world, 1, WORLD_SHARES);
    for (unsigned i = 0; i < 10; i++) {
        struct world_ask ask;
        world_question(&world, &ask);
        world_record(&world, &ask);
        uint8_t *payload = (uint8_t *)(uintptr_t)ask.ask.query.payload.data;
        payload[ask.ask.query.payload.len - 1] ^= 1;
        world_send(&world, &ask);
    }
    world_run(&world);
    cr_assert_eq(world.entry_count, 0);
    struct cm_rejections *rejections = &world.node.rejections;
    cr_assert_not(cm_rejections_take(&entry, rejections, world.wall_ms, world.mono_ms));
    cr_assert(
        cm_rejections_take(&entry, rejections, world.wall_ms, world.mono_ms + CM_REJECTIONS_MS));
    uint64_t counted = 0;
    for (size_t i = 0; i < entry.count_count; i++) {
        counted += entry.counts[i].count;
    }
    cr_assert_eq(counted, 10);
    cr_assert_not(cm_rejections_take(&entry, rejections, world.wall_ms, INT64_MAX));
    world_free(&world);
}

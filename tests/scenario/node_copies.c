// Copies of what an agency's own people asked: kept once, with the evidence; lies are refused.
#include "node_world.h"

#include "nodes/copies.h"

#include <criterion/criterion.h>

#include <string.h>

enum { COPY_ARENA = 4 * 1024 * 1024 };

static struct world world;
static struct cm_copies copies;
static struct cm_signer *ben; // of our own agency
static uint64_t copied[WORLD_SAID];
static unsigned copied_count, forged_count, ended_count;

static void on_copied(void *context, uint64_t number)
{
    (void)context;
    copied[copied_count++] = number;
}

static void on_forged(void *context, const struct cm_error *error)
{
    (void)context;
    cr_assert_gt(strlen(error->text), 0);
    forged_count++;
}

static void on_ended(void *context)
{
    (void)context;
    ended_count++;
}

static const struct cm_copies_ops ops = {on_copied, on_forged, on_ended};

// What a gateway is to send; change it before make.
struct sent {
    struct world_ask ask;
    struct cm_manifest manifest;
    struct cm_signer *manifest_signer;
    struct cm_copy copy;
};

static void prepare(struct sent *out)
{
    world_question(&world, &out->ask);
    out->ask.signer = ben;
    out->ask.query.signer = cm_signer_spiffe(ben);
    out->ask.query.key_hash = *cm_signer_key_hash(ben);
    cm_commitments_of(&out->ask.entry.commitments, &out->ask.query, WORLD_OWNER);
    out->manifest_signer = world.gateway;
}

// Recorded by the gateway, with its manifest.
static void make(struct sent *sent)
{
    struct cm_buf payload = {0};
    struct cm_bytes bytes;
    struct world_ask *ask = &sent->ask;
    world_record(&world, ask);
    if (cm_digest_is_zero(&sent->manifest.query_digest)) {
        sent->manifest = (struct cm_manifest){
            .query_digest = ask->entry.digest,
            .gateway = "gw-1",
            .directory_serial = 1,
            .started_ms = world.wall_ms,
            .finished_ms = world.wall_ms,
            .entry = ask->ask.entry,
            .checkpoint = ask->ask.checkpoint,
            .inclusion = ask->ask.inclusion,
        };
    }
    cr_assert_eq(cm_manifest_encode(&payload, &sent->manifest), CM_OK);
    cr_assert_eq(cm_arena_bytes(ask->arena, &bytes, cm_buf_bytes(&payload)), CM_OK);
    cm_buf_clear(&payload);
    struct cm_bytes *leaf = cm_arena_alloc(ask->arena, sizeof *leaf);
    *leaf = ask->ask.leaf;
    sent->copy = (struct cm_copy){
        .number = ask->ask.inclusion.index + 1000, // its own matter
        .query = ask->ask.query,
        .record = {ask->ask.entry, ask->ask.checkpoint, ask->ask.inclusion},
        .leaf_count = 1,
        .leaves = leaf,
    };
    pki_sign(&sent->copy.manifest, ask->arena, CM_FAMILY_MANIFEST, bytes, sent->manifest_signer);
}

// As it comes over the wire. The sent one stays.
static void deliver(const struct sent *sent)
{
    struct cm_buf message = {0};
    struct cm_bytes bytes;
    struct cm_attach_down down = {.kind = CM_DOWN_COPY, .copy = sent->copy};
    struct cm_arena *arena = cm_arena_new(COPY_ARENA);
    cr_assert_eq(cm_attach_down_encode(&message, &down), CM_OK);
    cr_assert_eq(cm_arena_bytes(arena, &bytes, cm_buf_bytes(&message)), CM_OK);
    cm_buf_clear(&message);
    cr_assert_eq(cm_attach_down_decode(&down, arena, bytes, &world.error), CM_OK, "%s: %s",
                 world.error.where, world.error.text);
    cr_assert_eq(cm_copies_take(&copies, arena, &down.copy, world.asker.signatory, bytes.len),
                 CM_OK);
}

static void begin(void)
{
    world_new(&world, 1, WORLD_SHARES);
    ben = pki_signer(world.pki, WORLD_OWNER, CM_ROLE_INVESTIGATOR, "ben");
    copies = (struct cm_copies){.node = &world.node, .ops = &ops};
}

static void end(void)
{
    cr_assert_null(copies.first);
    cr_assert_eq(copies.bytes, 0);
    world_free(&world);
}

TestSuite(node_copies, .init = begin, .fini = end);

static void honest(struct sent *out)
{
    *out = (struct sent){.copy = {.number = 0}};
    prepare(out);
    make(out);
}

static void forget(struct sent *sent)
{
    cm_arena_free(sent->ask.arena);
}

Test(node_copies, a_copy_is_kept_with_its_evidence_and_acknowledged)
{
    struct sent sent;
    honest(&sent);
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(world.copy_count, 1);
    cr_assert_eq(copied_count, 1);
    cr_assert_eq(copied[0], sent.copy.number);
    const struct cm_entry *entry = &world.copies[0];
    struct cm_digest manifest;
    cm_sha256_of(&manifest, sent.copy.manifest.payload);
    cr_assert(cm_digest_equal(&entry->digest, &sent.ask.entry.digest));
    cr_assert(cm_digest_equal(&entry->last_digest, &manifest));
    cr_assert_str_eq(entry->gateway, "gw-1");
    cr_assert_eq(entry->gateway_index, sent.copy.record.inclusion.index);
    cr_assert_eq(
        memcmp(&entry->commitments, &sent.ask.entry.commitments, sizeof entry->commitments), 0);
    const struct cm_access *access = &world.copy_accesses[0];
    cr_assert(cm_bytes_equal(access->question.payload, sent.copy.query.payload));
    cr_assert(cm_bytes_equal(access->gateway_record.entry, sent.copy.record.entry));
    cr_assert(cm_bytes_equal(access->manifest.payload, sent.copy.manifest.payload));
    cr_assert_eq(access->leaf_count, 1);
    cr_assert(cm_bytes_equal(access->leaves[0], sent.copy.leaves[0]));
    forget(&sent);
}

Test(node_copies, one_that_comes_again_is_acknowledged_and_not_recorded_twice)
{
    struct sent sent;
    honest(&sent);
    deliver(&sent);
    deliver(&sent); // while the first is under way
    world_run(&world);
    cr_assert_eq(world.copy_count, 1);
    cr_assert_geq(copied_count, 1);
    const unsigned before = copied_count;
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(world.copy_count, 1);
    cr_assert_eq(copied_count, before + 1);
    forget(&sent);
}

Test(node_copies, what_is_not_recorded_is_not_acknowledged)
{
    struct sent sent;
    honest(&sent);
    world.append_status = CM_UNAVAILABLE;
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(copied_count, 0);
    cr_assert_eq(forged_count, 0, "not the gateway's fault");
    world.append_status = CM_OK;
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(copied_count, 1);
    forget(&sent);
}

Test(node_copies, a_session_that_is_over_gets_no_word_of_it)
{
    struct sent sent;
    honest(&sent);
    deliver(&sent);
    cm_copies_lost(&copies);
    world_run(&world);
    cr_assert_eq(world.copy_count, 1, "recorded all the same");
    cr_assert_eq(copied_count, 0);
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(world.copy_count, 1);
    cr_assert_eq(copied_count, 1);
    forget(&sent);
}

Test(node_copies, a_refused_question_is_copied_too)
{
    struct sent sent = {.copy = {.number = 0}};
    prepare(&sent);
    struct cm_commitments commitments = sent.ask.entry.commitments;
    sent.ask.entry = (struct cm_entry){.kind = CM_ENTRY_REFUSED,
                                       .recorded_ms = world.wall_ms,
                                       .refusal = CM_EXHAUSTED,
                                       .committed = true,
                                       .commitments = commitments,
                                       .gateway = "",
                                       .deciding_rule = "",
                                       .agency = "",
                                       .text = "quota"};
    make(&sent);
    sent.copy.leaf_count = 0;
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(world.copy_count, 1);
    cr_assert_eq(copied_count, 1);
    forget(&sent);
}

// Late copies are judged as of when the question was recorded.
Test(node_copies, one_that_was_spooled_for_long_is_still_taken)
{
    struct sent sent;
    honest(&sent);
    world.wall_ms += 30 * CM_DAY_LENGTH_MS;
    static const uint8_t key[CM_DAY_KEY_SIZE] = "of that day";
    cr_assert_eq(cm_day_keys_add(world.node.keys, cm_day_of(world.wall_ms), key), CM_OK);
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(copied_count, 1);
    forget(&sent);
}

// Lies

static void expect_lie(const struct sent *sent, const char *what)
{
    const unsigned before = forged_count;
    deliver(sent);
    world_run(&world);
    cr_assert_eq(forged_count, before + 1, "%s", what);
    cr_assert_eq(world.copy_count, 0, "%s", what);
    cr_assert_eq(copied_count, 0, "%s", what);
}

Test(node_copies, another_agencys_question_is_a_lie)
{
    struct sent sent = {.copy = {.number = 0}};
    world_question(&world, &sent.ask);
    sent.manifest_signer = world.gateway;
    make(&sent);
    expect_lie(&sent, "foreign");
    forget(&sent);
}

Test(node_copies, a_question_that_nobody_signed_is_a_lie)
{
    struct sent sent, other;
    honest(&sent);
    honest(&other);
    memcpy(sent.copy.query.signatures[0].sig, other.copy.query.signatures[0].sig,
           sizeof sent.copy.query.signatures[0].sig);
    expect_lie(&sent, "signature");
    forget(&sent);
    forget(&other);
}

Test(node_copies, records_and_manifests_of_other_questions_are_lies)
{
    struct sent sent, other, mixed;
    honest(&sent);
    honest(&other);
    mixed = sent;
    mixed.copy.record = other.copy.record;
    expect_lie(&mixed, "record");
    mixed = sent;
    mixed.copy.manifest = other.copy.manifest;
    expect_lie(&mixed, "manifest");
    mixed = sent;
    mixed.copy.record.checkpoint = other.copy.record.checkpoint;
    expect_lie(&mixed, "checkpoint");
    forget(&sent);
    forget(&other);
}

Test(node_copies, a_manifest_of_another_signer_is_a_lie)
{
    struct sent sent = {.copy = {.number = 0}};
    prepare(&sent);
    sent.manifest_signer = pki_signer(world.pki, "_", CM_ROLE_GATEWAY, "gw-2");
    world_retrust(&world);
    make(&sent);
    expect_lie(&sent, "another gateway");
    forget(&sent);
}

Test(node_copies, entries_that_commit_to_other_values_or_times_are_lies)
{
    struct sent sent = {.copy = {.number = 0}};
    prepare(&sent);
    cm_commitments_of(&sent.ask.entry.commitments, &sent.ask.query, WORLD_OTHER);
    make(&sent);
    expect_lie(&sent, "agency");
    forget(&sent);
    sent = (struct sent){.copy = {.number = 0}};
    prepare(&sent);
    sent.ask.entry.recorded_ms += 3600000;
    make(&sent);
    expect_lie(&sent, "recorded after it had expired");
    forget(&sent);
}

// Nobody's lie: it is neither taken nor is the session ended.
Test(node_copies, a_chain_that_does_not_hold_is_left_with_the_gateway)
{
    struct sent sent;
    honest(&sent);
    pki_revoke(world.pki, WORLD_OWNER,
               pki_identity(world.pki, WORLD_OWNER, CM_ROLE_INVESTIGATOR, "ben"),
               world.wall_ms - 3600000);
    world_retrust(&world);
    deliver(&sent);
    world_run(&world);
    cr_assert_eq(copied_count, 0);
    cr_assert_eq(forged_count, 0);
    cr_assert_eq(world.node.counters.copies_refused, 1);
    forget(&sent);
}

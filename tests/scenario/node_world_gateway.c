// The gateway of a node's world: signs nothing it shouldn't, unless a test makes it.
#include "node_world.h"

#include <criterion/criterion.h>

#include <string.h>

enum { ASK_ARENA = 1024 * 1024 };

static struct cm_bytes into(struct cm_arena *arena, struct cm_buf *buf)
{
    struct cm_bytes out;
    cr_assert_eq(cm_arena_bytes(arena, &out, cm_buf_bytes(buf)), CM_OK);
    cm_buf_clear(buf);
    return out;
}

void world_question(struct world *world, struct world_ask *out)
{
    *out = (struct world_ask){.arena = cm_arena_new(ASK_ARENA), .signer = world->investigator};
    out->query = (struct cm_query){
        .issued_ms = world->wall_ms,
        .expires_ms = world->wall_ms + 60000,
        .federation = world->pki->federation,
        .gateway = "gw-1",
        .signer = cm_signer_spiffe(world->investigator),
        .key_hash = *cm_signer_key_hash(world->investigator),
        .action = CM_ACTION_LOOKUP,
        .plate = {WORLD_PLATE, ""},
        .window = {world->wall_ms - (int64_t)30 * PKI_DAY_MS, world->wall_ms + PKI_DAY_MS},
        .purpose = "homicide",
        .case_number = "26-1234",
        .reason = "seen leaving the scene at the harbour",
        .on_behalf_of = "",
        .court_order = "",
        .limit = 1000,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = 10000,
    };
    cr_assert_eq(cm_random(out->query.query_id, sizeof out->query.query_id), CM_OK);
    cr_assert_eq(cm_random(out->query.blind, sizeof out->query.blind), CM_OK);
    out->leaf = (struct cm_decision_leaf){.agency = WORLD_OWNER,
                                          .permitted = true,
                                          .rules_sequence = world->sequence,
                                          .rules_digest = world->rules_digest};
    cr_assert_eq(cm_random(out->leaf.salt, sizeof out->leaf.salt), CM_OK);
    out->ask = (struct cm_ask){
        .ask = ++world->next_ask, .attempt = 1, .remaining_ms = 10000, .limit = 1000};
    cr_assert_eq(cm_random(out->ask.token, sizeof out->ask.token), CM_OK);
    out->entry = (struct cm_entry){
        .kind = CM_ENTRY_QUERY,
        .recorded_ms = world->wall_ms,
        .directory_serial = cm_trust_directory(world->node.trust)->serial,
        .gateway = "",
        .deciding_rule = "",
        .agency = "",
        .text = "",
    };
}

static void sign(struct world *world, struct world_ask *ask)
{
    struct cm_buf payload = {0};
    cr_assert_eq(cm_query_encode(&payload, &ask->query, &world->error), CM_OK, "%s: %s",
                 world->error.where, world->error.text);
    const struct cm_bytes bytes = into(ask->arena, &payload);
    pki_sign(&ask->ask.query, ask->arena, CM_FAMILY_QUERY, bytes, ask->signer);
    if (cm_digest_is_zero(&ask->entry.digest)) {
        cm_sha256_of(&ask->entry.digest, bytes);
    }
    cm_query_replay_key(&ask->entry.replay_key, &ask->query);
    ask->entry.expires_ms = ask->query.expires_ms;
    if (cm_digest_is_zero(&ask->entry.commitments.plate)) {
        cm_commitments_of(&ask->entry.commitments, &ask->query, WORLD_ASKER);
    }
}

// Three leaves, ours in the middle.
static void decide(struct world_ask *ask)
{
    struct cm_buf leaf = {0};
    struct cm_merkle *tree;
    struct cm_inclusion path;
    struct cm_digest hash, other;
    cr_assert_eq(cm_decision_leaf_encode(&leaf, &ask->leaf), CM_OK);
    ask->ask.leaf = into(ask->arena, &leaf);
    cm_merkle_leaf(&hash, ask->ask.leaf);
    cm_merkle_leaf(&other, cm_bytes_of("another agency's"));
    cr_assert_eq(cm_merkle_new(&tree), CM_OK);
    cr_assert_eq(cm_merkle_add(tree, &other), CM_OK);
    cr_assert_eq(cm_merkle_add(tree, &hash), CM_OK);
    cr_assert_eq(cm_merkle_add(tree, &other), CM_OK);
    cr_assert_eq(cm_merkle_root(&ask->entry.decisions_root, tree, 3), CM_OK);
    cr_assert_eq(cm_merkle_inclusion(&path, ask->arena, tree, 1, 3), CM_OK);
    cm_merkle_free(tree);
    ask->entry.decisions = 3;
    ask->ask.leaf_index = 1;
    ask->ask.leaf_path_count = path.count;
    ask->ask.leaf_path = path.hashes;
}

void world_prove(struct world *world, struct world_ask *ask, struct cm_merkle *tree, uint64_t index)
{
    struct cm_checkpoint checkpoint = {.size = cm_merkle_size(tree)};
    struct cm_buf note = {0};
    memcpy(checkpoint.origin, world->asker.origin, sizeof checkpoint.origin);
    cr_assert_eq(cm_merkle_root(&checkpoint.root, tree, checkpoint.size), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, world->gateway), CM_OK);
    ask->ask.checkpoint = into(ask->arena, &note);
    cr_assert_eq(cm_merkle_inclusion(&ask->ask.inclusion, ask->arena, tree, index, checkpoint.size),
                 CM_OK);
    cr_assert_eq(cm_merkle_consistency(&ask->ask.consistency, ask->arena, tree, world->sent_size,
                                       checkpoint.size),
                 CM_OK);
}

void world_record(struct world *world, struct world_ask *ask)
{
    struct cm_buf entry = {0};
    struct cm_digest hash;
    sign(world, ask);
    decide(ask);
    cr_assert_eq(cm_entry_encode(&entry, &ask->entry), CM_OK);
    ask->ask.entry = into(ask->arena, &entry);
    cm_merkle_leaf(&hash, ask->ask.entry);
    cr_assert_eq(cm_merkle_add(world->tree, &hash), CM_OK);
    world_prove(world, ask, world->tree, cm_merkle_size(world->tree) - 1);
    world->sent_size = cm_merkle_size(world->tree);
}

uint64_t world_send(struct world *world, struct world_ask *ask)
{
    const uint64_t id = ask->ask.ask;
    cr_assert_eq(cm_node_query_start(&world->node, &world->asker, ask->arena, &ask->ask), CM_OK);
    return id;
}

uint64_t world_lookup(struct world *world, uint32_t limit)
{
    struct world_ask ask;
    world_question(world, &ask);
    ask.ask.limit = limit;
    world_record(world, &ask);
    return world_send(world, &ask);
}

void world_expect_refused(struct world *world, uint64_t ask, enum cm_refusal_code code)
{
    const struct world_said *said = world_said(world, ask);
    cr_assert(said->refused, "ask %llu was not refused", (unsigned long long)ask);
    cr_assert_eq(said->refusal.code, code, "refused with %s instead of %s",
                 cm_refusal_name(said->refusal.code), cm_refusal_name(code));
    cr_assert_not(said->opened);
}

size_t world_expect_answered(struct world *world, uint64_t ask)
{
    struct world_said *said = world_said(world, ask);
    struct cm_signatory *by[2] = {NULL, NULL};
    struct cm_bytes last_key = CM_BYTES_NONE;
    struct cm_digest previous = {{0}};
    size_t rows = 0;
    cr_assert(said->opened && said->finished && !said->cancelled && !said->refused);
    for (size_t i = 0; i < said->batch_count; i++) {
        const struct cm_batch *batch = &said->batches[i];
        struct cm_header *header = &said->headers[i];
        struct cm_signatory *now[2];
        cr_assert_eq(cm_trust_verify(now, world->node.trust, &batch->header, by[0], world->wall_ms,
                                     &world->error),
                     CM_OK, "%s: %s", world->error.where, world->error.text);
        cm_signatory_unref(by[0]);
        by[0] = now[0];
        cr_assert_eq(cm_header_decode(header, world->arena, batch->header.payload, NULL), CM_OK);
        cr_assert_eq(cm_batch_check(batch, header, last_key, &world->error), CM_OK, "%s: %s",
                     world->error.where, world->error.text);
        cr_assert(cm_digest_equal(&header->previous, &previous));
        cr_assert_eq(header->first_index, rows);
        cr_assert_eq(header->final, i + 1 == said->batch_count);
        cr_assert_leq(header->count, i == 0 ? CM_FIRST_BATCH_ROWS : CM_MAX_BATCH_ROWS);
        cm_sha256_of(&previous, batch->header.payload);
        rows += header->count;
        if (header->count > 0) {
            last_key = header->last_key;
        }
    }
    cr_assert_eq(said->headers[said->batch_count - 1].total, rows);
    cm_signatory_unref(by[0]);
    return rows;
}

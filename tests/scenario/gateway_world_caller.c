// The fake caller: takes each response as a client does and believes nothing.
#include "gateway_world.h"

#include <criterion/criterion.h>
#include <string.h>

// The node's own record comes before its first header, or with its refusal.
static void check_record(struct world *world, struct node *node, struct cm_arena *arena,
                         const struct cm_signatory *signer, uint32_t attempt,
                         enum cm_refusal_code refusal)
{
    struct cm_error error = {0};
    struct cm_node_ask ask = {.query_digest = &world->digest,
                              .gateway = "gw-1",
                              .gateway_index = world->index,
                              .attempt = attempt,
                              .refusal = refusal};
    cr_assert(node->record_seen, "%s: no record of it", node->agency);
    cr_assert_eq(cm_node_record_check(arena, &node->shown, cm_signatory_identity(signer)->spiffe,
                                      cm_signatory_key(signer), &ask, &error),
                 CM_OK, "%s: %s", error.where, error.text);
}

static void take_record(struct world *world, const struct cm_node_record *record)
{
    struct node *node = node_of(world, record->agency);
    struct cm_buf packed = {0};
    cr_assert(node->listed);
    cr_assert_not(node->record_seen || node->checking || node->refusal_seen);
    cr_assert_eq(node->progress, CM_OUTCOME_NONE);
    cr_assert_eq(cm_record_encode(&packed, &record->record), CM_OK);
    cm_sha256_of(&node->record, cm_buf_bytes(&packed));
    cm_buf_clear(&packed);
    node->shown = record->record;
    node->record_seen = true;
}

static struct node *begin_check(struct world *world, const struct cm_envelope *envelope,
                                struct cm_arena *arena)
{
    struct cm_header header;
    cr_assert_eq(cm_header_decode(&header, arena, envelope->payload, NULL), CM_OK);
    struct node *node = node_of(world, header.agency);
    cr_assert_not_null(node);
    if (!node->checking) {
        cm_answer_check_init(&node->check, &world->digest, &world->asked.key_hash, node->agency,
                             header.attempt, world->asked.limit);
    }
    node->checking = true;
    cr_assert_not(node->cut, "nothing follows what was cut");
    cr_assert_eq(node->progress, CM_OUTCOME_NONE, "nothing follows an outcome");
    return node;
}

static void leave_out(struct node *node, struct cm_bytes key)
{
    node->cut = true;
    node->first_left_out_len = key.len;
    memcpy(node->first_left_out, key.data, key.len);
}

static void take_batch(struct world *world, const struct cm_batch *batch, struct cm_arena *arena)
{
    struct cm_error error = {0};
    struct cm_header header;
    struct node *node = begin_check(world, &batch->header, arena);
    bool first = cm_digest_is_zero(&node->check.previous);
    cr_assert_eq(cm_answer_check_batch(&node->check, &header, arena, world->trust, batch,
                                       world->wall, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    if (first) {
        check_record(world, node, arena, node->check.node, header.attempt, CM_REFUSAL_NONE);
    }
    for (size_t i = 0; i < batch->row_count; i++) {
        struct cm_bytes key = batch->rows[i].key;
        cr_assert(cm_bytes_equal(key, cm_buf_bytes(&node->keys[node->merged])));
        cr_assert(cm_bytes_equal(batch->rows[i].row, cm_buf_bytes(&node->rows[node->merged])));
        node->merged++;
        world->merged++;
        struct cm_bytes last = {world->last_key, world->last_key_len};
        if (world->last_key_len == 0 || cm_bytes_compare(last, key) < 0) {
            world->last_key_len = key.len;
            memcpy(world->last_key, key.data, key.len);
        }
    }
    if (batch->withheld_count > 0) {
        leave_out(node, batch->withheld[0].key);
    }
}

static void take_unmerged(struct world *world, const struct cm_envelope *envelope,
                          struct cm_arena *arena)
{
    struct cm_error error = {0};
    struct cm_header header;
    struct node *node = begin_check(world, envelope, arena);
    bool first = cm_digest_is_zero(&node->check.previous);
    cr_assert_eq(cm_answer_check_unmerged(&node->check, &header, arena, world->trust, envelope,
                                          world->wall, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    if (first) {
        check_record(world, node, arena, node->check.node, header.attempt, CM_REFUSAL_NONE);
    }
    leave_out(node, header.first_key);
}

static void take_refusal(struct world *world, const struct cm_envelope *envelope,
                         struct cm_arena *arena)
{
    struct cm_signatory *signers[2] = {0};
    struct cm_refusal refusal;
    cr_assert_eq(cm_trust_verify(signers, world->trust, envelope, NULL, world->wall, NULL), CM_OK);
    cr_assert_eq(cm_refusal_decode(&refusal, arena, envelope->payload, NULL), CM_OK);
    cr_assert(node_of(world, refusal.agency)->listed, "a refusal of who was not asked");
    check_record(world, node_of(world, refusal.agency), arena, signers[0], refusal.attempt,
                 refusal.code);
    node_of(world, refusal.agency)->refusal_seen = true;
    cm_signatory_unref(signers[0]);
}

static void take_manifest(struct world *world, const struct cm_envelope *envelope)
{
    struct cm_signatory *signers[2] = {0};
    struct cm_error error = {0};
    cr_assert_not(world->has_manifest);
    cr_assert_eq(cm_trust_verify(signers, world->trust, envelope, NULL, world->wall, &error), CM_OK,
                 "%s: %s", error.where, error.text);
    cr_assert_eq(cm_signatory_identity(signers[0])->role, CM_ROLE_GATEWAY);
    cr_assert_eq(cm_manifest_decode(&world->manifest, world->arena, envelope->payload, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cm_signatory_unref(signers[0]);
    world->has_manifest = true;
    world->manifest_at = world->mono;
}

void caller_take(struct world *world, struct cm_bytes message)
{
    struct cm_error error = {0};
    struct cm_lookup_response response;
    // The manifest outlives the message: everything goes into the world's arena.
    cr_assert_eq(cm_lookup_response_decode(&response, world->arena, message, &error), CM_OK,
                 "%s: %s", error.where, error.text);
    cr_assert_not(world->has_manifest, "the manifest is the last");
    cr_assert(world->accepted || response.kind == CM_LOOKUP_ACCEPTED ||
              response.kind == CM_LOOKUP_DIRECTORY);
    switch (response.kind) {
    case CM_LOOKUP_ACCEPTED:
        world->accepted = true;
        world->index = response.u.accepted.inclusion.index;
        for (size_t i = 0; i < response.u.accepted.agency_count; i++) {
            node_of(world, response.u.accepted.agencies[i])->listed = true;
        }
        break;
    case CM_LOOKUP_PROGRESS:
        cr_assert_eq(node_of(world, response.u.progress.agency)->progress, CM_OUTCOME_NONE);
        node_of(world, response.u.progress.agency)->progress = response.u.progress.outcome;
        break;
    case CM_LOOKUP_BATCH:
        take_batch(world, &response.u.batch, world->arena);
        break;
    case CM_LOOKUP_UNMERGED:
        take_unmerged(world, &response.u.envelope, world->arena);
        break;
    case CM_LOOKUP_REFUSAL:
        take_refusal(world, &response.u.envelope, world->arena);
        break;
    case CM_LOOKUP_MANIFEST:
        take_manifest(world, &response.u.envelope);
        break;
    case CM_LOOKUP_RECORD:
        take_record(world, &response.u.record);
        break;
    case CM_LOOKUP_DIRECTORY:
        break;
    case CM_LOOKUP_NONE:
        cr_assert_fail("an empty response");
    }
}

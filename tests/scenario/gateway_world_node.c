// The fake nodes: they sign what a node signs, in their manner.
#include "gateway_world.h"

#include "tests/support/node_record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node *node_of(struct world *world, const char *agency)
{
    for (size_t i = 0; i < world->node_count; i++) {
        if (strcmp(world->nodes[i].agency, agency) == 0) {
            return &world->nodes[i];
        }
    }
    return NULL;
}

void node_rows(struct world *world, struct node *node, size_t count)
{
    node->row_count = count;
    int64_t at = world->wall - 1000;
    for (size_t i = 0; i < count; i++) {
        char event[32];
        at -= world_draw(world, 3000);
        snprintf(event, sizeof event, "e%03zu", i);
        struct cm_detection detection = {
            .event_id = event,
            .owner = node->agency,
            .captured_at_ms = at,
            .plate_read = "8ABC123",
            .plate = "8ABC123",
            .state = "CA",
            .site = "",
            .camera = "",
            .make = "",
            .model = "",
            .colour = "",
            .body = "",
            .image_reference = "",
        };
        node->keys[i].len = node->rows[i].len = 0;
        cr_assert_eq(cm_row_key(&node->keys[i], at, node->agency, event), CM_OK);
        cr_assert_eq(cm_row_encode(&node->rows[i], &detection, 0), CM_OK);
    }
}

static void fill_header(struct cm_header *header, const struct node *node, size_t count, bool final)
{
    const struct world *world = node->world;
    struct cm_digest leaves[WORLD_ROWS];
    for (size_t i = 0; i < count; i++) {
        cm_row_leaf(&leaves[i], cm_buf_bytes(&node->keys[node->sent + i]),
                    cm_buf_bytes(&node->rows[node->sent + i]));
    }
    *header = (struct cm_header){
        .query_digest = world->digest,
        .agency = node->agency,
        .attempt = node->call->attempt,
        .key_hash = world->asked.key_hash,
        .rules_digest = node->standing->digest,
        .previous = node->previous,
        .first_index = node->sent,
        .count = (uint32_t)count,
        .final = final,
        .total = final ? node->sent + count : 0,
    };
    header->query_digest.b[0] ^= node->manner == OTHER_QUERY;
    cm_merkle_root_of(&header->root, leaves, count);
    if (count > 0) {
        header->first_key = cm_buf_bytes(&node->keys[node->sent]);
        header->last_key = cm_buf_bytes(&node->keys[node->sent + count - 1]);
    }
}

// One AnswerRequest with the node's next batch.
static void make_batch(struct cm_buf *out, struct node *node)
{
    uint64_t limit = node->call->facts->limit;
    size_t all = node->row_count < limit ? node->row_count : (size_t)limit;
    size_t count = all - node->sent < node->batch_rows ? all - node->sent : node->batch_rows;
    bool final = node->sent + count == all;
    struct cm_header header;
    fill_header(&header, node, count, final);
    header.more_matched = final && all < node->row_count;
    struct cm_buf payload = {0}, envelope = {0};
    cr_assert_eq(cm_header_encode(&payload, &header), CM_OK);
    cm_sha256_of(&node->previous, cm_buf_bytes(&payload));
    cr_assert_eq(cm_dsse_sign(&envelope, CM_FAMILY_HEADER, cm_buf_bytes(&payload), node->signer,
                              node->sent == 0),
                 CM_OK);
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_answer_request request = {0};
    cr_assert_eq(cm_envelope_decode(&request.batch.header, arena, cm_buf_bytes(&envelope), NULL),
                 CM_OK);
    struct cm_row rows[WORLD_ROWS];
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct cm_row){cm_buf_bytes(&node->keys[node->sent + i]),
                                  cm_buf_bytes(&node->rows[node->sent + i])};
    }
    if (node->manner == ALTERS_ROW && count > 0) {
        rows[count - 1].row = cm_bytes_of("\x0a\x03xyz");
    }
    struct cm_withheld withheld = {0};
    request.batch.rows = rows;
    request.batch.row_count = count;
    if (node->manner == WITHHOLDS && count > 0) {
        withheld.key = rows[count - 1].key;
        cm_row_leaf(&withheld.leaf, rows[count - 1].key, rows[count - 1].row);
        request.batch.withheld = &withheld;
        request.batch.withheld_count = 1;
        request.batch.row_count--;
    }
    cr_assert_eq(cm_answer_request_encode(out, &request), CM_OK);
    node->sent += count;
    cm_arena_free(arena);
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
}

static void lose(struct node *node)
{
    struct cm_call *call = node->call;
    node->call = NULL;
    node->sessions--;
    call->handlers->lost(call, call->spent);
}

// What the node's ledger shows of this ask, in its manner.
static void make_record(struct cm_record *out, struct node *node, struct cm_arena *arena,
                        enum cm_refusal_code refusal)
{
    struct cm_digest digest = node->world->digest;
    struct cm_node_ask ask = {
        .query_digest = &digest,
        .gateway = "gw-1",
        .gateway_index = node->call->facts->entry_index,
        .attempt = node->call->attempt,
        .refusal = refusal,
    };
    digest.b[0] ^= node->manner == SHOWS_OLD_RECORD;
    if (node->manner == SHOWS_DENIAL) {
        ask.refusal = CM_REFUSAL_NOT_PERMITTED;
    }
    node_record_make(out, arena,
                     node->manner == SHOWS_OTHERS_RECORD ? node->stranger : node->signer, &ask);
    if (node->manner == SHOWS_NO_RECORD) {
        *out = (struct cm_record){0};
    } else if (node->manner == SHOWS_LONG_RECORD) {
        uint8_t *noise = cm_arena_alloc(arena, CM_MAX_NODE_RECORD);
        memset(noise, 7, CM_MAX_NODE_RECORD);
        out->entry = (struct cm_bytes){noise, CM_MAX_NODE_RECORD};
    }
}

static void start_answer(struct node *node)
{
    struct cm_arena *arena = cm_arena_new(1 << 18);
    struct cm_record record;
    make_record(&record, node, arena, CM_REFUSAL_NONE);
    node->call->spent = true;
    node->call->handlers->started(node->call, &record);
    cm_arena_free(arena);
}

static void refuse(struct node *node, struct cm_signer *signer)
{
    struct cm_refusal refusal = {
        .query_digest = node->world->digest,
        .agency = node->agency,
        .attempt = node->call->attempt,
        .code = CM_REFUSAL_NOT_PERMITTED,
        .refused_ms = node->world->wall,
        .text = "",
    };
    struct cm_buf payload = {0}, bytes = {0};
    struct cm_envelope envelope;
    struct cm_arena *arena = cm_arena_new(1 << 18);
    struct cm_record record;
    make_record(&record, node, arena, refusal.code);
    cr_assert_eq(cm_refusal_encode(&payload, &refusal), CM_OK);
    cr_assert_eq(cm_dsse_sign(&bytes, CM_FAMILY_REFUSAL, cm_buf_bytes(&payload), signer, true),
                 CM_OK);
    cr_assert_eq(cm_envelope_decode(&envelope, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    struct cm_call *call = node->call;
    node->call = NULL;
    node->world->refusing = true;
    call->handlers->refused(call, &envelope, &record);
    node->world->refusing = false;
    cm_arena_free(arena);
    cm_buf_clear(&payload);
    cm_buf_clear(&bytes);
}

static void send_batch(struct node *node)
{
    struct cm_buf message = {0};
    if (!node->call->spent) {
        start_answer(node);
    }
    if (!node->call) {
        return; // its record was no good
    }
    if (node->manner == GARBAGE) {
        uint8_t noise[100];
        for (size_t i = 0; i < sizeof noise; i++) {
            noise[i] = (uint8_t)world_draw(node->world, 256);
        }
        cr_assert_eq(cm_buf_add(&message, noise, sizeof noise), CM_OK);
    } else {
        make_batch(&message, node);
    }
    node->call->handlers->batch(node->call, cm_buf_bytes(&message));
    cm_buf_clear(&message);
}

// number: which ask it is; a released call's events come to nothing.
static void act(struct world *world, void *what, uint32_t number)
{
    struct node *node = what;
    (void)world;
    if (!node->call || node->asks != number) {
        return;
    }
    bool between = node->sent > 0;
    if (node->manner == DIES_BEFORE || (node->manner == DIES_BETWEEN && between)) {
        lose(node);
    } else if (node->manner == REFUSES) {
        refuse(node, node->signer);
    } else if (node->manner == FORGES_REFUSAL) {
        refuse(node, node->stranger);
    } else if (node->manner == WITHDRAWS && (between || node->row_count <= node->batch_rows)) {
        node->call->handlers->withdrawn(node->call);
    } else {
        send_batch(node);
    }
}

static void soon(struct node *node)
{
    bool slow = (node->manner == SLOW_FIRST && node->sent == 0) ||
                (node->manner == SLOW_LATER && node->sent > 0);
    world_later(node->world, slow ? 60000 : 1 + world_draw(node->world, 15), act, node, node->asks);
}

static void credit(struct world *world, void *what, uint32_t number)
{
    struct node *node = what;
    if (node->call && node->asks == number) {
        node->call->handlers->sent(node->call);
        world_later(world, node->credit_ms, act, node, number);
    }
}

// Its permission ends while rows may be held.
void node_withdraw(struct world *world, void *what, uint32_t number)
{
    struct node *node = what;
    (void)world;
    (void)number;
    if (!node->call || node->withdrawn) {
        return;
    }
    node->withdrawn = true;
    node->merged_before = node->merged;
    node->call->handlers->withdrawn(node->call);
}

bool node_ask(struct world *world, struct cm_call *call)
{
    struct node *node = node_of(world, call->agency);
    cr_assert_null(node->call);
    if (world->appended == 0) {
        world->asked_before_record++;
    }
    if (node->sessions == 0 ||
        (node->sessions == 1 && node->asks > 0 && node->manner != DIES_BEFORE)) {
        return false;
    }
    node->asks++;
    node->call = call;
    node->sent = 0;
    memset(&node->previous, 0, sizeof node->previous);
    call->spent = false;
    if (node->manner == WAITS_FOR_CREDIT) {
        world_later(world, node->credit_ms, credit, node, node->asks);
    } else {
        call->handlers->sent(call);
        soon(node);
    }
    return true;
}

void node_read(struct world *world, struct cm_call *call)
{
    struct node *node = node_of(world, call->agency);
    if (node->call == call) {
        soon(node);
    }
}

void node_release(struct world *world, struct cm_call *call, bool complete)
{
    struct node *node = node_of(world, call->agency);
    (void)complete;
    if (node->call == call) {
        node->call = NULL;
    }
}

#include "tests/unit/gateway_client/book_world.h"

#include "proto/ledger/checkpoint.h"
#include "proto/ledger/merkle.h"
#include "tests/support/node_record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct pki *world_pki;
struct cm_trust *world_trust;
struct cm_arena *world_arena;
struct cm_signatory *world_gateway;
struct cm_signer *world_gateway_signer;
struct cm_book *world_book;
struct cm_digest world_query_digest = {{1}};
struct cm_digest world_key_hash = {{2}};
struct cm_error world_error;
struct node world_north, world_south;
struct cm_entry world_entry;
struct cm_accepted world_accepted;
struct cm_account world_accounts[2];
struct cm_manifest world_manifest;
int64_t world_out[MAX_OUT];
size_t world_out_count;

static struct cm_bytes keep(struct cm_buf *buf)
{
    struct cm_bytes kept;
    cr_assert_eq(cm_arena_bytes(world_arena, &kept, cm_buf_bytes(buf)), CM_OK);
    cm_buf_clear(buf);
    return kept;
}

void world_collect(void *context, const struct cm_detection *detection)
{
    (void)context;
    world_out[world_out_count++] = detection->captured_at_ms;
}

// The gateway's entry for a query, alone in its tree.
void world_record(struct cm_accepted *into, const struct cm_digest *digest,
                  struct cm_signer *signer)
{
    static const char *const asked[] = {NORTHPORT, SOUTHGATE};
    struct cm_buf entry = {0};
    struct cm_buf note = {0};
    struct cm_checkpoint head = {.size = 1};
    struct cm_entry facts = world_entry;
    facts.digest = *digest;
    cr_assert_eq(cm_entry_encode(&entry, &facts), CM_OK);
    *into = (struct cm_accepted){.entry = keep(&entry), .agency_count = 2, .agencies = asked};
    cm_merkle_leaf(&head.root, into->entry);
    cr_assert_eq(cm_checkpoint_origin(head.origin, cm_signer_spiffe(signer)), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &head, signer), CM_OK);
    into->checkpoint = keep(&note);
    into->inclusion = (struct cm_inclusion){.index = 0, .size = 1};
}

void world_begin(enum cm_order order)
{
    const struct cm_book_options options = {
        .trust = world_trust,
        .gateway = world_gateway,
        .query_digest = world_query_digest,
        .key_hash = world_key_hash,
        .limit = LIMIT,
        .order = order,
        .clock = cm_clock_system(),
        .row = world_collect,
    };
    cm_book_free(world_book);
    cr_assert_eq(cm_book_new(&world_book, &options), CM_OK);
    cr_assert_eq(cm_book_accepted(world_book, &world_accepted, &world_error), CM_OK, "%s: %s",
                 world_error.where, world_error.text);
}

// What the gateway says when both have answered.
static void account_for_all(void)
{
    world_accounts[0] = (struct cm_account){
        .agency = NORTHPORT, .outcome = CM_OUTCOME_ANSWERED, .rules_digest = {{3}}, .reason = ""};
    world_accounts[1] = (struct cm_account){
        .agency = SOUTHGATE, .outcome = CM_OUTCOME_ANSWERED, .rules_digest = {{3}}, .reason = ""};
    world_manifest = (struct cm_manifest){
        .query_digest = world_query_digest,
        .gateway = "gw-1",
        .directory_serial = cm_trust_directory(world_trust)->serial,
        .directory_digest = cm_trust_directory(world_trust)->digest,
        .started_ms = world_pki->now_ms,
        .finished_ms = world_pki->now_ms + 5,
        .entry = world_accepted.entry,
        .checkpoint = world_accepted.checkpoint,
        .inclusion = world_accepted.inclusion,
        .account_count = 2,
        .accounts = world_accounts,
    };
    world_manifest.counts[CM_OUTCOME_ANSWERED] = 2;
    world_manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
}

void world_set_up(void)
{
    world_pki = pki_new();
    pki_agency(world_pki, MILLTOWN);
    pki_agency(world_pki, NORTHPORT);
    pki_agency(world_pki, SOUTHGATE);
    world_north = (struct node){
        NORTHPORT, pki_signer(world_pki, NORTHPORT, CM_ROLE_NODE, "n"), {{0}}, 0, false};
    world_south = (struct node){
        SOUTHGATE, pki_signer(world_pki, SOUTHGATE, CM_ROLE_NODE, "n"), {{0}}, 0, false};
    pki_signer(world_pki, MILLTOWN, CM_ROLE_NODE, "n");
    const struct pki_identity *identity = pki_identity(world_pki, "_", CM_ROLE_GATEWAY, "gw-1");
    world_gateway_signer = identity->signer;
    world_trust = pki_trust(world_pki);
    world_arena = cm_arena_new(16 * 1024 * 1024);
    cr_assert_eq(cm_trust_chain(&world_gateway, world_trust, identity->chain, identity->chain_count,
                                world_pki->now_ms, &world_error),
                 CM_OK, "%s: %s", world_error.where, world_error.text);
    world_entry = (struct cm_entry){
        .kind = CM_ENTRY_QUERY,
        .recorded_ms = world_pki->now_ms,
        .replay_key = {{7}},
        .expires_ms = world_pki->now_ms + 1000,
        .directory_serial = cm_trust_directory(world_trust)->serial,
        .decisions_root = {{8}},
        .decisions = 3,
        .commitments = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}, {{6}}},
    };
    world_record(&world_accepted, &world_query_digest, world_gateway_signer);
    world_out_count = 0;
    world_book = NULL;
    world_begin(CM_ORDER_TIME_DESCENDING);
    account_for_all();
}

void world_tear_down(void)
{
    cm_book_free(world_book);
    cm_signatory_unref(world_gateway);
    cm_arena_free(world_arena);
    cm_trust_unref(world_trust);
    pki_free(world_pki);
}

// A row of its own key, unless the node lies about owner or time.
const char *world_row_owner;
int64_t world_row_later_ms;

struct cm_row world_row_of(const struct node *node, int64_t captured_at_ms)
{
    struct cm_buf key = {0};
    struct cm_buf row = {0};
    char id[32];
    snprintf(id, sizeof id, "e-%ld", (long)captured_at_ms);
    const struct cm_detection detection = {
        .event_id = id,
        .owner = world_row_owner != NULL ? world_row_owner : node->agency,
        .captured_at_ms = captured_at_ms + world_row_later_ms,
        .plate_read = "8ZZZ123",
        .plate = "8ZZZ123",
        .state = "",
        .site = "",
        .camera = "",
        .make = "",
        .model = "",
        .colour = "",
        .body = "",
        .image_reference = "",
    };
    cr_assert_eq(cm_row_key(&key, captured_at_ms, node->agency, id), CM_OK);
    cr_assert_eq(cm_row_encode(&row, &detection, 0), CM_OK);
    struct cm_bytes kept = keep(&key);
    return (struct cm_row){kept, keep(&row)};
}

// Whether a final header says that its node stopped at a limit.
bool world_node_stopped;

// node's next batch, of reads at these times; the last `cut` of them withheld.
struct cm_batch world_batch_of(struct node *node, const int64_t *times, size_t count, bool final,
                               size_t cut)
{
    struct cm_row *rows = cm_arena_array(world_arena, count + 1, sizeof rows[0]);
    struct cm_digest *leaves = cm_arena_array(world_arena, count + 1, sizeof leaves[0]);
    struct cm_withheld *withheld = cm_arena_array(world_arena, cut + 1, sizeof withheld[0]);
    struct cm_buf payload = {0};
    struct cm_batch batch = {.row_count = count - cut, .rows = rows};
    for (size_t i = 0; i < count; i++) {
        rows[i] = world_row_of(node, times[i]);
        cm_row_leaf(&leaves[i], rows[i].key, rows[i].row);
    }
    for (size_t i = 0; i < cut; i++) {
        withheld[i] = (struct cm_withheld){rows[count - cut + i].key, leaves[count - cut + i]};
    }
    struct cm_header header = {
        .query_digest = world_query_digest,
        .agency = node->agency,
        .attempt = 1,
        .key_hash = world_key_hash,
        .rules_digest = {{3}},
        .previous = node->previous,
        .first_index = node->rows,
        .count = (uint32_t)count,
        .final = final,
        .total = final ? node->rows + count : 0,
        .more_matched = final && world_node_stopped,
    };
    cm_merkle_root_of(&header.root, leaves, count);
    if (count > 0) {
        header.first_key = rows[0].key;
        header.last_key = rows[count - 1].key;
    }
    cr_assert_eq(cm_header_encode(&payload, &header), CM_OK);
    struct cm_bytes bytes = keep(&payload);
    cm_sha256_of(&node->previous, bytes);
    node->rows += count;
    pki_sign(&batch.header, world_arena, CM_FAMILY_HEADER, bytes, node->signer);
    batch.withheld = withheld;
    batch.withheld_count = cut;
    return batch;
}

void world_node_ask(struct cm_node_ask *ask, enum cm_refusal_code refusal)
{
    *ask = (struct cm_node_ask){
        .query_digest = &world_query_digest,
        .gateway = "gw-1",
        .gateway_index = 0,
        .attempt = 1,
        .refusal = refusal,
    };
}

enum cm_status world_show(const char *agency, const struct cm_record *record)
{
    const struct cm_node_record shown = {.agency = agency, .record = *record};
    return cm_book_record(world_book, &shown, &world_error);
}

// An honest record, taken and entered into the gateway's account.
void world_show_of(struct node *node, struct cm_account *account, enum cm_refusal_code refusal)
{
    struct cm_node_ask ask;
    struct cm_record record;
    world_node_ask(&ask, refusal);
    node_record_make(&record, world_arena, node->signer, &ask);
    cr_assert_eq(world_show(node->agency, &record), CM_OK, "%s: %s", world_error.where,
                 world_error.text);
    cr_assert_eq(cm_record_digest(&account->record_digest, &record), CM_OK);
    node->shown = true;
}

enum cm_status world_give(const struct cm_batch *batch)
{
    return cm_book_batch(world_book, batch, &world_error);
}

static void note(struct cm_account *account, const struct node *node, const struct cm_batch *batch)
{
    account->rows += batch->row_count;
    world_manifest.rows += batch->row_count;
    account->last_header = node->previous;
    if (batch->row_count > 0) {
        account->last_key = batch->rows[batch->row_count - 1].key;
    }
}

// An honest batch, taken and entered into the gateway's account.
void world_answer(struct node *node, struct cm_account *account, const int64_t *times, size_t count,
                  bool final, size_t cut)
{
    struct cm_batch batch = world_batch_of(node, times, count, final, cut);
    if (!node->shown) {
        world_show_of(node, account, CM_REFUSAL_NONE);
    }
    cr_assert_eq(world_give(&batch), CM_OK, "%s: %s", world_error.where, world_error.text);
    note(account, node, &batch);
}

enum cm_status world_end_by(struct cm_signer *signer)
{
    struct cm_buf payload = {0};
    struct cm_envelope envelope;
    const struct cm_manifest *result;
    cr_assert_eq(cm_manifest_encode(&payload, &world_manifest), CM_OK);
    pki_sign(&envelope, world_arena, CM_FAMILY_MANIFEST, keep(&payload), signer);
    return cm_book_manifest(world_book, &result, &envelope, &world_error);
}

enum cm_status world_end(void)
{
    return world_end_by(world_gateway_signer);
}

const int64_t world_north_times[3] = {900, 700, 500};
const int64_t world_south_times[2] = {800, 600};

void world_answer_all(void)
{
    world_answer(&world_north, &world_accounts[0], world_north_times, 3, true, 0);
    world_answer(&world_south, &world_accounts[1], world_south_times, 2, true, 0);
}

enum cm_refusal_code world_refusal_code = CM_REFUSAL_UNAVAILABLE;

enum cm_status world_refuse(struct node *node, const struct cm_digest *rules)
{
    static const struct cm_digest usual = {{3}};
    struct cm_buf payload = {0};
    struct cm_envelope envelope;
    const struct cm_refusal refusal = {
        .query_digest = world_query_digest,
        .agency = node->agency,
        .attempt = 1,
        .code = world_refusal_code,
        .rules_digest = rules != NULL ? *rules : usual,
        .refused_ms = world_pki->now_ms,
        .text = "",
    };
    cr_assert_eq(cm_refusal_encode(&payload, &refusal), CM_OK);
    pki_sign(&envelope, world_arena, CM_FAMILY_REFUSAL, keep(&payload), node->signer);
    return cm_book_refusal(world_book, &envelope, &world_error);
}

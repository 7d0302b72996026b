#include "tests/unit/gateway_client/receipt_world.h"

#include "tests/support/node_record.h"

#include <criterion/criterion.h>
#include <string.h>

struct cm_signer *receipt_person;
static struct cm_query query;

static struct cm_bytes keep(struct cm_buf *buf)
{
    struct cm_bytes kept;
    cr_assert_eq(cm_arena_bytes(world_arena, &kept, cm_buf_bytes(buf)), CM_OK);
    cm_buf_clear(buf);
    return kept;
}

void receipt_set_up(void)
{
    world_set_up();
    receipt_person = pki_signer(world_pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "rivera");
}

static void sign_question(struct receipt_answer *out)
{
    static uint8_t number;
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    query = (struct cm_query){
        .query_id = {++number},
        .blind = {9},
        .issued_ms = world_pki->now_ms,
        .expires_ms = world_pki->now_ms + 60000,
        .federation = world_pki->federation,
        .gateway = "gw-1",
        .signer = cm_signer_spiffe(receipt_person),
        .key_hash = *cm_signer_key_hash(receipt_person),
        .action = CM_ACTION_LOOKUP,
        .plate = {"8ZZZ123", ""},
        .window = {world_pki->now_ms - PKI_DAY_MS, world_pki->now_ms},
        .purpose = "homicide",
        .case_number = "26-1234",
        .reason = "seen near the scene twice",
        .on_behalf_of = "",
        .court_order = "",
        .limit = LIMIT,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = 10000,
    };
    cr_assert_eq(cm_query_encode(&payload, &query, &world_error), CM_OK, "%s: %s",
                 world_error.where, world_error.text);
    cm_sha256_of(&world_query_digest, cm_buf_bytes(&payload));
    world_key_hash = query.key_hash;
    cr_assert_eq(
        cm_dsse_sign(&envelope, CM_FAMILY_QUERY, cm_buf_bytes(&payload), receipt_person, true),
        CM_OK);
    cm_buf_clear(&payload);
    out->question = keep(&envelope);
}

static void add(struct receipt_answer *out, const struct cm_lookup_response *response)
{
    struct cm_buf message = {0};
    cr_assert_eq(cm_lookup_response_encode(&message, response), CM_OK);
    cr_assert_lt(out->count, MAX_MESSAGES);
    out->kinds[out->count] = response->kind;
    out->messages[out->count++] = keep(&message);
}

static void add_progress(struct receipt_answer *out, const char *agency, enum cm_outcome outcome,
                         uint64_t rows)
{
    const struct cm_lookup_response response = {
        .kind = CM_LOOKUP_PROGRESS,
        .u.progress = {.agency = agency, .outcome = outcome, .rows = rows}};
    add(out, &response);
}

static void add_record(struct receipt_answer *out, struct cm_account *account, struct node *node,
                       enum cm_refusal_code refusal)
{
    struct cm_entry entry = {
        .kind = CM_ENTRY_NODE,
        .recorded_ms = world_pki->now_ms,
        .digest = world_query_digest,
        .replay_key = {{7}},
        .expires_ms = query.expires_ms,
        .directory_serial = 1,
        .committed = true,
        .gateway = "gw-1",
        .attempt = 1,
        .permitted = refusal == CM_REFUSAL_NONE,
        .refusal = (uint32_t)refusal,
        .rules_digest = {{3}},
        .deciding_rule = "",
    };
    struct cm_lookup_response response = {.kind = CM_LOOKUP_RECORD,
                                          .u.record.agency = node->agency};
    cm_commitments_of(&entry.commitments, &query, NORTHPORT);
    node_record_of(&response.u.record.record, world_arena, node->signer, &entry);
    cr_assert_eq(cm_record_digest(&account->record_digest, &response.u.record.record), CM_OK);
    add(out, &response);
}

static void add_batch(struct receipt_answer *out, struct cm_account *account, struct node *node,
                      const int64_t *times, size_t count, bool final, size_t cut)
{
    const struct cm_lookup_response response = {
        .kind = CM_LOOKUP_BATCH,
        .u.batch = world_batch_of(node, times, count, final, cut),
    };
    size_t shown = response.u.batch.row_count;
    add(out, &response);
    account->rows += shown;
    account->last_header = node->previous;
    account->last_key = response.u.batch.rows[shown - 1].key;
    account->more_matched = cut > 0;
    world_manifest.rows += shown;
}

static void add_unmerged(struct receipt_answer *out, struct cm_account *account, struct node *node,
                         const int64_t *times, size_t count)
{
    const struct cm_batch batch = world_batch_of(node, times, count, true, 0);
    const struct cm_lookup_response response = {.kind = CM_LOOKUP_UNMERGED,
                                                .u.envelope = batch.header};
    add(out, &response);
    account->last_header = node->previous;
    account->more_matched = true;
}

static void add_refusal(struct receipt_answer *out, struct node *node)
{
    struct cm_buf payload = {0};
    struct cm_lookup_response response = {.kind = CM_LOOKUP_REFUSAL};
    const struct cm_refusal refusal = {
        .query_digest = world_query_digest,
        .agency = node->agency,
        .attempt = 1,
        .code = CM_REFUSAL_NOT_PERMITTED,
        .rules_digest = {{3}},
        .refused_ms = world_pki->now_ms,
        .text = "",
    };
    cr_assert_eq(cm_refusal_encode(&payload, &refusal), CM_OK);
    pki_sign(&response.u.envelope, world_arena, CM_FAMILY_REFUSAL, keep(&payload), node->signer);
    add(out, &response);
}

static void add_manifest(struct receipt_answer *out)
{
    struct cm_buf payload = {0};
    struct cm_lookup_response response = {.kind = CM_LOOKUP_MANIFEST};
    cr_assert_eq(cm_manifest_encode(&payload, &world_manifest), CM_OK);
    pki_sign(&response.u.envelope, world_arena, CM_FAMILY_MANIFEST, keep(&payload),
             world_gateway_signer);
    add(out, &response);
}

static void begin(struct receipt_answer *out)
{
    const struct pki_identity *gateway = pki_identity(world_pki, "_", CM_ROLE_GATEWAY, "gw-1");
    struct cm_lookup_response response = {.kind = CM_LOOKUP_ACCEPTED};
    *out = (struct receipt_answer){.directory = cm_trust_bundle(world_trust),
                                   .gateway = gateway->chain[0]};
    sign_question(out);
    cm_commitments_of(&world_entry.commitments, &query, NORTHPORT);
    world_record(&world_accepted, &world_query_digest, world_gateway_signer);
    response.u.accepted = world_accepted;
    add(out, &response);
    world_manifest.query_digest = world_query_digest;
    world_manifest.entry = world_accepted.entry;
    world_manifest.checkpoint = world_accepted.checkpoint;
    world_manifest.inclusion = world_accepted.inclusion;
    world_manifest.rows = 0;
    world_manifest.cut = false;
    memset(world_manifest.counts, 0, sizeof world_manifest.counts);
    world_manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    for (size_t i = 0; i < 2; i++) {
        world_accounts[i] = (struct cm_account){.agency = world_accounts[i].agency,
                                                .outcome = CM_OUTCOME_ANSWERED,
                                                .rules_digest = {{3}},
                                                .reason = ""};
    }
    world_north.previous = world_south.previous = (struct cm_digest){{0}};
    world_north.rows = world_south.rows = 0;
    add_progress(out, NORTHPORT, CM_OUTCOME_NONE, 0);
    add_record(out, &world_accounts[0], &world_north, CM_REFUSAL_NONE);
}

static void shows(struct receipt_answer *out, const int64_t *times, size_t count)
{
    memcpy(out->rows, times, count * sizeof times[0]);
    out->row_count = count;
}

static void make_plain(struct receipt_answer *out)
{
    static const int64_t shown[] = {900, 800, 700, 600, 500};
    add_batch(out, &world_accounts[0], &world_north, world_north_times, 2, false, 0);
    add_record(out, &world_accounts[1], &world_south, CM_REFUSAL_NONE);
    add_batch(out, &world_accounts[1], &world_south, world_south_times, 2, true, 0);
    add_batch(out, &world_accounts[0], &world_north, world_north_times + 2, 1, true, 0);
    add_progress(out, SOUTHGATE, CM_OUTCOME_ANSWERED, 2);
    world_manifest.counts[CM_OUTCOME_ANSWERED] = 2;
    shows(out, shown, 5);
}

static void make_refused(struct receipt_answer *out)
{
    add_record(out, &world_accounts[1], &world_south, CM_REFUSAL_NOT_PERMITTED);
    add_refusal(out, &world_south);
    add_progress(out, SOUTHGATE, CM_OUTCOME_REFUSED, 0);
    add_batch(out, &world_accounts[0], &world_north, world_north_times, 3, true, 0);
    world_accounts[1].outcome = CM_OUTCOME_REFUSED;
    world_manifest.counts[CM_OUTCOME_ANSWERED] = 1;
    world_manifest.counts[CM_OUTCOME_REFUSED] = 1;
    shows(out, world_north_times, 3);
}

static void make_cut(struct receipt_answer *out)
{
    static const int64_t north[] = {900, 700, 500, 300};
    static const int64_t south[] = {850, 800, 750};
    static const int64_t behind[] = {400, 200};
    static const int64_t shown[] = {900, 850, 800, 750, 700, 500};
    add_record(out, &world_accounts[1], &world_south, CM_REFUSAL_NONE);
    add_batch(out, &world_accounts[1], &world_south, south, 3, false, 0);
    add_batch(out, &world_accounts[0], &world_north, north, 4, false, 1);
    add_unmerged(out, &world_accounts[1], &world_south, behind, 2);
    world_manifest.counts[CM_OUTCOME_ANSWERED] = 2;
    world_manifest.cut = true;
    shows(out, shown, 6);
}

void receipt_answer_of(struct receipt_answer *out, enum receipt_kind kind)
{
    static void (*const make[RECEIPT_KINDS])(struct receipt_answer *
                                             out) = {make_plain, make_refused, make_cut};
    begin(out);
    make[kind](out);
    add_manifest(out);
}

static void put(struct cm_buf *out, enum cm_receipt_kind kind, struct cm_bytes bytes)
{
    uint8_t part[CM_RECEIPT_PART_SIZE];
    cm_receipt_part(part, kind, bytes.len);
    cr_assert_eq(cm_buf_add(out, part, sizeof part), CM_OK);
    cr_assert_eq(cm_buf_add(out, bytes.data, bytes.len), CM_OK);
}

void receipt_write(struct cm_buf *out, const struct receipt_answer *answer, bool saved)
{
    cr_assert_eq(cm_buf_add(out, CM_RECEIPT_MAGIC, CM_RECEIPT_MAGIC_SIZE), CM_OK);
    put(out, CM_RECEIPT_QUESTION, answer->question);
    put(out, CM_RECEIPT_DIRECTORY, answer->directory);
    put(out, CM_RECEIPT_GATEWAY, answer->gateway);
    for (size_t i = 0; i < answer->count; i++) {
        put(out, CM_RECEIPT_RESPONSE, answer->messages[i]);
    }
    if (saved) {
        cr_assert_eq(cm_receipt_sign(out, cm_buf_bytes(out), receipt_person,
                                     world_pki->now_ms + 1000, &world_error),
                     CM_OK);
    }
}

struct shown {
    const struct receipt_answer *answer;
    size_t count;
    bool same;
};

static void see_row(void *context, const struct cm_detection *row)
{
    struct shown *shown = context;
    shown->same = shown->same && shown->count < shown->answer->row_count &&
                  shown->answer->rows[shown->count] == row->captured_at_ms;
    shown->count++;
}

enum cm_status receipt_judge(struct cm_bytes bytes, const struct receipt_answer *answer, bool *same,
                             const struct cm_trust *newest)
{
    static struct cm_replay replay;
    struct cm_receipt receipt;
    struct shown shown = {answer, 0, true};
    const struct cm_replay_options options = {
        .root = pki_root(world_pki), .newest = newest, .row = see_row, .context = &shown};
    enum cm_status status = cm_receipt_read(&receipt, bytes, &world_error);
    if (status == CM_OK) {
        status = cm_replay_run(&replay, &receipt, &options, &world_error);
        cm_replay_clear(&replay);
    }
    *same = shown.same && shown.count == answer->row_count;
    return status;
}

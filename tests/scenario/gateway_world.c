#include "gateway_world.h"

#include "acl/index.h"
#include "proto/ledger/writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const agencies[WORLD_NODES] = {
    "az.redmesa.pd",   "ca.eastfield.so", "ca.milltown.pd",
    "ca.northport.pd", "ca.southgate.pd", "us.shopcourt.private",
};

static struct world *of(struct cm_gateway_ports *ports)
{
    return CM_CONTAINER(ports, struct world, ports);
}

uint32_t world_draw(struct world *world, uint32_t below)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return below ? (uint32_t)(world->seed >> 33) % below : 0;
}

void world_later(struct world *world, int64_t ms,
                 void (*run)(struct world *world, void *what, uint32_t number), void *what,
                 uint32_t number)
{
    cr_assert_lt(world->event_count, WORLD_EVENTS);
    world->events[world->event_count++] =
        (struct event){world->mono + ms, world->event_order++, run, what, number};
}

static int64_t wall_ms(const struct cm_clock *clock)
{
    return CM_CONTAINER(clock, struct world, clock)->wall;
}

static int64_t mono_ms(const struct cm_clock *clock)
{
    return CM_CONTAINER(clock, struct world, clock)->mono;
}

static void run_job(struct world *world, void *what, uint32_t number)
{
    struct cm_job *job = what;
    (void)world;
    (void)number;
    job->work(job);
    job->done(job);
}

static void report_job(struct world *world, void *what, uint32_t number)
{
    struct cm_job *job = what;
    (void)world;
    (void)number;
    job->done(job);
}

static enum cm_status submit(struct cm_gateway_ports *ports, struct cm_job *job)
{
    if (of(ports)->refusing && of(ports)->report_ms > 0) {
        job->work(job);
        world_later(of(ports), of(ports)->report_ms, report_job, job, 0);
        return CM_OK;
    }
    world_later(of(ports), world_draw(of(ports), 3), run_job, job, 0);
    return CM_OK;
}

static void wake_at(struct cm_gateway_ports *ports, struct cm_gateway_query *query, int64_t ms)
{
    (void)query;
    of(ports)->wake = ms;
}

static void run_append(struct world *world, void *what, uint32_t number)
{
    struct cm_append *append = what;
    (void)number;
    append->status = world->append_fails ? CM_UNAVAILABLE : CM_OK;
    if (!world->append_fails) {
        struct cm_digest leaf;
        struct cm_checkpoint checkpoint = {.origin = "valley.test/gateway/gw-1"};
        cm_merkle_leaf(&leaf, append->entry);
        cr_assert_eq(cm_merkle_add(world->tree, &leaf), CM_OK);
        checkpoint.size = cm_merkle_size(world->tree);
        append->index = checkpoint.size - 1;
        append->head = cm_tree_head_new(&checkpoint, cm_bytes_of("a note"), 1);
        records_append(world, append);
        world->appended++;
    }
    append->done(append);
}

static enum cm_status append(struct cm_gateway_ports *ports, struct cm_append *one)
{
    world_later(of(ports), of(ports)->append_ms + world_draw(of(ports), 5), run_append, one, 0);
    return CM_OK;
}

static enum cm_status inclusion(struct cm_gateway_ports *ports, struct cm_inclusion *out,
                                struct cm_arena *arena, uint64_t index, uint64_t size)
{
    return cm_merkle_inclusion(out, arena, of(ports)->tree, index, size);
}

static bool writable(struct cm_gateway_ports *ports, struct cm_gateway_query *query)
{
    (void)query;
    return of(ports)->writable && !of(ports)->finished;
}

static void taken(struct world *world, void *what, uint32_t number)
{
    (void)what;
    (void)number;
    world->writable = true;
    if (!world->settled) {
        cm_gateway_query_writable(world->query);
    }
}

static enum cm_status write_message(struct cm_gateway_ports *ports, struct cm_gateway_query *query,
                                    struct cm_bytes message)
{
    struct world *world = of(ports);
    (void)query;
    cr_assert(world->writable, "a write while one is in flight");
    caller_take(world, message);
    world->writable = false;
    world_later(world, world_draw(world, world->stall_ms + 1) + world->stall_once_ms, taken, NULL,
                0);
    world->stall_once_ms = 0;
    return CM_OK;
}

static void gone(struct world *world, void *what, uint32_t number)
{
    (void)what;
    (void)number;
    if (!world->settled) {
        cm_gateway_query_gone(world->query);
    }
}

static void finish(struct cm_gateway_ports *ports, struct cm_gateway_query *query,
                   enum cm_status status, const struct cm_error *error)
{
    struct world *world = of(ports);
    (void)query;
    cr_assert_not(world->finished);
    world->finished = true;
    world->status = status;
    if (error) {
        world->error = *error;
    }
    world_later(world, 1, gone, NULL, 0);
}

static void settled(struct cm_gateway_ports *ports, struct cm_gateway_query *query)
{
    cr_assert_not(of(ports)->settled);
    of(ports)->settled = true;
    cm_gateway_query_free(query);
}

static struct cm_standing *standing(struct cm_gateway_ports *ports, const char *agency)
{
    return node_of(of(ports), agency)->standing;
}

// Until trust is another, as a gateway that has just got it.
static bool decide(struct cm_gateway_ports *ports, const struct cm_directory *directory,
                   const struct cm_request *request, uint8_t *verdicts)
{
    struct world *world = of(ports);
    struct cm_index *index;
    if (directory != cm_trust_directory(world->trust)) {
        return false;
    }
    cr_assert_eq(cm_index_new(&index, directory), CM_OK);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        const struct cm_standing *one = world->nodes[i].standing;
        cr_assert(one == NULL || cm_index_put(index, one->rules, one->overlay) == CM_OK);
    }
    cm_index_decide(index, request, verdicts);
    cm_index_free(index);
    return true;
}

static enum cm_outcome presence(struct cm_gateway_ports *ports, const char *agency)
{
    return node_of(of(ports), agency)->manner == NOT_ATTACHED ? CM_OUTCOME_DETACHED
                                                              : CM_OUTCOME_NONE;
}

static bool ask(struct cm_gateway_ports *ports, struct cm_call *call)
{
    return node_ask(of(ports), call);
}

static void read_next(struct cm_gateway_ports *ports, struct cm_call *call)
{
    node_read(of(ports), call);
}

static void release(struct cm_gateway_ports *ports, struct cm_call *call, bool complete)
{
    node_release(of(ports), call, complete);
}

static struct cm_standing *make_standing(struct world *world, const char *agency)
{
    char text[256];
    snprintf(text, sizeof text,
             "rules 1\nnode %s\npermit anyone to any for any back all see all until 2099-01-01\n",
             agency);
    struct cm_rule_file file = {"main.rules", cm_bytes_of(text)};
    struct cm_rules_source source = {.main = "main.rules",
                                     .file_count = 1,
                                     .files = &file,
                                     .directory = cm_trust_directory(world->trust),
                                     .now_ms = world->wall};
    struct cm_diagnostics diagnostics = {0};
    struct cm_standing *made = calloc(1, sizeof *made);
    cr_assert_eq(cm_rules_compile(&made->rules, &source, &diagnostics), CM_OK);
    cm_diagnostics_clear(&diagnostics);
    made->references = 1;
    made->sequence = 3;
    cm_sha256_of(&made->digest, cm_bytes_of(text));
    return made;
}

static void make_nodes(struct world *world)
{
    for (size_t i = 0; i < WORLD_NODES; i++) {
        struct node *node = &world->nodes[i];
        node->world = world;
        node->agency = agencies[i];
        node->signer = pki_signer(world->pki, agencies[i], CM_ROLE_NODE, "node-1");
        node->stranger =
            pki_signer(world->pki, agencies[(i + 1) % WORLD_NODES], CM_ROLE_NODE, "node-1");
        node->standing = make_standing(world, agencies[i]);
    }
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    world->pki = pki_new();
    for (size_t i = 0; i < WORLD_NODES; i++) {
        pki_agency(world->pki, agencies[i]);
        pki_identity(world->pki, agencies[i], CM_ROLE_NODE, "node-1");
    }
    pki_signer(world->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    world->trust = pki_trust(world->pki);
    world->wall = world->pki->now_ms;
    make_nodes(world);
    world->clock = (struct cm_clock){wall_ms, mono_ms};
    world->ports = (struct cm_gateway_ports){
        .clock = &world->clock,
        .submit = submit,
        .wake_at = wake_at,
        .append = append,
        .inclusion = inclusion,
        .seal = records_seal,
        .sealed = records_sealed,
        .refused = records_refused,
        .ended = records_ended,
        .writable = writable,
        .write = write_message,
        .finish = finish,
        .settled = settled,
        .standing = standing,
        .decide = decide,
        .presence = presence,
        .ask = ask,
        .read = read_next,
        .release = release,
    };
    world->gateway = (struct cm_gateway){
        .epoch = 1,
        .ports = &world->ports,
        .trust = world->trust,
        .signer = pki_signer(world->pki, "_", CM_ROLE_GATEWAY, "gw-1"),
        .name = "gw-1",
        .actions = 1u << CM_ACTION_LOOKUP,
    };
    struct cm_admit_limits admit = {"queries running", 4, 2, 3, 1024 * 1024};
    struct cm_replay_limits replay = {100000, 100000, 100000};
    cr_assert_eq(cm_admit_new(&world->gateway.admit, &admit), CM_OK);
    cr_assert_eq(cm_replay_new(&world->gateway.replay, &replay), CM_OK);
    cr_assert_eq(cm_merkle_new(&world->tree), CM_OK);
    world->arena = cm_arena_new(64 * 1024 * 1024);
    world->records = cm_arena_new(16 * 1024 * 1024);
    return world;
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < WORLD_NODES; i++) {
        struct node *node = &world->nodes[i];
        cm_standing_unref(node->standing);
        cm_answer_check_clear(&node->check);
        for (size_t row = 0; row < WORLD_ROWS; row++) {
            cm_buf_clear(&node->keys[row]);
            cm_buf_clear(&node->rows[row]);
        }
    }
    cm_merkle_free(world->tree);
    cm_admit_free(world->gateway.admit);
    cm_replay_free(world->gateway.replay);
    cm_arena_free(world->arena);
    cm_arena_free(world->records);
    cm_trust_unref(world->trust);
    pki_free(world->pki);
    free(world);
}

static void begin_node(struct world *world, struct node *node)
{
    cm_answer_check_clear(&node->check);
    memset(&node->check, 0, sizeof node->check);
    node->manner = HONEST;
    node->sessions = 1;
    node->asks = 0;
    node->call = NULL;
    node->withdrawn = false;
    node->credit_ms = 1;
    node->checking = node->cut = node->listed = node->refusal_seen = node->record_seen = false;
    node->record = (struct cm_digest){{0}};
    node->merged = 0;
    node->progress = CM_OUTCOME_NONE;
    node->batch_rows = 1 + world_draw(world, CM_FIRST_BATCH_ROWS);
    node_rows(world, node, world_draw(world, 5) == 0 ? 0 : world_draw(world, WORLD_ROWS));
}

static void begin_question(struct world *world)
{
    const struct pki_identity *signer =
        pki_identity(world->pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    world->asked = (struct cm_query){
        .issued_ms = world->wall,
        .expires_ms = world->wall + 60000,
        .federation = world->pki->federation,
        .gateway = "gw-1",
        .signer = signer->spiffe,
        .key_hash = *cm_signer_key_hash(signer->signer),
        .action = CM_ACTION_LOOKUP,
        .plate = {.plate = "8ABC123", .state = ""},
        .window = {world->wall - 7LL * PKI_DAY_MS, world->wall},
        .purpose = "vehicle-theft",
        .case_number = "26-1234",
        .reason = "stolen vehicle seen twice",
        .on_behalf_of = "",
        .court_order = "",
        .limit = 1000,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = 10000,
    };
}

static void begin_call(struct world *world)
{
    cr_assert_eq(world->event_count, 0);
    world->wake = INT64_MAX;
    world->writable = true;
    world->finished = world->settled = world->accepted = world->has_manifest = false;
    world->status = CM_OK;
    world->merged = world->last_key_len = world->asked_before_record = 0;
    memset(&world->manifest, 0, sizeof world->manifest);
    cm_arena_reset(world->arena);
    records_begin(world);
}

void world_begin(struct world *world, uint64_t seed)
{
    world->seed = seed * 7919;
    world->mono = 1000000;
    world->wall = world->pki->now_ms + world_draw(world, 1000);
    world->node_count = WORLD_NODES;
    world->append_fails = world->gone_early = false;
    world->append_ms = world->report_ms = world->stall_ms = world->stall_once_ms = 0;
    world->appended = 0;
    world->serial_ahead = 0;
    world->withdraws = NULL;
    world->signs = NULL;
    world->next_trust = NULL;
    world->gateway.trust = world->trust;
    for (size_t i = 0; i < WORLD_NODES; i++) {
        begin_node(world, &world->nodes[i]);
    }
    begin_question(world);
    begin_call(world);
}

void world_request(struct world *world, struct cm_buf *out)
{
    cr_assert_eq(cm_random(world->asked.query_id, sizeof world->asked.query_id), CM_OK);
    cr_assert_eq(cm_random(world->asked.blind, sizeof world->asked.blind), CM_OK);
    struct cm_buf payload = {0};
    struct cm_error error = {0};
    struct cm_lookup_request request = {
        .directory_serial = cm_trust_directory(world->trust)->serial + world->serial_ahead};
    struct cm_arena *arena = cm_arena_new(1 << 18);
    cr_assert_eq(cm_query_encode(&payload, &world->asked, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cm_sha256_of(&world->digest, cm_buf_bytes(&payload));
    pki_sign(&request.query, arena, CM_FAMILY_QUERY, cm_buf_bytes(&payload),
             world->signs
                 ? world->signs->signer
                 : pki_signer(world->pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1"));
    cr_assert_eq(cm_lookup_request_encode(out, &request), CM_OK);
    cm_arena_free(arena);
    cm_buf_clear(&payload);
}

static bool step(struct world *world)
{
    size_t first = 0;
    for (size_t i = 1; i < world->event_count; i++) {
        if (world->events[i].at < world->events[first].at ||
            (world->events[i].at == world->events[first].at &&
             world->events[i].order < world->events[first].order)) {
            first = i;
        }
    }
    bool has_event = world->event_count > 0;
    int64_t at = has_event ? world->events[first].at : INT64_MAX;
    bool wake = !world->settled && world->wake <= at && world->wake != INT64_MAX;
    if (!has_event && !wake) {
        return false;
    }
    int64_t to = wake ? world->wake : at;
    if (to > world->mono) {
        world->wall += to - world->mono;
        world->mono = to;
    }
    if (wake) {
        world->wake = INT64_MAX;
        cm_gateway_query_wake(world->query);
        return true;
    }
    struct event event = world->events[first];
    world->events[first] = world->events[--world->event_count];
    event.run(world, event.what, event.number);
    return true;
}

void world_run(struct world *world)
{
    while (step(world)) {
        continue;
    }
    cr_assert(world->settled, "the query never ends");
    cr_assert_eq(cm_admit_inside(world->gateway.admit), 0);
    cr_assert_eq(cm_admit_bytes(world->gateway.admit), world->held_by_others);
}

static void retrust(struct world *world, void *what, uint32_t number)
{
    (void)what;
    (void)number;
    world->gateway.trust = world->next_trust;
    if (!world->settled) {
        cm_gateway_query_retrust(world->query, world->next_trust);
    }
}

void world_ask_again(struct world *world, struct cm_bytes request)
{
    begin_call(world);
    struct cm_error error = {0};
    world->begun = world->mono;
    world->status = cm_gateway_query_new(&world->query, &world->gateway, world, false, &error);
    if (world->status) {
        world->error = error;
        world->settled = world->finished = true;
        return;
    }
    const struct pki_identity *caller =
        pki_identity(world->pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    struct cm_peer peer = {.count = caller->chain_count};
    memcpy(peer.chain, caller->chain, sizeof peer.chain);
    cm_gateway_query_request(world->query, request, &peer);
    if (world->withdraws) {
        world_later(world, world->withdraws_ms, node_withdraw, world->withdraws, 0);
    }
    if (world->next_trust) {
        world_later(world, world->next_trust_ms, retrust, NULL, 0);
    }
    if (world->gone_early) {
        world_later(world, world_draw(world, 60), gone, NULL, 0);
    }
    world_run(world);
}

void world_ask(struct world *world)
{
    struct cm_buf request = {0};
    world_request(world, &request);
    world_ask_again(world, cm_buf_bytes(&request));
    cm_buf_clear(&request);
}

const struct cm_account *world_account(const struct world *world, const char *agency)
{
    for (size_t i = 0; i < world->manifest.account_count; i++) {
        if (strcmp(world->manifest.accounts[i].agency, agency) == 0) {
            return &world->manifest.accounts[i];
        }
    }
    return NULL;
}

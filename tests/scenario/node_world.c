#include "node_world.h"

#include "proto/ledger/record.h"
#include "proto/ledger/writer.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t wall(const struct cm_clock *clock)
{
    return CM_CONTAINER(clock, struct world, clock)->wall_ms;
}

static int64_t mono(const struct cm_clock *clock)
{
    return CM_CONTAINER(clock, struct world, clock)->mono_ms;
}

static void add_event(struct world *world, enum world_kind kind, void *what)
{
    cr_assert_lt(world->event_count, WORLD_EVENTS);
    world->events[world->event_count++] = (struct world_event){kind, what};
}

static struct world *of_ports(struct cm_node_ports *ports)
{
    return CM_CONTAINER(ports, struct world, ports);
}

static enum cm_status submit(struct cm_node_ports *ports, struct cm_job *job)
{
    struct world *world = of_ports(ports);
    if (world->submit_fails > 0) {
        world->submit_fails--;
        return CM_EXHAUSTED;
    }
    add_event(world, WORLD_JOB, job);
    return CM_OK;
}

static enum cm_status append(struct cm_node_ports *ports, struct cm_append *append)
{
    struct world *world = of_ports(ports);
    const bool is_release = append->access.len == 0;
    if (is_release && world->release_room == 0) {
        return CM_EXHAUSTED;
    }
    world->release_room -= is_release && world->release_room > 0;
    add_event(world, WORLD_APPEND, append);
    return CM_OK;
}

static struct world *of_asker(struct cm_asker *asker)
{
    return CM_CONTAINER(asker, struct world, asker);
}

struct world_said *world_said(struct world *world, uint64_t ask)
{
    for (size_t i = 0; i < world->said_count; i++) {
        if (world->said[i].ask == ask) {
            return &world->said[i];
        }
    }
    cr_assert_lt(world->said_count, WORLD_SAID);
    struct world_said *said = &world->said[world->said_count++];
    *said = (struct world_said){.ask = ask, .writable = true};
    return said;
}

static struct cm_bytes keep_bytes(struct world *world, struct cm_bytes bytes)
{
    struct cm_bytes copy;
    cr_assert_eq(cm_arena_bytes(world->arena, &copy, bytes), CM_OK);
    return copy;
}

static enum cm_status prove(struct cm_node_ports *ports, struct cm_inclusion *out,
                            struct cm_arena *arena, uint64_t index, uint64_t size)
{
    return cm_merkle_inclusion(out, arena, of_ports(ports)->own, index, size);
}

// What a gateway or client makes of the node's own record.
static void take_record(struct world *world, struct world_said *said,
                        const struct cm_record *record)
{
    const struct pki_identity *node = pki_identity(world->pki, WORLD_OWNER, CM_ROLE_NODE, "n1");
    struct cm_buf bytes = {0};
    struct cm_record copy;
    struct cm_checkpoint head;
    cr_assert_eq(cm_record_encode(&bytes, record), CM_OK);
    cr_assert_eq(cm_record_decode(&copy, world->arena, keep_bytes(world, cm_buf_bytes(&bytes)),
                                  &world->error),
                 CM_OK, "%s: %s", world->error.where, world->error.text);
    cm_buf_clear(&bytes);
    cr_assert_eq(cm_record_open(&said->record, &head, world->arena, &copy, node->spiffe,
                                cm_signatory_key(world->self), &world->error),
                 CM_OK, "%s: %s", world->error.where, world->error.text);
    cr_assert_eq(said->record.kind, CM_ENTRY_NODE);
    said->has_record = true;
}

static void refuse(struct cm_asker *asker, uint64_t ask, struct cm_bytes bytes,
                   const struct cm_record *record)
{
    struct world *world = of_asker(asker);
    struct world_said *said = world_said(world, ask);
    struct cm_envelope envelope;
    struct cm_signatory *by[2];
    cr_assert(!said->refused && !said->opened);
    said->refused = true;
    cr_assert_eq(cm_envelope_decode(&envelope, world->arena, keep_bytes(world, bytes), NULL),
                 CM_OK);
    cr_assert_eq(envelope.family, CM_FAMILY_REFUSAL);
    cr_assert_eq(cm_trust_verify(by, world->node.trust, &envelope, NULL, world->wall_ms, NULL),
                 CM_OK);
    cr_assert_str_eq(cm_signatory_identity(by[0])->agency, WORLD_OWNER);
    cm_signatory_unref(by[0]);
    cr_assert_eq(cm_refusal_decode(&said->refusal, world->arena, envelope.payload, NULL), CM_OK);
    if (record) {
        take_record(world, said, record);
        cr_assert_not(said->record.permitted);
        cr_assert_eq(said->record.refusal, said->refusal.code);
        cr_assert(cm_digest_equal(&said->record.digest, &said->refusal.query_digest));
    }
}

static void keep(struct cm_asker *asker, struct cm_keep *one, uint64_t size, struct cm_bytes note)
{
    struct world *world = of_asker(asker);
    cr_assert_gt(note.len, 0);
    world->seen = size;
    if (!one) {
        return;
    }
    one->size = size;
    add_event(world, WORLD_KEEP, one);
}

static struct world_said *said_of(const struct cm_node_query *query)
{
    return world_said(of_asker(cm_node_query_asker(query)), cm_node_query_ask(query)->ask);
}

static enum cm_status open_answer(struct cm_asker *asker, struct cm_node_query *query)
{
    struct world *world = of_asker(asker);
    struct world_said *said = said_of(query);
    cr_assert(!said->opened && !said->refused);
    said->opened = true;
    said->writable = false;
    take_record(world, said, cm_node_query_record_of(query));
    cr_assert(said->record.permitted);
    add_event(world, WORLD_WRITABLE, query);
    return CM_OK;
}

static bool writable(const struct cm_node_query *query)
{
    return said_of(query)->writable;
}

static enum cm_status write_batch(struct cm_node_query *query, struct cm_bytes message)
{
    struct world *world = of_asker(cm_node_query_asker(query));
    struct world_said *said = said_of(query);
    struct cm_answer_request request;
    cr_assert(said->opened && said->writable && !said->finished && !said->cancelled);
    cr_assert_leq(message.len, CM_MAX_BATCH_MESSAGE);
    cr_assert_eq(
        cm_answer_request_decode(&request, world->arena, keep_bytes(world, message), &world->error),
        CM_OK, "%s: %s", world->error.where, world->error.text);
    cr_assert(!request.is_start);
    said->batches[said->batch_count++] = request.batch;
    said->writable = false;
    add_event(world, WORLD_WRITABLE, query);
    return CM_OK;
}

// The call ends once, later; what was to become writable no longer does.
static void end_call(struct cm_node_query *query)
{
    struct world *world = of_asker(cm_node_query_asker(query));
    struct world_said *said = said_of(query);
    if (said->closed) {
        return;
    }
    said->closed = true;
    for (size_t i = 0; i < world->event_count;) {
        if (world->events[i].kind == WORLD_WRITABLE && world->events[i].what == query) {
            world->events[i] = world->events[--world->event_count];
        } else {
            i++;
        }
    }
    add_event(world, WORLD_CLOSED, query);
}

// The gateway lets go of the call as soon as it hears of it.
static void withdraw(struct cm_asker *asker, uint64_t ask, uint64_t sequence)
{
    struct world *world = of_asker(asker);
    struct world_said *said = world_said(world, ask);
    cr_assert_eq(sequence, world->sequence);
    cr_assert(!said->withdrawn && !said->cancelled);
    said->withdrawn = true;
    if (said->opened && !world->calls_held) {
        end_call(cm_node_query_find(&world->node, asker, ask));
    }
}

static void finish(struct cm_node_query *query)
{
    said_of(query)->finished = true;
    if (!of_asker(cm_node_query_asker(query))->calls_held) {
        end_call(query);
    }
}

static void cancel(struct cm_node_query *query)
{
    said_of(query)->cancelled = true;
    said_of(query)->end = CM_CANCELLED;
    end_call(query);
}

static void ended(struct cm_asker *asker)
{
    (void)asker;
}

static const struct cm_asker_ops asker_ops = {refuse,      withdraw, keep,   open_answer, writable,
                                              write_batch, finish,   cancel, ended,       NULL};

// Time and order.

static void run_job(struct cm_job *job)
{
    job->work(job);
    job->done(job);
}

// The own ledger's tree with one more entry, as a note that the node signed.
static void grow(struct world *world, struct cm_append *append)
{
    const struct pki_identity *node = pki_identity(world->pki, WORLD_OWNER, CM_ROLE_NODE, "n1");
    struct cm_checkpoint checkpoint;
    struct cm_digest leaf;
    struct cm_buf note = {0};
    append->index = cm_merkle_size(world->own);
    cm_merkle_leaf(&leaf, append->entry);
    cr_assert_eq(cm_merkle_add(world->own, &leaf), CM_OK);
    checkpoint.size = append->index + 1;
    cr_assert_eq(cm_checkpoint_origin(checkpoint.origin, node->spiffe), CM_OK);
    cr_assert_eq(cm_merkle_root(&checkpoint.root, world->own, checkpoint.size), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, node->signer), CM_OK);
    append->head = cm_tree_head_new(&checkpoint, cm_buf_bytes(&note), 1);
    cr_assert_not_null(append->head);
    cm_buf_clear(&note);
}

static void open_access(struct cm_access *out, struct world *world, const struct cm_append *append)
{
    cr_assert_eq(cm_access_open(out, world->arena, keep_bytes(world, append->access), append->entry,
                                world->node.keys, &world->error),
                 CM_OK, "%s: %s", world->error.where, world->error.text);
}

static void take_node_entry(struct world *world, const struct cm_append *append,
                            const struct cm_entry *entry)
{
    const unsigned at = world->entry_count++;
    cr_assert_lt(at, WORLD_ENTRIES);
    world->entries[at] = *entry;
    world->places[at] = append->index;
    open_access(&world->accesses[at], world, append);
    world->chains += !world->accesses[at].chain_elsewhere;
}

static void run_append(struct world *world, struct cm_append *append)
{
    struct cm_entry entry;
    append->status = world->append_status;
    world->releases_failed += append->status && append->access.len == 0;
    if (!append->status) {
        grow(world, append);
        cr_assert_eq(cm_entry_decode(&entry, world->arena, keep_bytes(world, append->entry), NULL),
                     CM_OK);
        if (entry.kind == CM_ENTRY_RELEASE) {
            cr_assert_lt(world->release_count, WORLD_ENTRIES);
            world->releases[world->release_count++] = entry;
        } else if (entry.kind == CM_ENTRY_COPY) {
            cr_assert_lt(world->copy_count, WORLD_SAID);
            open_access(&world->copy_accesses[world->copy_count], world, append);
            world->copies[world->copy_count++] = entry;
        } else {
            cr_assert_eq(entry.kind, CM_ENTRY_NODE);
            take_node_entry(world, append, &entry);
        }
    }
    append->done(append);
}

// The place of the release that goes with a node entry; past the last when there is none.
static unsigned find_release(const struct world *world, const struct cm_digest *query,
                             uint32_t attempt)
{
    unsigned i = 0;
    while (i < world->release_count && (world->releases[i].attempt != attempt ||
                                        !cm_digest_equal(&world->releases[i].digest, query))) {
        i++;
    }
    return i;
}

const struct cm_entry *world_release(struct world *world, const struct world_ask *ask)
{
    const unsigned at = find_release(world, &ask->entry.digest, ask->ask.attempt);
    cr_assert_lt(at, world->release_count, "no release of that query");
    return &world->releases[at];
}

// Every permission is followed by exactly one release, and nothing else is.
static void check_releases(const struct world *world)
{
    unsigned permitted = 0;
    for (unsigned i = 0; i < world->entry_count; i++) {
        const struct cm_entry *entry = &world->entries[i];
        const unsigned at = find_release(world, &entry->digest, entry->attempt);
        permitted += entry->permitted;
        if (entry->permitted && at < world->release_count) {
            cr_assert(
                cm_digest_equal(&world->releases[at].recipient, &entry->commitments.requester));
        }
    }
    cr_assert_eq(world->release_count + world->releases_failed, permitted);
}

static void run_keep(struct world *world, struct cm_keep *one)
{
    one->status = world->keep_status;
    if (!one->status && one->size > world->kept) {
        world->kept = one->size;
    }
    one->done(one);
}

static bool held(const struct world *world, const struct world_event *event)
{
    return world->store_held && (event->kind == WORLD_APPEND || event->kind == WORLD_KEEP);
}

bool world_step(struct world *world)
{
    size_t ready = 0;
    for (size_t i = 0; i < world->event_count; i++) {
        ready += !held(world, &world->events[i]);
    }
    if (ready == 0) {
        return false;
    }
    size_t pick = (size_t)rand_r(&world->seed) % ready;
    size_t at = 0;
    while (held(world, &world->events[at]) || pick-- > 0) {
        at++;
    }
    const struct world_event event = world->events[at];
    world->events[at] = world->events[--world->event_count];
    world->mono_ms++;
    switch (event.kind) {
    case WORLD_JOB:
        run_job(event.what);
        break;
    case WORLD_APPEND:
        run_append(world, event.what);
        break;
    case WORLD_KEEP:
        run_keep(world, event.what);
        break;
    case WORLD_WRITABLE:
        said_of(event.what)->writable = true;
        cm_node_query_writable(event.what);
        break;
    case WORLD_CLOSED:
        cm_node_query_closed(event.what, said_of(event.what)->end);
        break;
    }
    return true;
}

void world_run(struct world *world)
{
    while (world_step(world)) {
        ;
    }
}

// The federation.

static void accept_rules(struct world *world, const char *rules, struct cm_digest *previous)
{
    char text[4096];
    struct cm_buf payload = {0};
    struct cm_envelope envelope;
    snprintf(text, sizeof text, "rules 1\nnode " WORLD_OWNER "\n%s\n", rules);
    const struct cm_rule_file file = {"rules", cm_bytes_of(text)};
    const struct cm_ruleset set = {
        .federation = world->pki->federation,
        .agency = WORLD_OWNER,
        .sequence = ++world->sequence,
        .previous = *previous,
        .directory_serial = cm_trust_directory(world->node.trust)->serial,
        .signed_ms = world->wall_ms,
        .language = CM_RULE_LANGUAGE,
        .main = "rules",
        .file_count = 1,
        .files = &file,
    };
    cr_assert_eq(cm_ruleset_encode(&payload, &set, &world->error), CM_OK);
    pki_sign(&envelope, world->arena, CM_FAMILY_RULESET, keep_bytes(world, cm_buf_bytes(&payload)),
             pki_signer(world->pki, WORLD_OWNER, CM_ROLE_ADMIN, "admin"));
    cr_assert_eq(cm_bundle_accept(world->node.bundle, world->node.trust, &envelope, false,
                                  world->wall_ms, &world->error),
                 CM_OK, "%s: %s", world->error.where, world->error.text);
    cm_sha256_of(&world->rules_digest, cm_buf_bytes(&payload));
    cm_buf_clear(&payload);
}

void world_rules(struct world *world, const char *rules)
{
    struct cm_digest previous = world->rules_digest;
    accept_rules(world, rules, &previous);
}

void world_retrust(struct world *world)
{
    cm_trust_unref(world->node.trust);
    world->node.trust = pki_trust(world->pki);
    cr_assert_eq(cm_bundle_retrust(world->node.bundle, world->node.trust, NULL), CM_OK);
}

static void meet_gateway(struct world *world)
{
    struct cm_asker *asker = &world->asker;
    const struct pki_identity *gateway = pki_identity(world->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    asker->ops = &asker_ops;
    asker->turn_last = &asker->turn;
    snprintf(asker->gateway, sizeof asker->gateway, "gw-1");
    cr_assert_eq(cm_checkpoint_origin(asker->origin, gateway->spiffe), CM_OK);
    cr_assert_eq(cm_trust_chain(&asker->signatory, world->node.trust, gateway->chain,
                                gateway->chain_count, world->wall_ms, NULL),
                 CM_OK);
    world->gateway = gateway->signer;
    cr_assert_eq(cm_merkle_new(&world->tree), CM_OK);
}

static void open_own_ledger(struct world *world)
{
    static const uint8_t key[CM_DAY_KEY_SIZE] = "a key for each of these three d";
    const uint32_t today = cm_day_of(world->wall_ms);
    const struct pki_identity *node = pki_identity(world->pki, WORLD_OWNER, CM_ROLE_NODE, "n1");
    cr_assert_eq(cm_merkle_new(&world->own), CM_OK);
    cr_assert_eq(cm_trust_chain(&world->self, world->node.trust, node->chain, node->chain_count,
                                world->wall_ms, NULL),
                 CM_OK);
    cr_assert_eq(cm_day_keys_new(&world->node.keys), CM_OK);
    for (uint32_t day = today - 1; day <= today + 1; day++) {
        cr_assert_eq(cm_day_keys_add(world->node.keys, day, key), CM_OK);
    }
    world->node.chains = cm_chain_places_new(64);
    cr_assert_not_null(world->node.chains);
}

void world_new(struct world *world, unsigned seed, const char *rules)
{
    static const char *const agencies[] = {WORLD_OTHER, WORLD_OWNER, WORLD_ASKER};
    memset(world, 0, sizeof *world); // too large for a second one on the stack
    world->pki = pki_new();
    world->seed = seed;
    world->release_room = -1;
    world->clock = (struct cm_clock){wall, mono};
    for (size_t i = 0; i < 3; i++) {
        pki_agency(world->pki, agencies[i]);
    }
    pki_identity(world->pki, WORLD_OWNER, CM_ROLE_ADMIN, "admin");
    world->node.signer = pki_signer(world->pki, WORLD_OWNER, CM_ROLE_NODE, "n1");
    world->investigator = pki_signer(world->pki, WORLD_ASKER, CM_ROLE_INVESTIGATOR, "ana");
    pki_identity(world->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    world->arena = cm_arena_new(256 * 1024 * 1024);
    world->wall_ms = world->pki->now_ms;
    world->mono_ms = 1000;
    world->ports = (struct cm_node_ports){&world->clock, submit, append, prove};
    world->store.ops = &world_store_ops;
    world->node.ports = &world->ports;
    snprintf(world->node.agency, sizeof world->node.agency, WORLD_OWNER);
    world->node.trust = pki_trust(world->pki);
    world->node.store = &world->store;
    open_own_ledger(world);
    const struct cm_replay_limits limits = {1000, 1000, 1000};
    cr_assert_eq(cm_replay_new(&world->node.replay, &limits), CM_OK);
    cr_assert_eq(cm_bundle_open(&world->node.bundle, WORLD_OWNER, NULL, world->node.trust,
                                world->wall_ms, NULL),
                 CM_OK);
    if (rules) {
        world_rules(world, rules);
    }
    meet_gateway(world);
}

void world_free(struct world *world)
{
    cr_assert_eq(world->event_count, 0, "something is still under way");
    cr_assert_null(world->node.queries);
    cr_assert_eq(world->asker.in_flight, 0);
    cr_assert_eq(world->node.releases, 0);
    check_releases(world);
    cm_merkle_free(world->own);
    cm_signatory_unref(world->self);
    cm_copies_seen_clear(&world->node.copies_seen);
    cm_day_keys_free(world->node.keys);
    cm_chain_places_free(world->node.chains);
    cm_merkle_free(world->tree);
    cm_signatory_unref(world->asker.signatory);
    cm_bundle_free(world->node.bundle);
    cm_replay_free(world->node.replay);
    cm_trust_unref(world->node.trust);
    cm_arena_free(world->arena);
    pki_free(world->pki);
}

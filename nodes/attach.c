// Dialling a gateway, judging it, and what it sends down.
#include "nodes/attach_internal.h"

#include "proto/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REDIAL_MS = 250, REDIAL_MOST_MS = 30000, REDIAL_DOUBLINGS = 7 };

static struct cm_node *node_of(const struct cm_attach *attach)
{
    return attach->options.node;
}

// Which certificate a gateway of this name may show: a pinned key of the directory.
static enum cm_status judge_leaf(struct cm_signatory **out, struct cm_trust *trust,
                                 struct cm_bytes leaf, const char *gateway, int64_t now_ms,
                                 struct cm_error *error)
{
    enum cm_status status = cm_trust_chain(out, trust, &leaf, 1, now_ms, error);
    if (status) {
        return status;
    }
    const struct cm_identity *identity = cm_signatory_identity(*out);
    if (identity->role == CM_ROLE_GATEWAY && strcmp(identity->name, gateway) == 0) {
        return CM_OK;
    }
    cm_signatory_unref(*out);
    *out = NULL;
    return cm_fail(error, CM_FORBIDDEN, gateway, "the certificate is not this gateway's");
}

// gRPC's thread.
static enum cm_status judge(void *context, struct cm_bytes leaf)
{
    struct cm_attach *attach = context;
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    struct cm_signatory *signatory = NULL;
    struct cm_error error = {.text = ""};
    // An expired directory still tells its gateways: from one of them a newer may come.
    struct cm_trust *trust = cm_directory_store_newest(attach->options.directories);
    enum cm_status status = trust ? CM_OK : CM_STALE;
    if (!status) {
        status = judge_leaf(&signatory, trust, leaf, attach->asker.gateway, now_ms, &error);
    }
    if (!status && leaf.len <= sizeof attach->eye.leaf) {
        pthread_mutex_lock(&attach->eye.lock);
        memcpy(attach->eye.leaf, leaf.data, leaf.len);
        attach->eye.len = leaf.len;
        pthread_mutex_unlock(&attach->eye.lock);
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "gateway-not-believed", "gateway=%s status=%s where=%s error=\"%s\"",
               attach->asker.gateway, cm_status_name(status), error.where, error.text);
    }
    cm_signatory_unref(signatory);
    cm_trust_unref(trust);
    return status;
}

static enum cm_status see(struct cm_attach *attach, struct cm_error *error)
{
    uint8_t leaf[CM_MAX_CERTIFICATE];
    struct cm_signatory *signatory = NULL;
    pthread_mutex_lock(&attach->eye.lock);
    const size_t len = attach->eye.len;
    memcpy(leaf, attach->eye.leaf, len);
    pthread_mutex_unlock(&attach->eye.lock);
    const enum cm_status status =
        judge_leaf(&signatory, node_of(attach)->trust, (struct cm_bytes){leaf, len},
                   attach->asker.gateway, cm_wall_ms(node_of(attach)->ports->clock), error);
    if (status) {
        return status;
    }
    // Queries under way on workers borrow the first; the key of both is pinned to this name.
    if (attach->asker.signatory) {
        cm_signatory_unref(signatory);
    } else {
        attach->asker.signatory = signatory;
    }
    return CM_OK;
}

static void wait_to_dial(struct cm_attach *attach);

void cm_attach_break(struct cm_attach *attach, const char *why)
{
    if (attach->phase != CM_ATTACH_GREETING && attach->phase != CM_ATTACH_ATTACHED) {
        return;
    }
    cm_log(CM_LOG_WARNING, "session-broken", "gateway=%s why=\"%s\"", attach->asker.gateway, why);
    attach->phase = CM_ATTACH_ENDING;
    cm_stream_cancel(attach->stream);
}

void cm_attach_back_off(struct cm_attach *attach, const char *why)
{
    cm_log(CM_LOG_ERROR, "gateway-backed-off", "gateway=%s why=\"%s\" action=\"ask its operator\"",
           attach->asker.gateway, why);
    attach->failures = REDIAL_DOUBLINGS;
    cm_attach_break(attach, why);
}

static bool welcome(struct cm_attach *attach, const struct cm_welcome *welcome)
{
    struct cm_error error = {.text = ""};
    if (strcmp(welcome->gateway, attach->asker.gateway) != 0 || welcome->protocol != CM_PROTOCOL) {
        cm_attach_break(attach, "the gateway welcomes with another name or protocol");
        return false;
    }
    if (see(attach, &error)) {
        cm_attach_break(attach, error.text);
        return false;
    }
    memcpy(attach->session, welcome->session, sizeof attach->session);
    cm_timer_cancel(attach->options.loop, &attach->timer);
    attach->phase = CM_ATTACH_ATTACHED;
    attach->failures = 0;
    cm_log(CM_LOG_INFO, "attached", "gateway=%s", attach->asker.gateway);
    cm_attach_pump(attach);
    cm_attach_witness_begin(attach, welcome->witnessed_size);
    return true;
}

// Takes arena. Whether the session goes on.
static bool take_ask(struct cm_attach *attach, struct cm_arena *arena, const struct cm_ask *ask)
{
    struct cm_node *node = node_of(attach);
    struct cm_arena *kept = arena;
    struct cm_error error = {.text = ""};
    struct cm_entry entry;
    if (!node->store || attach->asker.in_flight + attach->credits >= CM_CREDITS) {
        cm_arena_free(arena);
        cm_attach_break(attach, "more asks than credits");
        return false;
    }
    // What its entry says decides nothing here but whether it wants our directory.
    if (cm_entry_decode(&entry, arena, ask->entry, &error) == CM_OK) {
        cm_attach_push_directory(attach, entry.directory_serial);
    }
    const enum cm_status status = cm_node_query_start(node, &attach->asker, kept, ask);
    if (!status) {
        return true;
    }
    cm_log(CM_LOG_ERROR, "ask-not-taken", "gateway=%s status=%s", attach->asker.gateway,
           cm_status_name(status));
    cm_attach_break(attach, "an ask could not be taken");
    return false;
}

static bool take_part(struct cm_attach *attach, const struct cm_directory_part *part)
{
    struct cm_error error = {.text = ""};
    bool whole = false;
    const uint64_t serial = cm_trust_directory(node_of(attach)->trust)->serial;
    if (part->serial < serial) {
        cm_attach_push_directory(attach, part->serial);
    }
    if (part->serial <= serial) {
        return true;
    }
    if (cm_directory_parts_add(&attach->incoming, &whole, part, &error)) {
        cm_attach_break(attach, error.text);
        return false;
    }
    if (!whole) {
        return true;
    }
    attach->reading_held = attach->offer_waits = true;
    cm_attach_offer_again(attach);
    return true;
}

// Takes arena. Whether the session goes on.
static bool take(struct cm_attach *attach, struct cm_arena *arena,
                 const struct cm_attach_down *down, size_t bytes)
{
    bool goes_on = attach->phase == CM_ATTACH_ATTACHED;
    struct cm_node_query *query;
    if (down->kind == CM_DOWN_ASK && goes_on) {
        return take_ask(attach, arena, &down->ask);
    }
    if (down->kind == CM_DOWN_CHECKPOINT && goes_on) {
        return cm_attach_take_checkpoint(attach, arena, &down->checkpoint);
    }
    if (down->kind == CM_DOWN_COPY && goes_on) {
        return cm_attach_take_copy(attach, arena, &down->copy, bytes);
    }
    if (down->kind == CM_DOWN_WELCOME && attach->phase == CM_ATTACH_GREETING) {
        goes_on = welcome(attach, &down->welcome);
    } else if (down->kind == CM_DOWN_CANCEL && goes_on) {
        query = cm_node_query_find(node_of(attach), &attach->asker, down->cancel);
        if (query) {
            cm_node_query_cancel(query);
        }
    } else if (down->kind == CM_DOWN_DIRECTORY && goes_on) {
        goes_on = take_part(attach, &down->directory);
    } else if (down->kind == CM_DOWN_COSIGNATURE && goes_on) {
        goes_on = cm_attach_take_cosignature(attach, &down->cosignature);
    } else {
        cm_attach_break(attach, "a message out of place");
        goes_on = false;
    }
    cm_arena_free(arena);
    return goes_on;
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct cm_attach *attach = owner;
    struct cm_attach_down down = {.kind = CM_DOWN_NONE};
    struct cm_error error = {.text = ""};
    struct cm_bytes copy;
    if (attach->phase != CM_ATTACH_GREETING && attach->phase != CM_ATTACH_ATTACHED) {
        cm_stream_read(attach->stream); // its end comes after all that it sent
        return;
    }
    struct cm_arena *arena = cm_arena_new(MESSAGE_ARENA_CAP);
    enum cm_status status = arena ? cm_arena_bytes(arena, &copy, message) : CM_MEMORY;
    if (!status) {
        status = cm_attach_down_decode(&down, arena, copy, &error);
    }
    if (status) {
        cm_log(CM_LOG_WARNING, "gateway-message-bad", "gateway=%s where=%s error=\"%s\"",
               attach->asker.gateway, error.where, error.text);
        cm_arena_free(arena);
        cm_attach_break(attach, "a malformed message");
        return;
    }
    if (take(attach, arena, &down, message.len) && !attach->reading_held && !attach->copies_held) {
        cm_stream_read(attach->stream);
    }
}

static void on_writable(void *owner)
{
    cm_attach_pump(owner);
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct cm_attach *attach = owner;
    cm_log(attach->closing ? CM_LOG_INFO : CM_LOG_WARNING, "detached",
           "gateway=%s status=%s where=%s error=\"%s\"", attach->asker.gateway,
           cm_status_name(status), error ? error->where : "", error ? error->text : "");
    attach->stream = NULL;
    attach->phase = CM_ATTACH_ENDING;
    cm_timer_cancel(attach->options.loop, &attach->timer);
    cm_directory_parts_clear(&attach->incoming);
    attach->reading_held = attach->reading_held && !attach->offer_waits;
    attach->offer_waits = attach->copies_held = false;
    cm_copies_lost(&attach->copies);
    cm_attach_clear_up(attach);
    cm_attach_witness_end(attach);
    cm_node_queries_cancel(node_of(attach), &attach->asker);
    wait_to_dial(attach);
}

static const struct cm_stream_handlers handlers = {
    .on_message = on_message,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static void no_welcome(struct cm_timer *timer)
{
    cm_attach_break(CM_CONTAINER(timer, struct cm_attach, timer), "no Welcome in time");
}

static enum cm_status open_channel(struct cm_attach *attach, struct cm_error *error)
{
    const struct cm_channel_options options = {
        .address = attach->addresses[attach->address_next++ % attach->address_count],
        .server_name = attach->server_name,
        .tls = attach->options.tls,
        .judge = judge,
        .context = attach,
        .max_message = MAX_DOWN,
    };
    cm_channel_free(attach->channel);
    attach->channel = NULL;
    return cm_channel_new(&attach->channel, attach->options.loop, &options, error);
}

static void dial(struct cm_timer *timer)
{
    struct cm_attach *attach = CM_CONTAINER(timer, struct cm_attach, timer);
    struct cm_error error = {.text = ""};
    // What the last session left must be gone: it may still move the head that Hello names.
    if (attach->asker.in_flight > 0 || attach->reading_held || attach->copies.first ||
        attach->witness.keeping) {
        wait_to_dial(attach);
        return;
    }
    cm_signatory_unref(attach->asker.signatory);
    attach->asker.signatory = NULL;
    enum cm_status status = open_channel(attach, &error);
    if (!status) {
        status = cm_channel_call(&attach->stream, attach->channel, CM_METHOD_ATTACH, 0, false,
                                 &handlers, attach);
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "not-dialled", "gateway=%s where=%s error=\"%s\"",
               attach->asker.gateway, error.where, error.text);
        attach->stream = NULL;
        wait_to_dial(attach);
        return;
    }
    attach->phase = CM_ATTACH_GREETING;
    attach->timer.fire = no_welcome;
    if (cm_attach_hello(attach) ||
        cm_timer_set(attach->options.loop, &attach->timer, CM_HELLO_MS)) {
        cm_attach_break(attach, "Hello could not be sent");
    } else {
        cm_stream_read(attach->stream);
    }
}

// Doubling, up to a bound, and jittered by half, so that nodes don't return all at once.
static void wait_to_dial(struct cm_attach *attach)
{
    attach->phase = attach->closing ? CM_ATTACH_CLOSED : CM_ATTACH_WAITING;
    if (attach->closing) {
        return;
    }
    const unsigned doublings =
        attach->failures < REDIAL_DOUBLINGS ? attach->failures : REDIAL_DOUBLINGS;
    int64_t wait_ms = (int64_t)REDIAL_MS << doublings;
    uint16_t jitter = 0;
    if (wait_ms > REDIAL_MOST_MS) {
        wait_ms = REDIAL_MOST_MS;
    }
    if (cm_random(&jitter, sizeof jitter) == CM_OK) {
        wait_ms = wait_ms / 2 + wait_ms * jitter / UINT16_MAX / 2;
    }
    attach->failures++;
    attach->timer.fire = dial;
    if (cm_timer_set(attach->options.loop, &attach->timer, wait_ms)) {
        cm_log(CM_LOG_ERROR, "timer-not-set", "gateway=%s", attach->asker.gateway);
    }
}

static enum cm_status submit(void *context, struct cm_job *job)
{
    struct cm_node_ports *ports = context;
    return ports->submit(ports, job);
}

static enum cm_status set_names(struct cm_attach *attach, struct cm_error *error)
{
    const char *federation = cm_trust_directory(node_of(attach)->trust)->federation;
    const char *gateway = attach->options.gateway;
    char spiffe[4 * CM_MAX_ID];
    snprintf(attach->asker.gateway, sizeof attach->asker.gateway, "%s", gateway);
    snprintf(attach->server_name, sizeof attach->server_name, "gateway.%s", federation);
    snprintf(spiffe, sizeof spiffe, "spiffe://%s/_/gateway/%s", federation, gateway);
    return cm_checkpoint_origin(attach->base, spiffe) == CM_OK
               ? CM_OK
               : cm_fail(error, CM_INVALID, "gateways", "%s is no gateway's name", gateway);
}

enum cm_status cm_attach_set_addresses(struct cm_attach *attach, const char *const *addresses,
                                       size_t count, struct cm_error *error)
{
    char *copies[MAX_ADDRESSES] = {NULL};
    if (count == 0 || count > MAX_ADDRESSES) {
        return cm_fail(error, CM_INVALID, "gateways", "%s has no address, or more than %d",
                       attach->asker.gateway, MAX_ADDRESSES);
    }
    for (size_t i = 0; i < count; i++) {
        copies[i] = strdup(addresses[i]);
        if (!copies[i]) {
            while (i > 0) {
                free(copies[--i]);
            }
            return cm_fail(error, CM_MEMORY, "gateways", "out of memory");
        }
    }
    for (size_t i = 0; i < attach->address_count; i++) {
        free(attach->addresses[i]);
    }
    memcpy(attach->addresses, copies, sizeof copies);
    attach->address_count = count;
    return CM_OK;
}

enum cm_status cm_attach_new(struct cm_attach **out, const struct cm_attach_options *options,
                             struct cm_error *error)
{
    struct cm_attach *attach = calloc(1, sizeof *attach);
    if (!attach) {
        return cm_fail(error, CM_MEMORY, "gateways", "out of memory");
    }
    pthread_mutex_init(&attach->eye.lock, NULL);
    attach->options = *options;
    attach->asker.ops = &cm_attach_asker_ops;
    attach->asker.turn_last = &attach->asker.turn;
    attach->last = &attach->first;
    attach->copies =
        (struct cm_copies){.node = options->node, .ops = &cm_attach_copies_ops, .context = attach};
    attach->heads.submit = submit;
    attach->heads.context = options->node->ports;
    attach->phase = CM_ATTACH_CLOSED;
    enum cm_status status = set_names(attach, error);
    if (!status) {
        status = cm_attach_set_addresses(attach, options->addresses, options->address_count, error);
    }
    if (!status) {
        status = cm_head_store_open(&attach->heads, options->heads, attach->asker.gateway,
                                    attach->base, error);
        attach->asker.head = attach->heads.durable;
    }
    if (!status) {
        status = cm_checkpoint_epoch_origin(attach->asker.origin, attach->base,
                                            attach->asker.head.epoch);
    }
    if (status) {
        cm_attach_free(attach);
        return status;
    }
    attach->options.gateway = attach->asker.gateway;
    wait_to_dial(attach);
    *out = attach;
    return CM_OK;
}

void cm_attach_free(struct cm_attach *attach)
{
    if (!attach) {
        return;
    }
    cm_channel_free(attach->channel);
    cm_attach_clear_up(attach);
    cm_attach_witness_end(attach);
    cm_directory_parts_clear(&attach->incoming);
    cm_head_store_clear(&attach->heads);
    cm_signatory_unref(attach->asker.signatory);
    for (size_t i = 0; i < attach->address_count; i++) {
        free(attach->addresses[i]);
    }
    cm_buf_clear(&attach->out);
    pthread_mutex_destroy(&attach->eye.lock);
    free(attach);
}

void cm_attach_close(struct cm_attach *attach)
{
    if (attach->closing && attach->stream) {
        cm_stream_cancel(attach->stream);
        return;
    }
    attach->closing = true;
    cm_head_store_settle(&attach->heads);
    if (attach->phase == CM_ATTACH_WAITING) {
        cm_timer_cancel(attach->options.loop, &attach->timer);
        attach->phase = CM_ATTACH_CLOSED;
    } else if (attach->stream) {
        attach->phase = CM_ATTACH_ENDING;
        cm_timer_cancel(attach->options.loop, &attach->timer);
        cm_node_queries_cancel(node_of(attach), &attach->asker);
        cm_stream_finish(attach->stream, CM_OK, NULL);
    }
}

bool cm_attach_closing(const struct cm_attach *attach)
{
    return attach->closing;
}

bool cm_attach_idle(const struct cm_attach *attach)
{
    return !attach->stream && attach->asker.in_flight == 0 && !attach->heads.busy &&
           !attach->reading_held && !attach->copies.first && !attach->witness.keeping;
}

void cm_attach_directory_taken(struct cm_attach *attach, enum cm_status status)
{
    const bool lies = status == CM_INVALID || status == CM_UNAUTHENTICATED ||
                      status == CM_FORBIDDEN || status == CM_STALE;
    attach->reading_held = false;
    if (attach->phase != CM_ATTACH_ATTACHED) {
        return;
    }
    if (lies) {
        cm_attach_back_off(attach, "its directory does not hold");
    } else {
        cm_stream_read(attach->stream);
    }
}

void cm_attach_offer_again(struct cm_attach *attach)
{
    if (!attach->offer_waits) {
        return;
    }
    const bool newer = attach->incoming.serial > cm_trust_directory(node_of(attach)->trust)->serial;
    if (newer && !attach->options.on_directory(attach->options.context, attach,
                                               cm_buf_bytes(&attach->incoming.data))) {
        return;
    }
    attach->offer_waits = false;
    cm_directory_parts_clear(&attach->incoming);
    if (!newer) {
        cm_attach_directory_taken(attach, CM_OK);
    }
}

void cm_attach_judge_again(struct cm_attach *attach)
{
    struct cm_error error = {.text = ""};
    cm_head_store_settle(&attach->heads);
    if (attach->phase == CM_ATTACH_ATTACHED && see(attach, &error)) {
        cm_attach_break(attach, error.text);
    }
}

void cm_attach_rules_changed(struct cm_attach *attach)
{
    attach->rules_due = true;
    cm_attach_pump(attach);
}

void cm_attach_offer_directory(struct cm_attach *attach)
{
    if (attach->phase == CM_ATTACH_ATTACHED) {
        cm_attach_push_directory(attach, 0);
    }
}

void cm_attach_reload(struct cm_attach *attach)
{
    struct cm_error error = {.text = ""};
    if (attach->channel && cm_channel_reload(attach->channel, &error)) {
        cm_log(CM_LOG_ERROR, "certificate-not-reloaded", "where=%s error=\"%s\"", error.where,
               error.text);
    }
}

uint64_t cm_attach_left_out(struct cm_attach *attach, int64_t now_ms)
{
    return cm_denials_take(&attach->asker.denials, now_ms);
}

const char *cm_attach_gateway(const struct cm_attach *attach)
{
    return attach->asker.gateway;
}

bool cm_attach_attached(const struct cm_attach *attach)
{
    return attach->phase == CM_ATTACH_ATTACHED;
}

bool cm_attach_told(const struct cm_attach *attach)
{
    return attach->phase == CM_ATTACH_ATTACHED && !attach->rules_due;
}

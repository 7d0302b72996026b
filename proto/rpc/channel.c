#include "proto/rpc/channel.h"

#include "proto/rpc/call.h"
#include "proto/rpc/peer.h"
#include "proto/rpc/tls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_MS = 20000, // gRPC's name for it is the least reconnect backoff
    BACKOFF_MS = 100,   // before the second attempt to connect, then growing
    MAX_BACKOFF_MS = 5000,
    KEEPALIVE_MS = 5000,
    MAX_MEMORY = 32 * 1024 * 1024,
};

// Shared by the channel and gRPC's threads, which may still be in a handshake when the channel
// goes.
struct judge {
    pthread_mutex_t lock;
    enum cm_status (*judge)(void *context, struct cm_bytes leaf); // NULL: the channel is gone
    void *context;
    atomic_uint refs;
};

struct cm_channel {
    struct cm_loop *loop;
    struct cm_channel_options options; // strings are owned copies
    grpc_channel *core;
    struct judge *judge;
    struct cm_tls_mark seen;
    struct cm_call_maker *streams;
};

static struct judge *judge_new(const struct cm_channel_options *options)
{
    struct judge *judge = calloc(1, sizeof *judge);
    if (!judge || pthread_mutex_init(&judge->lock, NULL)) {
        free(judge);
        return NULL;
    }
    judge->judge = options->judge;
    judge->context = options->context;
    atomic_init(&judge->refs, 1);
    return judge;
}

static void judge_unref(void *context)
{
    struct judge *judge = context;
    if (!judge || atomic_fetch_sub(&judge->refs, 1) != 1) {
        return;
    }
    pthread_mutex_destroy(&judge->lock);
    free(judge);
}

static void judge_retire(struct judge *judge)
{
    if (!judge) {
        return;
    }
    pthread_mutex_lock(&judge->lock);
    judge->judge = NULL;
    pthread_mutex_unlock(&judge->lock);
    judge_unref(judge);
}

// gRPC itself has compared the name. Anything but 0 ends the handshake.
static int verify(const char *target_name, const char *peer_pem, void *context)
{
    struct judge *judge = context;
    struct cm_buf leaf = {0};
    size_t used = 0;
    int refused = 1;
    (void)target_name;
    pthread_mutex_lock(&judge->lock);
    if (judge->judge && cm_peer_der(&leaf, cm_bytes_of(peer_pem), &used) == CM_OK) {
        refused = judge->judge(judge->context, cm_buf_bytes(&leaf)) != CM_OK;
    }
    pthread_mutex_unlock(&judge->lock);
    cm_buf_clear(&leaf);
    return refused;
}

static enum cm_status new_credentials(grpc_channel_credentials **out,
                                      const struct cm_channel *channel, struct cm_error *error)
{
    struct cm_tls_material material;
    enum cm_status status =
        cm_tls_load(&material, &channel->options.tls, channel->options.passphrase, error);
    if (status) {
        return status;
    }
    grpc_ssl_pem_key_cert_pair pair = {(const char *)material.key.data,
                                       (const char *)material.chain.data};
    grpc_ssl_verify_peer_options check = {verify, channel->judge, judge_unref};
    atomic_fetch_add(&channel->judge->refs, 1);
    *out = grpc_ssl_credentials_create_ex((const char *)material.root.data, &pair, &check, NULL);
    cm_tls_clear(&material);
    return CM_OK;
}

static grpc_channel *new_core(const struct cm_channel_options *options,
                              grpc_channel_credentials *credentials)
{
    // gRPC buffers a message of any length before it compares it with the bound: a hostile gateway
    // would take all memory. Past this, streams of this channel end.
    grpc_resource_quota *quota = grpc_resource_quota_create(NULL);
    grpc_resource_quota_resize(quota, MAX_MEMORY + 8 * options->max_message);
    grpc_arg args[] = {
        {.type = GRPC_ARG_POINTER,
         .key = (char *)GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {quota, grpc_resource_quota_arg_vtable()}},
        cm_arg_string(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, (char *)options->server_name),
        cm_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)options->max_message),
        cm_arg_int(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        cm_arg_int(GRPC_ARG_ENABLE_RETRIES, 0),
        cm_arg_int(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        cm_arg_int(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        cm_arg_int(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        cm_arg_int(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1),
        cm_arg_int(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        cm_arg_int(GRPC_ARG_ENABLE_CHANNELZ, 0),
        cm_arg_int(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS),
        cm_arg_int(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, BACKOFF_MS),
        cm_arg_int(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, MAX_BACKOFF_MS),
        cm_arg_int(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        cm_arg_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_MS),
        cm_arg_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
    };
    grpc_channel_args all = {sizeof args / sizeof args[0], args};
    grpc_channel *core = grpc_channel_create(options->address, credentials, &all);
    grpc_resource_quota_unref(quota);
    return core;
}

static enum cm_status connect_again(struct cm_channel *channel, struct cm_error *error)
{
    struct cm_tls_mark now;
    cm_tls_mark(&now, &channel->options.tls);
    grpc_channel_credentials *credentials;
    enum cm_status status = new_credentials(&credentials, channel, error);
    if (status) {
        return status;
    }
    grpc_channel *core = new_core(&channel->options, credentials);
    grpc_channel_credentials_release(credentials);
    if (channel->core) {
        grpc_channel_destroy(channel->core);
    }
    channel->core = core;
    channel->seen = now;
    return CM_OK;
}

static bool copy(const char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

static bool copy_options(struct cm_channel_options *out, const struct cm_channel_options *from)
{
    *out = (struct cm_channel_options){.max_message = from->max_message};
    return copy(&out->address, from->address) && copy(&out->server_name, from->server_name) &&
           copy(&out->tls.key_path, from->tls.key_path) &&
           copy(&out->tls.chain_path, from->tls.chain_path) &&
           copy(&out->tls.root_path, from->tls.root_path) &&
           copy(&out->passphrase, from->passphrase);
}

static void free_options(struct cm_channel_options *options)
{
    if (options->passphrase) {
        cm_wipe((char *)options->passphrase, strlen(options->passphrase));
    }
    free((char *)options->address);
    free((char *)options->server_name);
    free((char *)options->tls.key_path);
    free((char *)options->tls.chain_path);
    free((char *)options->tls.root_path);
    free((char *)options->passphrase);
}

enum cm_status cm_channel_new(struct cm_channel **out, struct cm_loop *loop,
                              const struct cm_channel_options *options, struct cm_error *error)
{
    *out = NULL;
    struct cm_channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        return cm_fail(error, CM_MEMORY, "channel", "out of memory");
    }
    channel->loop = loop;
    cm_loop_hold(loop);
    enum cm_status status = CM_OK;
    channel->judge = judge_new(options);
    if (!copy_options(&channel->options, options) || !channel->judge) {
        status = cm_fail(error, CM_MEMORY, "channel", "out of memory");
    }
    if (status == CM_OK) {
        status = connect_again(channel, error);
    }
    if (status) {
        cm_channel_free(channel);
        return status;
    }
    *out = channel;
    return CM_OK;
}

enum cm_status cm_channel_reload(struct cm_channel *channel, struct cm_error *error)
{
    struct cm_tls_mark now;
    cm_tls_mark(&now, &channel->options.tls);
    if (memcmp(&now, &channel->seen, sizeof now) == 0) {
        return CM_OK;
    }
    return connect_again(channel, error);
}

void cm_channel_free(struct cm_channel *channel)
{
    if (!channel) {
        return;
    }
    for (struct cm_call_maker *maker = channel->streams; maker; maker = maker->next) {
        maker->context = NULL;
        cm_stream_cancel(cm_stream_of_maker(maker));
    }
    if (channel->core) {
        grpc_channel_destroy(channel->core);
    }
    judge_retire(channel->judge);
    free_options(&channel->options);
    cm_loop_release(channel->loop);
    free(channel);
}

static void on_gone(struct cm_call_maker *maker)
{
    // Without a context the channel, and with it the list, is gone.
    if (!maker->context) {
        return;
    }
    *maker->link = maker->next;
    if (maker->next) {
        maker->next->link = maker->link;
    }
}

enum cm_status cm_channel_call(struct cm_stream **out, struct cm_channel *channel, const char *path,
                               int64_t deadline_ms, bool wait_ready,
                               const struct cm_stream_handlers *handlers, void *owner)
{
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (deadline_ms > 0) {
        deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                gpr_time_from_millis(deadline_ms, GPR_TIMESPAN));
    }
    grpc_slice method = grpc_slice_from_copied_string(path);
    grpc_call *call = grpc_channel_create_call(channel->core, NULL, 0, cm_loop_queue(channel->loop),
                                               method, NULL, deadline, NULL);
    grpc_slice_unref(method);
    struct cm_call_setup setup = {channel->loop, call,   deadline, channel->options.max_message,
                                  on_gone,       channel};
    enum cm_status status = cm_stream_new_client(out, &setup, wait_ready, handlers, owner);
    if (status) {
        return status;
    }
    struct cm_call_maker *maker = cm_stream_maker(*out);
    maker->next = channel->streams;
    maker->link = &channel->streams;
    if (maker->next) {
        maker->next->link = &maker->next;
    }
    channel->streams = maker;
    return CM_OK;
}

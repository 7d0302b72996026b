#include "proto/rpc/health.h"

#include "grpc/health/v1/health.pb-c.h"

#include <stdlib.h>
#include <string.h>

typedef Grpc__Health__V1__HealthCheckRequest request_pb;
typedef Grpc__Health__V1__HealthCheckResponse response_pb;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving;

enum { MAX_REQUEST = 256, MAX_CHECKS = 64, MAX_WATCHES = 64 };

struct cm_health {
    bool healthy;
    struct probe *watches;
};

struct probe {
    struct cm_health *health;
    struct cm_stream *stream;
    bool is_watch;
    bool asked;
    bool known;
    serving sent;
    struct probe *next;
    struct probe **link;
};

static serving now_serving(const struct probe *probe)
{
    if (!probe->known) {
        return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    }
    return probe->health->healthy
               ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
               : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

static enum cm_status send_status(struct probe *probe)
{
    response_pb response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    uint8_t packed[16];
    response.status = now_serving(probe);
    probe->sent = response.status;
    size_t len = grpc__health__v1__health_check_response__pack(&response, packed);
    return cm_stream_write(probe->stream, (struct cm_bytes){packed, len});
}

static void update(struct probe *probe)
{
    if (!probe->asked || probe->sent == now_serving(probe) || !cm_stream_writable(probe->stream)) {
        return;
    }
    if (send_status(probe)) {
        cm_stream_cancel(probe->stream);
    }
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct probe *probe = owner;
    struct cm_error error = {0};
    request_pb *request =
        grpc__health__v1__health_check_request__unpack(NULL, message.len, message.data);
    if (!request) {
        cm_stream_finish(probe->stream, cm_fail(&error, CM_INVALID, "request", "malformed"),
                         &error);
        return;
    }
    probe->known =
        request->service[0] == '\0' || strcmp(request->service, "comity.v1.GatewayService") == 0;
    grpc__health__v1__health_check_request__free_unpacked(request, NULL);
    probe->asked = true;
    if (probe->is_watch) {
        update(probe);
    } else if (!probe->known) {
        cm_fail(&error, CM_NOT_FOUND, "service", "no service of this name here");
        cm_stream_finish(probe->stream, CM_NOT_FOUND, &error);
    } else {
        enum cm_status status = send_status(probe);
        cm_stream_finish(probe->stream, status, NULL);
    }
}

static void on_end(void *owner)
{
    struct probe *probe = owner;
    if (!probe->asked) {
        cm_stream_finish(probe->stream, CM_INVALID, NULL);
    }
}

static void on_writable(void *owner)
{
    struct probe *probe = owner;
    if (probe->is_watch) {
        update(probe);
    }
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct probe *probe = owner;
    (void)status;
    (void)error;
    if (probe->link) {
        *probe->link = probe->next;
        if (probe->next) {
            probe->next->link = probe->link;
        }
    }
    free(probe);
}

static void open_probe(struct cm_health *health, struct cm_stream *stream, bool is_watch)
{
    static const struct cm_stream_handlers handlers = {on_message, on_end, on_writable, on_closed};
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        cm_stream_finish(stream, CM_MEMORY, NULL);
        return;
    }
    probe->health = health;
    probe->stream = stream;
    probe->is_watch = is_watch;
    if (is_watch) {
        probe->next = health->watches;
        probe->link = &health->watches;
        if (probe->next) {
            probe->next->link = &probe->next;
        }
        health->watches = probe;
    }
    cm_stream_accept(stream, &handlers, probe);
    cm_stream_read(stream);
}

static void open_check(void *context, struct cm_stream *stream)
{
    open_probe(context, stream, false);
}

static void open_watch(void *context, struct cm_stream *stream)
{
    open_probe(context, stream, true);
}

struct cm_health *cm_health_new(void)
{
    return calloc(1, sizeof(struct cm_health));
}

void cm_health_free(struct cm_health *health)
{
    free(health);
}

void cm_health_methods(struct cm_method out[CM_HEALTH_METHODS], struct cm_health *health)
{
    out[0] = (struct cm_method){"/grpc.health.v1.Health/Check", open_check, health, MAX_REQUEST,
                                MAX_CHECKS};
    out[1] = (struct cm_method){"/grpc.health.v1.Health/Watch", open_watch, health, MAX_REQUEST,
                                MAX_WATCHES};
}

void cm_health_set(struct cm_health *health, bool healthy)
{
    health->healthy = healthy;
    for (struct probe *probe = health->watches; probe; probe = probe->next) {
        update(probe);
    }
}

void cm_health_close(struct cm_health *health)
{
    cm_health_set(health, false);
    for (struct probe *probe = health->watches; probe; probe = probe->next) {
        cm_stream_finish(probe->stream, CM_UNAVAILABLE, NULL);
    }
}

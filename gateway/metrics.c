#include "gateway/metrics.h"

#include "proto/base/bytes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAGE = 16 * 1024, CONNECTIONS = 8, TIMEOUT_S = 5 };

struct cm_metrics {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    struct cm_metrics_values values;
};

static const struct {
    const char *name, *type, *help;
    size_t offset;
} table[] = {
#define VALUE(member, type, help)                                                                  \
    {                                                                                              \
        "comity_gateway_" #member, type, help, offsetof(struct cm_metrics_values, member)          \
    }
    VALUE(queries, "counter", "Queries recorded"),
    VALUE(reaches, "counter", "Reach questions recorded"),
    VALUE(refused, "counter", "Queries and reach questions refused"),
    VALUE(rows, "counter", "Rows forwarded"),
    VALUE(batches, "counter", "Batches verified"),
    VALUE(late, "counter", "Answers that came too late"),
    VALUE(failed, "counter", "Answers that failed or did not hold"),
    VALUE(findings, "counter", "Forks and rollbacks found in ledgers of nodes"),
    VALUE(running, "gauge", "Queries running"),
    VALUE(nodes, "gauge", "Node sessions attached"),
    VALUE(entries, "gauge", "Entries of the ledger"),
    VALUE(published, "gauge", "Entries of the ledger that are in its tiles"),
    VALUE(directory_serial, "gauge", "Serial number of the directory"),
    VALUE(admits, "gauge", "1 while new queries are admitted"),
    VALUE(held, "gauge", "Bytes of batches that wait in merges"),
    VALUE(refuted, "gauge", "1 while this gateway's own ledger lacks what its key signed"),
    VALUE(connections_accepted, "counter", "Connections accepted"),
    VALUE(connections_shed, "counter", "Connections closed at once: too many, too fast"),
    VALUE(copies_acknowledged, "counter", "Copies that a node of the requester's agency has"),
    VALUE(copies_stored, "counter", "Copies written to disk until a node takes them"),
    VALUE(copies_lost, "counter", "Copies for which there was no room on disk"),
    VALUE(copies_put_off, "counter", "Copies left to be made again at the next start"),
    VALUE(copies_waiting, "gauge", "Copies in memory"),
    VALUE(copies_files, "gauge", "Copies on disk"),
#undef VALUE
};

static enum cm_status make_page(struct cm_buf *out, const struct cm_metrics_values *values)
{
    enum cm_status status = CM_OK;
    for (size_t i = 0; !status && i < sizeof table / sizeof table[0]; i++) {
        uint64_t value;
        memcpy(&value, (const char *)values + table[i].offset, sizeof value);
        status = cm_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", table[i].name,
                               table[i].help, table[i].name, table[i].type, table[i].name,
                               (unsigned long long)value);
    }
    return status;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned code,
                             const struct cm_buf *page)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page->len, page->data, MHD_RESPMEM_MUST_COPY);
    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **state)
{
    struct cm_metrics *metrics = context;
    struct cm_buf page = {.max = MAX_PAGE};
    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size > 0) {
        return MHD_NO;
    }
    bool found = strcmp(method, "GET") == 0 && strcmp(url, "/metrics") == 0;
    enum cm_status status = CM_OK;
    if (found) {
        pthread_mutex_lock(&metrics->lock);
        struct cm_metrics_values values = metrics->values;
        pthread_mutex_unlock(&metrics->lock);
        status = make_page(&page, &values);
    }
    enum MHD_Result result =
        status ? MHD_NO : reply(connection, found ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND, &page);
    cm_buf_clear(&page);
    return result;
}

enum cm_status cm_metrics_new(struct cm_metrics **out, uint16_t port, struct cm_error *error)
{
    struct cm_metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics || pthread_mutex_init(&metrics->lock, NULL)) {
        free(metrics);
        return cm_fail(error, CM_MEMORY, "gateway.metrics_port", "out of memory");
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    metrics->daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD, port, NULL, NULL, serve, metrics, MHD_OPTION_SOCK_ADDR,
        &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_S, MHD_OPTION_END);
    if (!metrics->daemon) {
        int why = errno;
        cm_metrics_free(metrics);
        return cm_fail(error, CM_IO, "gateway.metrics_port", "port %u can't be bound: %s", port,
                       strerror(why));
    }
    *out = metrics;
    return CM_OK;
}

void cm_metrics_free(struct cm_metrics *metrics)
{
    if (!metrics) {
        return;
    }
    if (metrics->daemon) {
        MHD_stop_daemon(metrics->daemon);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

uint16_t cm_metrics_port(const struct cm_metrics *metrics)
{
    return MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void cm_metrics_set(struct cm_metrics *metrics, const struct cm_metrics_values *values)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->values = *values;
    pthread_mutex_unlock(&metrics->lock);
}

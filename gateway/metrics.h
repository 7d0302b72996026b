// Numbers for monitoring at http://127.0.0.1:PORT/metrics (Prometheus text format), from a thread
// of libmicrohttpd. Counts alone: nothing of any query (I8). set on the loop thread.
#ifndef CM_GATEWAY_METRICS_H
#define CM_GATEWAY_METRICS_H

#include "proto/base/error.h"

#include <stdint.h>

struct cm_metrics;

// Counters since start, but for those marked as gauges.
struct cm_metrics_values {
    uint64_t queries, reaches, refused, rows, batches, late, failed, findings;
    uint64_t running, nodes, entries, published, directory_serial, admits, held, refuted; // gauges
    uint64_t connections_accepted, connections_shed;
    uint64_t copies_acknowledged, copies_stored, copies_lost, copies_put_off;
    uint64_t copies_waiting, copies_files; // gauges
};

// port 0 picks one. CM_IO when it can't be bound.
enum cm_status cm_metrics_new(struct cm_metrics **out, uint16_t port,
                              struct cm_error *error) CM_MUST_CHECK;
void cm_metrics_free(struct cm_metrics *metrics);
uint16_t cm_metrics_port(const struct cm_metrics *metrics);
void cm_metrics_set(struct cm_metrics *metrics, const struct cm_metrics_values *values);

#endif

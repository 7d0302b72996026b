#include "gateway/gatewayd.h"

#include <string.h>

static const struct cm_config_key keys[] = {
    {"gateway", "listen", true},
    {"gateway", "data", true},
    {"gateway", "key", true},
    {"gateway", "chain", true},
    {"gateway", "root", true},
    {"gateway", "directory", true},
    {"gateway", "workers", false},
    {"gateway", "drain_ms", false},
    {"gateway", "metrics_port", false},
    {"limits", "connections", false},
    {"limits", "sessions", false},
    {"limits", "queries", false},
    {"limits", "per_investigator", false},
    {"limits", "per_agency", false},
    {"limits", "held_mb", false},
    {"limits", "waiting", false},
    {"limits", "remembered", false},
    {"limits", "remembered_per_investigator", false},
    {"limits", "remembered_per_agency", false},
    {NULL, NULL, false},
};

static enum cm_status number(unsigned *out, const struct cm_config *file, const char *section,
                             const char *key, unsigned fallback, unsigned most,
                             struct cm_error *error)
{
    long long value;
    enum cm_status status = cm_config_number(&value, file, section, key, fallback, 1, most, error);
    if (!status) {
        *out = (unsigned)value;
    }
    return status;
}

static enum cm_status read_limits(struct cm_gatewayd_config *out, struct cm_error *error)
{
    const struct {
        unsigned *out;
        const char *section, *key;
        unsigned fallback, most;
    } numbers[] = {
        {&out->workers, "gateway", "workers", 2, 64},
        {&out->connections, "limits", "connections", 4096, 1000000},
        {&out->sessions, "limits", "sessions", 2048, 100000},
        {&out->queries, "limits", "queries", 256, 100000},
        {&out->per_investigator, "limits", "per_investigator", 8, 100000},
        {&out->per_agency, "limits", "per_agency", 64, 100000},
        {&out->held_mb, "limits", "held_mb", 1024, 1000000},
        {&out->waiting, "limits", "waiting", 1024, 1000000},
        {&out->remembered, "limits", "remembered", 1000000, 16000000},
        {&out->remembered_per_investigator, "limits", "remembered_per_investigator", 1200,
         16000000},
        {&out->remembered_per_agency, "limits", "remembered_per_agency", 60000, 16000000},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        enum cm_status status = number(numbers[i].out, out->file, numbers[i].section,
                                       numbers[i].key, numbers[i].fallback, numbers[i].most, error);
        if (status) {
            return status;
        }
    }
    long long drain_ms, port;
    enum cm_status status =
        cm_config_number(&drain_ms, out->file, "gateway", "drain_ms", 15000, 0, 300000, error);
    if (!status) {
        status = cm_config_number(&port, out->file, "gateway", "metrics_port", 0, 0, 65535, error);
    }
    if (!status) {
        out->drain_ms = drain_ms;
        out->metrics_port = (uint16_t)port;
    }
    return status;
}

enum cm_status cm_gatewayd_config_load(struct cm_gatewayd_config *out, const char *path,
                                       struct cm_error *error)
{
    memset(out, 0, sizeof *out);
    enum cm_status status = cm_config_load(&out->file, path, keys, error);
    if (status) {
        return status;
    }
    out->listen = cm_config_get(out->file, "gateway", "listen", NULL);
    out->data = cm_config_get(out->file, "gateway", "data", NULL);
    out->key = cm_config_get(out->file, "gateway", "key", NULL);
    out->chain = cm_config_get(out->file, "gateway", "chain", NULL);
    out->root = cm_config_get(out->file, "gateway", "root", NULL);
    out->directory = cm_config_get(out->file, "gateway", "directory", NULL);
    status = read_limits(out, error);
    if (status) {
        cm_gatewayd_config_clear(out);
    }
    return status;
}

void cm_gatewayd_config_clear(struct cm_gatewayd_config *config)
{
    cm_config_free(config->file);
    memset(config, 0, sizeof *config);
}

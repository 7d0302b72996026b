#include "nodes/noded.h"

#include <stdlib.h>
#include <string.h>

static const struct cm_config_key keys[] = {
    {"node", "agency", true},
    {"node", "data", true},
    {"node", "key", true},
    {"node", "chain", true},
    {"node", "root", true},
    {"node", "directory", true},
    {"node", "workers", false},
    {"node", "drain_ms", false},
    {"store", "where", true},
    {"store", "connections", false},
    {"store", "retain_every_s", false},
    {"rules", "signed", false},
    {"rules", "overlay", false},
    {"gateways", "gateway", false},
    {"limits", "waiting", false},
    {"limits", "remembered", false},
    {"limits", "remembered_per_investigator", false},
    {"limits", "remembered_per_agency", false},
    {NULL, NULL, false},
};

static enum cm_status read_numbers(struct cm_noded_config *out, struct cm_error *error)
{
    unsigned retain_s = 0;
    unsigned drain_ms = 0;
    const struct {
        unsigned *out;
        const char *section, *key;
        unsigned fallback, least, most;
    } numbers[] = {
        {&out->workers, "node", "workers", 2, 1, 64},
        {&drain_ms, "node", "drain_ms", 10000, 0, 300000},
        {&out->connections, "store", "connections", 4, 1, 64},
        {&retain_s, "store", "retain_every_s", 60, 1, 86400},
        {&out->waiting, "limits", "waiting", 1024, 1, 1000000},
        {&out->remembered, "limits", "remembered", 1000000, 1, 100000000},
        {&out->remembered_per_investigator, "limits", "remembered_per_investigator", 1200, 1,
         100000000},
        {&out->remembered_per_agency, "limits", "remembered_per_agency", 60000, 1, 100000000},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        long long value;
        const enum cm_status status =
            cm_config_number(&value, out->file, numbers[i].section, numbers[i].key,
                             numbers[i].fallback, numbers[i].least, numbers[i].most, error);
        if (status) {
            return status;
        }
        *numbers[i].out = (unsigned)value;
    }
    out->retain_every_ms = (int64_t)retain_s * 1000;
    out->drain_ms = drain_ms;
    return CM_OK;
}

// "gateway = NAME HOST:PORT", one line each.
static enum cm_status read_gateways(struct cm_noded_config *out, struct cm_error *error)
{
    const char *line;
    for (size_t i = 0; (line = cm_config_nth(out->file, "gateways", "gateway", i)); i++) {
        if (i == CM_MAX_OVERRIDES) {
            return cm_fail(error, CM_INVALID, "gateways.gateway", "more than %d", CM_MAX_OVERRIDES);
        }
        char *copy = strdup(line);
        if (!copy) {
            return cm_fail(error, CM_MEMORY, "gateways.gateway", "out of memory");
        }
        out->gateways[out->gateway_count++] = copy;
        char *space = strchr(copy, ' ');
        if (!space || space == copy || space[strspn(space, " ")] == '\0') {
            cm_fail(error, CM_INVALID, "gateways.gateway", "a line has no name or no address");
            cm_error_hint(error, "gateway = gw1 gateway.example:7443");
            return CM_INVALID;
        }
        out->addresses[i] = space + strspn(space, " ");
        *space = '\0';
    }
    return CM_OK;
}

enum cm_status cm_noded_config_load(struct cm_noded_config *out, const char *path,
                                    struct cm_error *error)
{
    memset(out, 0, sizeof *out);
    enum cm_status status = cm_config_load(&out->file, path, keys, error);
    if (status) {
        return status;
    }
    out->agency = cm_config_get(out->file, "node", "agency", NULL);
    out->data = cm_config_get(out->file, "node", "data", NULL);
    out->key = cm_config_get(out->file, "node", "key", NULL);
    out->chain = cm_config_get(out->file, "node", "chain", NULL);
    out->root = cm_config_get(out->file, "node", "root", NULL);
    out->directory = cm_config_get(out->file, "node", "directory", NULL);
    out->store = cm_config_get(out->file, "store", "where", NULL);
    out->rules = cm_config_get(out->file, "rules", "signed", NULL);
    out->overlay = cm_config_get(out->file, "rules", "overlay", NULL);
    status = read_numbers(out, error);
    if (!status) {
        status = read_gateways(out, error);
    }
    if (status) {
        cm_noded_config_clear(out);
    }
    return status;
}

void cm_noded_config_clear(struct cm_noded_config *config)
{
    for (size_t i = 0; i < config->gateway_count; i++) {
        free(config->gateways[i]);
    }
    cm_config_free(config->file);
    memset(config, 0, sizeof *config);
}

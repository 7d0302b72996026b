#include "nodes/noded.h"

#include "proto/base/file.h"
#include "proto/base/ini.h"
#include "proto/ledger/key_duty.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

enum { MAX_FILE = 1024 * 1024 };

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

static enum cm_status read_digest(struct cm_digest *out, const char *path, struct cm_error *error)
{
    struct cm_buf text = {0};
    const enum cm_status status = cm_file_read(&text, path, MAX_FILE, error);
    cm_sha256_of(out, cm_buf_bytes(&text));
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_noded_config_load(struct cm_noded_config *out, const char *path,
                                    struct cm_error *error)
{
    unsigned drain_ms, retain_s, witness_s;
    const char *keep = NULL;
    memset(out, 0, sizeof *out);
    const struct cm_ini_text texts[] = {
        {"node", "agency", true, &out->agency},    {"node", "data", true, &out->data},
        {"node", "key", true, &out->key},          {"node", "chain", true, &out->chain},
        {"node", "root", true, &out->root},        {"node", "directory", true, &out->directory},
        {"store", "where", false, &out->store},    {"rules", "signed", false, &out->rules},
        {"rules", "file", false, &out->rule_file}, {"rules", "packs", false, &out->packs},
        {"gateways", "gateway", false, NULL},      {"audit", "keep", false, &keep},
    };
    const struct cm_ini_number numbers[] = {
        {"node", "workers", &out->workers, 2, 1, 64},
        {"node", "drain_ms", &drain_ms, 10000, 0, 300000},
        {"store", "connections", &out->connections, 4, 1, 64},
        {"store", "retain_every_s", &retain_s, 60, 1, 86400},
        {"ledger", "max_mb", &out->ledger_max_mb, 0, 0, 100000000},
        {"witness", "every_s", &witness_s, 60, 1, 86400},
        {"limits", "waiting", &out->waiting, 1024, 1, 1000000},
        {"limits", "remembered", &out->remembered, 1000000, 1, 100000000},
        {"limits", "remembered_per_investigator", &out->remembered_per_investigator, 1200, 1,
         100000000},
        {"limits", "remembered_per_agency", &out->remembered_per_agency, 60000, 1, 100000000},
    };
    const struct cm_ini ini = {COUNT(texts), texts, COUNT(numbers), numbers};
    enum cm_status status = read_digest(&out->digest, path, error);
    if (!status) {
        status = cm_ini_load(&out->file, path, &ini, error);
    }
    if (!status) {
        out->drain_ms = drain_ms;
        out->witness_every_ms = (int64_t)witness_s * 1000;
        out->packs = out->packs ? out->packs : CM_ACL_PACKS;
        out->store = out->store ? out->store : CM_NO_STORE;
        out->retain_every_ms = (int64_t)retain_s * 1000;
        status = read_gateways(out, error);
    }
    if (!status) {
        status = cm_audit_keep_parse(&out->keep_days, keep ? keep : CM_AUDIT_KEEP_DEFAULT, error);
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

#include "gateway/gatewayd.h"

#include "proto/base/file.h"
#include "proto/base/ini.h"
#include "proto/ledger/key_duty.h"

#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

enum { MAX_FILE = 1024 * 1024 };

static enum cm_status read_digest(struct cm_digest *out, const char *path, struct cm_error *error)
{
    struct cm_buf text = {0};
    const enum cm_status status = cm_file_read(&text, path, MAX_FILE, error);
    cm_sha256_of(out, cm_buf_bytes(&text));
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_gatewayd_config_load(struct cm_gatewayd_config *out, const char *path,
                                       struct cm_error *error)
{
    unsigned drain_ms, port, witness_s;
    const char *keep = NULL;
    memset(out, 0, sizeof *out);
    const struct cm_ini_text texts[] = {
        {"gateway", "listen", true, &out->listen}, {"gateway", "data", true, &out->data},
        {"gateway", "key", true, &out->key},       {"gateway", "chain", true, &out->chain},
        {"gateway", "root", true, &out->root},     {"gateway", "directory", true, &out->directory},
        {"audit", "keep", false, &keep},
    };
    const struct cm_ini_number numbers[] = {
        {"gateway", "workers", &out->workers, 2, 1, 64},
        {"gateway", "drain_ms", &drain_ms, 15000, 0, 300000},
        {"gateway", "metrics_port", &port, 0, 0, 65535},
        {"ledger", "max_mb", &out->ledger_max_mb, 0, 0, 100000000},
        {"witness", "every_s", &witness_s, 60, 1, 86400},
        {"limits", "connections", &out->connections, 4096, 1, 1000000},
        {"limits", "sessions", &out->sessions, 2048, 1, 100000},
        {"limits", "queries", &out->queries, 256, 1, 100000},
        {"limits", "per_investigator", &out->per_investigator, 8, 1, 100000},
        {"limits", "per_agency", &out->per_agency, 64, 1, 100000},
        {"limits", "held_mb", &out->held_mb, 1024, 1, 1000000},
        {"limits", "copies_held_mb", &out->copies_held_mb, 64, 1, 1000000},
        {"limits", "copies_mb", &out->copies_mb, 4096, 1, 100000000},
        {"limits", "copies_per_agency_mb", &out->copies_per_agency_mb, 256, 1, 100000000},
        {"limits", "waiting", &out->waiting, 1024, 1, 1000000},
        {"limits", "remembered", &out->remembered, 1000000, 1, 16000000},
        {"limits", "remembered_per_investigator", &out->remembered_per_investigator, 1200, 1,
         16000000},
        {"limits", "remembered_per_agency", &out->remembered_per_agency, 60000, 1, 16000000},
    };
    const struct cm_ini ini = {COUNT(texts), texts, COUNT(numbers), numbers};
    enum cm_status status = read_digest(&out->digest, path, error);
    if (!status) {
        status = cm_ini_load(&out->file, path, &ini, error);
    }
    if (!status) {
        out->drain_ms = drain_ms;
        out->witness_every_ms = (int64_t)witness_s * 1000;
        out->metrics_port = (uint16_t)port;
        status = cm_audit_keep_parse(&out->keep_days, keep ? keep : CM_AUDIT_KEEP_DEFAULT, error);
    }
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

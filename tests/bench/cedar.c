#include "tests/bench/cedar.h"

#include "proto/base/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLED = 50, REQUESTS = 40, SEED = 7 };

static const struct cm_graph_node *sampled(const struct cm_graph *graph, size_t index)
{
    size_t count = graph->count < SAMPLED ? graph->count : SAMPLED;
    return index < count ? &graph->nodes[index * graph->count / count] : NULL;
}

// The youngest row of the window: what is visible at all, is visible there.
static enum cm_status add_request(struct cm_buf *out, const struct cm_request *request)
{
    json_t *evidence = request->evidence != 0 ? json_pack("[s]", "case") : json_array();
    json_t *object = json_pack(
        "{s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s, s:o, s:I, s:I, s:s, s:[]}}",
        "principal", "type", "Agency", "id", request->agency, "action", "type", "Action", "id",
        cm_action_name(request->action), "resource", "type", "Camera", "id", "", "context", "role",
        cm_role_name(request->role), "purpose", request->purpose, "evidence", evidence, "now_ms",
        (json_int_t)request->now_ms, "age_s",
        (json_int_t)cm_age_s(request->now_ms, request->window.to_ms - 1), "field", "row", "spent");
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    enum cm_status status = text != NULL ? cm_buf_printf(out, "%s\n", text) : CM_MEMORY;
    free(text);
    json_decref(object);
    return status;
}

static enum cm_status write_file(const char *folder, const char *name, const struct cm_buf *text,
                                 struct cm_error *error)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return cm_file_write(path, cm_buf_bytes(text), 0644, error);
}

enum cm_status cm_cedar_write(const struct cm_graph *graph, const char *folder,
                              struct cm_error *error)
{
    struct cm_buf requests = {0}, owners = {0};
    uint64_t random = SEED;
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < REQUESTS; i++) {
        struct cm_request request = cm_graph_request(graph, &random);
        status = add_request(&requests, &request);
    }
    for (size_t i = 0; status == CM_OK && sampled(graph, i) != NULL; i++) {
        status = cm_buf_printf(&owners, "%s\n", sampled(graph, i)->agency->id);
    }
    if (status != CM_OK) {
        cm_fail(error, status, "bench", "out of memory");
    }
    if (status == CM_OK) {
        status = write_file(folder, "requests", &requests, error);
    }
    if (status == CM_OK) {
        status = write_file(folder, "owners", &owners, error);
    }
    cm_buf_clear(&requests);
    cm_buf_clear(&owners);
    return status;
}

static enum cm_status parse(struct cm_cedar_answer *out, const struct cm_buf *text,
                            const char *path, struct cm_error *error)
{
    json_t *object = json_loadb((const char *)text->data, text->len, 0, NULL);
    json_int_t owners = 0, requests = 0, allowed = 0;
    int failed = json_unpack(object, "{s:F, s:I, s:I, s:I}", "per_decision_us", &out->decision_us,
                             "owners", &owners, "requests", &requests, "allowed", &allowed);
    json_decref(object);
    out->owners = (size_t)owners;
    out->requests = (size_t)requests;
    out->allowed = (size_t)allowed;
    return failed == 0 ? CM_OK : cm_fail(error, CM_INVALID, path, "it is not what time.mjs prints");
}

// How many of the same the index allows.
static enum cm_status count_ours(struct cm_graph *graph, size_t *out)
{
    uint64_t random = SEED;
    uint8_t *verdicts = calloc(graph->directory.agency_count + 1, 1);
    *out = 0;
    for (size_t r = 0; verdicts != NULL && r < REQUESTS; r++) {
        struct cm_request request = cm_graph_request(graph, &random);
        cm_index_decide(graph->index, &request, verdicts);
        for (size_t i = 0; sampled(graph, i) != NULL; i++) {
            size_t agency = (size_t)(sampled(graph, i)->agency - graph->directory.agencies);
            *out += verdicts[agency] == CM_VERDICT_PERMITTED;
        }
    }
    free(verdicts);
    return verdicts != NULL ? CM_OK : CM_MEMORY;
}

enum cm_status cm_cedar_read(struct cm_cedar_answer *out, struct cm_graph *graph,
                             const char *folder, struct cm_error *error)
{
    char path[512];
    size_t ours = 0;
    struct cm_buf text = {0};
    snprintf(path, sizeof path, "%s/answer", folder);
    enum cm_status status = cm_file_read(&text, path, 4096, error);
    if (status == CM_OK) {
        status = parse(out, &text, path, error);
    }
    if (status == CM_OK && count_ours(graph, &ours) != CM_OK) {
        status = cm_fail(error, CM_MEMORY, "bench", "out of memory");
    }
    if (status == CM_OK && (out->requests != REQUESTS || ours != out->allowed)) {
        status = cm_fail(error, CM_INTERNAL, path, "Cedar allows %zu of them, the index %zu",
                         out->allowed, ours);
    }
    cm_buf_clear(&text);
    return status;
}

#include "tests/bench/graph.h"

#include "proto/base/file.h"
#include "proto/trust/directory_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CAP = 256 * 1024 * 1024, SCRATCH_CAP = 8 * 1024 * 1024 };

#define DAY_MS INT64_C(86400000)

uint64_t cm_graph_pick(uint64_t *random, uint64_t count)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return (*random * UINT64_C(2685821657736338717) >> 33) % count;
}

struct cm_request cm_graph_request_of(const struct cm_graph *graph, const struct cm_agency *agency,
                                      uint64_t *random)
{
    const struct cm_directory *directory = &graph->directory;
    int64_t days = 1 + (int64_t)cm_graph_pick(random, 30);
    return (struct cm_request){
        .agency = agency->id,
        .role = CM_ROLE_INVESTIGATOR,
        .on_behalf_of = "",
        .action = CM_ACTION_LOOKUP,
        .purpose = directory->purposes[cm_graph_pick(random, directory->purpose_count)].id,
        .evidence = cm_graph_pick(random, 4) > 0 ? 1u << CM_EVIDENCE_CASE : 0,
        .now_ms = CM_GRAPH_NOW_MS,
        .window = {CM_GRAPH_NOW_MS - days * DAY_MS, CM_GRAPH_NOW_MS},
    };
}

struct cm_request cm_graph_request(const struct cm_graph *graph, uint64_t *random)
{
    const struct cm_agency *agency;
    do {
        agency = &graph->directory.agencies[cm_graph_pick(random, graph->directory.agency_count)];
    } while (strstr(agency->id, "-copy") != NULL);
    return cm_graph_request_of(graph, agency, random);
}

enum cm_status cm_graph_open(struct cm_graph *out, const char *directory, struct cm_error *error)
{
    *out = (struct cm_graph){.arena = cm_arena_new(ARENA_CAP)};
    if (out->arena == NULL) {
        return cm_fail(error, CM_MEMORY, "bench", "out of memory");
    }
    enum cm_status status = cm_directory_read(&out->directory, out->arena, directory, error);
    if (status != CM_OK) {
        return status;
    }
    out->nodes = calloc(out->directory.agency_count, sizeof *out->nodes);
    if (out->nodes == NULL || cm_members_new(&out->members, &out->directory) != CM_OK) {
        return cm_fail(error, CM_MEMORY, "bench", "out of memory");
    }
    return CM_OK;
}

enum cm_status cm_graph_read(struct cm_graph *graph, const char *rules, struct cm_error *error)
{
    for (size_t i = 0; i < graph->directory.agency_count; i++) {
        char path[512];
        const struct cm_agency *agency = &graph->directory.agencies[i];
        struct cm_graph_node *node = &graph->nodes[graph->count];
        snprintf(path, sizeof path, "%s/%s.rules", rules, agency->id);
        enum cm_status status = cm_file_read(&node->text, path, CM_MAX_RULESET, error);
        if (status == CM_NOT_FOUND) {
            continue;
        }
        if (status != CM_OK) {
            return status;
        }
        node->agency = agency;
        graph->bytes += node->text.len;
        graph->count++;
    }
    return graph->count > 0 ? CM_OK
                            : cm_fail(error, CM_NOT_FOUND, rules, "there are no rule files");
}

void cm_graph_clear(struct cm_graph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        cm_buf_clear(&graph->nodes[i].text);
        cm_rules_unref(graph->nodes[i].rules);
    }
    cm_index_free(graph->index);
    free(graph->nodes);
    cm_members_unref(graph->members);
    cm_arena_free(graph->arena);
    *graph = (struct cm_graph){0};
}

enum cm_status cm_graph_compile_one(const struct cm_graph *graph, struct cm_rules **out,
                                    struct cm_bytes text, struct cm_error *error)
{
    struct cm_rule_file file = {"main.rules", text};
    struct cm_diagnostics diagnostics = {0};
    const struct cm_rules_source source = {.main = file.path,
                                           .file_count = 1,
                                           .files = &file,
                                           .directory = &graph->directory,
                                           .members = graph->members,
                                           .retired_ok = true};
    enum cm_status status = cm_rules_compile(out, &source, &diagnostics);
    if (status != CM_OK) {
        const char *said = diagnostics.count > 0 ? diagnostics.list[0].text : "out of memory";
        status = cm_fail(error, status, "rules", "%s", said);
    }
    cm_diagnostics_clear(&diagnostics);
    return status;
}

enum cm_status cm_graph_compile(struct cm_graph *graph, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < graph->count; i++) {
        struct cm_graph_node *node = &graph->nodes[i];
        cm_rules_unref(node->rules);
        node->rules = NULL;
        status = cm_graph_compile_one(graph, &node->rules, cm_buf_bytes(&node->text), error);
    }
    return status;
}

enum cm_status cm_graph_index(struct cm_graph *graph, struct cm_error *error)
{
    cm_index_free(graph->index);
    enum cm_status status = cm_index_new(&graph->index, &graph->directory);
    for (size_t i = 0; status == CM_OK && i < graph->count; i++) {
        status = cm_index_put(graph->index, graph->nodes[i].rules, NULL);
    }
    return status == CM_OK ? CM_OK : cm_fail(error, status, "index", "out of memory");
}

static enum cm_status ask(bool *permitted, const struct cm_graph *graph, struct cm_arena *scratch,
                          const struct cm_graph_node *node, const struct cm_request *request)
{
    struct cm_view *view;
    cm_arena_reset(scratch);
    enum cm_status status =
        cm_rules_view(&view, scratch, node->rules, NULL, &graph->directory, request, NULL, NULL, 0);
    *permitted = status == CM_OK && cm_view_any(view);
    return status;
}

enum cm_status cm_graph_ask_each(struct cm_graph *graph, struct cm_arena *scratch,
                                 const struct cm_request *request, size_t *permitted)
{
    enum cm_status status = CM_OK;
    *permitted = 0;
    for (size_t i = 0; status == CM_OK && i < graph->count; i++) {
        bool one;
        status = ask(&one, graph, scratch, &graph->nodes[i], request);
        *permitted += one;
    }
    return status;
}

enum cm_status cm_graph_check(struct cm_graph *graph, const struct cm_request *request,
                              const uint8_t *verdicts, struct cm_error *error)
{
    struct cm_arena *scratch = cm_arena_new(SCRATCH_CAP);
    enum cm_status status = scratch == NULL ? CM_MEMORY : CM_OK;
    for (size_t i = 0; status == CM_OK && i < graph->count; i++) {
        bool permitted;
        const struct cm_graph_node *node = &graph->nodes[i];
        status = ask(&permitted, graph, scratch, node, request);
        uint8_t verdict = verdicts[node->agency - graph->directory.agencies];
        if (status == CM_OK && permitted != (verdict == CM_VERDICT_PERMITTED)) {
            status = cm_fail(error, CM_INTERNAL, node->agency->id,
                             "the index and the rules do not say the same");
        }
    }
    cm_arena_free(scratch);
    return status;
}

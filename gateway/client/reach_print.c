#include "gateway/client/reach_print.h"

#include "gateway/client/summary.h"
#include "proto/base/cli.h"
#include "proto/codec/gateway.h"

#include <inttypes.h>
#include <jansson.h>

enum { CAP = 8 * 1024 * 1024 };

// An agency that would be asked has no outcome yet.
static const char *word(const struct cm_progress *agency)
{
    return agency->outcome == CM_OUTCOME_NONE ? "would be asked" : cm_outcome_name(agency->outcome);
}

static size_t askable(const struct cm_reach_response *response)
{
    size_t count = 0;
    for (size_t i = 0; i < response->agency_count; i++) {
        count += response->agencies[i].outcome == CM_OUTCOME_NONE;
    }
    return count;
}

static void print_table(FILE *out, const struct cm_reach_response *response)
{
    static const enum cm_outcome others[] = {CM_OUTCOME_OFFLINE, CM_OUTCOME_DETACHED,
                                             CM_OUTCOME_INCOMPATIBLE, CM_OUTCOME_NOT_NAMED};
    size_t asked = askable(response);
    uint32_t silent = response->counts[CM_OUTCOME_NOT_PERMITTED];
    for (size_t i = 0; i < response->agency_count; i++) {
        fprintf(out, "%-40s %s\n", response->agencies[i].agency, word(&response->agencies[i]));
    }
    fprintf(out, "%zu agenc%s would be asked", asked, asked == 1 ? "y" : "ies");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint32_t count = response->counts[others[i]];
        if (count > 0) {
            fprintf(out, "; %" PRIu32 " %s", count, cm_outcome_name(others[i]));
        }
    }
    if (silent > 0) {
        fprintf(out, "; %" PRIu32 " do%s not share this with you", silent, silent == 1 ? "es" : "");
    }
    if (response->counts[CM_OUTCOME_NO_NODE] > 0) {
        fprintf(out, "; %" PRIu32 " without a node", response->counts[CM_OUTCOME_NO_NODE]);
    }
    fputc('\n', out);
}

static void print_csv(FILE *out, const struct cm_reach_response *response)
{
    fputs("agency,reach\r\n", out);
    for (size_t i = 0; i < response->agency_count; i++) {
        fprintf(out, "%s,%s\r\n", response->agencies[i].agency, word(&response->agencies[i]));
    }
}

static void print_json(FILE *out, const struct cm_reach_response *response)
{
    json_t *counts = json_object();
    for (size_t i = 0; i < response->agency_count; i++) {
        json_t *line = json_pack("{s:s, s:s}", "agency", response->agencies[i].agency, "reach",
                                 word(&response->agencies[i]));
        json_dumpf(line, out, JSON_COMPACT);
        fputc('\n', out);
        json_decref(line);
    }
    for (unsigned i = 1; i < CM_OUTCOME_COUNT; i++) {
        if (response->counts[i] > 0) {
            json_object_set_new(counts, cm_outcome_name((enum cm_outcome)i),
                                json_integer(response->counts[i]));
        }
    }
    json_t *last =
        json_pack("{s:{s:I, s:I, s:o}}", "reach", "would_be_asked", (json_int_t)askable(response),
                  "directory_serial", (json_int_t)response->directory_serial, "counts", counts);
    json_dumpf(last, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(last);
}

int cm_reach_print(FILE *out, struct cm_bytes bytes, enum cm_format format)
{
    struct cm_reach_response response;
    struct cm_arena *arena = cm_arena_new(CAP);
    int code = CM_EXIT_FAILED;
    if (arena != NULL && cm_reach_response_decode(&response, arena, bytes, NULL) == CM_OK) {
        switch (format) {
        case CM_FORMAT_TABLE:
            print_table(out, &response);
            break;
        case CM_FORMAT_CSV:
            print_csv(out, &response);
            break;
        case CM_FORMAT_JSON:
        case CM_FORMAT_GEOJSON:
            print_json(out, &response);
            break;
        }
        code = askable(&response) > 0 ? 0 : CM_EXIT_NOBODY;
        if (fflush(out) != 0 || ferror(out)) {
            cm_cli_say("output: not all could be written");
            code = CM_EXIT_FAILED;
        }
    }
    cm_arena_free(arena);
    return code;
}

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
    for (size_t i = 0; i < response->agency_count; i++) {
        fprintf(out, "%-40.40s %s\n", response->agencies[i].agency, word(&response->agencies[i]));
    }
    fprintf(out,
            "%zu of %zu agencies that permit would be asked; %" PRIu32
            " do not share this with you\n",
            askable(response), response->agency_count, response->counts[CM_OUTCOME_NOT_PERMITTED]);
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
    }
    cm_arena_free(arena);
    return code;
}

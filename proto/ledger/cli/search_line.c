#include "proto/ledger/cli/search_line.h"

#include "proto/codec/answer.h"

#include <stdio.h>

static void take_node(struct cm_search_line *line, const struct cm_sighting *seen)
{
    line->sides |= CM_SIDE_ANSWERED;
    line->rule = seen->rule;
    line->judged = line->judged || seen->permitted || seen->refusal == CM_REFUSAL_NOT_PERMITTED;
    if (seen->permitted) {
        line->outcome = CM_LINE_NO_END;
        line->refusal = "";
    } else if (!line->has_released) {
        line->outcome = "refused";
        line->refusal = cm_refusal_name((enum cm_refusal_code)seen->refusal);
    }
}

static void take_release(struct cm_search_line *line, const struct cm_sighting *seen)
{
    line->has_released = true;
    line->released += seen->rows;
    line->released_ms = seen->recorded_ms;
    line->refusal = "";
    line->outcome =
        seen->release == CM_RELEASE_COMPLETE ? "released" : cm_release_outcome_name(seen->release);
}

static void take_end(struct cm_search_line *line, const struct cm_sighting *seen)
{
    line->has_received = true;
    line->judged = true;
    line->received = seen->rows;
    line->asked = seen->asked > line->asked ? seen->asked : line->asked;
    line->answered = seen->answered > line->answered ? seen->answered : line->answered;
    if (!(line->sides & CM_SIDE_ANSWERED)) {
        line->outcome = seen->rows > 0 ? "answered" : "no rows";
    }
}

static void take_gateway(struct cm_search_line *line, const struct cm_sighting *seen)
{
    line->sides |= CM_SIDE_GATEWAY;
    line->judged = true;
    if (line->outcome[0] == '\0') {
        line->outcome = seen->kind == CM_ENTRY_REACH ? "who would be asked" : CM_LINE_NO_END;
    }
}

static unsigned side_of(const struct cm_sighting *seen)
{
    return seen->kind == CM_ENTRY_COPY     ? CM_SIDE_ASKED
           : seen->source->gateway != NULL ? CM_SIDE_GATEWAY
                                           : CM_SIDE_ANSWERED;
}

static void take(struct cm_search_line *line, const struct cm_sighting *seen)
{
    if (seen->gateway[0] != '\0' && (!seen->refused_unread || line->gateway[0] == '\0')) {
        line->gateway = seen->gateway;
        line->gateway_index = seen->gateway_index;
    }
    if (seen->refused_unread) {
        line->sides |= side_of(seen);
    } else if (seen->kind == CM_ENTRY_NODE) {
        take_node(line, seen);
    } else if (seen->kind == CM_ENTRY_RELEASE) {
        take_release(line, seen);
    } else if (seen->kind == CM_ENTRY_COPY) {
        line->sides |= CM_SIDE_ASKED;
        take_end(line, seen);
    } else if (seen->kind == CM_ENTRY_MANIFEST) {
        take_end(line, seen);
    } else {
        take_gateway(line, seen);
    }
}

void cm_search_line_of(struct cm_search_line *out, const struct cm_search *search)
{
    *out = (struct cm_search_line){.outcome = "", .refusal = "", .gateway = "", .rule = ""};
    const struct cm_sighting *refused = NULL;
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        take(out, seen);
        refused = seen->refused_unread ? seen : refused;
    }
    // What was taken once and refused when it came again was not refused.
    if (out->outcome[0] == '\0' && refused != NULL) {
        out->outcome = "refused";
        out->refusal = cm_status_name((enum cm_status)refused->refusal);
    }
}

char *cm_search_sides(char out[64], unsigned sides)
{
    snprintf(out, 64, "%s%s%s%s%s", sides & CM_SIDE_ASKED ? "asked by us" : "",
             sides & CM_SIDE_ASKED && sides & CM_SIDE_ANSWERED ? ", " : "",
             sides & CM_SIDE_ANSWERED ? "asked of us" : "",
             sides & CM_SIDE_GATEWAY && sides != CM_SIDE_GATEWAY ? ", " : "",
             sides & CM_SIDE_GATEWAY ? "at the gateway" : "");
    return out;
}

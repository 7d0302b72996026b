#include "proto/ledger/cli/search_print.h"

#include "proto/base/when.h"
#include "proto/ledger/cli/paragraph.h"

#include <inttypes.h>

char *cm_search_entries(char out[160], const struct cm_search *search)
{
    size_t used = 0;
    out[0] = '\0';
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        char one[64];
        int length = snprintf(one, sizeof one, "%s%u:%" PRIu64, used > 0 ? " " : "",
                              seen->source->number, seen->index);
        if (seen->epoch > 1) {
            length = snprintf(one, sizeof one, "%s%u:%" PRIu64 ".%" PRIu64, used > 0 ? " " : "",
                              seen->source->number, seen->epoch, seen->index);
        }
        if (used + (size_t)length + 5 > 160) {
            snprintf(out + used, 160 - used, " …");
            break;
        }
        used += (size_t)snprintf(out + used, 160 - used, "%s", one);
    }
    return out;
}

static void print_end(FILE *out, const struct cm_search_line *line)
{
    char sides[64];
    char released[64] = "";
    char received[96] = "";
    if (line->has_released) {
        snprintf(released, sizeof released, ", %" PRIu64 " rows sent", line->released);
    }
    if (line->has_received) {
        snprintf(received, sizeof received, ", %" PRIu64 " rows received", line->received);
        if (line->asked > 0) {
            snprintf(received, sizeof received,
                     ", %" PRIu64 " rows received, %u of %u agencies answered", line->received,
                     line->answered, line->asked);
        }
    }
    cm_paragraph(out, 2, "%s: %s%s%s%s%s", cm_search_sides(sides, line->sides), line->outcome,
                 line->refusal[0] != '\0' ? ", " : "", line->refusal, released, received);
}

static void print_who(FILE *out, const struct cm_search_values *v, bool redact)
{
    const bool has_case = v->case_number[0] != '\0';
    cm_paragraph(out, 2, "%s%s%s of %s%s%s", v->role, redact ? "" : " ", redact ? "" : v->name,
                 v->agency, v->on_behalf_of[0] != '\0' ? ", on behalf of " : "", v->on_behalf_of);
    if (redact) {
        cm_paragraph(out, 2, "%s, %s", v->purpose, has_case ? "a case number" : "no case");
        return;
    }
    cm_paragraph(out, 2, "%s, %s%s%s%s", v->purpose, has_case ? "case " : "no case", v->case_number,
                 v->reason[0] != '\0' ? ": " : "", v->reason);
    if (v->approved_by[0] != '\0') {
        cm_paragraph(out, 2, "approved by %s", v->approved_by);
    }
    if (v->court_order[0] != '\0') {
        cm_paragraph(out, 2, "court order %s", v->court_order);
    }
}

void cm_search_print(FILE *out, const struct cm_search *search, bool redact)
{
    char when[CM_WHEN_SIZE];
    char from[CM_WHEN_SIZE];
    char to[CM_WHEN_SIZE];
    char entries[160];
    struct cm_search_line line;
    const struct cm_search_values *v = search->values;
    cm_search_line_of(&line, search);
    fprintf(out, "%s  ", cm_when_utc(when, search->when_ms));
    if (v == NULL) {
        fprintf(out, "%s\n", cm_audit_clear_name(search->clear));
    } else {
        fprintf(out, "%s%s%s\n", search->reach ? "who would be asked" : v->plate,
                v->state[0] != '\0' ? " of " : "", v->state);
        print_who(out, v, redact);
        cm_paragraph(out, 2, "%s from %.16sZ to %.16sZ", cm_action_name(v->action),
                     cm_when_utc(from, v->window.from_ms), cm_when_utc(to, v->window.to_ms));
    }
    print_end(out, &line);
    cm_paragraph(out, 2, "entries %s", cm_search_entries(entries, search));
}

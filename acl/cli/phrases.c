#include "acl/cli/phrases.h"

#include "acl/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KINDS = 16, ALL_ACTIONS = (1 << CM_ACTION_COUNT) - 2 };

void cm_say(struct cm_buf *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    if (cm_buf_add(out, text, kept) != CM_OK) {
        out->max = out->len;
    }
}

static void say_item(struct cm_buf *out, const char **before, const char *sign, const char *word)
{
    cm_say(out, "%s%s", *before, word);
    *before = sign;
}

// The requests of a case, as bits of a change.
static uint16_t requests_of(unsigned with, unsigned without)
{
    unsigned requests = 0;
    for (unsigned kinds = 0; kinds < KINDS; kinds++) {
        requests |= (unsigned)((kinds & with) == with && (kinds & without) == 0) << kinds;
    }
    return (uint16_t)requests;
}

size_t cm_evidence_cases(struct cm_evidence_case out[CM_MOST_CASES], uint16_t evidence)
{
    size_t count = 0;
    for (uint16_t left = evidence; left != 0;) {
        int most = 0;
        uint16_t chosen = 0;
        for (unsigned with = 0; with < KINDS; with++) {
            for (unsigned without = 0; without < KINDS; without++) {
                uint16_t requests = (with & without) != 0 ? 0 : requests_of(with, without);
                int size =
                    __builtin_popcount(requests & left) * KINDS + __builtin_popcount(requests);
                if ((requests & ~evidence) == 0 && (requests & left) != 0 && size > most) {
                    most = size;
                    chosen = requests;
                    out[count] = (struct cm_evidence_case){with << 1, without << 1};
                }
            }
        }
        left &= (uint16_t)~chosen;
        count++;
    }
    return count;
}

static void say_kinds(struct cm_buf *out, const char *before, unsigned kinds)
{
    for (enum cm_evidence e = CM_EVIDENCE_CASE; e < CM_EVIDENCE_COUNT; e++) {
        if ((kinds >> e & 1) != 0) {
            say_item(out, &before, " and ", cm_evidence_name(e));
        }
    }
}

static void say_evidence(struct cm_buf *out, uint16_t evidence)
{
    struct cm_evidence_case cases[CM_MOST_CASES];
    size_t count = evidence == UINT16_MAX ? 0 : cm_evidence_cases(cases, evidence);
    for (size_t i = 0; i < count; i++) {
        cm_say(out, i == 0 ? "; " : ", or ");
        say_kinds(out, "with ", cases[i].with);
        say_kinds(out, cases[i].with != 0 ? " but without " : "without ", cases[i].without);
    }
}

// Names those that are in, or where most are, those that are not.
static void say_purposes(struct cm_buf *out, const struct cm_cells *cells, uint64_t purposes)
{
    uint32_t covered = 0;
    for (uint32_t i = 0; i < cells->purpose_count; i++) {
        covered += (purposes >> cells->purpose_class[i] & 1) != 0;
    }
    bool most = covered > 4 && 2 * covered > cells->purpose_count;
    const char *before = most ? " but " : " for ";
    if (most) {
        cm_say(out, " for any purpose");
    }
    for (uint32_t i = 0; i < cells->purpose_count; i++) {
        if (((purposes >> cells->purpose_class[i] & 1) != 0) != most) {
            say_item(out, &before, ", ", cells->purposes[i]);
        }
    }
}

// Names those that are in, or when all others are in too, those that are not.
static void say_cameras(struct cm_buf *out, const struct cm_cells *cells, const uint64_t *cameras)
{
    bool others = cm_bit(cameras, 0);
    const char *before = others ? "; at all cameras but " : "; at ";
    for (uint32_t i = 0; i < cells->camera_count; i++) {
        if (cm_bit(cameras, cells->camera_class[i]) != others) {
            say_item(out, &before, ", ", cells->cameras[i]);
        }
    }
}

void cm_say_actions(struct cm_buf *out, uint32_t actions)
{
    const char *before = "";
    if (actions == ALL_ACTIONS) {
        cm_say(out, "any question");
        return;
    }
    for (enum cm_action a = CM_ACTION_LOOKUP; a < CM_ACTION_COUNT; a++) {
        if ((actions >> a & 1) != 0) {
            say_item(out, &before, ", ", cm_action_name(a));
        }
    }
}

void cm_say_change(struct cm_buf *out, const struct cm_cells *cells, const struct cm_change *change)
{
    char date[11];
    cm_say_actions(out, change->actions);
    say_purposes(out, cells, change->purposes);
    if (change->roles == 1u << CM_ROLE_INVESTIGATOR) {
        cm_say(out, "; by investigators");
    } else if (change->roles == 1u << CM_ROLE_SUPERVISOR) {
        cm_say(out, "; by supervisors");
    }
    say_evidence(out, change->evidence);
    if (change->from_ms > cells->today_ms) {
        cm_value_date_format(date, change->from_ms);
        cm_say(out, "; from %s", date);
    }
    if (change->until_ms < INT64_MAX) {
        cm_value_date_format(date, change->until_ms);
        cm_say(out, "%s until %s", change->from_ms > cells->today_ms ? "" : ";", date);
    }
    say_cameras(out, cells, change->cameras);
}

void cm_say_fields(struct cm_buf *out, cm_fields fields)
{
    const char *before = "";
    if ((fields & (1u | CM_FIELDS_ALL)) == (1u | CM_FIELDS_ALL)) {
        cm_say(out, "the row and all fields");
        return;
    }
    for (unsigned point = 0; point < CM_POINTS; point++) {
        if ((fields >> point & 1) != 0) {
            say_item(out, &before, ", ",
                     point == 0 ? "the row" : cm_field_name((enum cm_field)point));
        }
    }
}

void cm_say_ages(struct cm_buf *out, int64_t after_s, int64_t to_s)
{
    char after[CM_DURATION_SIZE];
    char to[CM_DURATION_SIZE];
    cm_value_duration_format(after, after_s < 0 ? 0 : after_s);
    cm_value_duration_format(to, to_s);
    if (after_s < 0 && to_s == INT64_MAX) {
        cm_say(out, "of any age");
    } else if (after_s < 0) {
        cm_say(out, "up to %s back", to);
    } else if (to_s == INT64_MAX) {
        cm_say(out, "beyond %s back", after);
    } else {
        cm_say(out, "beyond %s, up to %s back", after, to);
    }
}

void cm_say_allowance(struct cm_buf *out, struct cm_allowance allowance)
{
    unsigned long long investigator = allowance.per_investigator;
    unsigned long long agency = allowance.per_agency;
    if (agency == 0) {
        cm_say(out, "nothing");
    } else if (allowance.per_investigator == UINT64_MAX) {
        cm_say(out, "none");
    } else if (investigator == 0) {
        cm_say(out, "%llu/day per agency", agency);
    } else if (investigator == agency) {
        cm_say(out, "%llu/day per investigator", investigator);
    } else {
        cm_say(out, "%llu/day per investigator or %llu/day per agency", investigator, agency);
    }
}

const char *cm_agency_name(const struct cm_cells *cells, uint32_t agency)
{
    const char *id = cells->agencies[agency];
    for (unsigned s = 2; s > 0; s--) {
        const struct cm_side *side = &cells->sides[s - 1];
        const struct cm_agency *found =
            side->rules == NULL ? NULL : cm_directory_agency(side->directory, id);
        if (found != NULL && found->name != NULL && found->name[0] != '\0') {
            return found->name;
        }
    }
    return id;
}

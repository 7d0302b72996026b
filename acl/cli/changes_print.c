#include "acl/cli/changes_print.h"

#include "acl/cli/phrases.h"
#include "acl/value.h"
#include "proto/base/cli.h"

#include <string.h>

enum { EACH_ON_A_LINE = 12 };

enum verb { GAINS, LOSES, CHANGES, VERBS };

static enum verb verb_of(const struct cm_change_line *line)
{
    bool widens = cm_change_line_widens(line);
    return widens && cm_change_line_narrows(line) ? CHANGES : widens ? GAINS : LOSES;
}

static void print_buf(FILE *out, struct cm_buf *text, size_t used, size_t indent)
{
    if (cm_buf_add(text, "", 1) == CM_OK) {
        cm_cli_wrap(out, (const char *)text->data, used, indent);
    }
    cm_buf_clear(text);
}

void cm_print_agencies(FILE *out, const struct cm_cells *cells, const struct cm_change_group *group)
{
    struct cm_buf text = {0};
    for (uint32_t i = 0; i < group->agency_count; i++) {
        const char *id = cells->agencies[group->agencies[i]];
        const char *name = cm_agency_name(cells, group->agencies[i]);
        if (group->agency_count > EACH_ON_A_LINE) {
            cm_say(&text, "%s%s", i == 0 ? "" : "; ", id);
            if (strcmp(id, name) != 0) {
                cm_say(&text, " %s", name);
            }
        } else if (strcmp(id, name) == 0) {
            fprintf(out, "%s\n", id);
        } else {
            fprintf(out, "%s  ", id);
            cm_cli_wrap(out, name, strlen(id) + 2, strlen(id) + 2);
        }
    }
    if (group->agency_count > EACH_ON_A_LINE) {
        fprintf(out, "%u agencies\n  ", (unsigned)group->agency_count);
        print_buf(out, &text, 2, 2);
    }
}

static void print_line(FILE *out, const struct cm_change_line *line)
{
    struct cm_buf text = {0};
    cm_say_ages(&text, line->after_s, line->to_s);
    cm_say(&text, ": ");
    cm_say_fields(&text, line->fields);
    if (line->is.per_agency > 0 &&
        (line->was.per_agency > 0 || line->is.per_investigator < UINT64_MAX)) {
        cm_say(&text, "; limit ");
        cm_say_allowance(&text, line->is);
    }
    if (line->is.per_agency > 0 && line->was.per_agency > 0) {
        cm_say(&text, ", was ");
        cm_say_allowance(&text, line->was);
    }
    fputs("            ", out);
    print_buf(out, &text, 12, 14);
}

static void print_change(FILE *out, const struct cm_cells *cells, const struct cm_change *change)
{
    static const char *const words[] = {"gains  ", "loses  ", "changes"};
    struct cm_buf text = {0};
    enum verb verb = verb_of(&change->lines[0]);
    for (uint32_t i = 1; i < change->line_count; i++) {
        verb = verb_of(&change->lines[i]) == verb ? verb : CHANGES;
    }
    cm_say_change(&text, cells, change);
    fprintf(out, "  %s ", words[verb]);
    print_buf(out, &text, 10, 10);
    for (uint32_t i = 0; i < change->line_count; i++) {
        print_line(out, &change->lines[i]);
    }
}

// Agencies for which any line has that verb, or is a change in both directions.
static unsigned count_agencies(const struct cm_diff *diff, enum verb verb)
{
    unsigned count = 0;
    for (uint32_t g = 0; g < diff->group_count; g++) {
        const struct cm_change_group *group = &diff->groups[g];
        bool found = false;
        for (uint32_t c = 0; c < group->change_count; c++) {
            for (uint32_t i = 0; i < group->changes[c].line_count; i++) {
                enum verb said = verb_of(&group->changes[c].lines[i]);
                found = found || said == verb || said == CHANGES;
            }
        }
        count += found ? group->agency_count : 0;
    }
    return count;
}

static void retain_text(char out[CM_DURATION_SIZE], int64_t retain_s)
{
    if (retain_s == INT64_MAX) {
        snprintf(out, CM_DURATION_SIZE, "no bound");
    } else {
        cm_value_duration_format(out, retain_s);
    }
}

static void print_beside(FILE *out, const struct cm_diff *diff)
{
    char was[CM_DURATION_SIZE];
    char is[CM_DURATION_SIZE];
    retain_text(was, diff->retain_s[0]);
    retain_text(is, diff->retain_s[1]);
    if (diff->retain_s[0] != diff->retain_s[1]) {
        fprintf(out, "retain: %s, was %s (%s)\n", is, was,
                diff->retain_s[1] > diff->retain_s[0] ? "widens" : "narrows");
    }
    if (diff->sharing_off[0] != diff->sharing_off[1]) {
        fprintf(out, "sharing: %s, was %s\n", diff->sharing_off[1] ? "off" : "by the permits",
                diff->sharing_off[0] ? "off" : "by the permits");
    }
    if (diff->discloses[0] != diff->discloses[1]) {
        fprintf(out, "disclose denial: %s (%s)\n", diff->discloses[1] ? "now on" : "no longer on",
                diff->discloses[1] ? "widens" : "narrows");
    }
}

static void print_counts(FILE *out, const struct cm_diff *diff)
{
    if (diff->counted_apart > 0) {
        fprintf(out,
                "limits: some questions of %u agenc%s count apart that counted together\n"
                "        (widens)\n",
                (unsigned)diff->counted_apart, diff->counted_apart == 1 ? "y" : "ies");
    }
    if (diff->counted_together > 0) {
        fprintf(out,
                "limits: some questions of %u agenc%s count together that counted apart\n"
                "        (narrows)\n",
                (unsigned)diff->counted_together, diff->counted_together == 1 ? "y" : "ies");
    }
}

void cm_diff_print(FILE *out, const struct cm_diff *diff)
{
    char date[11];
    cm_value_date_format(date, diff->cells->today_ms);
    if (!cm_diff_widens(diff) && !cm_diff_narrows(diff)) {
        fprintf(out, "no difference from %s on\n", date);
        return;
    }
    fprintf(out, "from %s on: %u gain, %u lose\n", date, count_agencies(diff, GAINS),
            count_agencies(diff, LOSES));
    print_beside(out, diff);
    print_counts(out, diff);
    for (uint32_t g = 0; g < diff->group_count; g++) {
        fputc('\n', out);
        cm_print_agencies(out, diff->cells, &diff->groups[g]);
        for (uint32_t c = 0; c < diff->groups[g].change_count; c++) {
            print_change(out, diff->cells, &diff->groups[g].changes[c]);
        }
    }
}

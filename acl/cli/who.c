#include "acl/cli/who.h"

#include "acl/cli/changes_print.h"
#include "acl/cli/diagnostics_json.h"
#include "acl/cli/phrases.h"
#include "acl/cli/state.h"
#include "acl/value.h"
#include "acl/who.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"

#include <inttypes.h>
#include <string.h>

enum { COLUMNS = 3, EACH_IN_THE_TABLE = 8 };
#define ARENA_CAP ((size_t)512 * 1024 * 1024)

static const int widths[COLUMNS] = {26, 26, 24}; // and two spaces between them

static const struct argp_option options[] = {
    {"directory", 'd', "FILE", 0, CM_ACL_DIRECTORY_HELP, 0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"json", 'j', NULL, 0, "An object for programs", 0},
    {"csv", 'c', NULL, 0, "A line for each agency, case and age, with a header", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE",
    .about = "Show who sees what, for which purposes, how far back, from today on.\vFILE is a rule "
             "file or a signed rule set. Agencies that see nothing are not listed.",
    .least_words = 1,
    .most_words = 1,
};

// Code points, which for the text here are columns.
static int width_of(const char *text, size_t len)
{
    int width = 0;
    for (size_t i = 0; i < len; i++) {
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return width;
}

// The words of the next line of a column; one that is too long stands alone.
static size_t next_line(const char *text, int width)
{
    size_t len = strcspn(text, " \n");
    while (text[len] == ' ') {
        size_t word = strcspn(text + len + 1, " \n");
        if (width_of(text, len + 1 + word) > width) {
            break;
        }
        len += 1 + word;
    }
    return len;
}

static void print_row(const char *const cells[COLUMNS])
{
    const char *left[COLUMNS];
    memcpy(left, cells, sizeof left);
    bool more = true;
    while (more) {
        int owed = 0; // spaces before the next text
        more = false;
        for (size_t c = 0; c < COLUMNS; c++) {
            size_t len = next_line(left[c], widths[c]);
            if (len > 0) {
                printf("%*s%.*s", owed, "", (int)len, left[c]);
                owed = 0;
            }
            int used = width_of(left[c], len);
            owed += (used < widths[c] ? widths[c] - used : 0) + 2;
            left[c] += len;
            left[c] += *left[c] != '\0';
            more = more || *left[c] != '\0';
        }
        putchar('\n');
    }
}

static const char *text_of(struct cm_buf *buf)
{
    return cm_buf_add(buf, "", 1) == CM_OK ? (const char *)buf->data : "";
}

static void say_agencies(struct cm_buf *out, const struct cm_cells *cells,
                         const struct cm_change_group *group, unsigned note)
{
    if (note > 0) {
        cm_say(out, "%" PRIu32 " agencies, listed below under (%u)", group->agency_count, note);
        return;
    }
    for (uint32_t i = 0; i < group->agency_count; i++) {
        const char *id = cells->agencies[group->agencies[i]];
        const char *name = cm_agency_name(cells, group->agencies[i]);
        cm_say(out, "%s%s", i == 0 ? "" : "\n", id);
        if (strcmp(id, name) != 0) {
            cm_say(out, "\n%s", name);
        }
    }
}

static void say_lines(struct cm_buf *out, const struct cm_change *change)
{
    for (uint32_t i = 0; i < change->line_count; i++) {
        const struct cm_change_line *line = &change->lines[i];
        cm_say(out, "%s", i == 0 ? "" : "\n");
        cm_say_ages(out, line->after_s, line->to_s);
        cm_say(out, ": ");
        cm_say_fields(out, line->fields);
        if (line->is.per_investigator < UINT64_MAX) {
            cm_say(out, "; limit ");
            cm_say_allowance(out, line->is);
        }
    }
}

static void print_group(const struct cm_cells *cells, const struct cm_change_group *group,
                        unsigned note)
{
    for (uint32_t c = 0; c < group->change_count; c++) {
        struct cm_buf texts[COLUMNS] = {{0}, {0}, {0}};
        if (c == 0) {
            say_agencies(&texts[0], cells, group, note);
        }
        cm_say_change(&texts[1], cells, &group->changes[c]);
        say_lines(&texts[2], &group->changes[c]);
        const char *const row[COLUMNS] = {text_of(&texts[0]), text_of(&texts[1]),
                                          text_of(&texts[2])};
        print_row(row);
        for (size_t i = 0; i < COLUMNS; i++) {
            cm_buf_clear(&texts[i]);
        }
    }
    putchar('\n');
}

static void print_table(const struct cm_diff *who)
{
    static const char *const heads[COLUMNS] = {"WHO", "MAY ASK", "AND SEES"};
    char date[11];
    unsigned notes = 0;
    const struct cm_cells *cells = who->cells;
    cm_value_date_format(date, cells->today_ms);
    printf("who sees what of %s, from %s on\n", cells->node, date);
    if (who->group_count == 0) {
        printf("nobody sees anything\n");
        return;
    }
    putchar('\n');
    print_row(heads);
    for (uint32_t g = 0; g < who->group_count; g++) {
        bool many = who->groups[g].agency_count > EACH_IN_THE_TABLE;
        print_group(cells, &who->groups[g], many ? ++notes : 0);
    }
    notes = 0;
    for (uint32_t g = 0; g < who->group_count; g++) {
        if (who->groups[g].agency_count > EACH_IN_THE_TABLE) {
            printf("(%u) ", ++notes);
            cm_print_agencies(stdout, cells, &who->groups[g]);
        }
    }
}

static void print_json(const struct cm_diff *who)
{
    char date[11];
    cm_value_date_format(date, who->cells->today_ms);
    json_t *retain = who->retain_s[1] == INT64_MAX ? json_null() : json_integer(who->retain_s[1]);
    json_t *object = json_pack("{s:s, s:s, s:o, s:b, s:b, s:o}", "node", who->cells->node, "from",
                               date, "retain_s", retain, "sharing_off", (int)who->sharing_off[1],
                               "discloses", (int)who->discloses[1], "groups", cm_who_json(who));
    cm_json_print(object);
}

// A field in quotes, as RFC 4180 has it.
static void put_csv(const char *text, char after)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        printf(*text == '"' ? "\"\"" : "%c", *text);
    }
    printf("\"%c", after);
}

static void print_csv_line(const struct cm_cells *cells, uint32_t agency,
                           const struct cm_change *change, const struct cm_change_line *line)
{
    struct cm_buf what = {0};
    struct cm_buf fields = {0};
    struct cm_buf limit = {0};
    cm_say_change(&what, cells, change);
    cm_say_fields(&fields, line->fields);
    cm_say_allowance(&limit, line->is);
    put_csv(cells->agencies[agency], ',');
    put_csv(cm_agency_name(cells, agency), ',');
    put_csv(text_of(&what), ',');
    put_csv(text_of(&fields), ',');
    // Whole seconds; empty without bound.
    if (line->after_s >= 0) {
        printf("%" PRId64, line->after_s);
    }
    putchar(',');
    if (line->to_s < INT64_MAX) {
        printf("%" PRId64, line->to_s);
    }
    putchar(',');
    put_csv(text_of(&limit), '\n');
    cm_buf_clear(&what);
    cm_buf_clear(&fields);
    cm_buf_clear(&limit);
}

static void print_csv(const struct cm_diff *who)
{
    printf("agency,name,may_ask,sees,beyond_s,up_to_s,limit\n");
    for (uint32_t g = 0; g < who->group_count; g++) {
        const struct cm_change_group *group = &who->groups[g];
        for (uint32_t a = 0; a < group->agency_count; a++) {
            for (uint32_t c = 0; c < group->change_count; c++) {
                for (uint32_t i = 0; i < group->changes[c].line_count; i++) {
                    print_csv_line(who->cells, group->agencies[a], &group->changes[c],
                                   &group->changes[c].lines[i]);
                }
            }
        }
    }
}

static enum cm_status show(const struct cm_side *side, const struct cm_cli_args *args,
                           struct cm_error *error)
{
    const struct cm_diff *who;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status =
        arena == NULL ? cm_fail(error, CM_MEMORY, "rules", "out of memory")
                      : cm_who_make(&who, arena, side, cm_wall_ms(cm_clock_system()), error);
    if (status == CM_OK && cm_cli_get(args, 'j') != NULL) {
        print_json(who);
    } else if (status == CM_OK && cm_cli_get(args, 'c') != NULL) {
        print_csv(who);
    } else if (status == CM_OK) {
        print_table(who);
    }
    cm_arena_free(arena);
    return status;
}

int cm_acl_who(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_acl_directory directory;
    struct cm_acl_state state = {.rules = NULL};
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    if (cm_acl_directory_load(&directory, cm_cli_get(&args, 'd'), &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    enum cm_status status =
        cm_acl_state_load(&state, args.words[0], &directory.value, cm_cli_get(&args, 'p'), &error);
    if (status == CM_OK) {
        const struct cm_side side = {state.rules, NULL, &directory.value};
        status = show(&side, &args, &error);
    }
    cm_acl_state_clear(&state);
    cm_acl_directory_clear(&directory);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

#include "states.h"

#include "valley.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const askers[] = {"aa.first.pd", "bb.node.pd", "cc.third.so", "dd.fourth.pd",
                                     "ee.fed",      "ff.gone.pd", "gg.old.pd",   "hh.campus.pd"};
static const char *const purposes[] = {"alert", "gone", "homicide", "other", "theft"};
static const enum cm_action actions[] = {CM_ACTION_LOOKUP, CM_ACTION_FUZZY, CM_ACTION_AREA,
                                         CM_ACTION_WATCH};
static const int64_t days[] = {0, 1, 2, 400};

enum { AGENCIES = 8, ROLES = 2, ACTIONS = 4, PURPOSES = 5, EVIDENCE = 16, DAYS = 4 };
const unsigned request_count = AGENCIES * ROLES * ACTIONS * PURPOSES * EVIDENCE * DAYS;

static unsigned next_digit(unsigned *index, unsigned base)
{
    unsigned digit = *index % base;
    *index /= base;
    return digit;
}

void nth_request(unsigned index, struct cm_request *out)
{
    *out = (struct cm_request){.on_behalf_of = ""};
    out->agency = askers[next_digit(&index, AGENCIES)];
    out->role = next_digit(&index, ROLES) == 0 ? CM_ROLE_INVESTIGATOR : CM_ROLE_SUPERVISOR;
    out->action = actions[next_digit(&index, ACTIONS)];
    out->purpose = purposes[next_digit(&index, PURPOSES)];
    out->evidence = next_digit(&index, EVIDENCE) << 1;
    out->now_ms = NOON_MS + days[next_digit(&index, DAYS)] * DAY_S * 1000;
    out->window = (struct cm_window){0, out->now_ms + 1};
}

struct cm_rules *rules_of(const char *text, const struct cm_directory *directory, bool overlay)
{
    struct cm_rule_file file = file_of("main.rules", text);
    struct cm_diagnostics diagnostics = {0};
    struct cm_rules *rules = try_compile((struct cm_rules_source){.file_count = 1,
                                                                  .files = &file,
                                                                  .directory = directory,
                                                                  .overlay = overlay,
                                                                  .retired_ok = true},
                                         &diagnostics);
    struct cm_buf out = {0};
    cr_assert(rules != NULL || cm_diagnostics_print(&out, &diagnostics) == CM_OK);
    cr_assert_not_null(rules, "%.*s\n%s", (int)out.len, (const char *)out.data, text);
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

static void add(struct cm_buf *out, const char *text, size_t len)
{
    cr_assert(cm_buf_add(out, text, len) == CM_OK);
}

// One line less, or one permit or forbid more.
static void edit(struct generator *generator, struct cm_buf *out, const struct cm_buf *text)
{
    const char *at = (const char *)text->data;
    unsigned line = 0;
    unsigned drop = 10 + pick(generator, 6);
    for (const char *end; *at != '\0'; at = end) {
        end = strchr(at, '\n') + 1;
        if (line++ != drop) {
            add(out, at, (size_t)(end - at));
        }
    }
    if (pick(generator, 2) == 0) {
        generate_permit(generator, out, pick(generator, 2) * (1 + pick(generator, 5)));
    } else {
        generate_forbid(generator, out);
    }
    add(out, "\n", 1);
}

static void copy_federation(struct federation *out, const struct federation *in)
{
    *out = *in;
    out->directory.agencies = out->agencies;
    out->directory.purposes = out->purposes;
}

void state_init(struct state *out, struct generator *generator, const struct state *after)
{
    memset(out, 0, sizeof *out);
    if (after == NULL) {
        generate_federation(generator, &out->then, NULL);
        generate_rules(generator, &out->text, false);
    } else {
        copy_federation(&out->then, pick(generator, 2) == 0 ? &after->then : &after->now);
        edit(generator, &out->text, &after->text);
    }
    if (pick(generator, 2) == 0) {
        copy_federation(&out->now, after == NULL ? &out->then : &after->now);
    } else {
        generate_federation(generator, &out->now, &out->then);
    }
    add(&out->text, "", 1);
    out->text.len--;
    out->rules = rules_of((const char *)out->text.data, &out->then.directory, false);
    if (pick(generator, 4) == 0) {
        generate_rules(generator, &out->overlay_text, true);
        add(&out->overlay_text, "", 1);
        out->overlay = rules_of((const char *)out->overlay_text.data, &out->then.directory, true);
    }
}

void state_clear(struct state *state)
{
    cm_rules_unref(state->rules);
    cm_rules_unref(state->overlay);
    cm_buf_clear(&state->text);
    cm_buf_clear(&state->overlay_text);
}

struct cm_side side_of(const struct state *state)
{
    return (struct cm_side){state->rules, state->overlay, &state->now.directory};
}

static bool is_spent(const struct cm_charge *charge, enum spending spending)
{
    switch (spending) {
    case SPENT_ALL:
        return true;
    case SPENT_PER_AGENCY:
        return charge->per_agency;
    case SPENT_TO_TWO:
        return charge->per_day <= 2;
    case SPENT_NONE:
    case SPENDINGS:
        break;
    }
    return false;
}

bool allowed(struct cm_allowance allowance, enum spending spending)
{
    switch (spending) {
    case SPENT_ALL:
        return allowance.per_investigator == UINT64_MAX;
    case SPENT_PER_AGENCY:
        return allowance.per_investigator > 0;
    case SPENT_TO_TWO:
        return allowance.per_agency > 2;
    case SPENT_NONE:
    case SPENDINGS:
        break;
    }
    return allowance.per_agency > 0;
}

struct cm_view *view_of(struct cm_arena *arena, const struct cm_side *side,
                        const struct cm_request *request, enum spending spending)
{
    const struct cm_charge *charges;
    struct cm_view *view;
    bool spent[64] = {false};
    size_t count;
    cr_assert(cm_rules_charges(&charges, &count, arena, side->rules, side->directory, request) ==
              CM_OK);
    cr_assert_lt(count, 64);
    for (size_t i = 0; i < count; i++) {
        spent[i] = is_spent(&charges[i], spending);
    }
    cr_assert(cm_rules_view(&view, arena, side->rules, side->overlay, side->directory, request,
                            charges, spent, count) == CM_OK);
    return view;
}

static uint32_t index_of(const char *const *names, uint32_t count, const char *name)
{
    return cm_names_find(names, count, name);
}

static bool change_holds(const struct cm_cells *cells, const struct cm_change *change,
                         const struct cm_request *request, const char *camera)
{
    uint32_t purpose = index_of(cells->purposes, cells->purpose_count, request->purpose);
    uint32_t named = index_of(cells->cameras, cells->camera_count, camera);
    uint32_t class = named == CM_NO_INDEX ? 0 : cells->camera_class[named];
    return purpose != CM_NO_INDEX && (change->purposes >> cells->purpose_class[purpose] & 1) != 0 &&
           (change->roles >> request->role & 1) != 0 &&
           (change->actions >> request->action & 1) != 0 &&
           (change->evidence >> (request->evidence >> 1) & 1) != 0 &&
           cm_bit(change->cameras, class) && request->now_ms >= change->from_ms &&
           request->now_ms < change->until_ms;
}

void changes_at(struct changes_at *out, const struct cm_diff *diff,
                const struct cm_request *request, const char *camera)
{
    const struct cm_cells *cells = diff->cells;
    uint32_t agency = index_of(cells->agencies, cells->agency_count, request->agency);
    *out = (struct changes_at){.count = 0};
    for (uint32_t g = 0; g < diff->group_count; g++) {
        const struct cm_change_group *group = &diff->groups[g];
        for (uint32_t a = 0; a < group->agency_count; a++) {
            for (uint32_t c = 0; group->agencies[a] == agency && c < group->change_count; c++) {
                if (change_holds(cells, &group->changes[c], request, camera)) {
                    cr_assert_lt(out->count, MOST_CHANGES_AT);
                    out->list[out->count++] = &group->changes[c];
                }
            }
        }
    }
}

const struct cm_change_line *line_at(const struct changes_at *changes, unsigned field,
                                     int64_t age_s)
{
    const struct cm_change_line *found = NULL;
    for (size_t c = 0; c < changes->count; c++) {
        for (uint32_t i = 0; i < changes->list[c]->line_count; i++) {
            const struct cm_change_line *line = &changes->list[c]->lines[i];
            if ((line->fields >> field & 1) != 0 && age_s > line->after_s && age_s <= line->to_s) {
                cr_assert_null(found, "two lines name one point");
                found = line;
            }
        }
    }
    return found;
}

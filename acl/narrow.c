#include "acl/narrow.h"

#include "acl/changes.h"
#include "acl/value.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_CAP = 256 * 1024 * 1024, KINDS = 16 };

// The greatest age, seconds, at which each point is seen; -1: at none.
struct bounds {
    int64_t age_s[2][CM_POINTS];
};

static void bounds_of(struct bounds *out, const struct cm_camera_group *group)
{
    memset(out, 0xff, sizeof *out);
    for (uint32_t i = 0; i < group->stretch_count; i++) {
        const struct cm_stretch *stretch = &group->stretches[i];
        for (unsigned p = 0; p < CM_POINTS; p++) {
            for (unsigned s = 0; s < 2; s++) {
                if (stretch->seen[s][p].per_agency > 0) {
                    out->age_s[s][p] = stretch->to_s;
                }
            }
        }
    }
}

static bool shrinks(const struct bounds *bounds, unsigned point)
{
    return bounds->age_s[0][point] > bounds->age_s[1][point];
}

// What a group of cameras needs: a line hides its fields, or with bit 0 the whole row, beyond
// after_s.
static uint32_t list_lines(struct cm_change_line lines[CM_POINTS], const struct bounds *bounds)
{
    uint32_t count = 0;
    for (unsigned p = 0; p < CM_POINTS; p++) {
        int64_t age_s = bounds->age_s[1][p];
        bool with_row = p > 0 && shrinks(bounds, 0) && age_s == bounds->age_s[1][0];
        if (shrinks(bounds, p) && !with_row) {
            const struct cm_change_line line = {
                .fields = (cm_fields)(1u << p), .after_s = age_s, .to_s = INT64_MAX};
            cm_change_lines_add(lines, &count, &line);
        }
    }
    return count;
}

// With less evidence nothing more is seen: what is hidden from some is hidden from those with less.
static uint16_t with_less(uint16_t evidence)
{
    unsigned all = 0;
    for (unsigned less = 0; less < KINDS; less++) {
        for (unsigned more = 0; more < KINDS; more++) {
            bool shown = (evidence >> more & 1) != 0 && (less & ~more) == 0;
            all |= (unsigned)shown << less;
        }
    }
    return (uint16_t)all;
}

// Whether hiding the same at those cameras takes away what both sides show there.
static bool takes_too_much(const struct cm_change *change, const struct cm_camera_group *group)
{
    struct bounds bounds;
    bounds_of(&bounds, group);
    for (uint32_t i = 0; i < change->line_count; i++) {
        const struct cm_change_line *line = &change->lines[i];
        for (unsigned p = 0; p < CM_POINTS; p++) {
            int64_t both =
                bounds.age_s[0][p] < bounds.age_s[1][p] ? bounds.age_s[0][p] : bounds.age_s[1][p];
            bool hidden = (line->fields & (1u | 1u << p)) != 0;
            if (hidden && both > line->after_s) {
                return true;
            }
        }
    }
    return false;
}

static bool same_lines(const struct cm_change *a, const struct cm_change *b)
{
    bool same = a->line_count == b->line_count;
    for (uint32_t i = 0; same && i < a->line_count; i++) {
        same =
            a->lines[i].fields == b->lines[i].fields && a->lines[i].after_s == b->lines[i].after_s;
    }
    return same;
}

struct narrowing {
    bool exact;
};

// The group with the cameras that no site names comes first, and takes all cameras.
static enum cm_status visit(void *context, const struct cm_cell *cell)
{
    struct cm_change_list *list = context;
    struct narrowing *narrowing = list->context;
    struct cm_change elsewhere = {.line_count = 0};
    for (uint32_t i = 0; i < cell->group_count; i++) {
        const struct cm_camera_group *group = &cell->groups[i];
        struct cm_change change;
        struct bounds bounds;
        struct cm_change_line *lines = cm_arena_array(list->arena, CM_POINTS, sizeof *lines);
        if (lines == NULL ||
            cm_change_init(&change, list, cell, i == 0 ? NULL : group->cameras) != CM_OK) {
            return CM_MEMORY;
        }
        bounds_of(&bounds, group);
        change.evidence = with_less(cell->evidence);
        change.lines = lines;
        change.line_count = list_lines(lines, &bounds);
        if (i == 0) {
            elsewhere = change;
        } else if (elsewhere.line_count > 0) {
            narrowing->exact = narrowing->exact && !takes_too_much(&elsewhere, group);
            change.line_count = same_lines(&change, &elsewhere) ? 0 : change.line_count;
        }
        enum cm_status status = change.line_count == 0 ? CM_OK : cm_change_list_add(list, &change);
        if (status != CM_OK) {
            return status;
        }
    }
    return CM_OK;
}

// Cameras in no site can't be named: a forbid for them is one for all.
static bool is_everywhere(const struct cm_change *change)
{
    return cm_bit(change->cameras, 0);
}

// The text, and how many groups and sites it declares.
struct writer {
    struct cm_buf *out;
    const struct cm_cells *cells;
    const uint64_t *site; // the cameras of the last one
    unsigned groups;
    unsigned sites;
};

static enum cm_status put(struct writer *writer, const char *text)
{
    return cm_buf_printf(writer->out, "%s", text);
}

static enum cm_status put_camera(struct writer *writer, const char *name, const char *before)
{
    enum cm_status status = cm_buf_printf(writer->out, "%s\"", before);
    for (const char *c = name; status == CM_OK && *c != '\0'; c++) {
        status = cm_buf_printf(writer->out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
    }
    return status == CM_OK ? put(writer, "\"") : status;
}

static enum cm_status put_site(struct writer *writer, const struct cm_change *change)
{
    const struct cm_cells *cells = writer->cells;
    if (is_everywhere(change)) {
        return CM_OK;
    }
    size_t size = cm_bit_words(cells->camera_class_count) * sizeof *change->cameras;
    if (writer->site != NULL && memcmp(writer->site, change->cameras, size) == 0) {
        return CM_OK;
    }
    writer->site = change->cameras;
    const char *before = "\n    ";
    enum cm_status status = cm_buf_printf(writer->out, "site narrowed-site-%u =", ++writer->sites);
    for (uint32_t i = 0; status == CM_OK && i < cells->camera_count; i++) {
        if (cm_bit(change->cameras, cells->camera_class[i])) {
            status = put_camera(writer, cells->cameras[i], before);
            before = ",\n    ";
        }
    }
    return status == CM_OK ? put(writer, "\n") : status;
}

static enum cm_status put_item(struct writer *writer, const char **before, const char *word)
{
    enum cm_status status = cm_buf_printf(writer->out, "%s%s", *before, word);
    *before = ", ";
    return status;
}

static enum cm_status put_actions(struct writer *writer, const struct cm_change *change)
{
    const char *before = " to ";
    enum cm_status status = CM_OK;
    unsigned all = (1u << CM_ACTION_COUNT) - 2;
    for (enum cm_action a = CM_ACTION_LOOKUP; status == CM_OK && a < CM_ACTION_COUNT; a++) {
        if (change->actions != all && (change->actions >> a & 1) != 0) {
            status = put_item(writer, &before, cm_action_name(a));
        }
    }
    return status;
}

static enum cm_status put_purposes(struct writer *writer, const struct cm_change *change)
{
    const char *before = " for ";
    enum cm_status status = CM_OK;
    const struct cm_cells *cells = writer->cells;
    for (uint32_t i = 0; status == CM_OK && i < cells->purpose_count; i++) {
        if ((change->purposes >> cells->purpose_class[i] & 1) != 0) {
            status = put_item(writer, &before, cells->purposes[i]);
        }
    }
    return status;
}

static enum cm_status put_bounds(struct writer *writer, const struct cm_change *change,
                                 const struct cm_change_line *line)
{
    char text[CM_DURATION_SIZE];
    const char *before = " see ";
    enum cm_status status = CM_OK;
    if (line->after_s >= 0) {
        cm_value_duration_format(text, line->after_s);
        status = cm_buf_printf(writer->out, " beyond %s", text);
    }
    if (status == CM_OK && !is_everywhere(change)) {
        status = cm_buf_printf(writer->out, " at narrowed-site-%u", writer->sites);
    }
    for (unsigned p = 1; status == CM_OK && p < CM_POINTS && (line->fields & 1) == 0; p++) {
        if ((line->fields >> p & 1) != 0) {
            status = put_item(writer, &before, cm_field_name((enum cm_field)p));
        }
    }
    return status;
}

// lacking: what lifts the forbid, as kinds << 1.
static enum cm_status put_lifting(struct writer *writer, const struct cm_change *change,
                                  unsigned lacking)
{
    char date[11];
    const char *before = " unless ";
    enum cm_status status = CM_OK;
    for (enum cm_evidence e = CM_EVIDENCE_CASE; status == CM_OK && e < CM_EVIDENCE_COUNT; e++) {
        if ((lacking >> e & 1) != 0) {
            status = put_item(writer, &before, cm_evidence_name(e));
        }
    }
    if (status == CM_OK && change->from_ms > writer->cells->today_ms) {
        cm_value_date_format(date, change->from_ms);
        status = cm_buf_printf(writer->out, " from %s", date);
    }
    if (status == CM_OK && change->until_ms < INT64_MAX) {
        cm_value_date_format(date, change->until_ms);
        status = cm_buf_printf(writer->out, " until %s", date);
    }
    return status == CM_OK ? put(writer, "\n") : status;
}

static enum cm_status put_forbid(struct writer *writer, const char *who,
                                 const struct cm_change *change, const struct cm_change_line *line,
                                 unsigned lacking)
{
    const char *role = change->roles == 1u << CM_ROLE_INVESTIGATOR ? " role:investigator"
                       : change->roles == 1u << CM_ROLE_SUPERVISOR ? " role:supervisor"
                                                                   : "";
    enum cm_status status = cm_buf_printf(writer->out, "forbid %s%s", who, role);
    if (status == CM_OK) {
        status = put_actions(writer, change);
    }
    if (status == CM_OK) {
        status = put_purposes(writer, change);
    }
    if (status == CM_OK) {
        status = put_bounds(writer, change, line);
    }
    return status == CM_OK ? put_lifting(writer, change, lacking) : status;
}

// No other shown evidence holds all of these kinds and more.
static bool is_greatest(uint16_t evidence, unsigned kinds)
{
    for (unsigned other = 0; other < KINDS; other++) {
        if (other != kinds && (evidence >> other & 1) != 0 && (kinds & ~other) == 0) {
            return false;
        }
    }
    return (evidence >> kinds & 1) != 0;
}

static enum cm_status put_change(struct writer *writer, const char *who,
                                 const struct cm_change *change)
{
    enum cm_status status = put_site(writer, change);
    for (unsigned kinds = 0; status == CM_OK && kinds < KINDS; kinds++) {
        if (!is_greatest(change->evidence, kinds)) {
            continue;
        }
        for (uint32_t i = 0; status == CM_OK && i < change->line_count; i++) {
            status = put_forbid(writer, who, change, &change->lines[i], (KINDS - 1 - kinds) << 1);
        }
    }
    return status;
}

static enum cm_status put_changes(struct writer *writer, const char *who,
                                  const struct cm_change_group *group)
{
    enum cm_status status = CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < group->change_count; i++) {
        status = put_change(writer, who, &group->changes[i]);
    }
    return status;
}

static bool is_self(const struct cm_cells *cells, uint32_t agency)
{
    return strcmp(cells->agencies[agency], cells->node) == 0;
}

// All but the own agency that see anything at all.
static uint32_t count_others(const struct cm_cells *cells)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cells->agency_count; i++) {
        count += cells->agency_class[i] != CM_NO_INDEX && !is_self(cells, i);
    }
    return count;
}

static enum cm_status declare_group(struct writer *writer, const char *name,
                                    const struct cm_change_group *group)
{
    const struct cm_cells *cells = writer->cells;
    const char *before = "\n    ";
    enum cm_status status = cm_buf_printf(writer->out, "group %s =", name);
    for (uint32_t i = 0; status == CM_OK && i < group->agency_count; i++) {
        if (!is_self(cells, group->agencies[i])) {
            status =
                cm_buf_printf(writer->out, "%s%s", before, cells->agencies[group->agencies[i]]);
            before = ",\n    ";
        }
    }
    return status == CM_OK ? put(writer, "\n") : status;
}

// An id or group never covers the own agency: `self` does.
static enum cm_status put_group(struct writer *writer, const struct cm_change_group *group)
{
    char name[32];
    uint32_t own = 0;
    for (uint32_t i = 0; i < group->agency_count; i++) {
        own += is_self(writer->cells, group->agencies[i]);
    }
    enum cm_status status = CM_OK;
    if (group->agency_count - own == count_others(writer->cells)) {
        snprintf(name, sizeof name, "not self");
    } else {
        snprintf(name, sizeof name, "@narrowed-%u", ++writer->groups);
        status = declare_group(writer, name + 1, group);
    }
    if (status == CM_OK && group->agency_count > own) {
        status = put_changes(writer, name, group);
    }
    return status == CM_OK && own > 0 ? put_changes(writer, "self", group) : status;
}

static enum cm_status write_all(struct cm_buf *out, const struct cm_cells *cells,
                                const struct cm_change_group *groups, uint32_t count)
{
    struct writer writer = {.out = out, .cells = cells};
    enum cm_status status = count == 0 ? CM_OK : put(&writer, "rules 1\n");
    for (uint32_t i = 0; status == CM_OK && i < count; i++) {
        status = put_group(&writer, &groups[i]);
    }
    return status;
}

enum cm_status cm_narrow_make(struct cm_buf *out, bool *exact, const struct cm_side *old,
                              const struct cm_side *new, int64_t now_ms, struct cm_error *error)
{
    struct narrowing narrowing = {.exact = true};
    const struct cm_change_group *groups;
    uint32_t count = 0;
    struct cm_cells *cells;
    struct cm_buf text = {.max = CM_MAX_RULESET};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena == NULL ? cm_fail(error, CM_MEMORY, "rules", "out of memory")
                                          : cm_cells_make(&cells, arena, old, new, now_ms, error);
    if (status == CM_OK) {
        status = cm_changes_make(&groups, &count, cells, visit, &narrowing, error);
    }
    if (status == CM_OK && write_all(&text, cells, groups, count) != CM_OK) {
        status = cm_fail(error, CM_EXHAUSTED, cells->node,
                         "what narrows is larger than an overlay may be");
    }
    if (status == CM_OK && text.len > 0) {
        status = cm_buf_add(out, text.data, text.len);
    }
    *exact = narrowing.exact;
    cm_buf_clear(&text);
    cm_arena_free(arena);
    return status;
}

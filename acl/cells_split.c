#include "acl/cells_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 64, VISIT_CAP = 64 * 1024 * 1024 };

// One dimension of the point set is fixed after the other; cameras and ages come last.
enum level { DATES, PURPOSES, ACTIONS, EVIDENCE, LEVELS };

// A box that covers the cell so far, on which sides: bit 0 old, bit 1 new.
struct use {
    uint32_t box;
    uint8_t sides;
};

struct uses {
    uint32_t count;
    struct use *list;
};

struct splitter {
    struct cm_cells *cells;
    struct cm_arena *leaf; // for one cell's cameras and ages
    cm_cell_visit *visit;
    void *context;
    struct cm_error *error;
    struct uses at[LEVELS + 1];
    int64_t *borders; // ms
    struct cm_cell cell;
};

static const struct cm_cell_box *box_of(const struct splitter *splitter, const struct use *use)
{
    return &splitter->cells->boxes[use->box];
}

static enum cm_status spend(struct splitter *splitter, uint64_t work)
{
    if (splitter->cells->work < work) {
        return cm_fail(splitter->error, CM_EXHAUSTED, splitter->cells->node,
                       "the rules tell too many cases apart to compare them");
    }
    splitter->cells->work -= work;
    return CM_OK;
}

// Whether something is permitted at all, and by rules that are not the same on both sides.
static bool may_differ(const struct splitter *splitter, const struct uses *uses)
{
    bool permitted = false;
    bool differs = false;
    for (uint32_t i = 0; i < uses->count; i++) {
        permitted = permitted || box_of(splitter, &uses->list[i])->permit;
        differs = differs || uses->list[i].sides != 3;
    }
    return permitted && differs;
}

static uint64_t values_of(const struct cm_cell_box *box, enum level level)
{
    switch (level) {
    case PURPOSES:
        return box->purposes;
    case ACTIONS:
        return box->actions;
    case EVIDENCE:
        return box->evidence;
    case DATES:
    case LEVELS:
        break;
    }
    return 0;
}

// Values that some permit covers, those together that no box tells apart.
static uint32_t group_values(const struct splitter *splitter, enum level level,
                             uint64_t groups[MOST_VALUES])
{
    const struct uses *uses = &splitter->at[level];
    uint32_t count = 1;
    groups[0] = 0;
    for (uint32_t i = 0; i < uses->count; i++) {
        const struct cm_cell_box *box = box_of(splitter, &uses->list[i]);
        groups[0] |= box->permit ? values_of(box, level) : 0;
    }
    for (uint32_t i = 0; i < uses->count; i++) {
        uint64_t values = values_of(box_of(splitter, &uses->list[i]), level);
        for (uint32_t g = 0, end = count; g < end; g++) {
            uint64_t inside = groups[g] & values;
            if (inside != 0 && inside != groups[g]) {
                groups[count++] = groups[g] & ~values;
                groups[g] = inside;
            }
        }
    }
    return groups[0] == 0 ? 0 : count;
}

static int by_number(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static uint32_t sort_numbers(int64_t *list, uint32_t count)
{
    uint32_t kept = 0;
    qsort(list, count, sizeof *list, by_number);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || list[kept - 1] != list[i]) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

// Where something begins or ends, from today to the end of time.
static uint32_t list_borders(struct splitter *splitter)
{
    const struct uses *uses = &splitter->at[DATES];
    uint32_t count = 0;
    splitter->borders[count++] = splitter->cells->today_ms;
    splitter->borders[count++] = INT64_MAX;
    for (uint32_t i = 0; i < uses->count; i++) {
        const struct cm_cell_box *box = box_of(splitter, &uses->list[i]);
        splitter->borders[count++] = box->from_ms;
        splitter->borders[count++] = box->until_ms;
    }
    return sort_numbers(splitter->borders, count);
}

struct ages {
    const struct use **list; // that cover the cameras
    uint32_t count;
    int64_t *borders;
};

// Of all that cover a stretch: permits add up, one forbid takes all.
static void see(struct cm_allowance seen[2][CM_POINTS], const struct splitter *splitter,
                const struct ages *ages, int64_t age_s)
{
    unsigned hidden[2] = {0, 0};
    memset(seen, 0, 2 * sizeof *seen);
    for (uint32_t i = 0; i < ages->count; i++) {
        const struct cm_cell_box *box = box_of(splitter, ages->list[i]);
        bool covers = box->permit ? age_s <= box->age_s : age_s > box->age_s;
        for (unsigned s = 0; covers && s < 2; s++) {
            if ((ages->list[i]->sides >> s & 1) == 0) {
                continue;
            }
            hidden[s] |= box->permit ? 0 : box->fields;
            uint64_t least = box->per_day == 0 ? UINT64_MAX : box->per_agency ? 0 : box->per_day;
            uint64_t most = box->per_day == 0 ? UINT64_MAX : box->per_day;
            for (unsigned p = 0; box->permit && p < CM_POINTS; p++) {
                struct cm_allowance *point = &seen[s][p];
                bool covered = (box->fields >> p & 1) != 0;
                if (covered && point->per_investigator < least) {
                    point->per_investigator = least;
                }
                if (covered && point->per_agency < most) {
                    point->per_agency = most;
                }
            }
        }
    }
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned p = 0; p < CM_POINTS; p++) {
            if ((hidden[s] >> p & 1) != 0) {
                seen[s][p] = (struct cm_allowance){0, 0};
            }
        }
    }
}

static bool all_hidden(const struct cm_stretch *stretch)
{
    for (unsigned p = 0; p < CM_POINTS; p++) {
        if (stretch->seen[0][p].per_agency != 0 || stretch->seen[1][p].per_agency != 0) {
            return false;
        }
    }
    return true;
}

static enum cm_status find_stretches(struct splitter *splitter, struct cm_camera_group *group,
                                     struct ages *ages)
{
    uint32_t borders = 0;
    for (uint32_t i = 0; i < ages->count; i++) {
        int64_t age_s = box_of(splitter, ages->list[i])->age_s;
        if (age_s >= 0) {
            ages->borders[borders++] = age_s;
        }
    }
    borders = sort_numbers(ages->borders, borders);
    struct cm_stretch *list = cm_arena_array(splitter->leaf, (size_t)borders + 1, sizeof *list);
    enum cm_status status = spend(splitter, (uint64_t)(borders + 1) * ages->count);
    if (list == NULL || status != CM_OK) {
        return list == NULL ? CM_MEMORY : status;
    }
    uint32_t count = 0;
    uint32_t visible = 0; // up to and with the last stretch that shows anything
    int64_t after_s = -1;
    for (uint32_t i = 0; i < borders; i++) {
        struct cm_stretch stretch = {.after_s = after_s, .to_s = ages->borders[i]};
        see(stretch.seen, splitter, ages, stretch.to_s);
        after_s = stretch.to_s;
        if (count > 0 && memcmp(list[count - 1].seen, stretch.seen, sizeof stretch.seen) == 0) {
            list[count - 1].to_s = stretch.to_s;
            continue;
        }
        list[count++] = stretch;
        visible = all_hidden(&stretch) ? visible : count;
    }
    group->stretches = list;
    group->stretch_count = visible;
    return CM_OK;
}

static bool both_see(const struct cm_camera_group *group)
{
    return group->stretch_count > 0 && group->stretches[0].seen[0][0].per_agency > 0 &&
           group->stretches[0].seen[1][0].per_agency > 0;
}

// Limits that count questions for what both sides show.
static enum cm_status find_limits(struct splitter *splitter, struct cm_camera_group *group,
                                  const struct ages *ages)
{
    if (!both_see(group)) {
        return CM_OK;
    }
    struct cm_cell_limit *list =
        cm_arena_array(splitter->leaf, (size_t)ages->count + 1, sizeof *list);
    if (list == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < ages->count; i++) {
        const struct cm_cell_box *box = box_of(splitter, ages->list[i]);
        uint32_t at = 0;
        while (at < group->limit_count && !cm_digest_equal(list[at].rule, &box->limit)) {
            at++;
        }
        if (box->per_day > 0) {
            list[at].rule = &box->limit;
            list[at].sides |= ages->list[i]->sides;
            group->limit_count += at == group->limit_count;
        }
    }
    group->limits = list;
    return CM_OK;
}

static bool group_differs(const struct cm_camera_group *group)
{
    for (uint32_t i = 0; i < group->stretch_count; i++) {
        const struct cm_stretch *stretch = &group->stretches[i];
        if (memcmp(stretch->seen[0], stretch->seen[1], sizeof stretch->seen[0]) != 0) {
            return true;
        }
    }
    for (uint32_t i = 0; i < group->limit_count; i++) {
        if (group->limits[i].sides != 3) {
            return true;
        }
    }
    return false;
}

// Cameras that no box tells apart are one group; returns their count. class: by camera class.
static enum cm_status group_cameras(struct splitter *splitter, uint32_t **class, uint32_t *count)
{
    uint32_t cameras = splitter->cells->camera_class_count;
    const struct uses *uses = &splitter->at[LEVELS];
    uint32_t *scratch = cm_arena_array(splitter->leaf, 2 * (size_t)cameras, sizeof *scratch);
    *class = cm_arena_array(splitter->leaf, cameras, sizeof **class);
    *count = 1;
    if (*class == NULL || scratch == NULL) {
        return CM_MEMORY;
    }
    enum cm_status status = CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < uses->count; i++) {
        const uint64_t *bits = box_of(splitter, &uses->list[i])->cameras;
        if (bits != NULL) {
            status = spend(splitter, cameras / 8 + 1);
            *count = cm_cells_refine(*class, cameras, *count, bits, scratch);
        }
    }
    return status;
}

static enum cm_status fill_group(struct splitter *splitter, struct cm_camera_group *group,
                                 struct ages *ages, const uint32_t *class, uint32_t number)
{
    const struct uses *uses = &splitter->at[LEVELS];
    uint32_t cameras = splitter->cells->camera_class_count;
    uint64_t *bits = cm_arena_array(splitter->leaf, cm_bit_words(cameras), sizeof *bits);
    uint32_t first = CM_NO_INDEX;
    for (uint32_t i = 0; bits != NULL && i < cameras; i++) {
        if (class[i] == number) {
            cm_bit_set(bits, i);
            first = first == CM_NO_INDEX ? i : first;
        }
    }
    if (bits == NULL) {
        return CM_MEMORY;
    }
    group->cameras = bits;
    ages->count = 0;
    for (uint32_t i = 0; i < uses->count; i++) {
        const uint64_t *covered = box_of(splitter, &uses->list[i])->cameras;
        if (covered == NULL || cm_bit(covered, first)) {
            ages->list[ages->count++] = &uses->list[i];
        }
    }
    enum cm_status status = find_stretches(splitter, group, ages);
    return status == CM_OK ? find_limits(splitter, group, ages) : status;
}

static enum cm_status visit_leaf(struct splitter *splitter)
{
    uint32_t *class;
    uint32_t count;
    struct ages ages = {.count = 0};
    size_t most = (size_t)splitter->at[LEVELS].count + 1;
    cm_arena_reset(splitter->leaf);
    enum cm_status status = group_cameras(splitter, &class, &count);
    if (status == CM_OK) {
        status = spend(splitter, (uint64_t)count * most);
    }
    if (status != CM_OK) {
        return status;
    }
    struct cm_camera_group *groups = cm_arena_array(splitter->leaf, count, sizeof *groups);
    ages.list = cm_arena_array(splitter->leaf, most, sizeof(void *));
    ages.borders = cm_arena_array(splitter->leaf, most, sizeof *ages.borders);
    if (groups == NULL || ages.list == NULL || ages.borders == NULL) {
        return CM_MEMORY;
    }
    bool differs = false;
    for (uint32_t i = 0; status == CM_OK && i < count; i++) {
        status = fill_group(splitter, &groups[i], &ages, class, i);
        differs = differs || (status == CM_OK && group_differs(&groups[i]));
    }
    splitter->cell.groups = groups;
    splitter->cell.group_count = count;
    return status == CM_OK && differs ? splitter->visit(splitter->context, &splitter->cell)
                                      : status;
}

static enum cm_status descend(struct splitter *splitter, enum level level);

// Goes on with the boxes of the level that hold the values, or the stretch of time.
static enum cm_status enter(struct splitter *splitter, enum level level, uint64_t values)
{
    const struct uses *uses = &splitter->at[level];
    struct uses *next = &splitter->at[level + 1];
    enum cm_status status = spend(splitter, uses->count);
    next->count = 0;
    for (uint32_t i = 0; status == CM_OK && i < uses->count; i++) {
        const struct cm_cell_box *box = box_of(splitter, &uses->list[i]);
        bool holds = level == DATES ? box->from_ms <= splitter->cell.from_ms &&
                                          box->until_ms >= splitter->cell.until_ms
                                    : (values_of(box, level) & values) != 0;
        if (holds) {
            next->list[next->count++] = uses->list[i];
        }
    }
    return status == CM_OK && may_differ(splitter, next) ? descend(splitter, level + 1) : status;
}

static enum cm_status split_dates(struct splitter *splitter)
{
    enum cm_status status = CM_OK;
    uint32_t count = list_borders(splitter);
    for (uint32_t i = 0; status == CM_OK && i + 1 < count; i++) {
        splitter->cell.from_ms = splitter->borders[i];
        splitter->cell.until_ms = splitter->borders[i + 1];
        status = enter(splitter, DATES, 0);
    }
    return status;
}

// The depth is fixed: one call for each level.
static enum cm_status descend(struct splitter *splitter, enum level level)
{
    uint64_t groups[MOST_VALUES];
    if (level == LEVELS) {
        return visit_leaf(splitter);
    }
    if (level == DATES) {
        return split_dates(splitter);
    }
    uint32_t count = group_values(splitter, level, groups);
    enum cm_status status = spend(splitter, (uint64_t)count * splitter->at[level].count);
    for (uint32_t i = 0; status == CM_OK && i < count; i++) {
        splitter->cell.purposes = level == PURPOSES ? groups[i] : splitter->cell.purposes;
        splitter->cell.actions = level == ACTIONS ? (uint32_t)groups[i] : splitter->cell.actions;
        splitter->cell.evidence = level == EVIDENCE ? (uint16_t)groups[i] : splitter->cell.evidence;
        status = enter(splitter, level, groups[i]);
    }
    return status;
}

static uint8_t sides_with(const struct cm_cell_touch *touch, enum cm_role role)
{
    return (uint8_t)((touch->roles[0] >> role & 1) | (touch->roles[1] >> role & 1) << 1);
}

static enum cm_status visit_roles(struct splitter *splitter, const struct cm_cell_class *class,
                                  enum cm_role role, uint8_t roles)
{
    struct uses *uses = &splitter->at[DATES];
    uses->count = 0;
    for (uint32_t i = 0; i < class->touch_count; i++) {
        uint8_t sides = sides_with(&class->touches[i], role);
        if (sides != 0) {
            uses->list[uses->count++] = (struct use){class->touches[i].box, sides};
        }
    }
    splitter->cell.roles = roles;
    return may_differ(splitter, uses) ? descend(splitter, DATES) : CM_OK;
}

static enum cm_status splitter_init(struct splitter *splitter, struct cm_arena *arena)
{
    size_t most = (size_t)splitter->cells->most_boxes + 1;
    splitter->borders = cm_arena_array(arena, 2 * most, sizeof *splitter->borders);
    bool whole = splitter->borders != NULL;
    for (unsigned level = 0; level <= LEVELS; level++) {
        splitter->at[level].list = cm_arena_array(arena, most, sizeof *splitter->at[level].list);
        whole = whole && splitter->at[level].list != NULL;
    }
    return whole ? CM_OK : CM_MEMORY;
}

enum cm_status cm_cells_visit(struct cm_cells *cells, uint32_t agency_class, cm_cell_visit *visit,
                              void *context, struct cm_error *error)
{
    const unsigned investigator = 1u << CM_ROLE_INVESTIGATOR;
    const unsigned supervisor = 1u << CM_ROLE_SUPERVISOR;
    const struct cm_cell_class *class = &cells->classes[agency_class];
    struct cm_arena *arena = cm_arena_new(VISIT_CAP);
    struct splitter splitter = {.cells = cells,
                                .leaf = cm_arena_new(VISIT_CAP),
                                .visit = visit,
                                .context = context,
                                .error = error,
                                .cell = {.agency_class = agency_class}};
    bool alike = true;
    for (uint32_t i = 0; i < class->touch_count; i++) {
        const struct cm_cell_touch *touch = &class->touches[i];
        alike = alike &&
                sides_with(touch, CM_ROLE_INVESTIGATOR) == sides_with(touch, CM_ROLE_SUPERVISOR);
    }
    enum cm_status status =
        arena == NULL || splitter.leaf == NULL ? CM_MEMORY : splitter_init(&splitter, arena);
    if (status == CM_OK) {
        status = visit_roles(&splitter, class, CM_ROLE_INVESTIGATOR,
                             (uint8_t)(alike ? investigator | supervisor : investigator));
    }
    if (status == CM_OK && !alike) {
        status = visit_roles(&splitter, class, CM_ROLE_SUPERVISOR, (uint8_t)supervisor);
    }
    cm_arena_free(splitter.leaf);
    cm_arena_free(arena);
    return status == CM_MEMORY
               ? cm_fail(error, CM_MEMORY, cells->node, "the rules are too large to compare")
               : status;
}

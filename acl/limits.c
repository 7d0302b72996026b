#include "acl/limits.h"

static void link_limits(struct cm_limits *limits, const struct cm_digest *old,
                        const struct cm_digest *new)
{
    for (uint32_t i = 0; i < limits->count; i++) {
        if (cm_digest_equal(limits->links[i].old, old) &&
            cm_digest_equal(limits->links[i].new, new)) {
            return;
        }
    }
    if (limits->count == CM_MOST_LINKS) {
        limits->full = true;
        return;
    }
    limits->links[limits->count++] = (struct cm_limit_link){old, new};
}

void cm_limits_end(struct cm_limits *limits)
{
    bool apart = limits->full;
    bool together = apart;
    for (uint32_t i = 0; limits->begun && i < limits->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            apart = apart || cm_digest_equal(limits->links[i].old, limits->links[j].old);
            together = together || cm_digest_equal(limits->links[i].new, limits->links[j].new);
        }
    }
    for (uint32_t i = 0; (apart || together) && i < limits->cells->agency_count; i++) {
        if (limits->cells->agency_class[i] == limits->class) {
            limits->apart += apart;
            limits->together += together;
        }
    }
    limits->begun = false;
    limits->full = false;
    limits->count = 0;
}

static uint32_t count_sides(const struct cm_camera_group *group, uint8_t sides)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->limit_count; i++) {
        count += group->limits[i].sides == sides;
    }
    return count;
}

// A limit that both sides have goes on as itself. What is new takes over from those that are gone,
// or where none is, counts beside those that stay; and the reverse.
void cm_limits_note(struct cm_limits *limits, uint32_t agency_class,
                    const struct cm_camera_group *group)
{
    bool gone = count_sides(group, 1) > 0;
    bool added = count_sides(group, 2) > 0;
    if (limits->begun && limits->class != agency_class) {
        cm_limits_end(limits);
    }
    limits->begun = true;
    limits->class = agency_class;
    for (uint32_t i = 0; i < group->limit_count; i++) {
        const struct cm_cell_limit *old = &group->limits[i];
        for (uint32_t j = 0; (old->sides & 1) != 0 && j < group->limit_count; j++) {
            const struct cm_cell_limit *new = &group->limits[j];
            bool same = i == j && old->sides == 3;
            bool follows = old->sides == 1 ? new->sides == 2 || (!added && new->sides == 3)
                                           : !gone &&new->sides == 2;
            if (same || follows) {
                link_limits(limits, old->rule, new->rule);
            }
        }
    }
}

#include "acl/cli/changes_print.h"
#include "acl/cli/phrases.h"
#include "acl/value.h"

static json_t *actions_json(uint32_t actions)
{
    json_t *list = json_array();
    for (enum cm_action a = CM_ACTION_LOOKUP; a < CM_ACTION_COUNT; a++) {
        if ((actions >> a & 1) != 0) {
            json_array_append_new(list, json_string(cm_action_name(a)));
        }
    }
    return list;
}

static json_t *purposes_json(const struct cm_cells *cells, uint64_t purposes)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < cells->purpose_count; i++) {
        if ((purposes >> cells->purpose_class[i] & 1) != 0) {
            json_array_append_new(list, json_string(cells->purposes[i]));
        }
    }
    return list;
}

static json_t *roles_json(unsigned roles)
{
    json_t *list = json_array();
    for (enum cm_role role = CM_ROLE_INVESTIGATOR; role <= CM_ROLE_SUPERVISOR; role++) {
        if ((roles >> role & 1) != 0) {
            json_array_append_new(list, json_string(cm_role_name(role)));
        }
    }
    return list;
}

static json_t *kinds_json(unsigned kinds)
{
    json_t *list = json_array();
    for (enum cm_evidence e = CM_EVIDENCE_CASE; e < CM_EVIDENCE_COUNT; e++) {
        if ((kinds >> e & 1) != 0) {
            json_array_append_new(list, json_string(cm_evidence_name(e)));
        }
    }
    return list;
}

static json_t *evidence_json(uint16_t evidence)
{
    struct cm_evidence_case cases[CM_MOST_CASES];
    size_t count = cm_evidence_cases(cases, evidence);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:o, s:o}", "with", kinds_json(cases[i].with),
                                              "without", kinds_json(cases[i].without)));
    }
    return list;
}

// Those of the sites, and whether all other cameras are in too.
static json_t *cameras_json(const struct cm_cells *cells, const uint64_t *cameras)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < cells->camera_count; i++) {
        if (cm_bit(cameras, cells->camera_class[i])) {
            json_array_append_new(list, json_string(cells->cameras[i]));
        }
    }
    return json_pack("{s:o, s:b}", "of_sites", list, "others", (int)cm_bit(cameras, 0));
}

static json_t *date_json(int64_t ms, bool none)
{
    char date[11];
    cm_value_date_format(date, ms);
    return none ? json_null() : json_string(date);
}

static json_t *seconds_json(int64_t seconds, bool none)
{
    return none ? json_null() : json_integer(seconds);
}

static json_t *count_json(uint64_t count)
{
    return count == UINT64_MAX ? json_null() : json_integer((json_int_t)count);
}

// False: invisible, true: without limit.
static json_t *allowance_json(struct cm_allowance allowance)
{
    if (allowance.per_agency == 0 || allowance.per_investigator == UINT64_MAX) {
        return json_boolean(allowance.per_agency != 0);
    }
    return json_pack("{s:o, s:o}", "per_investigator_a_day", count_json(allowance.per_investigator),
                     "per_agency_a_day", count_json(allowance.per_agency));
}

static json_t *line_json(const struct cm_change_line *line, bool compared)
{
    json_t *fields = json_array();
    for (unsigned point = 0; point < CM_POINTS; point++) {
        if ((line->fields >> point & 1) != 0) {
            json_array_append_new(
                fields, json_string(point == 0 ? "row" : cm_field_name((enum cm_field)point)));
        }
    }
    json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "fields", fields, "beyond_s",
                               seconds_json(line->after_s, line->after_s < 0), "up_to_s",
                               seconds_json(line->to_s, line->to_s == INT64_MAX), "is",
                               allowance_json(line->is));
    if (compared) {
        json_object_set_new(object, "was", allowance_json(line->was));
    }
    return object;
}

static json_t *change_json(const struct cm_cells *cells, const struct cm_change *change,
                           bool compared)
{
    json_t *lines = json_array();
    for (uint32_t i = 0; i < change->line_count; i++) {
        json_array_append_new(lines, line_json(&change->lines[i], compared));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "roles", roles_json(change->roles),
                     "actions", actions_json(change->actions), "purposes",
                     purposes_json(cells, change->purposes), "evidence",
                     evidence_json(change->evidence), "from",
                     date_json(change->from_ms, change->from_ms <= cells->today_ms), "until",
                     date_json(change->until_ms, change->until_ms == INT64_MAX), "cameras",
                     cameras_json(cells, change->cameras), "lines", lines);
}

static json_t *groups_json(const struct cm_diff *diff, bool compared)
{
    const struct cm_cells *cells = diff->cells;
    json_t *list = json_array();
    for (uint32_t g = 0; g < diff->group_count; g++) {
        const struct cm_change_group *group = &diff->groups[g];
        json_t *agencies = json_array();
        json_t *changes = json_array();
        for (uint32_t i = 0; i < group->agency_count; i++) {
            json_array_append_new(agencies,
                                  json_pack("{s:s, s:s}", "id", cells->agencies[group->agencies[i]],
                                            "name", cm_agency_name(cells, group->agencies[i])));
        }
        for (uint32_t i = 0; i < group->change_count; i++) {
            json_array_append_new(changes, change_json(cells, &group->changes[i], compared));
        }
        json_array_append_new(list,
                              json_pack("{s:o, s:o}", "agencies", agencies, "changes", changes));
    }
    return list;
}

json_t *cm_who_json(const struct cm_diff *who)
{
    return groups_json(who, false);
}

json_t *cm_diff_json(const struct cm_diff *diff)
{
    const struct cm_cells *cells = diff->cells;
    json_t *retain = json_pack(
        "{s:o, s:o}", "was", seconds_json(diff->retain_s[0], diff->retain_s[0] == INT64_MAX), "is",
        seconds_json(diff->retain_s[1], diff->retain_s[1] == INT64_MAX));
    return json_pack("{s:s, s:o, s:b, s:b, s:o, s:{s:b, s:b}, s:{s:b, s:b}, s:{s:I, s:I}, s:o}",
                     "node", cells->node, "from", date_json(cells->today_ms, false), "widens",
                     (int)cm_diff_widens(diff), "narrows", (int)cm_diff_narrows(diff), "retain_s",
                     retain, "sharing_off", "was", (int)diff->sharing_off[0], "is",
                     (int)diff->sharing_off[1], "discloses", "was", (int)diff->discloses[0], "is",
                     (int)diff->discloses[1], "limits", "agencies_counted_apart",
                     (json_int_t)diff->counted_apart, "agencies_counted_together",
                     (json_int_t)diff->counted_together, "groups", groups_json(diff, true));
}

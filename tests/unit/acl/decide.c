#include "valley.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char northport[] =
    "rules 1\n"
    "node ca.northport.pd   # Northport Police Department\n"
    "group valley = ca.southgate.pd, ca.milltown.pd\n"
    "site  harbour = cam-07, cam-08\n"
    "permit self\n"
    "    to any  for any  back all  see all\n"
    "permit @valley\n"
    "    to lookup, fuzzy\n"
    "    for homicide, kidnapping, vehicle-theft\n"
    "    back 30 days\n"
    "    see place, camera, vehicle\n"
    "    require case\n"
    "    limit 100/day per investigator\n"
    "    until 2027-01-01\n"
    "    note \"MOU 2025-11\"\n"
    "permit kind:local,sheriff state:CA\n"
    "    to lookup  for amber-alert  back 7 days  see place  until 2027-06-30\n"
    "forbid anyone  for immigration-civil\n"
    "forbid not self  at harbour\n"
    "forbid kind:federal unless court-order\n";

enum {
    ROW = 1u,
    PLACE = 1u << CM_FIELD_PLACE,
    CAMERA = 1u << CM_FIELD_CAMERA,
    VEHICLE = 1u << CM_FIELD_VEHICLE,
    CASE = 1u << CM_EVIDENCE_CASE,
    COURT_ORDER = 1u << CM_EVIDENCE_COURT_ORDER,
    EVERYTHING = ROW | CM_FIELDS_ALL,
};

static struct cm_view *view_of(struct cm_arena **arena, const struct cm_rules *rules,
                               const struct cm_rules *overlay, const struct cm_directory *directory,
                               const struct cm_request *request)
{
    struct cm_view *view;
    *arena = cm_arena_new(1 << 20);
    cr_assert(cm_rules_view(&view, *arena, rules, overlay, directory, request, NULL, NULL, 0) ==
              CM_OK);
    return view;
}

Test(decide, example_gives_the_valley_thirty_days_with_a_case)
{
    struct cm_rules *rules = compiled(northport);
    struct cm_request request = request_of("ca.southgate.pd");
    cr_expect_eq(row_of(rules, &request, "cam-01", 10 * DAY_S), 0);
    request.evidence = CASE;
    cr_expect_eq(row_of(rules, &request, "cam-01", 10 * DAY_S), ROW | PLACE | CAMERA | VEHICLE);
    cr_expect_eq(row_of(rules, &request, "", 30 * DAY_S), ROW | PLACE | CAMERA | VEHICLE);
    cr_expect_eq(row_of(rules, &request, "", 30 * DAY_S + 1), 0);
    cr_expect_eq(row_of(rules, &request, "cam-07", DAY_S), 0);
    request.action = CM_ACTION_AREA;
    cr_expect_eq(row_of(rules, &request, "cam-01", DAY_S), 0);
    cm_rules_unref(rules);
}

Test(decide, example_shows_the_own_agency_all_but_a_forbidden_purpose)
{
    struct cm_rules *rules = compiled(northport);
    struct cm_request request = request_of("ca.northport.pd");
    cr_expect_eq(row_of(rules, &request, "cam-07", 4000 * DAY_S), EVERYTHING);
    request.purpose = "immigration-civil";
    cr_expect_eq(row_of(rules, &request, "cam-07", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, example_lets_kinds_in_by_state)
{
    struct cm_rules *rules = compiled(northport);
    struct cm_request request = request_of("ca.oakvale.so");
    request.purpose = "amber-alert";
    cr_expect_eq(row_of(rules, &request, "", 7 * DAY_S), ROW | PLACE);
    request.agency = "nv.dryfork.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    request.agency = "us.customs";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, dates_count_from_midnight_and_until_is_exclusive)
{
    struct cm_rules *rules = compiled("rules 1 node ca.northport.pd permit ca.southgate.pd to any "
                                      "for any back all see plate from 2026-12-01 until "
                                      "2026-12-02");
    struct cm_request request = request_of("ca.southgate.pd");
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    request.now_ms = NOON_MS - 12 * 3600 * 1000;
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    request.now_ms -= 1;
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    request.now_ms = NOON_MS + 12 * 3600 * 1000 - 1;
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    request.now_ms += 1;
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, unknown_and_inactive_agencies_see_nothing)
{
    struct cm_rules *rules =
        compiled("rules 1 node ca.oldtown.pd permit anyone to any for any back all see all "
                 "permit self to any for any back all see all");
    struct cm_request request = request_of("ca.oldtown.pd");
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    request.agency = "ca.nowhere.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    request.agency = "us.customs";
    cr_expect_eq(row_of(rules, &request, "", 0), EVERYTHING);
    request.purpose = "curiosity";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, forbid_covers_the_own_agency_only_by_self_or_anyone)
{
    static const char permit[] = "rules 1 node ca.northport.pd group g = ca.northport.pd "
                                 "permit self to any for any back all see all forbid ";
    static const struct {
        const char *forbid;
        cm_fields visible;
    } cases[] = {
        {"ca.northport.pd", EVERYTHING},
        {"@g", EVERYTHING},
        {"kind:local", EVERYTHING},
        {"role:investigator", EVERYTHING},
        {"not self", EVERYTHING},
        {"not us.customs", EVERYTHING},
        {"self", 0},
        {"anyone", 0},
        {"anyone kind:local", 0},
        {"anyone kind:federal", EVERYTHING},
        {"self role:investigator", 0},
        {"self role:supervisor", EVERYTHING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s", permit, cases[i].forbid);
        struct cm_rules *rules = compiled(text);
        struct cm_request request = request_of("ca.northport.pd");
        cr_expect_eq(row_of(rules, &request, "", 0), cases[i].visible, "%s", cases[i].forbid);
        cm_rules_unref(rules);
    }
}

Test(decide, forbid_with_see_takes_fields_only)
{
    struct cm_rules *rules = compiled("rules 1 node ca.northport.pd "
                                      "permit self to any for any back all see all "
                                      "forbid self see place, image beyond 2 days "
                                      "forbid self see all beyond 3 days");
    struct cm_request request = request_of("ca.northport.pd");
    cr_expect_eq(row_of(rules, &request, "", 2 * DAY_S), EVERYTHING);
    cr_expect_eq(row_of(rules, &request, "", 2 * DAY_S + 1),
                 EVERYTHING & ~(PLACE | 1u << CM_FIELD_IMAGE));
    cr_expect_eq(row_of(rules, &request, "", 3 * DAY_S + 1), ROW);
    cm_rules_unref(rules);
}

Test(decide, retain_and_sharing_off_are_forbids)
{
    struct cm_rules *rules = compiled("rules 1 node ca.northport.pd retain 20 days "
                                      "permit anyone to any for any back all see plate "
                                      "retain 30 days sharing off disclose denial");
    struct cm_request request = request_of("ca.northport.pd");
    cr_expect_eq(cm_rules_retain_s(rules), 20 * DAY_S);
    cr_expect(cm_rules_discloses(rules));
    cr_expect_str_eq(cm_rules_node(rules), "ca.northport.pd");
    cr_expect_eq(row_of(rules, &request, "", 20 * DAY_S), ROW);
    cr_expect_eq(row_of(rules, &request, "", 20 * DAY_S + 1), 0);
    request.agency = "ca.southgate.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, require_needs_all_and_unless_any)
{
    struct cm_rules *rules = compiled("rules 1 node ca.northport.pd permit us.customs to any for "
                                      "any back all see plate require case, supervisor "
                                      "forbid us.customs for warrant unless case, court-order");
    struct cm_request request = request_of("us.customs");
    request.evidence = CASE;
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    request.evidence |= 1u << CM_EVIDENCE_SUPERVISOR;
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    request.purpose = "warrant";
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    cm_rules_unref(rules);
}

Test(decide, both_must_be_permitted_on_behalf)
{
    struct cm_rules *rules =
        compiled("rules 1 node ca.northport.pd "
                 "permit us.customs to any for any back 9 days see place, camera "
                 "permit ca.southgate.pd role:supervisor to any for any back 5 days see camera");
    struct cm_request request = request_of("us.customs");
    request.on_behalf_of = "ca.southgate.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    request.role = CM_ROLE_SUPERVISOR;
    cr_expect_eq(row_of(rules, &request, "", 5 * DAY_S), ROW | CAMERA);
    cr_expect_eq(row_of(rules, &request, "", 5 * DAY_S + 1), 0);
    request.on_behalf_of = "ca.milltown.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    request.on_behalf_of = "ca.oldtown.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, nested_groups_hold_their_members)
{
    struct cm_rules *rules =
        compiled("rules 1 node ca.northport.pd group top = @middle, us.customs "
                 "group middle = @bottom group bottom = ca.milltown.pd group none = "
                 "permit @top not @none to any for any back all see plate");
    struct cm_request request = request_of("ca.milltown.pd");
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    request.agency = "us.customs";
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    request.agency = "ca.southgate.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, a_stateless_agency_is_not_of_any_state)
{
    struct cm_rules *rules = compiled("rules 1 node ca.northport.pd permit anyone not state:CA,NV "
                                      "to any for any back all see plate");
    struct cm_request request = request_of("us.customs");
    cr_expect_eq(row_of(rules, &request, "", 0), ROW);
    request.agency = "nv.dryfork.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, overlapping_sites_and_cameras_in_none)
{
    struct cm_rules *rules = compiled("rules 1 node ca.northport.pd site north = cam-1, \"cam 2\" "
                                      "site east = \"cam 2\", cam-3 "
                                      "permit us.customs to any for any back all see plate at "
                                      "north forbid us.customs at east beyond 3 days");
    struct cm_request request = request_of("us.customs");
    cr_expect_eq(row_of(rules, &request, "cam-1", 4 * DAY_S), ROW);
    cr_expect_eq(row_of(rules, &request, "cam 2", 3 * DAY_S), ROW);
    cr_expect_eq(row_of(rules, &request, "cam 2", 3 * DAY_S + 1), 0);
    cr_expect_eq(row_of(rules, &request, "cam-3", 0), 0);
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(decide, view_sums_up_what_is_hidden)
{
    struct cm_rules *rules = compiled(northport);
    struct cm_request request = request_of("ca.southgate.pd");
    struct cm_arena *arena;
    request.evidence = CASE;
    request.window.from_ms = NOON_MS - 60 * DAY_S * 1000;
    request.fields = PLACE | 1u << CM_FIELD_IMAGE;
    struct cm_view *view = view_of(&arena, rules, NULL, &valley, &request);
    cr_expect(cm_view_any(view));
    cr_expect_eq(cm_view_max_age_s(view), 30 * DAY_S);
    cr_expect_eq(cm_view_withheld(view), 1u << CM_FIELD_IMAGE);
    cr_expect(cm_view_hides_rows(view));
    cr_expect_str_eq(cm_view_deciding_rule(view), "main.rules:7");
    cr_expect_eq(cm_view_row(view, "cam-01", 0), ROW | PLACE);
    cm_arena_free(arena);

    request.window.to_ms = NOON_MS - 31 * DAY_S * 1000;
    view = view_of(&arena, rules, NULL, &valley, &request);
    cr_expect_not(cm_view_any(view));
    cr_expect_str_eq(cm_view_deciding_rule(view), "");
    cr_expect_eq(cm_view_withheld(view), PLACE | 1u << CM_FIELD_IMAGE);
    cm_arena_free(arena);

    request = request_of("us.customs");
    view = view_of(&arena, rules, NULL, &valley, &request);
    cr_expect_not(cm_view_any(view));
    cr_expect_eq(cm_view_max_age_s(view), -1);
    cr_expect_not(cm_view_hides_rows(view));
    cm_arena_free(arena);

    request = request_of("ca.northport.pd");
    view = view_of(&arena, rules, NULL, &valley, &request);
    cr_expect_eq(cm_view_max_age_s(view), INT64_MAX);
    cr_expect_eq(cm_view_withheld(view), 0);
    cr_expect_not(cm_view_hides_rows(view));
    cm_arena_free(arena);
    cm_rules_unref(rules);
}

Test(decide, overlay_takes_away_by_its_own_sites)
{
    static const char text[] = "rules 1 node ca.northport.pd site pier = cam-9 "
                               "forbid us.customs at pier forbid us.customs beyond 2 days "
                               "forbid ca.southgate.pd";
    struct cm_rule_file file = file_of("share.rules", text);
    struct cm_rules *rules =
        compiled("rules 1 node ca.northport.pd site east = cam-1 permit anyone to any for any back "
                 "all see plate forbid us.customs at east beyond 1 day");
    struct cm_rules *overlay = try_compile(
        (struct cm_rules_source){
            .main = "share.rules", .file_count = 1, .files = &file, .overlay = true},
        NULL);
    struct cm_request request = request_of("us.customs");
    struct cm_arena *arena;
    struct cm_view *view = view_of(&arena, rules, overlay, &valley, &request);
    cr_expect_eq(cm_view_row(view, "cam-9", 0), 0);
    cr_expect_eq(cm_view_row(view, "cam-1", DAY_S), ROW);
    cr_expect_eq(cm_view_row(view, "cam-1", DAY_S + 1), 0);
    cr_expect_eq(cm_view_row(view, "", 2 * DAY_S), ROW);
    cr_expect_eq(cm_view_row(view, "", 2 * DAY_S + 1), 0);
    cr_expect_eq(cm_view_max_age_s(view), 2 * DAY_S);
    cr_expect(cm_view_hides_rows(view));
    cm_arena_free(arena);

    request.agency = "ca.southgate.pd";
    view = view_of(&arena, rules, overlay, &valley, &request);
    cr_expect_not(cm_view_any(view));
    cm_arena_free(arena);

    request.agency = "ca.milltown.pd";
    view = view_of(&arena, rules, overlay, &valley, &request);
    cr_expect_eq(cm_view_row(view, "cam-9", 0), ROW);
    cm_arena_free(arena);
    cm_rules_unref(rules);
    cm_rules_unref(overlay);
}

// A copy of the federation in which one agency differs.
static struct cm_directory changed(struct cm_agency *room, const char *id,
                                   const struct cm_agency *agency)
{
    struct cm_directory directory = valley;
    memcpy(room, valley.agencies, valley.agency_count * sizeof *room);
    for (size_t i = 0; i < valley.agency_count; i++) {
        if (strcmp(room[i].id, id) == 0) {
            room[i] = *agency;
        }
    }
    directory.agencies = room;
    return directory;
}

static bool sees(const struct cm_rules *rules, const struct cm_directory *now, const char *agency)
{
    struct cm_request request = request_of(agency);
    struct cm_arena *arena;
    struct cm_view *view = view_of(&arena, rules, NULL, now, &request);
    bool any = cm_view_any(view);
    cm_arena_free(arena);
    return any;
}

Test(decide, what_the_directory_widens_waits)
{
    struct cm_rules *locals =
        compiled("rules 1 node ca.northport.pd permit kind:local to any for any back all see all");
    struct cm_rules *all =
        compiled("rules 1 node ca.northport.pd permit anyone to any for any back all see all "
                 "forbid kind:federal forbid state:NV");
    struct cm_agency room[8];
    struct cm_agency agency = valley.agencies[6];
    cr_assert_str_eq(agency.id, "us.customs");
    agency.kind = CM_KIND_LOCAL;
    struct cm_directory now = changed(room, "us.customs", &agency);
    cr_expect_not(sees(locals, &now, "us.customs"), "a new kind lets nobody in");
    cr_expect_not(sees(all, &now, "us.customs"), "a new kind escapes no forbid");
    cr_expect(sees(all, &now, "ca.southgate.pd"));

    agency = valley.agencies[4];
    agency.state = "NV";
    now = changed(room, "ca.southgate.pd", &agency);
    cr_expect_not(sees(all, &now, "ca.southgate.pd"), "a new state is forbidden at once");

    agency = valley.agencies[3];
    agency.active = true;
    now = changed(room, "ca.oldtown.pd", &agency);
    cr_expect_not(sees(locals, &now, "ca.oldtown.pd"), "a returned member waits");

    struct cm_digest pin = {{1}};
    agency = valley.agencies[4];
    agency.ca_pin_count = 1;
    agency.ca_pins = &pin;
    now = changed(room, "ca.southgate.pd", &agency);
    cr_expect_not(sees(locals, &now, "ca.southgate.pd"), "another CA waits");

    agency = valley.agencies[4];
    agency.active = false;
    now = changed(room, "ca.southgate.pd", &agency);
    cr_expect_not(sees(locals, &now, "ca.southgate.pd"), "leaving counts at once");
    cm_rules_unref(locals);
    cm_rules_unref(all);
}

Test(decide, any_purpose_means_those_of_the_signed_directory)
{
    struct cm_rules *rules =
        compiled("rules 1 node ca.northport.pd permit anyone to any for any back all see all "
                 "forbid us.customs");
    struct cm_purpose purposes[] = {{.id = "homicide"}, {.id = "parking"}};
    struct cm_directory now = valley;
    now.purposes = purposes;
    now.purpose_count = 2;
    struct cm_request request = request_of("ca.southgate.pd");
    struct cm_arena *arena;
    request.purpose = "parking";
    cr_expect_not(cm_view_any(view_of(&arena, rules, NULL, &now, &request)));
    cm_arena_free(arena);
    request.purpose = "kidnapping";
    cr_expect_not(cm_view_any(view_of(&arena, rules, NULL, &now, &request)));
    cm_arena_free(arena);
    request.purpose = "homicide";
    cr_expect(cm_view_any(view_of(&arena, rules, NULL, &now, &request)));
    cm_arena_free(arena);
    cm_rules_unref(rules);
}

Test(decide, an_age_is_floored_and_never_negative)
{
    cr_expect_eq(cm_age_s(NOON_MS, NOON_MS - 1999), 1);
    cr_expect_eq(cm_age_s(NOON_MS, NOON_MS + 5000), 0);
    cr_expect_eq(cm_age_s(INT64_MAX, INT64_MIN), (int64_t)(UINT64_MAX / 1000));
}

Test(decide, a_view_past_the_arena_is_out_of_memory)
{
    struct cm_rules *rules = compiled(northport);
    struct cm_request request = request_of("ca.southgate.pd");
    struct cm_arena *arena = cm_arena_new(64);
    struct cm_view *view;
    cr_expect_eq(cm_rules_view(&view, arena, rules, NULL, &valley, &request, NULL, NULL, 0),
                 CM_MEMORY);
    cr_expect_null(view);
    cm_arena_free(arena);
    cm_rules_unref(rules);
}

// The statute packs: who is let in and who is not, point by point, under a node that permits
// everything.
#include "valley.h"

#include "acl/format.h"
#include "proto/base/file.h"
#include "proto/trust/directory_json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FOLDER CM_SOURCE "/acl/statutes/"

enum { CASE = 1 << CM_EVIDENCE_CASE, ATTESTED = 1 << CM_EVIDENCE_ATTESTATION };
enum { ORDER = 1 << CM_EVIDENCE_COURT_ORDER };

static const char *const packs[] = {"us-ca", "us-il", "us-me", "us-nh", "us-va", "us-wa"};

static const struct cm_agency agencies[] = {
    {.id = "ca.mall", .kind = CM_KIND_PRIVATE, .state = "CA", .active = true},
    {.id = "ca.northport.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = true},
    {.id = "ca.oakvale.so", .kind = CM_KIND_SHERIFF, .state = "CA", .active = true},
    {.id = "il.lakeview.pd", .kind = CM_KIND_LOCAL, .state = "IL", .active = true},
    {.id = "il.prairie.so", .kind = CM_KIND_SHERIFF, .state = "IL", .active = true},
    {.id = "me.mall", .kind = CM_KIND_PRIVATE, .state = "ME", .active = true},
    {.id = "me.pines.so", .kind = CM_KIND_SHERIFF, .state = "ME", .active = true},
    {.id = "me.tidewater.pd", .kind = CM_KIND_LOCAL, .state = "ME", .active = true},
    {.id = "nh.granite.pd", .kind = CM_KIND_LOCAL, .state = "NH", .active = true},
    {.id = "nh.notch.so", .kind = CM_KIND_SHERIFF, .state = "NH", .active = true},
    {.id = "nv.dryfork.pd", .kind = CM_KIND_LOCAL, .state = "NV", .active = true},
    {.id = "us.customs", .kind = CM_KIND_FEDERAL, .state = "", .active = true},
    {.id = "va.bluefield.pd", .kind = CM_KIND_LOCAL, .state = "VA", .active = true},
    {.id = "va.freight", .kind = CM_KIND_OTHER, .state = "VA", .active = true},
    {.id = "va.ridge.so", .kind = CM_KIND_SHERIFF, .state = "VA", .active = true},
    {.id = "wa.sound.pd", .kind = CM_KIND_LOCAL, .state = "WA", .active = true},
    {.id = "wa.timber.so", .kind = CM_KIND_SHERIFF, .state = "WA", .active = true},
};

static struct cm_directory the_states(void)
{
    return (struct cm_directory){.federation = "states.test",
                                 .serial = 1,
                                 .agency_count = sizeof agencies / sizeof *agencies,
                                 .agencies = agencies,
                                 .purpose_count = cm_default_purpose_count,
                                 .purposes = cm_default_purposes};
}

static struct cm_buf text_of(const char *pack)
{
    char path[512];
    struct cm_buf text = {0};
    struct cm_error error;
    snprintf(path, sizeof path, FOLDER "%s.rules", pack);
    cr_assert(cm_file_read(&text, path, CM_MAX_RULESET, &error) == CM_OK, "%s", path);
    return text;
}

// A node that permits everything, less what the pack takes away.
static struct cm_rules *open_node(const char *node, const char *pack, struct cm_bytes pack_text,
                                  const struct cm_directory *directory,
                                  struct cm_diagnostics *diagnostics)
{
    char main[256];
    snprintf(main, sizeof main,
             "rules 1 node %s include \"%s\" permit anyone to any for any back all see all "
             "until 2027-12-31",
             node, pack);
    const struct cm_rule_file files[] = {file_of("main.rules", main), {pack, pack_text}};
    return try_compile(
        (struct cm_rules_source){
            .file_count = 2, .files = files, .directory = directory, .lint = diagnostics != NULL},
        diagnostics);
}

static bool shows(const struct cm_rules *rules, const struct cm_directory *directory,
                  const struct cm_request *request, int64_t age_s)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_view *view;
    cr_assert(cm_rules_view(&view, arena, rules, NULL, directory, request, NULL, NULL, 0) == CM_OK);
    bool visible = cm_view_row(view, "", age_s) != 0;
    cm_arena_free(arena);
    return visible;
}

struct point {
    const char *node, *asker, *purpose;
    unsigned evidence;
    int64_t age_s;
    bool visible;
};

static void judge(const char *pack, const struct point *points, size_t count)
{
    struct cm_directory directory = the_states();
    struct cm_buf text = text_of(pack);
    for (size_t i = 0; i < count; i++) {
        const struct point *point = &points[i];
        struct cm_rules *rules =
            open_node(point->node, pack, cm_buf_bytes(&text), &directory, NULL);
        cr_assert_not_null(rules, "%s", pack);
        struct cm_request request = request_of(point->asker);
        request.purpose = point->purpose;
        request.evidence = point->evidence;
        request.window.from_ms = 0;
        cr_expect_eq(shows(rules, &directory, &request, point->age_s), point->visible,
                     "%s: %s asks %s for %s", pack, point->asker, point->node, point->purpose);
        cm_rules_unref(rules);
    }
    cm_buf_clear(&text);
}

#define JUDGE(pack, points) judge(pack, points, sizeof(points) / sizeof *(points))

Test(statutes, california_shares_with_its_public_agencies_only)
{
    static const struct point points[] = {
        {"ca.northport.pd", "ca.oakvale.so", "homicide", 0, 900 * DAY_S, true},
        {"ca.northport.pd", "ca.northport.pd", "training", 0, 0, true},
        {"ca.northport.pd", "nv.dryfork.pd", "homicide", CASE | ORDER, 0, false},
        {"ca.northport.pd", "us.customs", "terrorism", CASE | ORDER | ATTESTED, 0, false},
        {"ca.northport.pd", "ca.mall", "vehicle-theft", 0, 0, false},
        {"ca.northport.pd", "ca.oakvale.so", "immigration-civil", CASE, 0, false},
        {"ca.northport.pd", "ca.northport.pd", "immigration-criminal", CASE, 0, false},
        {"ca.northport.pd", "ca.oakvale.so", "reproductive-care", CASE | ORDER, 0, false},
        {"ca.mall", "ca.northport.pd", "vehicle-theft", 0, 0, true},
        {"ca.mall", "ca.mall", "administrative", 0, 0, true},
    };
    JUDGE("us-ca", points);
}

Test(statutes, new_hampshire_keeps_three_minutes_to_itself)
{
    static const struct point points[] = {
        {"nh.granite.pd", "nh.granite.pd", "homicide", 0, 180, true},
        {"nh.granite.pd", "nh.granite.pd", "homicide", CASE | ORDER, 181, false},
        {"nh.granite.pd", "nh.granite.pd", "civil", 0, 0, false},
        {"nh.granite.pd", "nh.notch.so", "homicide", CASE | ORDER, 0, false},
        {"nh.granite.pd", "us.customs", "terrorism", CASE | ORDER, 0, false},
    };
    JUDGE("us-nh", points);
}

Test(statutes, virginia_shares_inside_for_its_purposes_and_by_court_order)
{
    static const struct point points[] = {
        {"va.ridge.so", "va.bluefield.pd", "homicide", 0, 21 * DAY_S, true},
        {"va.ridge.so", "va.ridge.so", "homicide", CASE, 21 * DAY_S + 1, false},
        {"va.ridge.so", "nv.dryfork.pd", "homicide", CASE, 0, false},
        {"va.ridge.so", "nv.dryfork.pd", "homicide", ORDER, 0, true},
        {"va.ridge.so", "us.customs", "terrorism", CASE | ATTESTED, 0, false},
        {"va.ridge.so", "us.customs", "immigration-civil", ORDER, 0, false},
        {"va.ridge.so", "va.freight", "vehicle-theft", CASE, 0, false},
        {"va.ridge.so", "va.bluefield.pd", "immigration-criminal", CASE, 0, false},
        {"va.ridge.so", "va.bluefield.pd", "internal-audit", 0, 0, false},
        {"va.ridge.so", "va.ridge.so", "internal-audit", 0, 0, true},
        {"va.ridge.so", "va.ridge.so", "other", CASE, 0, false},
        {"va.ridge.so", "va.bluefield.pd", "missing-person", 0, 0, true},
    };
    JUDGE("us-va", points);
}

Test(statutes, maine_shares_with_law_enforcement_for_21_days)
{
    static const struct point points[] = {
        {"me.tidewater.pd", "me.pines.so", "homicide", 0, 21 * DAY_S, true},
        {"me.tidewater.pd", "me.pines.so", "homicide", ORDER, 21 * DAY_S + 1, false},
        {"me.tidewater.pd", "nv.dryfork.pd", "homicide", 0, 0, true},
        {"me.tidewater.pd", "me.mall", "vehicle-theft", CASE, 0, false},
        {"me.tidewater.pd", "me.pines.so", "repossession", CASE, 0, false},
        {"me.tidewater.pd", "me.tidewater.pd", "protest", CASE, 0, false},
    };
    JUDGE("us-me", points);
}

Test(statutes, illinois_asks_other_states_for_a_declaration)
{
    static const struct point points[] = {
        {"il.lakeview.pd", "il.prairie.so", "homicide", 0, 900 * DAY_S, true},
        {"il.lakeview.pd", "nv.dryfork.pd", "homicide", CASE, 0, false},
        {"il.lakeview.pd", "nv.dryfork.pd", "homicide", ATTESTED, 0, true},
        {"il.lakeview.pd", "us.customs", "terrorism", CASE, 0, false},
        {"il.lakeview.pd", "nv.dryfork.pd", "reproductive-care", ATTESTED | ORDER, 0, false},
        {"il.lakeview.pd", "us.customs", "immigration-civil", ATTESTED | ORDER, 0, false},
        {"il.lakeview.pd", "il.prairie.so", "immigration-criminal", CASE, 0, false},
    };
    JUDGE("us-il", points);
}

Test(statutes, washington_shares_inside_and_by_court_order)
{
    static const struct point points[] = {
        {"wa.sound.pd", "wa.timber.so", "homicide", 0, 21 * DAY_S, true},
        {"wa.sound.pd", "wa.sound.pd", "homicide", CASE, 21 * DAY_S + 1, false},
        {"wa.sound.pd", "nv.dryfork.pd", "homicide", CASE | ATTESTED, 0, false},
        {"wa.sound.pd", "nv.dryfork.pd", "homicide", ORDER, 0, true},
        {"wa.sound.pd", "us.customs", "terrorism", CASE, 0, false},
        {"wa.sound.pd", "us.customs", "immigration-civil", ORDER, 0, false},
        {"wa.sound.pd", "wa.sound.pd", "protest", CASE, 0, false},
        {"wa.sound.pd", "wa.sound.pd", "administrative", 0, 0, true},
        {"wa.sound.pd", "wa.timber.so", "administrative", 0, 0, false},
        {"wa.sound.pd", "wa.timber.so", "civil", CASE, 0, false},
    };
    JUDGE("us-wa", points);
}

Test(statutes, no_warning_stands_in_a_pack_itself_and_its_layout_is_the_common_one)
{
    struct cm_directory directory = the_states();
    for (size_t i = 0; i < sizeof packs / sizeof *packs; i++) {
        struct cm_diagnostics diagnostics = {0};
        struct cm_buf text = text_of(packs[i]);
        struct cm_buf laid_out = {0};
        const struct cm_rule_file file = {packs[i], cm_buf_bytes(&text)};
        cr_assert(cm_format(&laid_out, &file, &diagnostics) == CM_OK);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&laid_out), file.text), "%s", packs[i]);
        cm_buf_clear(&laid_out);
        struct cm_rules *rules =
            open_node("nv.dryfork.pd", packs[i], cm_buf_bytes(&text), &directory, &diagnostics);
        cr_expect_not_null(rules);
        for (size_t k = 0; k < diagnostics.count; k++) {
            // That `warrant` stays open is said at the pack's forbid, and is the node's to mend.
            cr_expect(strcmp(diagnostics.list[k].file, "main.rules") == 0 ||
                          strstr(diagnostics.list[k].text, "immigration") != NULL,
                      "%s: %s", packs[i], diagnostics.list[k].text);
        }
        cm_rules_unref(rules);
        cm_diagnostics_clear(&diagnostics);
        cm_buf_clear(&text);
    }
}

// A federation may use fewer purposes than the usual ones; a misspelt one is an error all the same.
Test(statutes, a_usual_purpose_that_the_directory_lacks_covers_nothing_in_a_pack)
{
    static const struct cm_purpose few[] = {{.id = "homicide"}, {.id = "protest"}};
    struct cm_directory directory = the_states();
    directory.purposes = few;
    directory.purpose_count = 2;
    for (size_t i = 0; i < sizeof packs / sizeof *packs; i++) {
        struct cm_buf text = text_of(packs[i]);
        struct cm_rules *rules =
            open_node("me.pines.so", packs[i], cm_buf_bytes(&text), &directory, NULL);
        cr_expect_not_null(rules, "%s", packs[i]);
        cm_rules_unref(rules);
        cm_buf_clear(&text);
    }
    struct cm_bytes usual = cm_bytes_of("rules 1 forbid anyone for protest, civil");
    struct cm_rules *rules = open_node("me.pines.so", "us-me", usual, &directory, NULL);
    cr_assert_not_null(rules);
    struct cm_request request = request_of("me.tidewater.pd");
    cr_expect(shows(rules, &directory, &request, 0));
    request.purpose = "protest";
    cr_expect(!shows(rules, &directory, &request, 0));
    request.purpose = "civil";
    cr_expect(!shows(rules, &directory, &request, 0), "nobody can ask for it");
    cm_rules_unref(rules);
    cr_expect_null(open_node("me.pines.so", "us-me", cm_bytes_of("rules 1 forbid anyone for civl"),
                             &directory, NULL));
    const struct cm_rule_file file = file_of("main.rules", "rules 1 node me.pines.so "
                                                           "forbid anyone for civil");
    cr_expect_null(try_compile(
        (struct cm_rules_source){.file_count = 1, .files = &file, .directory = &directory}, NULL));
}

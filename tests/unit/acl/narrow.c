// The old state under what narrow writes shows what both states show, point by point.
// CM_SEED in the environment repeats a failure.
#include "acl/narrow.h"

#include "states.h"
#include "valley.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed_of(void)
{
    const char *given = getenv("CM_SEED");
    return given == NULL ? UINT64_C(20261122) : strtoull(given, NULL, 10);
}

static char *narrowed(const struct cm_side *old, const struct cm_side *new, bool *exact)
{
    struct cm_buf out = {0};
    struct cm_error error = {.text = ""};
    cr_assert(cm_narrow_make(&out, exact, old, new, NOON_MS, &error) == CM_OK, "%s", error.text);
    cr_assert(cm_buf_add(&out, "", 1) == CM_OK);
    return (char *)out.data;
}

// As an overlay is compiled: an include of a main file without rules, by the current directory.
static struct cm_rules *overlay_of(const char *node, const char *text,
                                   const struct cm_directory *directory)
{
    char main_text[160];
    struct cm_diagnostics diagnostics = {0};
    if (text[0] == '\0') {
        return NULL;
    }
    snprintf(main_text, sizeof main_text, "rules 1\nnode %s\ninclude \"narrowed.rules\"\n", node);
    const struct cm_rule_file files[] = {file_of("main.rules", main_text),
                                         file_of("narrowed.rules", text)};
    struct cm_rules *rules = try_compile((struct cm_rules_source){.file_count = 2,
                                                                  .files = files,
                                                                  .directory = directory,
                                                                  .overlay = true,
                                                                  .retired_ok = true},
                                         &diagnostics);
    cr_assert_not_null(rules, "%s\n%s", diagnostics.count > 0 ? diagnostics.list[0].text : "",
                       text);
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

static void check_request(const struct cm_side *old, const struct cm_side *new,
                          const struct cm_side *under, const struct cm_request *request, bool exact,
                          const char *text)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    const struct cm_view *was = view_of(arena, old, request, SPENT_NONE);
    const struct cm_view *is = view_of(arena, new, request, SPENT_NONE);
    const struct cm_view *shown = view_of(arena, under, request, SPENT_NONE);
    for (size_t c = 0; c < every_camera_count; c++) {
        for (size_t a = 0; a < every_age_count; a++) {
            unsigned both = cm_view_row(was, every_camera[c], every_age[a]) &
                            cm_view_row(is, every_camera[c], every_age[a]);
            unsigned found = cm_view_row(shown, every_camera[c], every_age[a]);
            cr_assert(exact ? found == both : (found & ~both) == 0,
                      "%s %s for %s evidence %x camera %s age %lld: %x, not %x\n%s",
                      request->agency, cm_action_name(request->action), request->purpose,
                      request->evidence, every_camera[c], (long long)every_age[a], found, both,
                      text);
        }
    }
    cm_arena_free(arena);
}

// Returns whether it was exact.
static bool check_pair(const struct state *old, const struct state *new, unsigned step,
                       unsigned first)
{
    bool exact;
    // An overlay of its own stays beside the new one; here it would be a second.
    struct cm_side sides[2] = {side_of(old), side_of(new)};
    sides[0].overlay = NULL;
    sides[0].directory = sides[1].directory;
    char *text = narrowed(&sides[0], &sides[1], &exact);
    struct cm_side under = sides[0];
    struct cm_rules *overlay = overlay_of("bb.node.pd", text, &new->now.directory);
    under.overlay = overlay;
    for (unsigned i = first; i < request_count; i += step) {
        struct cm_request request;
        nth_request(i, &request);
        check_request(&sides[0], &sides[1], &under, &request, exact, text);
    }
    cm_rules_unref(overlay);
    free(text);
    return exact;
}

static void pair_init(struct generator *generator, struct state *old, struct state *new)
{
    state_init(old, generator, NULL);
    state_init(new, generator, pick(generator, 4) == 0 ? NULL : old);
}

Test(narrow, leaves_what_both_states_show, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 4;
    unsigned exact = 0;
    for (uint64_t i = 0; i < 300; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct state old;
        struct state new;
        pair_init(&generator, &old, &new);
        exact += check_pair(&old, &new, 67, pick(&generator, 67));
        state_clear(&old);
        state_clear(&new);
    }
    cr_assert_gt(exact, 200, "only %u of 300 could be said exactly", exact);
}

Test(narrow, leaves_what_both_show_on_every_point_of_small_domains, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 5;
    for (uint64_t i = 0; i < 4; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct state old;
        struct state new;
        pair_init(&generator, &old, &new);
        check_pair(&old, &new, 1, 0);
        state_clear(&old);
        state_clear(&new);
    }
}

static const char head[] = "rules 1\nnode ca.northport.pd\n"
                           "group valley = ca.milltown.pd, ca.southgate.pd\n"
                           "site harbour = cam-07, \"cam \\\"8\\\"\"\n";

static char *narrowed_text(const char *old, const char *new, bool *exact)
{
    char texts[2][1024];
    snprintf(texts[0], sizeof texts[0], "%s%s", head, old);
    snprintf(texts[1], sizeof texts[1], "%s%s", head, new);
    struct cm_rules *rules[2] = {compiled(texts[0]), compiled(texts[1])};
    const struct cm_side sides[2] = {{rules[0], NULL, &valley}, {rules[1], NULL, &valley}};
    char *text = narrowed(&sides[0], &sides[1], exact);
    cm_rules_unref(rules[0]);
    cm_rules_unref(rules[1]);
    return text;
}

Test(narrow, writes_forbids_that_a_person_can_read)
{
    bool exact;
    static const char permit[] =
        "permit @valley to lookup, fuzzy for homicide back 30 days see all "
        "until 2027-01-01\n";
    char *text = narrowed_text(permit,
                               "permit @valley to lookup, fuzzy for homicide back 7 days see place "
                               "require case until 2027-01-01\n",
                               &exact);
    cr_expect_str_eq(text, "rules 1\n"
                           "forbid not self to lookup, fuzzy for homicide unless case until "
                           "2027-01-01\n"
                           "forbid not self to lookup, fuzzy for homicide beyond 7 days until "
                           "2027-01-01\n"
                           "forbid not self to lookup, fuzzy for homicide see camera, heading, "
                           "vehicle, confidence, image until 2027-01-01\n");
    cr_expect(exact);
    free(text);
    text = narrowed_text(permit, permit, &exact);
    cr_expect_str_empty(text);
    free(text);
}

Test(narrow, says_when_it_must_hide_more)
{
    bool exact;
    static const char old[] = "permit @valley to lookup for homicide back 30 days see all\n";
    char *text = narrowed_text(
        old, "permit @valley to lookup for homicide back 30 days see all at harbour\n", &exact);
    cr_expect_not(exact);
    cr_expect_null(strstr(text, " at "));
    free(text);
    text = narrowed_text(old,
                         "permit @valley to lookup for homicide back 30 days see all\n"
                         "forbid not self at harbour\n",
                         &exact);
    cr_expect(exact);
    cr_expect_not_null(strstr(text,
                              "site narrowed-site-1 =\n    \"cam \\\"8\\\"\",\n    \"cam-07\"\n"
                              "forbid not self to lookup for homicide at narrowed-site-1"));
    free(text);
}

Test(narrow, what_is_too_large_for_an_overlay_is_an_error)
{
    struct cm_buf out = {.max = 8};
    struct cm_error error = {.text = ""};
    bool exact;
    struct cm_rules *old = compiled("rules 1\nnode ca.northport.pd\npermit ca.milltown.pd "
                                    "to lookup for homicide back 1 day see all\n");
    struct cm_rules *new = compiled("rules 1\nnode ca.northport.pd\n");
    const struct cm_side sides[2] = {{old, NULL, &valley}, {new, NULL, &valley}};
    cr_assert(cm_narrow_make(&out, &exact, &sides[0], &sides[1], NOON_MS, &error) == CM_MEMORY);
    cm_rules_unref(old);
    cm_rules_unref(new);
}

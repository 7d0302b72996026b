// Whom a box covers, all agencies at once, against covers.h asked agency by agency.
#include "acl/crowd.h"

#include "acl/covers.h"
#include "generate.h"
#include "valley.h"

#include <criterion/criterion.h>

enum { ROUNDS = 500 };

static struct cm_rules *random_rules(struct generator *generator,
                                     const struct cm_directory *directory)
{
    struct cm_buf text = {0};
    generate_rules(generator, &text, false);
    struct cm_rule_file file = {"main.rules", cm_buf_bytes(&text)};
    struct cm_rules *rules = try_compile((struct cm_rules_source){.main = "main.rules",
                                                                  .file_count = 1,
                                                                  .files = &file,
                                                                  .directory = directory,
                                                                  .now_ms = NOON_MS,
                                                                  .retired_ok = true},
                                         NULL);
    cr_assert_not_null(rules);
    cm_buf_clear(&text);
    return rules;
}

// Asks for what every box allows but who and role.
static bool covers_one(const struct cm_rules *rules, const struct cm_box *box, bool permit,
                       const struct cm_directory *now, const char *agency, enum cm_role role)
{
    struct cm_asker asker;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_box whole = *box;
    whole.actions = UINT32_MAX;
    whole.purposes = NULL;
    whole.from_ms = INT64_MIN;
    whole.until_ms = INT64_MAX;
    whole.evidence = 0;
    whole.age_s = permit ? INT64_MAX : -1;
    struct cm_request request = {.agency = agency, .role = role, .action = CM_ACTION_LOOKUP};
    cr_assert(cm_asker_init(&asker, arena, rules, now, agency, role) == CM_OK);
    enum cm_miss miss = permit ? cm_permit_misses(&whole, &asker, &request, CM_NO_INDEX)
                               : cm_forbid_misses(&whole, &asker, &request, CM_NO_INDEX);
    cm_arena_free(arena);
    return miss == CM_MISS_NONE;
}

static unsigned check_box(const struct cm_rules *rules, const struct cm_box *box, bool permit,
                          const struct cm_directory *now, const uint64_t *who)
{
    unsigned covered = 0;
    for (enum cm_role role = CM_ROLE_INVESTIGATOR; role <= CM_ROLE_SUPERVISOR; role++) {
        bool in_role = (cm_crowd_roles(box) >> role & 1) != 0;
        for (uint32_t i = 0; i < now->agency_count; i++) {
            bool expected = covers_one(rules, box, permit, now, now->agencies[i].id, role);
            cr_assert_eq(cm_bit(who, i) && in_role, expected, "%s: %s", box->where,
                         now->agencies[i].id);
            covered += expected;
        }
    }
    return covered;
}

Test(crowd, covers_whom_each_box_covers, .timeout = 120)
{
    unsigned covered = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct generator generator = {.state = 99 + i * UINT64_C(0x9e3779b97f4a7c15)};
        struct federation before, after;
        struct cm_crowd now, then;
        struct cm_cast cast;
        struct cm_arena *arena = cm_arena_new(1 << 22);
        generate_federation(&generator, &before, NULL);
        generate_federation(&generator, &after, &before);
        const struct cm_directory *directory = &after.directory;
        struct cm_rules *rules = random_rules(&generator, &before.directory);
        cr_assert(cm_crowd_now(&now, arena, directory) == CM_OK);
        cr_assert(cm_crowd_then(&then, arena, directory, rules->members) == CM_OK);
        cr_assert(cm_cast_init(&cast, arena, rules, directory, now.words, 1000000) == CM_OK);
        uint64_t *who = cm_arena_array(arena, 3 * now.words, sizeof *who);
        for (uint32_t b = 0; b < rules->permit_count + rules->forbid_count; b++) {
            const struct cm_box *box = &rules->permits[b];
            bool permit = b < rules->permit_count;
            cr_assert((permit ? cm_crowd_permit : cm_crowd_forbid)(who, who + now.words, &cast,
                                                                   &now, &then, box) == CM_OK);
            covered += check_box(rules, box, permit, directory, who);
        }
        cm_rules_unref(rules);
        cm_arena_free(arena);
    }
    cr_expect_gt(covered, 1000);
}

Test(crowd, stops_when_its_steps_are_spent)
{
    struct cm_crowd now;
    struct cm_cast cast;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_rules *rules = compiled("rules 1\nnode ca.northport.pd\n"
                                      "permit kind:local to any for any back all see all\n");
    cr_assert(cm_crowd_now(&now, arena, &valley) == CM_OK);
    cr_assert(cm_cast_init(&cast, arena, rules, &valley, now.words, 2) == CM_OK);
    uint64_t *who = cm_arena_array(arena, 3 * now.words, sizeof *who);
    cr_expect_eq(cm_crowd_permit(who, who + now.words, &cast, &now, &now, &rules->permits[0]),
                 CM_EXHAUSTED);
    cm_rules_unref(rules);
    cm_arena_free(arena);
}

// The index against the rules themselves, asked node by node. CM_SEED in the environment repeats a
// failure.
#include "acl/index.h"

#include "generate.h"
#include "valley.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 250, STEPS = 30, REQUESTS = 4, NODES = 8, CROWD = 300, CROWD_NODES = 150 };

static const char *const ids[NODES] = {"aa.first.pd", "bb.node.pd", "cc.third.so", "dd.fourth.pd",
                                       "ee.fed",      "ff.gone.pd", "gg.old.pd",   "hh.campus.pd"};

// What stands at one node.
struct standing {
    char id[32];
    struct cm_rules *rules, *overlay;
};

static void stand(struct standing *standing, struct cm_rules *rules, struct cm_rules *overlay)
{
    cm_rules_unref(standing->rules);
    cm_rules_unref(standing->overlay);
    standing->rules = rules;
    standing->overlay = overlay;
}

static uint64_t seed_of(void)
{
    const char *given = getenv("CM_SEED");
    return given == NULL ? UINT64_C(20261122) : strtoull(given, NULL, 10);
}

static struct cm_rules *compile_for(const struct cm_directory *directory, struct cm_bytes text,
                                    bool overlay)
{
    struct cm_rule_file file = {"main.rules", text};
    struct cm_diagnostics diagnostics = {0};
    struct cm_rules *rules = try_compile((struct cm_rules_source){.main = "main.rules",
                                                                  .file_count = 1,
                                                                  .files = &file,
                                                                  .directory = directory,
                                                                  .now_ms = NOON_MS,
                                                                  .overlay = overlay,
                                                                  .retired_ok = true},
                                         &diagnostics);
    cr_assert_not_null(rules, "%.*s", (int)text.len, (const char *)text.data);
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

// Random rules, of another node than the generator's.
static struct cm_rules *random_rules(struct generator *generator,
                                     const struct cm_directory *directory, const char *node,
                                     bool overlay)
{
    static const char head[] = "rules 1\nnode bb.node.pd";
    struct cm_buf text = {0}, moved = {0};
    generate_rules(generator, &text, overlay);
    cr_assert(memcmp(text.data, head, sizeof head - 1) == 0);
    cr_assert(cm_buf_printf(&moved, "rules 1\nnode %s%.*s", node,
                            (int)(text.len - (sizeof head - 1)),
                            (const char *)text.data + sizeof head - 1) == CM_OK);
    struct cm_rules *rules = compile_for(directory, cm_buf_bytes(&moved), overlay);
    cm_buf_clear(&text);
    cm_buf_clear(&moved);
    return rules;
}

static enum cm_verdict expected(const struct standing *standing,
                                const struct cm_directory *directory,
                                const struct cm_request *request)
{
    if (standing->rules == NULL) {
        return CM_VERDICT_DENIED;
    }
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_view *view;
    cr_assert(cm_rules_view(&view, arena, standing->rules, standing->overlay, directory, request,
                            NULL, NULL, 0) == CM_OK);
    enum cm_verdict verdict = cm_view_any(view)                        ? CM_VERDICT_PERMITTED
                              : cm_view_deciding_rule(view)[0] != '\0' ? CM_VERDICT_HIDDEN
                                                                       : CM_VERDICT_DENIED;
    cm_arena_free(arena);
    return verdict;
}

struct tally {
    unsigned count[CM_VERDICT_OPEN + 1];
};

static void check(struct cm_index *index, const struct standing *standings, size_t count,
                  const struct cm_directory *directory, const struct cm_request *request,
                  struct tally *tally, bool whole)
{
    uint8_t verdicts[CROWD];
    cm_index_decide(index, request, verdicts);
    for (size_t i = 0; i < count; i++) {
        const struct cm_agency *agency = cm_directory_agency(directory, standings[i].id);
        if (agency == NULL) {
            continue;
        }
        enum cm_verdict found = (enum cm_verdict)verdicts[agency - directory->agencies];
        tally->count[found] += whole;
        bool simple = whole && request->on_behalf_of[0] == '\0' && standings[i].overlay == NULL;
        cr_assert(found != CM_VERDICT_OPEN || !simple, "one asker and one set are always decided");
        enum cm_verdict right = expected(&standings[i], directory, request);
        cr_assert(found == CM_VERDICT_OPEN || found == right, "%s asks %s for %s to %s: %d, not %d",
                  request->agency, standings[i].id, request->on_behalf_of,
                  cm_action_name(request->action), (int)found, (int)right);
    }
}

static void change(struct generator *generator, struct cm_index *index, struct standing *standing,
                   const struct cm_directory *directory)
{
    if (pick(generator, 5) == 0) {
        cm_index_remove(index, standing->id);
        stand(standing, NULL, NULL);
        return;
    }
    struct cm_rules *overlay =
        pick(generator, 3) == 0 ? random_rules(generator, directory, standing->id, true) : NULL;
    stand(standing, random_rules(generator, directory, standing->id, false), overlay);
    cr_assert(cm_index_put(index, standing->rules, overlay) == CM_OK);
}

static void check_round(struct generator *generator, struct tally *tally)
{
    struct federation federations[3];
    struct standing standings[NODES] = {0};
    struct cm_index *index;
    generate_federation(generator, &federations[0], NULL);
    generate_federation(generator, &federations[1], &federations[0]);
    generate_federation(generator, &federations[2], &federations[1]);
    const struct cm_directory *now = &federations[1].directory;
    cr_assert(cm_index_new(&index, now) == CM_OK);
    for (size_t i = 0; i < NODES; i++) {
        snprintf(standings[i].id, sizeof standings[i].id, "%s", ids[i]);
    }
    for (int step = 0; step < STEPS; step++) {
        bool more = cm_index_step(index, pick(generator, 4));
        if (pick(generator, 10) == 0) {
            now = &federations[pick(generator, 3)].directory;
            cr_assert(cm_index_retrust(index, now) == CM_OK);
            more = true;
        } else {
            change(generator, index, &standings[pick(generator, NODES)],
                   &federations[pick(generator, 3)].directory);
        }
        cr_assert_eq(cm_index_directory(index), now);
        for (int i = 0; i < REQUESTS; i++) {
            struct cm_request request;
            generate_request(generator, &request);
            check(index, standings, NODES, now, &request, tally, !more);
        }
    }
    for (size_t i = 0; i < NODES; i++) {
        stand(&standings[i], NULL, NULL);
    }
    cm_index_free(index);
}

Test(index, decides_as_the_rules_do_after_any_change, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 7;
    struct tally tally = {{0}};
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        check_round(&generator, &tally);
    }
    cr_expect_gt(tally.count[CM_VERDICT_PERMITTED], 1000);
    cr_expect_gt(tally.count[CM_VERDICT_HIDDEN], 1000);
    cr_expect_lt(tally.count[CM_VERDICT_OPEN], tally.count[CM_VERDICT_PERMITTED]);
}

// More agencies than a word has bits, more nodes than a block.
struct crowd {
    char names[CROWD][32];
    struct cm_agency agencies[CROWD];
    struct cm_purpose purposes[2];
    struct cm_directory directory;
};

static void crowd_init(struct crowd *crowd)
{
    static const char *const states[] = {"CA", "NV", "OR", ""};
    *crowd = (struct crowd){.purposes = {{.id = "homicide"}, {.id = "theft"}}};
    for (unsigned i = 0; i < CROWD; i++) {
        snprintf(crowd->names[i], sizeof crowd->names[i], "ca.agency%03u.pd", i);
        crowd->agencies[i] =
            (struct cm_agency){.id = crowd->names[i],
                               .name = "",
                               .case_pattern = "",
                               .kind = i % 3 == 0 ? CM_KIND_SHERIFF : CM_KIND_LOCAL,
                               .state = states[i % 4],
                               .active = i % 50 != 49};
    }
    crowd->directory = (struct cm_directory){.federation = "crowd.test",
                                             .serial = 1,
                                             .agency_count = CROWD,
                                             .agencies = crowd->agencies,
                                             .purpose_count = 2,
                                             .purposes = crowd->purposes};
}

static struct cm_rules *crowd_rules(const struct crowd *crowd, unsigned node)
{
    struct cm_buf text = {0};
    const char(*names)[32] = crowd->names;
    cr_assert(cm_buf_printf(&text,
                            "rules 1\nnode %s\n"
                            "group near = %s, %s, %s\ngroup wide = @near, %s\n"
                            "permit @wide to lookup for theft back %u days see all\n"
                            "permit kind:sheriff state:CA,OR to lookup for homicide back all "
                            "see place%s\n"
                            "permit %s to lookup for any back all see plate\n"
                            "forbid state:NV beyond 20 days\nforbid not self for theft\n",
                            names[node], names[(node * 7) % CROWD], names[(node * 11) % CROWD],
                            names[(node * 13 + 5) % CROWD], names[CROWD - 1 - node], node % 40 + 1,
                            node % 2 == 0 ? " require case" : "",
                            names[(node + 1) % CROWD]) == CM_OK);
    if (node % 3 != 0) {
        text.len -= strlen("forbid not self for theft\n");
    }
    struct cm_rules *rules = compile_for(&crowd->directory, cm_buf_bytes(&text), false);
    cm_buf_clear(&text);
    return rules;
}

static struct cm_request crowd_request(struct generator *generator, const struct crowd *crowd)
{
    int64_t from_ms = NOON_MS - (int64_t)(pick(generator, 60) + 1) * DAY_S * 1000;
    return (struct cm_request){
        .agency = crowd->names[pick(generator, CROWD)],
        .on_behalf_of = pick(generator, 4) == 0 ? crowd->names[pick(generator, CROWD)] : "",
        .role = CM_ROLE_INVESTIGATOR,
        .action = CM_ACTION_LOOKUP,
        .purpose = pick(generator, 2) == 0 ? "homicide" : "theft",
        .evidence = pick(generator, 2) == 0 ? 1u << CM_EVIDENCE_CASE : 0,
        .now_ms = NOON_MS,
        .window = {from_ms, from_ms + DAY_S * 1000},
    };
}

Test(index, decides_for_many_nodes_and_agencies, .timeout = 120)
{
    static struct crowd crowd;
    static struct standing standings[CROWD_NODES];
    struct cm_index *index;
    struct cm_index_size size;
    struct tally tally = {{0}};
    struct generator generator = {.state = seed_of() ^ 8};
    crowd_init(&crowd);
    cr_assert(cm_index_new(&index, &crowd.directory) == CM_OK);
    for (unsigned i = 0; i < CROWD_NODES; i++) {
        snprintf(standings[i].id, sizeof standings[i].id, "%s", crowd.names[i]);
        standings[i].rules = crowd_rules(&crowd, i);
        cr_assert(cm_index_put(index, standings[i].rules, NULL) == CM_OK);
    }
    for (int i = 0; i < 1000; i++) {
        struct cm_request request = crowd_request(&generator, &crowd);
        check(index, standings, CROWD_NODES, &crowd.directory, &request, &tally, true);
    }
    cr_expect_eq(tally.count[CM_VERDICT_OPEN], 0, "no rules tell cameras apart");
    cr_expect_gt(tally.count[CM_VERDICT_PERMITTED], 100);
    cm_index_measure(index, &size);
    cr_expect_eq(size.nodes, CROWD_NODES);
    cr_expect_eq(size.open, 0);
    cr_expect_lt(size.profiles, CROWD_NODES * 3, "nodes that permit the same share a profile");
    for (unsigned i = 0; i < CROWD_NODES; i++) {
        cm_index_remove(index, standings[i].id);
        stand(&standings[i], NULL, NULL);
    }
    cm_index_measure(index, &size);
    cr_expect_eq(size.nodes, 0);
    cr_expect_eq(size.profiles, 0);
    cm_index_free(index);
}

Test(index, leaves_open_what_is_past_its_bounds)
{
    static struct crowd crowd;
    struct cm_index *index;
    struct cm_index_size size;
    struct cm_buf text = {0};
    uint8_t verdicts[CROWD];
    struct generator generator = {.state = 3};
    crowd_init(&crowd);
    cr_assert(cm_index_new(&index, &crowd.directory) == CM_OK);
    cr_assert(cm_buf_printf(&text, "rules 1\nnode %s\n", crowd.names[0]) == CM_OK);
    for (unsigned i = 0; i < CROWD; i++) {
        cr_assert(cm_buf_printf(&text, "permit %s to any for any back %u days see all\n",
                                crowd.names[i], i + 1) == CM_OK);
    }
    struct cm_rules *rules = compile_for(&crowd.directory, cm_buf_bytes(&text), false);
    cr_assert(cm_index_put(index, rules, NULL) == CM_OK);
    cm_index_measure(index, &size);
    cr_expect_eq(size.open, 1);
    struct cm_request request = crowd_request(&generator, &crowd);
    request.agency = crowd.names[1];
    request.on_behalf_of = "";
    cm_index_decide(index, &request, verdicts);
    cr_expect_eq(verdicts[0], CM_VERDICT_OPEN);
    cr_expect_eq(verdicts[1], CM_VERDICT_DENIED);
    request.on_behalf_of = crowd.names[2];
    cm_index_decide(index, &request, verdicts);
    cr_expect_eq(verdicts[0], CM_VERDICT_OPEN);
    request.agency = "ca.nobody.pd";
    cm_index_decide(index, &request, verdicts);
    cr_expect_eq(verdicts[0], CM_VERDICT_DENIED, "an unknown asker may nowhere ask");

    struct cm_rules *few = crowd_rules(&crowd, 0);
    cr_assert(cm_index_put(index, few, NULL) == CM_OK);
    cm_index_measure(index, &size);
    cr_expect_eq(size.open, 0);
    cm_rules_unref(rules);
    cm_rules_unref(few);
    cm_buf_clear(&text);
    cm_index_free(index);
}

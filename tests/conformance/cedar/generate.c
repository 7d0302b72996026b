#include "generate.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof *(array)))

enum { LONGEST = 40 };

static const char *const ids[] = {"aa.first.pd", "bb.node.pd",   "cc.third.so", "dd.fourth.pd",
                                  "ee.fed",      "ff.gone.pd",   "gg.old.pd",   "hh.campus.pd",
                                  "ii.private",  "jj.da-office", "kk.state-p"};
static const char *const asking[] = {"aa.first.pd", "bb.node.pd",   "cc.third.so", "dd.fourth.pd",
                                     "ee.fed",      "ff.gone.pd",   "gg.old.pd",   "hh.campus.pd",
                                     "ii.private",  "jj.da-office", "kk.state-p",  "bb.node.pd",
                                     "zz.unheard"};
static const char *const purposes[] = {"alert", "gone", "homicide", "other", "theft", "civil"};
static const char *const asked_purposes[] = {"alert", "gone",  "homicide",  "other",
                                             "theft", "civil", "unheard-of"};
static const char *const states[] = {"CA", "NV", "DC", "PR", ""};
static const char *const kinds[] = {"local",      "sheriff", "state",   "campus",
                                    "prosecutor", "federal", "private", "other"};
static const char *const roles[] = {"investigator", "supervisor"};
static const char *const actions[] = {"lookup", "fuzzy", "partial", "area", "image", "watch"};
static const char *const fields[] = {"place",   "camera",     "heading",
                                     "vehicle", "confidence", "image"};
static const char *const evidence[] = {"case", "supervisor", "attestation", "court-order"};
static const char *const groups[] = {"@g1", "@G-2", "@g_3", "@g4", "@none"};
static const char *const sites[] = {"s1", "S-2", "s_3", "s4"};
static const char *const cameras[] = {"cam-1",
                                      "cam-2",
                                      "\"cam 3\"",
                                      "cam-4",
                                      "\"9 \\\"east\\\" \\\\\"",
                                      "\"plaça β 東\"",
                                      "\"${x} 'y' \\\\n\""};
static const char *const asked_cameras[] = {"",           "cam-1",        "cam-2",
                                            "cam 3",      "cam-4",        "9 \"east\" \\",
                                            "plaça β 東", "${x} 'y' \\n", "unheard-of"};
static const char *const dates[] = {"0001-01-01", "2026-11-30", "2026-12-01",
                                    "2026-12-02", "2026-12-03", "9999-12-31"};
static const int64_t days_ms[] = {INT64_C(1795996800000), INT64_C(1796083200000),
                                  INT64_C(1796169600000), INT64_C(1796256000000)};

static const struct {
    const char *word;
    int64_t seconds;
} durations[] = {{"1 minute", 60},     {"60 minutes", 3600},    {"1 hour", 3600},
                 {"1 day", 86400},     {"48 hours", 172800},    {"1 month", 2592000},
                 {"1 year", 31536000}, {"24 months", 62208000}, {"100 years", INT64_C(3153600000)}};

// Splitmix64: any seed will do.
unsigned pick(struct random *random, unsigned count)
{
    uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)(((x ^ (x >> 31)) >> 32) % count);
}

static bool chance(struct random *random, unsigned of)
{
    return pick(random, of) == 0;
}

static void say(struct cm_buf *out, const char *text)
{
    if (cm_buf_add(out, text, strlen(text)) != CM_OK) {
        abort();
    }
}

static void randomise(struct random *random, struct cm_agency *agency)
{
    static const struct cm_digest pins[] = {{{1}}, {{2}}};
    agency->kind = (enum cm_kind)(1 + (chance(random, 2) ? pick(random, 2) : pick(random, 8)));
    agency->state = states[chance(random, 2) ? 0 : pick(random, COUNT(states))];
    agency->active = !chance(random, 10);
    agency->ca_pin_count = chance(random, 4) ? 2 : 1;
    agency->ca_pins = pins;
}

void generate_federation(struct random *random, struct federation *out,
                         const struct federation *before)
{
    size_t count = 0;
    size_t purpose_count = 0;
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < COUNT(ids); i++) {
        const struct cm_agency *old =
            before == NULL ? NULL : cm_directory_agency(&before->directory, ids[i]);
        bool enters = old == NULL && !chance(random, before == NULL ? 12 : 2);
        bool leaves = old != NULL && chance(random, 12);
        if (enters || (old != NULL && !leaves)) {
            out->agencies[count] = (struct cm_agency){.id = ids[i], .name = "", .case_pattern = ""};
            if (old != NULL && !chance(random, 4)) {
                out->agencies[count] = *old;
            } else {
                randomise(random, &out->agencies[count]);
            }
            count++;
        }
    }
    // Ascending, as a directory's are.
    static const char *const ascending[] = {"alert", "civil", "gone", "homicide", "other", "theft"};
    for (unsigned i = 0; i < COUNT(ascending); i++) {
        if (!chance(random, 8)) {
            out->purposes[purpose_count++].id = ascending[i];
        }
    }
    out->directory = (struct cm_directory){.federation = "random.test",
                                           .serial = before == NULL ? 1 : 2,
                                           .agency_count = count,
                                           .agencies = out->agencies,
                                           .purpose_count = purpose_count,
                                           .purposes = out->purposes};
}

static void list_of(struct random *random, struct cm_buf *out, const char *const *words,
                    unsigned count)
{
    do {
        say(out, words[pick(random, count)]);
    } while (!chance(random, 3) && (say(out, chance(random, 2) ? "," : " , "), true));
}

static void whole_or(struct random *random, struct cm_buf *out, const char *whole,
                     const char *const *words, unsigned count)
{
    if (chance(random, 2)) {
        say(out, whole);
    } else {
        list_of(random, out, words, count);
    }
}

static void prefixed(struct random *random, struct cm_buf *out, const char *prefix,
                     const char *const *words, unsigned count)
{
    say(out, prefix);
    list_of(random, out, words, count);
}

// Ids and groups in one list, which `not` may not stand before.
static void agencies_of(struct random *random, struct cm_buf *out, bool negated)
{
    if (negated && chance(random, 2)) {
        list_of(random, out, ids, COUNT(ids));
        return;
    }
    list_of(random, out, groups, COUNT(groups));
    if (!negated && chance(random, 2)) {
        say(out, ", ");
        list_of(random, out, ids, COUNT(ids));
    }
}

static void term(struct random *random, struct cm_buf *out, bool positive)
{
    bool negated = !positive && chance(random, 3);
    say(out, negated ? " not " : " ");
    switch (pick(random, 7)) {
    case 0:
    case 1:
        agencies_of(random, out, negated);
        break;
    case 2:
        prefixed(random, out, "kind:", kinds, chance(random, 2) ? 2 : COUNT(kinds));
        break;
    case 3:
        prefixed(random, out, "state:", states, COUNT(states) - 1);
        break;
    case 4:
        prefixed(random, out, "role:", roles, COUNT(roles));
        break;
    case 5:
        say(out, "self");
        break;
    default:
        say(out, "anyone");
    }
}

static void who(struct random *random, struct cm_buf *out, bool permit)
{
    term(random, out, permit);
    while (chance(random, 3)) {
        // Two lists of agencies side by side would be an error: a role stands between.
        say(out, " role:supervisor,investigator");
        term(random, out, false);
    }
}

static void duration(struct random *random, struct cm_buf *out)
{
    say(out, durations[pick(random, COUNT(durations))].word);
}

static void some_evidence(struct random *random, struct cm_buf *out, const char *clause)
{
    say(out, clause);
    say(out, evidence[pick(random, COUNT(evidence))]);
    while (chance(random, 3)) {
        say(out, ", ");
        say(out, evidence[pick(random, COUNT(evidence))]);
    }
}

static void common_clauses(struct random *random, struct cm_buf *out)
{
    if (chance(random, 4)) {
        say(out, " at ");
        list_of(random, out, sites, COUNT(sites));
    }
    unsigned first = pick(random, COUNT(dates) - 1);
    if (chance(random, 5)) {
        say(out, " from ");
        say(out, dates[first]);
    }
    if (chance(random, 5)) {
        say(out, " until ");
        say(out, dates[first + 1 + pick(random, COUNT(dates) - 1 - first)]);
    }
    if (chance(random, 6)) {
        say(out, " note \"MOU \\\"2025\\\" \\\\ é\"");
    }
}

static void permit(struct random *random, struct cm_buf *out)
{
    static const char *const limits[] = {" limit 1/day per agency", " limit 2/day per investigator",
                                         " limit 30/day per agency"};
    say(out, "permit");
    who(random, out, true);
    say(out, " to ");
    whole_or(random, out, "any", actions, COUNT(actions));
    say(out, " for ");
    whole_or(random, out, "any", purposes, COUNT(purposes));
    say(out, " back ");
    if (chance(random, 4)) {
        say(out, "all");
    } else {
        duration(random, out);
    }
    say(out, " see ");
    whole_or(random, out, chance(random, 4) ? "plate" : "all", fields, COUNT(fields));
    if (chance(random, 3)) {
        some_evidence(random, out, " require ");
    }
    if (chance(random, 4)) {
        say(out, limits[pick(random, COUNT(limits))]);
    }
    common_clauses(random, out);
}

static void forbid(struct random *random, struct cm_buf *out)
{
    say(out, "forbid");
    who(random, out, false);
    if (chance(random, 2)) {
        say(out, " to ");
        whole_or(random, out, "any", actions, COUNT(actions));
    }
    if (chance(random, 2)) {
        say(out, " for ");
        whole_or(random, out, "any", purposes, COUNT(purposes));
    }
    if (chance(random, 3)) {
        say(out, " beyond ");
        duration(random, out);
    }
    if (chance(random, 2)) {
        say(out, " see ");
        whole_or(random, out, "all", fields, COUNT(fields));
    }
    if (chance(random, 3)) {
        some_evidence(random, out, " unless ");
    }
    common_clauses(random, out);
}

// Statements of the set, each for the main file or where it may stand for one that it includes.
struct statements {
    size_t count;
    struct cm_buf texts[LONGEST];
    unsigned file[LONGEST];
};

static struct cm_buf *add(struct random *random, struct statements *list, bool included)
{
    list->file[list->count] = included && chance(random, 2) ? pick(random, FILE_COUNT) : 0;
    return &list->texts[list->count++];
}

static void define(struct random *random, struct statements *list)
{
    // A group lists only later ones: no cycles.
    static const char *const names[] = {"g1", "G-2", "g_3", "g4", "none"};
    for (unsigned i = 0; i < COUNT(names); i++) {
        struct cm_buf *out = add(random, list, true);
        say(out, "group ");
        say(out, names[i]);
        say(out, " = ");
        if (i + 1 < COUNT(names)) {
            list_of(random, out, ids, COUNT(ids));
            if (chance(random, 2)) {
                say(out, ", ");
                list_of(random, out, groups + i + 1, COUNT(groups) - i - 1);
            }
        }
    }
    for (unsigned i = 0; i < COUNT(sites); i++) {
        struct cm_buf *out = add(random, list, true);
        say(out, "site ");
        say(out, sites[i]);
        say(out, " = ");
        list_of(random, out, cameras, COUNT(cameras));
    }
}

static void rule(struct random *random, struct statements *list, bool overlay)
{
    for (unsigned count = overlay ? 0 : pick(random, 6) + 1; count > 0; count--) {
        permit(random, add(random, list, false));
    }
    for (unsigned count = pick(random, 5); count > 0; count--) {
        forbid(random, add(random, list, true));
    }
    for (unsigned count = chance(random, 5) ? pick(random, 3) : 0; count > 0; count--) {
        struct cm_buf *out = add(random, list, true);
        say(out, "retain ");
        duration(random, out);
    }
    if (chance(random, 20)) {
        say(add(random, list, false), "sharing off");
    }
    if (!overlay && chance(random, 4)) {
        say(add(random, list, false), "disclose denial");
    }
}

static void shuffle(struct random *random, struct statements *list)
{
    for (size_t i = list->count; i > 1; i--) {
        size_t j = pick(random, (unsigned)i);
        struct cm_buf text = list->texts[i - 1];
        unsigned file = list->file[i - 1];
        list->texts[i - 1] = list->texts[j];
        list->file[i - 1] = list->file[j];
        list->texts[j] = text;
        list->file[j] = file;
    }
}

void generate_rules(struct random *random, struct ruleset *out, bool overlay)
{
    static const char *const paths[FILE_COUNT] = {"main.rules", "beside.rules", "nested.rules",
                                                  "us-ca"};
    struct statements list = {0};
    *out = (struct ruleset){0};
    define(random, &list);
    rule(random, &list, overlay);
    shuffle(random, &list);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        say(&out->texts[i], "rules 1 # made up\n");
    }
    say(&out->texts[0], "node bb.node.pd\ninclude \"beside.rules\"\ninclude \"us-ca\"\n");
    say(&out->texts[1], "include \"nested.rules\"\n");
    for (size_t i = 0; i < list.count; i++) {
        struct cm_buf *text = &out->texts[list.file[i]];
        if (cm_buf_add(text, list.texts[i].data, list.texts[i].len) != CM_OK) {
            abort();
        }
        say(text, "\n");
        cm_buf_clear(&list.texts[i]);
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        out->files[i] = (struct cm_rule_file){paths[i], cm_buf_bytes(&out->texts[i])};
    }
}

void ruleset_clear(struct ruleset *ruleset)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        cm_buf_clear(&ruleset->texts[i]);
    }
}

// At a duration, or a second off it; or beyond all that JSON's numbers hold exactly.
static int64_t generate_age(struct random *random)
{
    if (chance(random, 6)) {
        return chance(random, 4) ? INT64_C(9007199254740991) : 0;
    }
    return durations[pick(random, COUNT(durations))].seconds + pick(random, 3) - 1;
}

void generate_point(struct random *random, struct point *out)
{
    bool other = chance(random, 6);
    int64_t now_ms = days_ms[pick(random, COUNT(days_ms))] + (int64_t)pick(random, 3) - 1;
    int64_t age_s = generate_age(random);
    int64_t captured_ms = age_s > now_ms / 1000 ? 0 : now_ms - age_s * 1000;
    *out = (struct point){
        .request = {.agency = asking[pick(random, COUNT(asking))],
                    .on_behalf_of = other ? asking[pick(random, COUNT(asking))] : "",
                    .role = chance(random, 2) ? CM_ROLE_SUPERVISOR : CM_ROLE_INVESTIGATOR,
                    .action = (enum cm_action)(1 + pick(random, CM_ACTION_COUNT - 1)),
                    .purpose = asked_purposes[pick(random, COUNT(asked_purposes))],
                    .evidence = pick(random, 16) << 1,
                    .now_ms = now_ms,
                    .window = {captured_ms, captured_ms + 1}},
        .camera = asked_cameras[pick(random, COUNT(asked_cameras))],
        .age_s = age_s,
        .field = pick(random, CM_FIELD_COUNT),
    };
}

void generate_neighbour(struct random *random, struct point *point)
{
    struct point other;
    generate_point(random, &other);
    switch (pick(random, 9)) {
    case 0:
        point->request.agency = other.request.agency;
        break;
    case 1:
        point->request.on_behalf_of = other.request.on_behalf_of;
        break;
    case 2:
        point->request.role = other.request.role;
        break;
    case 3:
        point->request.action = other.request.action;
        break;
    case 4:
        point->request.purpose = other.request.purpose;
        break;
    case 5:
        point->request.evidence = other.request.evidence;
        break;
    case 6:
        point->camera = other.camera;
        break;
    case 7:
        point->field = other.field;
        break;
    default:
        // Its window goes with the time and the age.
        point->age_s = other.age_s;
        point->request.now_ms = other.request.now_ms;
        point->request.window = other.request.window;
    }
}

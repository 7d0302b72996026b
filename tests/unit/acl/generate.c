#include "generate.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW_MS INT64_C(1796126400000)
#define DAY_MS INT64_C(86400000)

static const char *const ids[] = {"aa.first.pd", "bb.node.pd", "cc.third.so", "dd.fourth.pd",
                                  "ee.fed",      "ff.gone.pd", "gg.old.pd",   "hh.campus.pd"};
static const char *const purposes[] = {"alert", "gone", "homicide", "other", "theft"};
static const char *const states[] = {"CA", "NV", ""};
static const char *const duration_words[] = {"1 minute", "60 minutes", "1 day", "48 hours",
                                             "1 month"};

const char *const every_camera[] = {"", "cam-1", "cam-2", "cam 3", "cam-4", "unheard-of"};
const size_t every_camera_count = sizeof every_camera / sizeof *every_camera;
const int64_t every_age[] = {0,
                             59,
                             60,
                             61,
                             3599,
                             3600,
                             3601,
                             86399,
                             86400,
                             86401,
                             172799,
                             172800,
                             172801,
                             2591999,
                             2592000,
                             2592001,
                             INT64_C(4000000000)};
const size_t every_age_count = sizeof every_age / sizeof *every_age;

// xorshift64*: the same everywhere for one seed.
unsigned pick(struct generator *generator, unsigned count)
{
    uint64_t x = generator->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    generator->state = x;
    return (unsigned)(((x * UINT64_C(2685821657736338717)) >> 33) % count);
}

static bool chance(struct generator *generator, unsigned of)
{
    return pick(generator, of) == 0;
}

static void say(struct cm_buf *out, const char *text)
{
    cr_assert(cm_buf_add(out, text, strlen(text)) == CM_OK);
}

static void randomise(struct generator *generator, struct cm_agency *agency)
{
    static const struct cm_digest pins[] = {{{1}}, {{2}}};
    agency->kind = (enum cm_kind)(1 + pick(generator, 3));
    agency->state = states[pick(generator, 3)];
    agency->active = !chance(generator, 6);
    agency->ca_pin_count = pick(generator, 2) + 1u;
    agency->ca_pins = pins;
}

void generate_federation(struct generator *generator, struct federation *out,
                         const struct federation *before)
{
    memset(out, 0, sizeof *out);
    size_t count = 0;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct cm_agency *old =
            before == NULL ? NULL : cm_directory_agency(&before->directory, ids[i]);
        bool change =
            old == NULL ? !chance(generator, before == NULL ? 8 : 2) : chance(generator, 6);
        if (change) {
            out->agencies[count] = (struct cm_agency){.id = ids[i], .name = "", .case_pattern = ""};
            randomise(generator, &out->agencies[count++]);
        } else if (old != NULL && !chance(generator, 8)) {
            out->agencies[count++] = *old;
        }
    }
    size_t purpose_count = 0;
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        if (!chance(generator, 5)) {
            out->purposes[purpose_count++].id = purposes[i];
        }
    }
    out->directory = (struct cm_directory){.federation = "random.test",
                                           .serial = before == NULL ? 1 : 2,
                                           .agency_count = count,
                                           .agencies = out->agencies,
                                           .purpose_count = purpose_count,
                                           .purposes = out->purposes};
}

static void list_of(struct generator *generator, struct cm_buf *out, const char *const *words,
                    unsigned count)
{
    do {
        say(out, words[pick(generator, count)]);
    } while (chance(generator, 2) && (say(out, chance(generator, 2) ? "," : " , "), true));
}

static void term(struct generator *generator, struct cm_buf *out, bool positive)
{
    static const char *const both[] = {"@g1",         "@g2",        "@g3",        "@none",
                                       "aa.first.pd", "bb.node.pd", "ff.gone.pd", "gg.old.pd"};
    static const char *const kinds[] = {"local", "sheriff", "state"};
    static const char *const roles[] = {"investigator", "supervisor"};
    bool negated = !positive && chance(generator, 3);
    say(out, negated ? " not " : " ");
    switch (pick(generator, 6)) {
    case 0:
        // Of one kind, since `not` takes no mixed list.
        if (chance(generator, 2)) {
            list_of(generator, out, both, 4);
        } else {
            list_of(generator, out, both + 4, 4);
        }
        break;
    case 1:
        if (negated) {
            list_of(generator, out, both, 4);
        } else {
            list_of(generator, out, both, 8);
        }
        break;
    case 2:
        say(out, "kind:");
        list_of(generator, out, kinds, 3);
        break;
    case 3:
        say(out, "state:");
        list_of(generator, out, states, 2);
        break;
    case 4:
        say(out, "role:");
        list_of(generator, out, roles, 2);
        break;
    default:
        say(out, chance(generator, 2) ? "self" : "anyone");
    }
}

// Two ids side by side would be an error: a role stands between.
static void who(struct generator *generator, struct cm_buf *out, bool permit)
{
    term(generator, out, permit);
    while (chance(generator, 3)) {
        say(out, " role:supervisor,investigator");
        term(generator, out, false);
    }
}

static void duration(struct generator *generator, struct cm_buf *out)
{
    say(out, duration_words[pick(generator, sizeof duration_words / sizeof *duration_words)]);
}

static void common_clauses(struct generator *generator, struct cm_buf *out)
{
    static const char *const sites[] = {"s1", "s2", "s3"};
    static const char *const dates[] = {"2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03"};
    if (chance(generator, 4)) {
        say(out, " at ");
        list_of(generator, out, sites, 3);
    }
    unsigned first = pick(generator, 3);
    if (chance(generator, 5)) {
        say(out, " from ");
        say(out, dates[first]);
    }
    if (chance(generator, 5)) {
        say(out, " until ");
        say(out, dates[first + 1]);
    }
}

static void words_or(struct generator *generator, struct cm_buf *out, const char *clause,
                     const char *whole, const char *const *words, unsigned count)
{
    say(out, clause);
    if (chance(generator, 2)) {
        say(out, whole);
    } else {
        list_of(generator, out, words, count);
    }
}

static const char *const actions[] = {"lookup", "fuzzy", "area"};
static const char *const fields[] = {"place",   "camera",     "heading",
                                     "vehicle", "confidence", "image"};
static const char *const evidence[] = {"case", "supervisor", "attestation", "court-order"};

void generate_permit(struct generator *generator, struct cm_buf *out, unsigned limit)
{
    say(out, "permit");
    who(generator, out, true);
    words_or(generator, out, " to ", "any", actions, 3);
    words_or(generator, out, " for ", "any", purposes, 5);
    say(out, " back ");
    if (chance(generator, 4)) {
        say(out, "all");
    } else {
        duration(generator, out);
    }
    words_or(generator, out, " see ", chance(generator, 2) ? "all" : "plate", fields, 6);
    if (chance(generator, 3)) {
        say(out, " require ");
        list_of(generator, out, evidence, 4);
    }
    common_clauses(generator, out);
    if (limit > 0) {
        cr_assert(cm_buf_printf(out, " limit %u/day per %s", limit,
                                chance(generator, 2) ? "agency" : "investigator") == CM_OK);
    }
}

void generate_forbid(struct generator *generator, struct cm_buf *out)
{
    say(out, "forbid");
    who(generator, out, false);
    if (chance(generator, 3)) {
        words_or(generator, out, " to ", "any", actions, 3);
    }
    if (chance(generator, 2)) {
        words_or(generator, out, " for ", "any", purposes, 5);
    }
    if (chance(generator, 3)) {
        say(out, " beyond ");
        duration(generator, out);
    }
    if (chance(generator, 2)) {
        words_or(generator, out, " see ", "all", fields, 6);
    }
    if (chance(generator, 3)) {
        say(out, " unless ");
        list_of(generator, out, evidence, 4);
    }
    common_clauses(generator, out);
}

void generate_rules(struct generator *generator, struct cm_buf *out, bool overlay)
{
    static const char *const cameras[] = {"cam-1", "cam-2", "\"cam 3\"", "cam-4"};
    static const char *const listed[] = {"aa.first.pd", "bb.node.pd", "cc.third.so",
                                         "ee.fed",      "@g2",        "@g3"};
    say(out, "rules 1\nnode bb.node.pd\ngroup g1 = ");
    list_of(generator, out, listed, 6);
    say(out, "\ngroup g2 = ");
    list_of(generator, out, listed + 1, 3);
    say(out, "\ngroup g3 = @g2, hh.campus.pd\ngroup none =");
    for (const char *site = "s1\0s2\0s3\0"; *site != '\0'; site += 3) {
        cr_assert(cm_buf_printf(out, "\nsite %s = ", site) == CM_OK);
        list_of(generator, out, cameras, 4);
    }
    unsigned limit = 0;
    for (unsigned permits = overlay ? 0 : pick(generator, 6) + 1; permits > 0; permits--) {
        say(out, "\n");
        generate_permit(generator, out, chance(generator, 4) ? ++limit : 0);
    }
    for (unsigned forbids = pick(generator, 4); forbids > 0; forbids--) {
        say(out, "\n");
        generate_forbid(generator, out);
    }
    if (chance(generator, 6)) {
        say(out, "\nretain ");
        duration(generator, out);
    }
    say(out, chance(generator, 20) ? "\nsharing off\n" : "\n");
}

void generate_request(struct generator *generator, struct cm_request *out)
{
    unsigned agency = pick(generator, sizeof ids / sizeof *ids);
    bool other = chance(generator, 4);
    int64_t oldest = every_age[pick(generator, (unsigned)every_age_count)];
    int64_t youngest = every_age[pick(generator, (unsigned)every_age_count)];
    if (youngest > oldest) {
        int64_t swap = youngest;
        youngest = oldest;
        oldest = swap;
    }
    *out = (struct cm_request){
        .agency = ids[agency],
        .on_behalf_of = other ? ids[pick(generator, sizeof ids / sizeof *ids)] : "",
        .role = chance(generator, 2) ? CM_ROLE_SUPERVISOR : CM_ROLE_INVESTIGATOR,
        .action = (enum cm_action)(1 + pick(generator, CM_ACTION_COUNT - 1)),
        .purpose = purposes[pick(generator, 5)],
        .evidence = pick(generator, 16) << 1,
        .now_ms = NOW_MS + (int64_t)(pick(generator, 4)) * (DAY_MS / 2),
        .fields = (cm_fields)(pick(generator, 64) << 1),
    };
    out->window =
        (struct cm_window){out->now_ms - oldest * 1000, out->now_ms - youngest * 1000 + 1};
}

const char *generate_camera(struct generator *generator)
{
    return every_camera[pick(generator, (unsigned)every_camera_count)];
}

int64_t generate_age(struct generator *generator)
{
    return every_age[pick(generator, (unsigned)every_age_count)];
}

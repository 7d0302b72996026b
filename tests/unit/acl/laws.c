// The decision against the reference on random rules and points, and ACL.md's laws.
// CM_SEED in the environment repeats a failure.
#include "generate.h"
#include "reference.h"
#include "valley.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { RULE_SETS = 1000, REQUESTS = 20, POINTS = 5 }; // 100,000 pairs of rules and points

struct subject {
    struct federation then, now;
    struct cm_buf text, overlay_text;
    struct cm_arena *parsed;
    struct cm_ast ast, overlay_ast;
    struct cm_rules *rules, *overlay; // overlay: may be NULL
};

static uint64_t seed_of(void)
{
    const char *given = getenv("CM_SEED");
    return given == NULL ? UINT64_C(20261122) : strtoull(given, NULL, 10);
}

static struct cm_rules *make(const struct cm_buf *text, const struct federation *federation,
                             bool overlay, struct cm_arena *arena, struct cm_ast *ast)
{
    struct cm_rule_file file = {"main.rules", cm_buf_bytes(text)};
    struct cm_rules_source source = {.main = "main.rules",
                                     .file_count = 1,
                                     .files = &file,
                                     .directory = &federation->directory,
                                     .now_ms = NOON_MS,
                                     .overlay = overlay,
                                     .retired_ok = true};
    struct cm_diagnostics diagnostics = {0};
    struct cm_rules *rules = try_compile(source, &diagnostics);
    if (rules == NULL) {
        struct cm_buf out = {0};
        cr_assert(cm_diagnostics_print(&out, &diagnostics) == CM_OK);
        cr_assert_fail("%.*s", (int)out.len, (const char *)out.data);
    }
    cr_assert(cm_ast_load(ast, arena, &source, &diagnostics) == CM_OK);
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

static void subject_init(struct subject *subject, struct generator *generator)
{
    memset(subject, 0, sizeof *subject);
    generate_federation(generator, &subject->then, NULL);
    generate_federation(generator, &subject->now, &subject->then);
    if (pick(generator, 2) == 0) {
        subject->now = subject->then;
        subject->now.directory.agencies = subject->now.agencies;
        subject->now.directory.purposes = subject->now.purposes;
    }
    subject->parsed = cm_arena_new(1 << 20);
    generate_rules(generator, &subject->text, false);
    subject->rules = make(&subject->text, &subject->then, false, subject->parsed, &subject->ast);
    if (pick(generator, 3) == 0) {
        generate_rules(generator, &subject->overlay_text, true);
        subject->overlay = make(&subject->overlay_text, &subject->then, true, subject->parsed,
                                &subject->overlay_ast);
    }
}

static void subject_clear(struct subject *subject)
{
    cm_rules_unref(subject->rules);
    cm_rules_unref(subject->overlay);
    cm_buf_clear(&subject->text);
    cm_buf_clear(&subject->overlay_text);
    cm_arena_free(subject->parsed);
}

static struct reference reference_of(const struct subject *subject, const bool *spent)
{
    return (struct reference){.rules = &subject->ast,
                              .overlay = subject->overlay == NULL ? NULL : &subject->overlay_ast,
                              .signed_with = &subject->then.directory,
                              .now = &subject->now.directory,
                              .spent = spent};
}

static struct point point_of(const struct cm_request *request, const char *camera, int64_t age_s)
{
    return (struct point){.agency = request->agency,
                          .role = request->role,
                          .action = request->action,
                          .purpose = request->purpose,
                          .evidence = request->evidence,
                          .now_ms = request->now_ms,
                          .camera = camera,
                          .age_s = age_s};
}

// All fields of one row, of those asked, as the reference has them.
static cm_fields expected_row(const struct reference *reference, const struct cm_request *request,
                              const char *camera, int64_t age_s)
{
    unsigned visible = 0;
    unsigned asked = 1u | (request->fields == 0 ? CM_FIELDS_ALL : request->fields);
    struct point point = point_of(request, camera, age_s);
    for (point.field = 0; point.field < CM_FIELD_COUNT; point.field++) {
        point.agency = request->agency;
        bool both = reference_visible(reference, &point);
        if (request->on_behalf_of[0] != '\0') {
            point.agency = request->on_behalf_of;
            both = both && reference_visible(reference, &point);
        }
        visible |= (unsigned)both << point.field;
    }
    return (cm_fields)(visible & asked);
}

static void check_points(const struct subject *subject, struct generator *generator,
                         const struct reference *reference, const struct cm_request *request,
                         const struct cm_view *view)
{
    for (int i = 0; i < POINTS; i++) {
        const char *camera = generate_camera(generator);
        int64_t age_s = generate_age(generator);
        cm_fields expected = expected_row(reference, request, camera, age_s);
        cm_fields found = cm_view_row(view, camera, age_s);
        cr_assert_eq(found, expected,
                     "%s for %s to %s for %s evidence %x camera %s age %lld: %x, not %x\n%.*s"
                     "overlay:\n%.*s",
                     request->agency, request->on_behalf_of, cm_action_name(request->action),
                     request->purpose, request->evidence, camera, (long long)age_s, found, expected,
                     (int)subject->text.len, (const char *)subject->text.data,
                     (int)subject->overlay_text.len, (const char *)subject->overlay_text.data);
    }
}

// The view's summary against all rows there can be.
static void check_summary(const struct reference *reference, const struct cm_request *request,
                          const struct cm_view *view)
{
    int64_t youngest = cm_age_s(request->now_ms, request->window.to_ms - 1);
    int64_t oldest = cm_age_s(request->now_ms, request->window.from_ms);
    int64_t greatest = -1;
    unsigned seen = 0;
    for (size_t c = 0; c < every_camera_count; c++) {
        for (size_t a = 0; a < every_age_count; a++) {
            cm_fields row = expected_row(reference, request, every_camera[c], every_age[a]);
            greatest = row != 0 && every_age[a] > greatest ? every_age[a] : greatest;
            seen |= every_age[a] >= youngest && every_age[a] <= oldest ? row : 0;
        }
    }
    bool hides = false;
    for (size_t c = 0; c < every_camera_count; c++) {
        for (size_t a = 0; a < every_age_count; a++) {
            hides |= every_age[a] <= greatest && every_age[a] >= youngest &&
                     every_age[a] <= oldest &&
                     expected_row(reference, request, every_camera[c], every_age[a]) == 0;
        }
    }
    unsigned asked = request->fields == 0 ? CM_FIELDS_ALL : request->fields;
    bool unbounded = greatest == every_age[every_age_count - 1];
    cr_assert_eq(cm_view_max_age_s(view), unbounded ? INT64_MAX : greatest);
    cr_assert_eq(cm_view_any(view), (seen & 1) != 0);
    cr_assert_eq(cm_view_withheld(view), asked & ~seen);
    cr_assert_eq(cm_view_hides_rows(view), (seen & 1) != 0 && hides);
    cr_assert(cm_view_any(view) == false || cm_view_deciding_rule(view)[0] != '\0');
}

// Which limits the request is charged to, by their N: any point, forbids ignored.
static void expected_charges(bool *charged, const struct reference *reference,
                             const struct cm_request *request)
{
    int64_t youngest = cm_age_s(request->now_ms, request->window.to_ms - 1);
    int64_t oldest = cm_age_s(request->now_ms, request->window.from_ms);
    bool known = cm_directory_purpose(reference->now, request->purpose) != NULL;
    for (const struct cm_rule *rule = reference->rules->rules; known && rule != NULL;
         rule = rule->next) {
        const char *askers[] = {request->agency, request->on_behalf_of};
        for (size_t i = 0; rule->clauses[CM_CLAUSE_LIMIT].present && i < 2; i++) {
            const struct cm_agency *now = cm_directory_agency(reference->now, askers[i]);
            for (size_t c = 0; now != NULL && now->active && c < every_camera_count; c++) {
                for (size_t a = 0; a < every_age_count; a++) {
                    struct point point = point_of(request, every_camera[c], every_age[a]);
                    point.agency = askers[i];
                    charged[rule->clauses[CM_CLAUSE_LIMIT].number] |=
                        every_age[a] >= youngest && every_age[a] <= oldest &&
                        reference_permit_covers(reference, rule, &point);
                }
            }
        }
    }
}

static void check_request(const struct subject *subject, struct generator *generator, bool summary)
{
    struct cm_request request;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    const struct cm_charge *charges;
    struct cm_view *view;
    size_t count;
    bool spent[MOST_LIMITS] = {false};
    bool expected[MOST_LIMITS] = {false};
    bool found[MOST_LIMITS] = {false};
    bool spent_charges[MOST_LIMITS] = {false};
    generate_request(generator, &request);
    cr_assert(cm_rules_charges(&charges, &count, arena, subject->rules, &subject->now.directory,
                               &request) == CM_OK);
    cr_assert(count < MOST_LIMITS);
    struct reference reference = reference_of(subject, spent);
    expected_charges(expected, &reference, &request);
    for (size_t i = 0; i < count; i++) {
        found[charges[i].per_day] = true;
        spent_charges[i] = pick(generator, 3) == 0;
        spent[charges[i].per_day] = spent_charges[i];
    }
    cr_assert_arr_eq(found, expected, sizeof found, "%.*s", (int)subject->text.len,
                     (const char *)subject->text.data);
    cr_assert(cm_rules_view(&view, arena, subject->rules, subject->overlay, &subject->now.directory,
                            &request, charges, spent_charges, count) == CM_OK);
    check_points(subject, generator, &reference, &request, view);
    if (summary) {
        check_summary(&reference, &request, view);
    }
    cm_arena_free(arena);
}

Test(laws, the_decision_is_the_definition, .timeout = 300)
{
    uint64_t seed = seed_of();
    for (uint64_t i = 0; i < RULE_SETS; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct subject subject;
        subject_init(&subject, &generator);
        for (int r = 0; r < REQUESTS; r++) {
            check_request(&subject, &generator, r == 0);
        }
        subject_clear(&subject);
    }
}

static cm_fields row_by(const struct cm_rules *rules, const struct federation *federation,
                        const struct cm_request *request, const char *camera, int64_t age_s)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_view *view;
    cr_assert(cm_rules_view(&view, arena, rules, NULL, &federation->directory, request, NULL, NULL,
                            0) == CM_OK);
    cm_fields row = cm_view_row(view, camera, age_s);
    cm_arena_free(arena);
    return row;
}

static cm_fields row_under(const struct cm_buf *text, const struct federation *federation,
                           const struct cm_request *request, const char *camera, int64_t age_s)
{
    struct cm_ast ast;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_rules *rules = make(text, federation, false, arena, &ast);
    cm_fields row = row_by(rules, federation, request, camera, age_s);
    cm_rules_unref(rules);
    cm_arena_free(arena);
    return row;
}

// The lines of a file, those after the first two in another order.
static struct cm_buf shuffled(struct generator *generator, const struct cm_buf *text)
{
    struct cm_bytes lines[32];
    size_t count = 0;
    struct cm_buf out = {0};
    for (size_t from = 0, at = 0; at < text->len; at++) {
        if (text->data[at] == '\n') {
            cr_assert(count < 32);
            lines[count++] = (struct cm_bytes){text->data + from, at + 1 - from};
            from = at + 1;
        }
    }
    for (size_t i = 2; i < count; i++) {
        size_t other = i + pick(generator, (unsigned)(count - i));
        struct cm_bytes line = lines[i];
        lines[i] = lines[other];
        lines[other] = line;
    }
    for (size_t i = 0; i < count; i++) {
        cr_assert(cm_buf_add(&out, lines[i].data, lines[i].len) == CM_OK);
    }
    return out;
}

Test(laws, order_does_not_matter_permits_only_add_forbids_only_take, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 1;
    for (uint64_t i = 0; i < 2000; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct federation federation;
        struct cm_request request;
        struct cm_buf text = {0};
        generate_federation(&generator, &federation, NULL);
        generate_rules(&generator, &text, false);
        generate_request(&generator, &request);
        const char *camera = generate_camera(&generator);
        int64_t age_s = generate_age(&generator);
        cm_fields before = row_under(&text, &federation, &request, camera, age_s);

        struct cm_buf other = shuffled(&generator, &text);
        cr_assert_eq(row_under(&other, &federation, &request, camera, age_s), before, "%.*s",
                     (int)text.len, (const char *)text.data);
        generate_permit(&generator, &other, 0);
        cm_fields more = row_under(&other, &federation, &request, camera, age_s);
        cr_assert_eq(before & ~more, 0, "%.*s", (int)other.len, (const char *)other.data);
        cr_assert(cm_buf_add(&other, "\n", 1) == CM_OK);
        generate_forbid(&generator, &other);
        cm_fields less = row_under(&other, &federation, &request, camera, age_s);
        cr_assert_eq(less & ~more, 0, "%.*s", (int)other.len, (const char *)other.data);
        cm_buf_clear(&text);
        cm_buf_clear(&other);
    }
}

Test(laws, evidence_only_adds_and_age_only_takes, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 2;
    for (uint64_t i = 0; i < 2000; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct federation federation;
        struct cm_request request;
        struct cm_buf text = {0};
        generate_federation(&generator, &federation, NULL);
        generate_rules(&generator, &text, false);
        generate_request(&generator, &request);
        const char *camera = generate_camera(&generator);
        int64_t age_s = generate_age(&generator);
        cm_fields before = row_under(&text, &federation, &request, camera, age_s);
        cm_fields older = row_under(&text, &federation, &request, camera, age_s + 1);
        cr_assert_eq(older & ~before, 0);
        cr_assert(before == 0 || (before & 1) == 1, "a visible field implies a visible row");
        request.evidence |= 2u << pick(&generator, 4);
        cm_fields more = row_under(&text, &federation, &request, camera, age_s);
        cr_assert_eq(before & ~more, 0);
        cm_buf_clear(&text);
    }
}

static struct cm_buf without_line(const struct cm_buf *text, unsigned line)
{
    struct cm_buf out = {0};
    unsigned at = 1;
    for (size_t i = 0; i < text->len; i++) {
        cr_assert(at == line || cm_buf_add(&out, text->data + i, 1) == CM_OK);
        at += text->data[i] == '\n';
    }
    return out;
}

static void check_useless(struct generator *generator, const struct cm_rules *rules,
                          const struct cm_buf *text, const struct federation *federation,
                          unsigned line)
{
    struct cm_buf rest = without_line(text, line);
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_ast ast;
    struct cm_rules *without = make(&rest, federation, false, arena, &ast);
    for (int i = 0; i < 200; i++) {
        struct cm_request request;
        generate_request(generator, &request);
        const char *camera = generate_camera(generator);
        int64_t age_s = generate_age(generator);
        cr_assert_eq(row_by(rules, federation, &request, camera, age_s),
                     row_by(without, federation, &request, camera, age_s), "line %u of\n%.*s", line,
                     (int)text->len, (const char *)text->data);
    }
    cm_rules_unref(without);
    cm_arena_free(arena);
    cm_buf_clear(&rest);
}

Test(laws, a_permit_that_lint_calls_useless_can_go, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 3;
    unsigned useless = 0;
    for (uint64_t i = 0; i < 500; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct federation federation;
        struct cm_buf text = {0};
        struct cm_diagnostics diagnostics = {0};
        generate_federation(&generator, &federation, NULL);
        generate_rules(&generator, &text, false);
        struct cm_rule_file file = {"main.rules", cm_buf_bytes(&text)};
        struct cm_rules *rules =
            try_compile((struct cm_rules_source){.file_count = 1,
                                                 .files = &file,
                                                 .directory = &federation.directory,
                                                 .now_ms = NOON_MS,
                                                 .lint = true,
                                                 .retired_ok = true},
                        &diagnostics);
        cr_assert_not_null(rules);
        for (size_t d = 0; d < diagnostics.count; d++) {
            const char *said = diagnostics.list[d].text;
            if (strstr(said, "another permit covers") != NULL ||
                strstr(said, "forbids hide all") != NULL || strstr(said, "nobody in") != NULL) {
                check_useless(&generator, rules, &text, &federation, diagnostics.list[d].line);
                useless++;
            }
        }
        cm_rules_unref(rules);
        cm_diagnostics_clear(&diagnostics);
        cm_buf_clear(&text);
    }
    cr_assert_geq(useless, 50, "the generator makes too few useless permits: %u", useless);
}

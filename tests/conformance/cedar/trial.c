#include "trial.h"

#include "acl/compiled.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_CAP = 1 << 22 };

static void die(const char *what)
{
    fprintf(stderr, "conformance_cedar: %s\n", what);
    exit(EXIT_FAILURE);
}

static struct cm_rules_source source_of(const struct trial *trial, size_t sheet)
{
    return (struct cm_rules_source){.main = trial->sheets[sheet].ruleset.files[0].path,
                                    .file_count = FILE_COUNT,
                                    .files = trial->sheets[sheet].ruleset.files,
                                    .directory = &trial->then.directory,
                                    .overlay = sheet == 1,
                                    .retired_ok = true};
}

static bool is_spent(const struct question *question, const struct cm_digest *rule)
{
    for (size_t i = 0; i < question->spent_count; i++) {
        if (cm_digest_equal(&question->spent[i], rule)) {
            return true;
        }
    }
    return false;
}

// As the node does: what the query is charged to, which of it is used up, then the view.
static bool decide(const struct trial *trial, const struct question *question,
                   struct cm_arena *arena)
{
    const struct cm_request *request = &question->point.request;
    const struct cm_charge *charges;
    struct cm_view *view;
    size_t count;
    bool spent[MOST_LIMITED] = {false};
    if (cm_rules_charges(&charges, &count, arena, trial->sheets[0].rules, trial->now, request) !=
            CM_OK ||
        count > MOST_LIMITED) {
        die("no charges");
    }
    for (size_t i = 0; i < count; i++) {
        spent[i] = is_spent(question, &charges[i].rule);
    }
    if (cm_rules_view(&view, arena, trial->sheets[0].rules, trial->sheets[1].rules, trial->now,
                      request, charges, spent, count) != CM_OK) {
        die("no view");
    }
    cm_fields row = cm_view_row(view, question->point.camera, question->point.age_s);
    return (row >> question->point.field & 1) != 0;
}

static bool compile(struct trial *trial, size_t index, bool print)
{
    const struct cm_rules_source source = source_of(trial, index);
    struct sheet *sheet = &trial->sheets[index];
    struct cm_diagnostics diagnostics = {0};
    struct cm_buf text = {0};
    cm_rules_unref(sheet->rules);
    cm_cedar_clear(&sheet->cedar);
    bool good = cm_rules_compile(&sheet->rules, &source, &diagnostics) == CM_OK;
    if (!good && print && cm_diagnostics_print(&text, &diagnostics) == CM_OK) {
        fwrite(text.data, 1, text.len, stderr);
    }
    cm_buf_clear(&text);
    cm_diagnostics_clear(&diagnostics);
    if (good && cm_cedar_export(&sheet->cedar, &source, trial->now) != CM_OK) {
        die("no export");
    }
    return good;
}

bool trial_decide(struct trial *trial, bool print)
{
    bool good = true;
    for (size_t i = 0; good && i < trial->sheet_count; i++) {
        good = compile(trial, i, print);
    }
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    for (size_t i = 0; good && arena != NULL && i < trial->count; i++) {
        trial->ours[i] = decide(trial, &trial->questions[i], arena);
        cm_arena_reset(arena);
    }
    cm_arena_free(arena);
    return good && arena != NULL;
}

static void spend(const struct trial *trial, struct question *question, struct random *random)
{
    question->spent_count = 0;
    for (uint32_t i = 0; i < trial->sheets[0].rules->permit_count; i++) {
        const struct cm_box *box = &trial->sheets[0].rules->permits[i];
        if (box->per_day > 0 && question->spent_count < MOST_LIMITED && pick(random, 2) == 0) {
            question->spent[question->spent_count++] = box->digest;
        }
    }
}

// Of three points one is any, one is likely visible, and one differs from that in one coordinate.
static void draw(struct trial *trial, size_t i, struct random *random, struct cm_arena *arena)
{
    struct question *question = &trial->questions[i];
    if (i % 3 == 2) {
        *question = trial->questions[i - 1];
        generate_neighbour(random, &question->point);
        return;
    }
    bool again = true;
    for (unsigned tries = i % 3 == 0 ? 1 : 40; again && tries > 0; tries--) {
        generate_point(random, &question->point);
        spend(trial, question, random);
        again = !decide(trial, question, arena);
        cm_arena_reset(arena);
    }
}

void trial_generate(struct trial *trial, uint64_t seed)
{
    struct random random = {seed};
    *trial = (struct trial){0};
    generate_federation(&random, &trial->then, NULL);
    trial->now = &trial->then.directory;
    if (pick(&random, 3) == 0) {
        generate_federation(&random, &trial->later, &trial->then);
        trial->now = &trial->later.directory;
    }
    trial->sheet_count = 1 + (pick(&random, 4) == 0);
    for (size_t i = 0; i < trial->sheet_count; i++) {
        generate_rules(&random, &trial->sheets[i].ruleset, i == 1);
    }
    if (!trial_decide(trial, true)) {
        die("random rules have errors");
    }
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    for (; arena != NULL && trial->count < POINTS; trial->count++) {
        draw(trial, trial->count, &random, arena);
    }
    cm_arena_free(arena);
    if (arena == NULL || !trial_decide(trial, true)) {
        die("the same rules fail");
    }
}

void trial_clear(struct trial *trial)
{
    for (size_t i = 0; i < trial->sheet_count; i++) {
        ruleset_clear(&trial->sheets[i].ruleset);
        cm_rules_unref(trial->sheets[i].rules);
        cm_cedar_clear(&trial->sheets[i].cedar);
    }
}

static json_t *context_of(const struct question *question)
{
    const struct cm_request *request = &question->point.request;
    json_t *evidence = json_array();
    json_t *spent = json_array();
    for (enum cm_evidence kind = CM_EVIDENCE_CASE; kind < CM_EVIDENCE_COUNT; kind++) {
        if ((request->evidence >> kind & 1) != 0) {
            json_array_append_new(evidence, json_string(cm_evidence_name(kind)));
        }
    }
    for (size_t i = 0; i < question->spent_count; i++) {
        char hex[2 * CM_DIGEST_SIZE + 1];
        cm_hex(hex, cm_bytes_digest(&question->spent[i]));
        json_array_append_new(spent, json_string(hex));
    }
    unsigned field = question->point.field;
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:s, s:o}", "role", cm_role_name(request->role),
                     "purpose", request->purpose, "evidence", evidence, "now_ms",
                     (json_int_t)request->now_ms, "age_s", (json_int_t)question->point.age_s,
                     "field", field == 0 ? "row" : cm_field_name((enum cm_field)field), "spent",
                     spent);
}

static json_t *point_of(const struct question *question)
{
    const struct cm_request *request = &question->point.request;
    json_t *principals = json_pack("[s]", request->agency);
    if (request->on_behalf_of[0] != '\0') {
        json_array_append_new(principals, json_string(request->on_behalf_of));
    }
    return json_pack("{s:o, s:{s:s, s:s}, s:{s:s, s:s}, s:o}", "principals", principals, "action",
                     "type", "Action", "id", cm_action_name(request->action), "resource", "type",
                     "Camera", "id", question->point.camera, "context", context_of(question));
}

// Past the last policy of an overlay, which has none that permits: what it leaves is visible.
static json_t *policies_of(const struct trial *trial, size_t sheet)
{
    const struct cm_buf *policies = &trial->sheets[sheet].cedar.policies;
    return json_sprintf("%.*s%s", (int)policies->len, (const char *)policies->data,
                        sheet == 0 ? "" : "permit (principal, action, resource);\n");
}

static json_t *set_of(const struct trial *trial, size_t sheet, const char *damaged)
{
    const struct cm_cedar *cedar = &trial->sheets[sheet].cedar;
    json_t *points = json_array();
    for (size_t i = 0; i < trial->count; i++) {
        json_array_append_new(points, point_of(&trial->questions[i]));
    }
    return json_pack("{s:o, s:s%, s:o, s:b, s:o}", "policies",
                     damaged != NULL ? json_string(damaged) : policies_of(trial, sheet), "schema",
                     cedar->schema.data, cedar->schema.len, "entities",
                     json_loadb((const char *)cedar->entities.data, cedar->entities.len, 0, NULL),
                     "valid", (int)(damaged == NULL), "points", points);
}

static bool ask(struct trial *trial, struct engine *engine, size_t sheet, const char *damaged)
{
    json_t *answer = engine_ask(engine, set_of(trial, sheet, damaged));
    const char *visible = json_string_value(json_object_get(answer, "visible"));
    json_t *problems = json_object_get(answer, "problems");
    bool good =
        json_array_size(problems) == 0 && visible != NULL && strlen(visible) == trial->count;
    for (size_t i = 0; i < json_array_size(problems); i++) {
        printf("Cedar: %s\n", json_string_value(json_array_get(problems, i)));
    }
    for (size_t i = 0; good && i < trial->count; i++) {
        trial->theirs[i] = visible[i] == '1' && (sheet == 0 || trial->theirs[i]);
    }
    json_decref(answer);
    return good;
}

bool trial_ask(struct trial *trial, struct engine *engine, const char *damaged)
{
    bool good = true;
    for (size_t i = 0; good && i < trial->sheet_count; i++) {
        good = ask(trial, engine, i, i == 0 ? damaged : NULL);
    }
    return good;
}

size_t trial_difference(const struct trial *trial)
{
    size_t i = 0;
    while (i < trial->count && trial->ours[i] == trial->theirs[i]) {
        i++;
    }
    return i;
}

// Without the line that begins there; whether the answers still differ.
static bool differs_without(struct trial *trial, struct engine *engine, struct ruleset *ruleset,
                            size_t file, size_t begin, size_t end)
{
    struct cm_buf *text = &ruleset->texts[file];
    struct cm_buf whole = *text;
    struct cm_buf rest = {0};
    if (cm_buf_add(&rest, whole.data, begin) != CM_OK ||
        cm_buf_add(&rest, whole.data + end, whole.len - end) != CM_OK) {
        die("out of memory");
    }
    *text = rest;
    ruleset->files[file].text = cm_buf_bytes(text);
    bool differs = trial_decide(trial, false) && trial_ask(trial, engine, NULL) &&
                   trial_difference(trial) == 0;
    if (!differs) {
        *text = whole;
        ruleset->files[file].text = cm_buf_bytes(text);
    }
    cm_buf_clear(differs ? &whole : &rest);
    return differs;
}

void trial_shrink(struct trial *trial, struct engine *engine, size_t point)
{
    trial->questions[0] = trial->questions[point];
    trial->count = 1;
    for (size_t i = 0; i < FILE_COUNT * trial->sheet_count; i++) {
        struct ruleset *ruleset = &trial->sheets[i / FILE_COUNT].ruleset;
        const struct cm_buf *text = &ruleset->texts[i % FILE_COUNT];
        for (size_t begin = 0; begin < text->len;) {
            const uint8_t *line = memchr(text->data + begin, '\n', text->len - begin);
            size_t end = line == NULL ? text->len : (size_t)(line - text->data) + 1;
            bool unneeded = differs_without(trial, engine, ruleset, i % FILE_COUNT, begin, end);
            begin = unneeded ? begin : end;
        }
    }
    if (!trial_decide(trial, true) || !trial_ask(trial, engine, NULL)) {
        die("the shrunk rules fail");
    }
}

static void print_directory(const char *title, const struct cm_directory *directory)
{
    printf("== %s\n", title);
    for (size_t i = 0; i < directory->agency_count; i++) {
        const struct cm_agency *agency = &directory->agencies[i];
        printf("%s kind:%s state:%s%s, %zu keys\n", agency->id, cm_kind_name(agency->kind),
               agency->state, agency->active ? "" : " inactive", agency->ca_pin_count);
    }
    for (size_t i = 0; i < directory->purpose_count; i++) {
        printf("%s%s", i == 0 ? "purposes: " : ", ", directory->purposes[i].id);
    }
    printf("\n");
}

static void print_sheet(const struct sheet *sheet)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        const struct cm_rule_file *file = &sheet->ruleset.files[i];
        printf("== %s\n%.*s", file->path, (int)file->text.len, (const char *)file->text.data);
    }
    printf("== policies\n%.*s", (int)sheet->cedar.policies.len,
           (const char *)sheet->cedar.policies.data);
}

void trial_print(const struct trial *trial, size_t point)
{
    for (size_t i = 0; i < trial->sheet_count; i++) {
        printf("==== %s\n", i == 0 ? "rules" : "overlay");
        print_sheet(&trial->sheets[i]);
    }
    print_directory("directory when they were signed", &trial->then.directory);
    if (trial->now != &trial->then.directory) {
        print_directory("directory now", trial->now);
    }
    json_t *json = point_of(&trial->questions[point]);
    char *text = json_dumps(json, JSON_INDENT(1));
    printf("== point\n%s\ncomity: %s, cedar: %s\n", text, trial->ours[point] ? "visible" : "hidden",
           trial->theirs[point] ? "visible" : "hidden");
    free(text);
    json_decref(json);
}

#include "acl/expect.h"

#include "acl/covers.h"
#include "acl/expect_lines.h"
#include "acl/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIEW_CAP ((size_t)256 * 1024 * 1024)

struct run {
    const struct cm_rules *rules;
    const struct cm_directory *directory;
    struct cm_arena *arena; // of one request
};

static int order_of(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size);
}

// Lines that ask the same, but for camera and age, side by side.
static int by_request(const void *left, const void *right)
{
    const struct cm_expect_line *a = left;
    const struct cm_expect_line *b = right;
    int order = order_of(&a->agency, &b->agency, sizeof a->agency);
    order = order != 0 ? order : order_of(&a->purpose, &b->purpose, sizeof a->purpose);
    order = order != 0 ? order : order_of(&a->now_ms, &b->now_ms, sizeof a->now_ms);
    order = order != 0 ? order : order_of(&a->role, &b->role, sizeof a->role);
    order = order != 0 ? order : order_of(&a->action, &b->action, sizeof a->action);
    return order != 0 ? order : order_of(&a->evidence, &b->evidence, sizeof a->evidence);
}

static int by_place(const void *left, const void *right)
{
    uint32_t a = ((const struct cm_expect_line *)left)->place.offset;
    uint32_t b = ((const struct cm_expect_line *)right)->place.offset;
    return a < b ? -1 : a > b;
}

static struct cm_request request_of(const struct cm_expect_line *line, int64_t youngest_s,
                                    int64_t oldest_s)
{
    return (struct cm_request){
        .agency = line->agency,
        .role = line->role,
        .on_behalf_of = "",
        .action = line->action,
        .purpose = line->purpose,
        .evidence = line->evidence,
        .now_ms = line->now_ms,
        .window = {line->now_ms - oldest_s * 1000, line->now_ms - youngest_s * 1000 + 1},
    };
}

static enum cm_status find_all(const struct run *run, struct cm_expect_lines *lines)
{
    struct cm_view *view = NULL;
    for (size_t i = 0; i < lines->count; i++) {
        struct cm_expect_line *line = &lines->list[i];
        if (i == 0 || by_request(line, line - 1) != 0) {
            struct cm_request request = request_of(line, 0, CM_MAX_DURATION_S);
            cm_arena_reset(run->arena);
            enum cm_status status = cm_rules_view(&view, run->arena, run->rules, NULL,
                                                  run->directory, &request, NULL, NULL, 0);
            if (status != CM_OK) {
                return status;
            }
        }
        line->found = cm_view_row(view, line->camera, line->age_s);
    }
    return CM_OK;
}

static void set_text(char *out, size_t size, cm_fields fields)
{
    snprintf(out, size, "%s", fields == 0 ? "nothing" : fields == 1 ? "the plate alone" : "");
    for (unsigned field = 1; field < CM_FIELD_COUNT; field++) {
        if ((fields >> field & 1) != 0) {
            size_t len = strlen(out);
            snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "",
                     cm_field_name((enum cm_field)field));
        }
    }
}

// What keeps a rule from covering one row's point, as the words of the clause; NULL: it covers it.
static const char *misses(const struct run *run, const struct cm_box *box,
                          const struct cm_reason *reason, const struct cm_expect_line *line,
                          unsigned point)
{
    static const char *const words[] = {
        [CM_MISS_WHO] = "who",       [CM_MISS_ACTION] = "`to`",        [CM_MISS_PURPOSE] = "`for`",
        [CM_MISS_DATE] = "the date", [CM_MISS_EVIDENCE] = "`require`", [CM_MISS_AGE] = "`back`",
    };
    if (reason->miss != CM_MISS_NONE) {
        return words[reason->miss];
    }
    if (box->classes != NULL && !cm_bit(box->classes, cm_rules_class(run->rules, line->camera))) {
        return "`at`";
    }
    return (box->fields >> point & 1) == 0 ? "`see`" : NULL;
}

// The rule that decided about one point: the first that shows or hides it, or the permit that comes
// nearest to showing it.
static void decided(const struct run *run, char *out, size_t size, const struct cm_reason *reasons,
                    const struct cm_expect_line *line, unsigned point)
{
    const struct cm_rules *rules = run->rules;
    const char *name = point == 0 ? "the row" : cm_field_name((enum cm_field)point);
    bool shown = (line->found >> point & 1) != 0;
    uint32_t first = shown ? 0 : rules->permit_count;
    uint32_t end = shown ? rules->permit_count : rules->permit_count + rules->forbid_count;
    for (uint32_t i = first; i < end; i++) {
        if (misses(run, &rules->permits[i], &reasons[i], line, point) == NULL) {
            snprintf(out, size, "%s: %s by %.80s", name, shown ? "shown" : "hidden",
                     reasons[i].where);
            return;
        }
    }
    const char *nearest = NULL;
    unsigned best = CM_MISS_WHO;
    for (uint32_t i = 0; i < rules->permit_count; i++) {
        unsigned met = reasons[i].miss == CM_MISS_NONE ? CM_MISS_AGE + 1 : reasons[i].miss;
        if (met > best) {
            best = met;
            nearest = misses(run, &rules->permits[i], &reasons[i], line, point);
            snprintf(out, size, "%s: no permit shows it; not %.60s, because of %s", name,
                     reasons[i].where, nearest);
        }
    }
    if (nearest == NULL) {
        snprintf(out, size, "%s: no permit names who asks", name);
    }
}

static enum cm_status report(const struct run *run, const struct cm_expect_line *line,
                             struct cm_diagnostics *failures)
{
    char expected[96];
    char found[96];
    char hint[sizeof failures->list->hint];
    const struct cm_reason *reasons;
    size_t count;
    struct cm_request request = request_of(line, line->age_s, line->age_s);
    if (failures->count >= CM_MAX_DIAGNOSTICS) {
        failures->errors++;
        return CM_OK;
    }
    cm_arena_reset(run->arena);
    enum cm_status status =
        cm_rules_reasons(&reasons, &count, run->arena, run->rules, run->directory, &request);
    if (status != CM_OK) {
        return status;
    }
    unsigned differ = line->expected ^ line->found;
    unsigned point = 0;
    while ((differ >> point & 1) == 0) {
        point++;
    }
    set_text(expected, sizeof expected, line->expected);
    set_text(found, sizeof found, line->found);
    decided(run, hint, sizeof hint, reasons, line, point);
    cm_diagnostics_add(failures, CM_SEVERITY_ERROR, &line->place, hint, "expected %s, got %s",
                       expected, found);
    return CM_OK;
}

enum cm_status cm_expect_run(size_t *count, const struct cm_rule_file *file,
                             const struct cm_rules *rules, const struct cm_directory *directory,
                             int64_t now_ms, struct cm_diagnostics *errors,
                             struct cm_diagnostics *failures)
{
    struct run run = {rules, directory, cm_arena_new(VIEW_CAP)};
    struct cm_expect_lines lines = {0};
    enum cm_status status = run.arena == NULL
                                ? CM_MEMORY
                                : cm_expect_read(&lines, file, rules, directory, now_ms, errors);
    if (status == CM_OK && errors->errors > 0) {
        status = CM_INVALID;
    }
    *count = lines.count;
    if (status == CM_OK && lines.count > 0) {
        qsort(lines.list, lines.count, sizeof *lines.list, by_request);
        status = find_all(&run, &lines);
        qsort(lines.list, lines.count, sizeof *lines.list, by_place);
    }
    for (size_t i = 0; status == CM_OK && i < lines.count; i++) {
        if (lines.list[i].found != lines.list[i].expected) {
            status = report(&run, &lines.list[i], failures);
        }
    }
    free(lines.list);
    cm_arena_free(run.arena);
    return status;
}

#include "acl/cli/explain.h"

#include "acl/cli/judged.h"
#include "acl/compiled.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_NOTHING = 3, ARENA_CAP = 64 * 1024 * 1024, POINTS = CM_FIELD_COUNT };

static const int64_t century_ms = 36500LL * 86400000;

static const struct argp_option options[] = {
    {"as", 'a', "ID", 0, "The agency that asks", 0},
    {"to", 't', "ACTION", 0, "lookup (the default), fuzzy, partial, area, image, watch", 0},
    {"for", 'f', "PURPOSE", 0, "The purpose, one of the directory's", 0},
    {"evidence", 'e', "LIST", 0,
     "What the query carries, with commas: case, supervisor, attestation, court-order", 0},
    {"role", 'r', "ROLE", 0, "investigator (the default) or supervisor", 0},
    {"on-behalf-of", 'b', "ID", 0, "The agency that it asks for", 0},
    {"directory", 'd', "FILE", 0, CM_ACL_DIRECTORY_HELP, 0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"json", 'j', NULL, 0, "An object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE",
    .about = "Show what a requester would see, by camera, age and field, and what each rule did.\v"
             "For every rule it says whether it counts for this question, and if not, the first "
             "clause that does not fit. Exit code 0: something is visible, 3: nothing is, 1: the "
             "file has errors.",
    .required = "af",
    .least_words = 1,
    .most_words = 1,
};

static const char *const miss_words[] = {
    [CM_MISS_NONE] = "counts",
    [CM_MISS_WHO] = "does not count: who",
    [CM_MISS_ACTION] = "does not count: to",
    [CM_MISS_PURPOSE] = "does not count: for",
    [CM_MISS_DATE] = "does not count: from or until",
    [CM_MISS_EVIDENCE] = "does not count: evidence",
    [CM_MISS_AGE] = "does not count: age",
};

// One camera's point set: for the row and each field, the greatest age that is visible, -1 for
// none.
struct reach {
    const char *camera; // "" for those in no site
    int64_t age_s[POINTS];
};

static enum cm_status parse_evidence(unsigned *out, const char *list, struct cm_error *error)
{
    for (*out = 0; list != NULL && *list != '\0';) {
        size_t len = strcspn(list, ",");
        enum cm_evidence kind = cm_evidence_of((struct cm_bytes){(const uint8_t *)list, len});
        if (kind == CM_EVIDENCE_NONE) {
            cm_fail(error, CM_INVALID, "--evidence", "\"%.*s\" is no evidence", (int)len, list);
            cm_error_hint(error, "case, supervisor, attestation, court-order, with commas");
            return CM_INVALID;
        }
        *out |= 1u << kind;
        list += len + (list[len] == ',');
    }
    return CM_OK;
}

static enum cm_status parse_request(struct cm_request *out, const struct cm_cli_args *args,
                                    const struct cm_directory *directory, struct cm_error *error)
{
    const char *action = cm_cli_get(args, 't');
    const char *role = cm_cli_get(args, 'r');
    const char *behalf = cm_cli_get(args, 'b');
    int64_t now_ms = cm_wall_ms(cm_clock_system());
    *out = (struct cm_request){
        .agency = cm_cli_get(args, 'a'),
        .role = role != NULL ? cm_role_of(cm_bytes_of(role)) : CM_ROLE_INVESTIGATOR,
        .on_behalf_of = behalf != NULL ? behalf : "",
        .action = action != NULL ? cm_action_of(cm_bytes_of(action)) : CM_ACTION_LOOKUP,
        .purpose = cm_cli_get(args, 'f'),
        .now_ms = now_ms,
        .window = {now_ms > century_ms ? now_ms - century_ms : 0, now_ms + 1},
    };
    if (out->action == CM_ACTION_NONE) {
        return cm_fail(error, CM_INVALID, "--to", "there is no such action");
    }
    if (out->role != CM_ROLE_INVESTIGATOR && out->role != CM_ROLE_SUPERVISOR) {
        return cm_fail(error, CM_INVALID, "--role", "must be investigator or supervisor");
    }
    if (cm_directory_agency(directory, out->agency) == NULL) {
        return cm_fail(error, CM_INVALID, "--as", "%.96s is not in the directory", out->agency);
    }
    if (behalf != NULL && cm_directory_agency(directory, behalf) == NULL) {
        return cm_fail(error, CM_INVALID, "--on-behalf-of", "%.96s is not in the directory",
                       behalf);
    }
    if (cm_directory_purpose(directory, out->purpose) == NULL) {
        return cm_fail(error, CM_INVALID, "--for", "%.96s is not in the directory", out->purpose);
    }
    return parse_evidence(&out->evidence, cm_cli_get(args, 'e'), error);
}

// The greatest age at which a camera's point is visible. What is visible only shrinks with age, so
// halving finds it.
static int64_t oldest(const struct cm_view *view, const char *camera, unsigned point)
{
    int64_t low = 0;
    int64_t high = cm_view_max_age_s(view);
    if (high < 0 || !(cm_view_row(view, camera, 0) & 1u << point)) {
        return -1;
    }
    if (cm_view_row(view, camera, high) & 1u << point) {
        return high;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (cm_view_row(view, camera, middle) & 1u << point) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static int by_camera(const void *a, const void *b)
{
    return strcmp(((const struct reach *)a)->camera, ((const struct reach *)b)->camera);
}

static struct reach *list_reaches(size_t *count, struct cm_arena *arena,
                                  const struct cm_rules *rules, const struct cm_view *view)
{
    struct reach *list = cm_arena_array(arena, (size_t)rules->camera_count + 1, sizeof list[0]);
    *count = 0;
    if (list == NULL) {
        return NULL;
    }
    list[(*count)++].camera = "";
    for (uint32_t i = 0; i < rules->camera_count; i++) {
        list[(*count)++].camera = rules->cameras[i].name;
    }
    qsort(list, *count, sizeof list[0], by_camera);
    for (size_t i = 0; i < *count; i++) {
        for (unsigned point = 0; point < POINTS; point++) {
            list[i].age_s[point] = oldest(view, list[i].camera, point);
        }
    }
    return list;
}

static const char *age_text(char out[48], int64_t age_s)
{
    if (age_s == INT64_MAX) {
        snprintf(out, 48, "without bound");
    } else if (age_s % 86400 == 0) {
        snprintf(out, 48, "%" PRId64 " day%s back", age_s / 86400, age_s == 86400 ? "" : "s");
    } else {
        snprintf(out, 48, "%" PRId64 " seconds back", age_s);
    }
    return out;
}

static void print_reach(const struct reach *reach)
{
    char age[48];
    printf("  %s\n", reach->camera[0] == '\0' ? "cameras in no site" : reach->camera);
    if (reach->age_s[0] < 0) {
        printf("      nothing\n");
        return;
    }
    for (unsigned point = 0; point < POINTS; point++) {
        if (reach->age_s[point] >= 0) {
            printf("      %-12s %s\n", point == 0 ? "the row" : cm_field_name((enum cm_field)point),
                   age_text(age, reach->age_s[point]));
        }
    }
}

static void print_text(const struct cm_request *request, const struct reach *list, size_t count,
                       const struct cm_reason *reasons, size_t reason_count, bool any)
{
    printf("%s, %s, %s for %s: %s\n", request->agency, cm_role_name(request->role),
           cm_action_name(request->action), request->purpose,
           any ? "visible is" : "nothing is visible");
    for (size_t i = 0; any && i < count; i++) {
        print_reach(&list[i]);
    }
    printf("Rules\n");
    for (size_t i = 0; i < reason_count; i++) {
        printf("  %-24s %-7s %s\n", reasons[i].where, reasons[i].permit ? "permit" : "forbid",
               miss_words[reasons[i].miss]);
    }
}

static void print_json(const struct reach *list, size_t count, const struct cm_reason *reasons,
                       size_t reason_count, bool any)
{
    json_t *cameras = json_array();
    json_t *rules = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *ages = json_object();
        for (unsigned point = 0; point < POINTS; point++) {
            // No bound is null: seconds otherwise.
            if (list[i].age_s[point] >= 0) {
                json_object_set_new(ages, point == 0 ? "row" : cm_field_name((enum cm_field)point),
                                    list[i].age_s[point] == INT64_MAX
                                        ? json_null()
                                        : json_integer(list[i].age_s[point]));
            }
        }
        json_array_append_new(cameras,
                              json_pack("{s:s, s:o}", "camera", list[i].camera, "oldest_s", ages));
    }
    for (size_t i = 0; i < reason_count; i++) {
        json_array_append_new(rules, json_pack("{s:s, s:s, s:s}", "at", reasons[i].where, "rule",
                                               reasons[i].permit ? "permit" : "forbid", "did",
                                               miss_words[reasons[i].miss]));
    }
    json_t *object =
        json_pack("{s:b, s:o, s:o}", "visible", any, "cameras", cameras, "rules", rules);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

static int explain(const struct cm_judged *judged, const struct cm_request *request, bool json)
{
    struct cm_view *view;
    const struct cm_reason *reasons;
    size_t reason_count;
    size_t count;
    int code = CM_EXIT_FAILED;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (arena != NULL &&
        cm_rules_view(&view, arena, judged->rules, NULL, &judged->directory, request, NULL, NULL,
                      0) == CM_OK &&
        cm_rules_reasons(&reasons, &reason_count, arena, judged->rules, &judged->directory,
                         request) == CM_OK) {
        bool any = cm_view_any(view);
        struct reach *list = list_reaches(&count, arena, judged->rules, view);
        if (list != NULL && json) {
            print_json(list, count, reasons, reason_count, any);
        } else if (list != NULL) {
            print_text(request, list, count, reasons, reason_count, any);
        }
        code = list == NULL ? CM_EXIT_FAILED : any ? CM_EXIT_OK : EXIT_NOTHING;
    }
    cm_arena_free(arena);
    return code;
}

int cm_acl_explain(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_judged judged;
    struct cm_request request;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    if (cm_judged_load(&judged, args.words[0], cm_cli_get(&args, 'd'), cm_cli_get(&args, 'p'),
                       &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    int code = CM_EXIT_FAILED;
    if (judged.rules == NULL) {
        cm_judged_print(&judged);
    } else if (parse_request(&request, &args, &judged.directory, &error) != CM_OK) {
        code = CM_EXIT_USAGE;
        cm_cli_error(&error);
    } else {
        code = explain(&judged, &request, cm_cli_get(&args, 'j') != NULL);
    }
    cm_judged_clear(&judged);
    return code;
}

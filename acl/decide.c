#include "acl/covers.h"

#include <string.h>

enum { BITS = CM_FIELD_COUNT }; // the row and six fields

// For one class of cameras, per bit: the greatest age, seconds, at which it is visible; -1: at
// none. That is all there is to know, since an older row never shows more.
struct bounds {
    int64_t age_s[8];
};

struct cm_view {
    const struct cm_rules *rules;
    const struct cm_rules *overlay;
    uint8_t asked; // bit 0 and fields
    int64_t youngest_s;
    int64_t oldest_s;
    uint32_t class_count; // 1: all cameras alike
    struct bounds *classes;
    uint32_t over_count; // of the overlay, which has classes of its own; 0: all in classes
    struct bounds *over;
    struct bounds best;  // over all cameras there may be
    int64_t least_row_s; // the row's least bound of any camera
    const char *deciding;
};

// What is needed to judge a request by one rule set.
struct judge {
    struct cm_arena *arena;
    const struct cm_rules *rules;
    const struct cm_directory *directory;
    const struct cm_request *request;
    uint32_t purpose;
    const struct cm_charge *charges;
    const bool *spent;
    size_t charge_count;
};

static bool is_spent(const struct judge *judge, const struct cm_box *permit)
{
    for (size_t i = 0; permit->per_day > 0 && judge->spent != NULL && i < judge->charge_count;
         i++) {
        if (judge->spent[i] && cm_digest_equal(&judge->charges[i].rule, &permit->digest)) {
            return true;
        }
    }
    return false;
}

// One entry for all classes becomes one each, when the first rule tells sites apart.
static enum cm_status spread(const struct judge *judge, struct bounds **list, uint32_t *count)
{
    if (*count > 1 || judge->rules->class_count == 1) {
        return CM_OK;
    }
    struct bounds *all = cm_arena_array(judge->arena, judge->rules->class_count, sizeof *all);
    if (all == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < judge->rules->class_count; i++) {
        all[i] = (*list)[0];
    }
    *list = all;
    *count = judge->rules->class_count;
    return CM_OK;
}

static void apply(struct bounds *bounds, const struct cm_box *box, bool permit)
{
    for (unsigned bit = 0; bit < BITS; bit++) {
        int64_t *age = &bounds->age_s[bit];
        if ((box->fields >> bit & 1) != 0 && (permit ? *age < box->age_s : *age > box->age_s)) {
            *age = box->age_s;
        }
    }
}

static enum cm_status apply_to_classes(const struct judge *judge, struct bounds **list,
                                       uint32_t *count, const struct cm_box *box, bool permit)
{
    enum cm_status status = box->classes == NULL ? CM_OK : spread(judge, list, count);
    for (uint32_t i = 0; status == CM_OK && i < *count; i++) {
        if (box->classes == NULL || cm_bit(box->classes, i)) {
            apply(&(*list)[i], box, permit);
        }
    }
    return status;
}

static enum cm_status apply_permits(const struct judge *judge, const struct cm_asker *asker,
                                    struct bounds **list, uint32_t *count, const char **deciding)
{
    enum cm_status status = CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < judge->rules->permit_count; i++) {
        const struct cm_box *box = &judge->rules->permits[i];
        enum cm_miss miss = cm_permit_misses(box, asker, judge->request, judge->purpose);
        if ((miss == CM_MISS_NONE || miss == CM_MISS_AGE) && !is_spent(judge, box)) {
            if (*deciding == NULL && miss == CM_MISS_NONE) {
                *deciding = box->where;
            }
            status = apply_to_classes(judge, list, count, box, true);
        }
    }
    return status;
}

static enum cm_status apply_forbids(const struct judge *judge, const struct cm_asker *asker,
                                    struct bounds **list, uint32_t *count)
{
    enum cm_status status = CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < judge->rules->forbid_count; i++) {
        const struct cm_box *box = &judge->rules->forbids[i];
        enum cm_miss miss = cm_forbid_misses(box, asker, judge->request, judge->purpose);
        if (miss == CM_MISS_NONE || miss == CM_MISS_AGE) {
            status = apply_to_classes(judge, list, count, box, false);
        }
    }
    return status;
}

static void narrow(struct bounds *bounds, const struct bounds *other)
{
    for (unsigned bit = 0; bit < BITS; bit++) {
        if (bounds->age_s[bit] > other->age_s[bit]) {
            bounds->age_s[bit] = other->age_s[bit];
        }
    }
}

static void widen(struct bounds *bounds, const struct bounds *other)
{
    for (unsigned bit = 0; bit < BITS; bit++) {
        if (bounds->age_s[bit] < other->age_s[bit]) {
            bounds->age_s[bit] = other->age_s[bit];
        }
    }
}

static struct bounds same(int64_t age_s)
{
    struct bounds bounds;
    for (size_t i = 0; i < sizeof bounds.age_s / sizeof *bounds.age_s; i++) {
        bounds.age_s[i] = age_s;
    }
    return bounds;
}

// What one agency may see by the permits and forbids of the judge's rules; an overlay has no
// permits and starts with everything.
static enum cm_status judge_agency(const struct judge *judge, const char *agency, bool overlay,
                                   struct bounds **out, uint32_t *count, const char **deciding)
{
    struct cm_asker asker;
    enum cm_status status = cm_asker_init(&asker, judge->arena, judge->rules, judge->directory,
                                          agency, judge->request->role);
    *out = cm_arena_alloc(judge->arena, sizeof **out);
    *count = 1;
    if (status != CM_OK || *out == NULL) {
        return CM_MEMORY;
    }
    **out = same(overlay && asker.now != NULL ? INT64_MAX : -1);
    if (asker.now == NULL) {
        return CM_OK;
    }
    if (!overlay) {
        status = apply_permits(judge, &asker, out, count, deciding);
    }
    return status == CM_OK ? apply_forbids(judge, &asker, out, count) : status;
}

// Both the asker and the one it asks for.
static enum cm_status judge_both(struct judge *judge, bool overlay, struct bounds **out,
                                 uint32_t *count, const char **deciding)
{
    const struct cm_request *request = judge->request;
    judge->purpose =
        cm_names_find(judge->rules->purposes, judge->rules->purpose_count, request->purpose);
    enum cm_status status = judge_agency(judge, request->agency, overlay, out, count, deciding);
    if (status != CM_OK || request->on_behalf_of == NULL || request->on_behalf_of[0] == '\0') {
        return status;
    }
    struct bounds *other;
    uint32_t other_count;
    const char *other_deciding = NULL;
    status =
        judge_agency(judge, request->on_behalf_of, overlay, &other, &other_count, &other_deciding);
    if (status == CM_OK && other_count > *count) {
        status = spread(judge, out, count);
    }
    for (uint32_t i = 0; status == CM_OK && i < *count; i++) {
        narrow(&(*out)[i], &other[other_count == 1 ? 0 : i]);
    }
    if (other_deciding == NULL) {
        *deciding = NULL;
    }
    return status;
}

static struct bounds camera_bounds(const struct cm_view *view, const char *camera)
{
    uint32_t class = view->class_count == 1 ? 0 : cm_rules_class(view->rules, camera);
    struct bounds bounds = view->classes[class];
    if (view->over_count > 0) {
        narrow(&bounds, &view->over[cm_rules_class(view->overlay, camera)]);
    }
    return bounds;
}

static void meet(struct cm_view *view, const struct bounds *bounds)
{
    widen(&view->best, bounds);
    if (bounds->age_s[0] < view->least_row_s) {
        view->least_row_s = bounds->age_s[0];
    }
}

// Over the classes, or where an overlay tells sites apart too, over all cameras that either names.
static void summarise(struct cm_view *view)
{
    view->best = same(-1);
    view->least_row_s = INT64_MAX;
    for (uint32_t i = 0; view->over_count == 0 && i < view->class_count; i++) {
        meet(view, &view->classes[i]);
    }
    if (view->over_count == 0) {
        return;
    }
    const struct cm_rules *sets[] = {view->rules, view->overlay};
    struct bounds elsewhere = camera_bounds(view, "");
    meet(view, &elsewhere);
    for (size_t set = 0; set < 2; set++) {
        for (uint32_t i = 0; i < sets[set]->camera_count; i++) {
            struct bounds bounds = camera_bounds(view, sets[set]->cameras[i].name);
            meet(view, &bounds);
        }
    }
}

static enum cm_status lay_over(struct cm_view *view, struct judge *judge)
{
    struct bounds *over;
    uint32_t count;
    const char *ignored = NULL;
    judge->rules = view->overlay;
    enum cm_status status = judge_both(judge, true, &over, &count, &ignored);
    if (status != CM_OK) {
        return status;
    }
    if (count > 1) {
        view->over = over;
        view->over_count = count;
        return CM_OK;
    }
    for (uint32_t i = 0; i < view->class_count; i++) {
        narrow(&view->classes[i], &over[0]);
    }
    return CM_OK;
}

enum cm_status cm_rules_view(struct cm_view **out, struct cm_arena *arena,
                             const struct cm_rules *rules, const struct cm_rules *overlay,
                             const struct cm_directory *directory, const struct cm_request *request,
                             const struct cm_charge *charges, const bool *spent,
                             size_t charge_count)
{
    *out = NULL;
    struct cm_view *view = cm_arena_alloc(arena, sizeof *view);
    struct bounds *nothing = cm_arena_alloc(arena, sizeof *nothing);
    if (view == NULL || nothing == NULL) {
        return CM_MEMORY;
    }
    *nothing = same(-1);
    *view = (struct cm_view){
        .rules = rules,
        .overlay = overlay,
        .asked = (uint8_t)(1u | (request->fields == 0 ? CM_FIELDS_ALL : request->fields)),
        .youngest_s = cm_age_s(request->now_ms, request->window.to_ms - 1),
        .oldest_s = cm_age_s(request->now_ms, request->window.from_ms),
        .class_count = 1,
        .classes = nothing,
    };
    enum cm_status status = CM_OK;
    if (cm_directory_purpose(directory, request->purpose) != NULL) {
        struct judge judge = {.arena = arena,
                              .rules = rules,
                              .directory = directory,
                              .request = request,
                              .charges = charges,
                              .spent = spent,
                              .charge_count = charge_count};
        status = judge_both(&judge, false, &view->classes, &view->class_count, &view->deciding);
        if (status == CM_OK && overlay != NULL) {
            status = lay_over(view, &judge);
        }
    }
    if (status == CM_OK) {
        summarise(view);
        *out = view;
    }
    return status;
}

bool cm_view_any(const struct cm_view *view)
{
    return view->best.age_s[0] >= view->youngest_s;
}

cm_fields cm_view_row(const struct cm_view *view, const char *camera, int64_t age_s)
{
    uint32_t class = view->class_count == 1 ? 0 : cm_rules_class(view->rules, camera);
    const struct bounds *bounds = &view->classes[class];
    unsigned visible = 0;
    for (unsigned bit = 0; bit < BITS; bit++) {
        visible |= (unsigned)(age_s <= bounds->age_s[bit]) << bit;
    }
    if (view->over_count > 0) {
        bounds = &view->over[cm_rules_class(view->overlay, camera)];
        for (unsigned bit = 0; bit < BITS; bit++) {
            visible &= ~((unsigned)(age_s > bounds->age_s[bit]) << bit);
        }
    }
    return (cm_fields)((visible & 1) != 0 ? visible & view->asked : 0);
}

int64_t cm_view_max_age_s(const struct cm_view *view)
{
    return view->best.age_s[0];
}

cm_fields cm_view_withheld(const struct cm_view *view)
{
    unsigned withheld = 0;
    for (unsigned bit = 1; bit < BITS; bit++) {
        withheld |= (unsigned)(view->best.age_s[bit] < view->youngest_s) << bit;
    }
    return (cm_fields)(withheld & view->asked);
}

bool cm_view_hides_rows(const struct cm_view *view)
{
    int64_t oldest = view->best.age_s[0] < view->oldest_s ? view->best.age_s[0] : view->oldest_s;
    return cm_view_any(view) && view->least_row_s < oldest;
}

const char *cm_view_deciding_rule(const struct cm_view *view)
{
    return view->deciding == NULL ? "" : view->deciding;
}

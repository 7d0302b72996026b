#include "acl/split.h"

#include <stdlib.h>
#include <string.h>

// A node that needs more than this would hold up a gateway: some milliseconds, some megabytes.
enum { MOST_WORK = 2000000, FIRST_STEMS = 16, MOST_STEMS = 4096, MOST_BYTES = 1 << 20 };

// Who is covered by the boxes of a stem's parent and by one more.
struct stem {
    uint32_t parent;
    const struct cm_box *box;
    const struct cm_rules *rules; // the box's
    bool permit;
    uint32_t members;
    uint32_t moved_to; // of those that the current box covers, when moved_at is its number
    uint32_t moved_at;
};

struct splitting {
    const struct cm_split_source *source;
    struct cm_arena *arena;
    struct stem *stems; // 0: covered by nothing
    uint32_t stem_count, stem_cap;
    uint16_t *stem_of; // by agency
    uint32_t turn;
    uint64_t *covered;  // by some permit: forbids matter to nobody else
    uint64_t *who;      // one set, and room for two
    uint32_t *purposes; // of the directory, as indices in rules->purposes
    uint32_t *over_purposes;
};

static enum cm_status more_stems(struct splitting *splitting)
{
    uint32_t cap = splitting->stem_cap * 2;
    struct stem *stems =
        cap > MOST_STEMS ? NULL : cm_arena_array(splitting->arena, cap, sizeof *stems);
    if (stems == NULL) {
        return CM_EXHAUSTED;
    }
    memcpy(stems, splitting->stems, splitting->stem_count * sizeof *stems);
    splitting->stems = stems;
    splitting->stem_cap = cap;
    return CM_OK;
}

// There is room for one more stem.
static uint32_t branch(struct splitting *splitting, uint32_t parent, const struct stem *to)
{
    struct stem *from = &splitting->stems[parent];
    from->moved_at = splitting->turn;
    from->moved_to = splitting->stem_count++;
    splitting->stems[from->moved_to] = *to;
    splitting->stems[from->moved_to].parent = parent;
    return from->moved_to;
}

static enum cm_status move(struct splitting *splitting, uint32_t agency, const struct stem *to)
{
    uint16_t *at = &splitting->stem_of[agency];
    if (splitting->stem_count == splitting->stem_cap && more_stems(splitting) != CM_OK) {
        return CM_EXHAUSTED;
    }
    struct stem *from = &splitting->stems[*at];
    uint32_t next = from->moved_at == splitting->turn ? from->moved_to : branch(splitting, *at, to);
    from->members--;
    splitting->stems[next].members++;
    *at = (uint16_t)next;
    return CM_OK;
}

static enum cm_status move_all(struct splitting *splitting, struct cm_cast *cast,
                               const struct cm_box *box, bool permit)
{
    const struct stem to = {.box = box, .rules = cast->rules, .permit = permit};
    enum cm_status status = CM_OK;
    splitting->turn++;
    for (size_t w = 0; w < splitting->source->now->words; w++) {
        splitting->covered[w] |= permit ? splitting->who[w] : 0;
        uint64_t left = splitting->who[w] & splitting->covered[w];
        for (; status == CM_OK && left != 0; left &= left - 1) {
            status = move(splitting, (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left), &to);
            cast->work -= cast->work > 0;
        }
    }
    return status == CM_OK && cast->work == 0 ? CM_EXHAUSTED : status;
}

static enum cm_status split_by(struct splitting *splitting, const struct cm_rules *rules,
                               const struct cm_crowd *then)
{
    const struct cm_crowd *now = splitting->source->now;
    uint64_t *spare = splitting->who + now->words;
    struct cm_cast cast;
    enum cm_status status = cm_cast_init(&cast, splitting->arena, rules,
                                         splitting->source->directory, now->words, MOST_WORK);
    for (uint32_t i = 0; status == CM_OK && i < rules->permit_count; i++) {
        const struct cm_box *box = &rules->permits[i];
        status = cm_crowd_permit(splitting->who, spare, &cast, now, then, box);
        if (status == CM_OK) {
            status = move_all(splitting, &cast, box, true);
        }
    }
    for (uint32_t i = 0; status == CM_OK && i < rules->forbid_count; i++) {
        const struct cm_box *box = &rules->forbids[i];
        // One that hides fields only leaves the row.
        if ((box->fields & 1) == 0) {
            continue;
        }
        status = cm_crowd_forbid(splitting->who, spare, &cast, now, then, box);
        if (status == CM_OK) {
            status = move_all(splitting, &cast, box, false);
        }
    }
    return status;
}

static uint32_t *find_purposes(struct cm_arena *arena, const struct cm_directory *directory,
                               const struct cm_rules *rules)
{
    uint32_t *out = cm_arena_array(arena, directory->purpose_count + 1, sizeof *out);
    for (size_t i = 0; out != NULL && i < directory->purpose_count; i++) {
        out[i] = cm_names_find(rules->purposes, rules->purpose_count, directory->purposes[i].id);
    }
    return out;
}

// The sets whose rules with `at` are among a stem's boxes.
static enum cm_status find_sites(const struct splitting *splitting, uint32_t stem,
                                 const struct cm_rules **out)
{
    *out = NULL;
    for (uint32_t at = stem; at != 0; at = splitting->stems[at].parent) {
        const struct stem *one = &splitting->stems[at];
        if (one->box->classes != NULL && *out != NULL && *out != one->rules) {
            // Each has camera classes of its own.
            return CM_EXHAUSTED;
        }
        if (one->box->classes != NULL) {
            *out = one->rules;
        }
    }
    return CM_OK;
}

static void pack_box(const struct splitting *splitting, struct cm_profile_box *out,
                     const struct stem *stem, const struct cm_profile_head *head,
                     uint32_t class_count)
{
    const struct cm_box *box = stem->box;
    *out = (struct cm_profile_box){.age_s = box->age_s,
                                   .from_ms = box->from_ms,
                                   .until_ms = box->until_ms,
                                   .actions = box->actions,
                                   .roles = cm_crowd_roles(box),
                                   .evidence = box->evidence};
    const uint32_t *purposes =
        stem->rules == splitting->source->rules ? splitting->purposes : splitting->over_purposes;
    for (uint32_t i = 0; i < splitting->source->directory->purpose_count; i++) {
        if (box->purposes == NULL ||
            (purposes[i] != CM_NO_INDEX && cm_bit(box->purposes, purposes[i]))) {
            cm_bit_set(out->bits, i);
        }
    }
    uint64_t *classes = out->bits + head->purpose_words;
    for (uint32_t i = 0; head->class_words > 0 && i < class_count; i++) {
        if (box->classes == NULL || cm_bit(box->classes, i)) {
            cm_bit_set(classes, i);
        }
    }
}

static int by_bytes(const void *left, const void *right, void *stride)
{
    return memcmp(left, right, *(const size_t *)stride);
}

// Sorted, each once; returns how many are left.
static uint32_t sort(uint8_t *boxes, uint32_t count, size_t stride)
{
    uint32_t kept = 0;
    if (count > 0) {
        qsort_r(boxes, count, stride, by_bytes, &stride);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || memcmp(boxes + (kept - 1) * stride, boxes + i * stride, stride) != 0) {
            memmove(boxes + kept * stride, boxes + i * stride, stride);
            kept++;
        }
    }
    return kept;
}

static enum cm_status pack(const struct splitting *splitting, struct cm_bytes *out, uint32_t stem)
{
    const struct stem *stems = splitting->stems;
    const struct cm_rules *sites;
    enum cm_status status = find_sites(splitting, stem, &sites);
    if (status != CM_OK) {
        return status;
    }
    uint32_t class_count = sites == NULL ? 0 : sites->class_count;
    struct cm_profile_head head = {.purpose_words = (uint32_t)cm_bit_words(
                                       (uint32_t)splitting->source->directory->purpose_count),
                                   .class_words = (uint32_t)cm_bit_words(class_count)};
    for (uint32_t at = stem; at != 0; at = stems[at].parent) {
        head.permits += stems[at].permit;
        head.forbids += !stems[at].permit;
    }
    size_t stride = sizeof(struct cm_profile_box) +
                    ((size_t)head.purpose_words + head.class_words) * sizeof(uint64_t);
    size_t size = sizeof head + ((size_t)head.permits + head.forbids) * stride;
    uint8_t *bytes = head.class_words > CM_PROFILE_CLASS_WORDS || size > MOST_BYTES
                         ? NULL
                         : cm_arena_alloc(splitting->arena, size);
    if (bytes == NULL) {
        return CM_EXHAUSTED;
    }
    uint8_t *permit = bytes + sizeof head;
    uint8_t *forbid = permit + head.permits * stride;
    uint8_t *forbids = forbid;
    for (uint32_t at = stem; at != 0; at = stems[at].parent) {
        uint8_t **box = stems[at].permit ? &permit : &forbid;
        pack_box(splitting, (void *)*box, &stems[at], &head, class_count);
        *box += stride;
    }
    head.permits = sort(bytes + sizeof head, head.permits, stride);
    head.forbids = sort(forbids, head.forbids, stride);
    memmove(bytes + sizeof head + head.permits * stride, forbids, head.forbids * stride);
    memcpy(bytes, &head, sizeof head);
    *out = (struct cm_bytes){bytes, sizeof head + ((size_t)head.permits + head.forbids) * stride};
    return CM_OK;
}

static enum cm_status pack_all(struct splitting *splitting, struct cm_split *out)
{
    uint8_t *part_of = cm_arena_array(splitting->arena, splitting->stem_count, sizeof *part_of);
    out->profiles = cm_arena_array(splitting->arena, CM_SPLIT_MOST, sizeof *out->profiles);
    out->parts = cm_arena_array(splitting->arena, (size_t)splitting->source->now->count + 1, 1);
    if (part_of == NULL || out->profiles == NULL || out->parts == NULL) {
        return CM_MEMORY;
    }
    size_t bytes = 0;
    for (uint32_t i = 1; i < splitting->stem_count; i++) {
        if (splitting->stems[i].members == 0) {
            continue;
        }
        if (out->profile_count == CM_SPLIT_MOST) {
            return CM_EXHAUSTED;
        }
        struct cm_bytes *profile = &out->profiles[out->profile_count++];
        enum cm_status status = pack(splitting, profile, i);
        if (status != CM_OK) {
            return status;
        }
        part_of[i] = (uint8_t)out->profile_count;
        bytes += profile->len;
        if (bytes > MOST_BYTES) {
            return CM_EXHAUSTED;
        }
    }
    for (uint32_t i = 0; i < splitting->source->now->count; i++) {
        out->parts[i] = part_of[splitting->stem_of[i]];
    }
    return CM_OK;
}

enum cm_status cm_split_make(struct cm_split *out, struct cm_arena *arena,
                             const struct cm_split_source *source)
{
    size_t count = source->now->count;
    struct splitting splitting = {
        .source = source,
        .arena = arena,
        .stems = cm_arena_array(arena, FIRST_STEMS, sizeof *splitting.stems),
        .stem_cap = FIRST_STEMS,
        .stem_of = cm_arena_array(arena, count + 1, sizeof *splitting.stem_of),
        .who = cm_arena_array(arena, 3 * source->now->words, sizeof *splitting.who),
        .covered = cm_arena_array(arena, source->now->words, sizeof *splitting.covered),
        .purposes = find_purposes(arena, source->directory, source->rules),
        .stem_count = 1,
    };
    *out = (struct cm_split){0};
    if (splitting.stems == NULL || splitting.stem_of == NULL || splitting.who == NULL ||
        splitting.covered == NULL || splitting.purposes == NULL) {
        return CM_MEMORY;
    }
    splitting.stems[0].members = (uint32_t)count;
    enum cm_status status = split_by(&splitting, source->rules, source->then);
    if (status == CM_OK && source->overlay != NULL) {
        splitting.over_purposes = find_purposes(arena, source->directory, source->overlay);
        status = splitting.over_purposes == NULL
                     ? CM_MEMORY
                     : split_by(&splitting, source->overlay, source->over_then);
    }
    return status == CM_OK ? pack_all(&splitting, out) : status;
}

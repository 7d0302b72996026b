#include "acl/region.h"

#include <string.h>

// Pieces that one question may be cut into.
enum { MOST_PIECES = 1024, DIMENSIONS = 9 };

static bool bits_empty(const uint64_t *bits, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if (bits[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool bits_within(const uint64_t *inner, const uint64_t *outer, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if ((inner[i] & ~outer[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool bits_meet(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if ((a[i] & b[i]) != 0) {
            return true;
        }
    }
    return false;
}

static bool meets(const struct cm_space *space, const struct cm_region *a,
                  const struct cm_region *b)
{
    return (a->purposes & b->purposes) != 0 && (a->actions & b->actions) != 0 &&
           (a->evidence & b->evidence) != 0 && (a->roles & b->roles) != 0 &&
           (a->fields & b->fields) != 0 && a->from_ms < b->until_ms && b->from_ms < a->until_ms &&
           a->youngest_s <= b->oldest_s && b->youngest_s <= a->oldest_s &&
           bits_meet(a->agencies, b->agencies, cm_bit_words(space->agency_count)) &&
           bits_meet(a->classes, b->classes, cm_bit_words(space->class_count));
}

// a and b, or a without b, into new bits.
static uint64_t *bits_cut(const struct cm_space *space, const uint64_t *a, const uint64_t *b,
                          size_t words, bool without)
{
    uint64_t *out = cm_arena_array(space->arena, words + 1, sizeof *out);
    for (size_t i = 0; out != NULL && i < words; i++) {
        out[i] = a[i] & (without ? ~b[i] : b[i]);
    }
    return out;
}

bool cm_region_empty(const struct cm_space *space, const struct cm_region *region)
{
    return region->purposes == 0 || region->actions == 0 || region->evidence == 0 ||
           region->roles == 0 || region->fields == 0 || region->from_ms >= region->until_ms ||
           region->youngest_s > region->oldest_s ||
           bits_empty(region->agencies, cm_bit_words(space->agency_count)) ||
           bits_empty(region->classes, cm_bit_words(space->class_count));
}

bool cm_region_contains(const struct cm_space *space, const struct cm_region *outer,
                        const struct cm_region *inner)
{
    return (inner->purposes & ~outer->purposes) == 0 && (inner->actions & ~outer->actions) == 0 &&
           (inner->evidence & ~outer->evidence) == 0 && (inner->roles & ~outer->roles) == 0 &&
           (inner->fields & ~outer->fields) == 0 && inner->from_ms >= outer->from_ms &&
           inner->until_ms <= outer->until_ms && inner->youngest_s >= outer->youngest_s &&
           inner->oldest_s <= outer->oldest_s &&
           bits_within(inner->agencies, outer->agencies, cm_bit_words(space->agency_count)) &&
           bits_within(inner->classes, outer->classes, cm_bit_words(space->class_count));
}

enum cm_status cm_region_meet(const struct cm_space *space, struct cm_region *out,
                              const struct cm_region *a, const struct cm_region *b)
{
    *out = (struct cm_region){
        .agencies =
            bits_cut(space, a->agencies, b->agencies, cm_bit_words(space->agency_count), false),
        .classes = bits_cut(space, a->classes, b->classes, cm_bit_words(space->class_count), false),
        .purposes = a->purposes & b->purposes,
        .from_ms = a->from_ms > b->from_ms ? a->from_ms : b->from_ms,
        .until_ms = a->until_ms < b->until_ms ? a->until_ms : b->until_ms,
        .youngest_s = a->youngest_s > b->youngest_s ? a->youngest_s : b->youngest_s,
        .oldest_s = a->oldest_s < b->oldest_s ? a->oldest_s : b->oldest_s,
        .actions = a->actions & b->actions,
        .evidence = (uint16_t)(a->evidence & b->evidence),
        .roles = (uint8_t)(a->roles & b->roles),
        .fields = (uint8_t)(a->fields & b->fields),
    };
    return out->agencies == NULL || out->classes == NULL ? CM_MEMORY : CM_OK;
}

// The small dimensions of whole without part; of the two ends of an interval one each.
static void cut_small(struct cm_region *piece, const struct cm_region *part, int dimension)
{
    switch (dimension) {
    case 0:
        piece->purposes &= ~part->purposes;
        break;
    case 1:
        piece->actions &= ~part->actions;
        break;
    case 2:
        piece->evidence &= (uint16_t)~part->evidence;
        break;
    case 3:
        piece->roles &= (uint8_t)~part->roles;
        break;
    case 4:
        piece->fields &= (uint8_t)~part->fields;
        break;
    case 5:
        piece->until_ms = part->from_ms;
        break;
    case 6:
        piece->from_ms = part->until_ms;
        break;
    case 7:
        piece->oldest_s = part->youngest_s - 1;
        break;
    default:
        piece->youngest_s = part->oldest_s == INT64_MAX ? INT64_MAX : part->oldest_s + 1;
        piece->oldest_s = part->oldest_s == INT64_MAX ? -1 : piece->oldest_s;
    }
}

// What is left of a dimension for the pieces after it: the part alone.
static void keep_small(struct cm_region *rest, const struct cm_region *part, int dimension)
{
    switch (dimension) {
    case 0:
        rest->purposes = part->purposes;
        break;
    case 1:
        rest->actions = part->actions;
        break;
    case 2:
        rest->evidence = part->evidence;
        break;
    case 3:
        rest->roles = part->roles;
        break;
    case 4:
        rest->fields = part->fields;
        break;
    case 5:
        rest->from_ms = part->from_ms;
        break;
    case 6:
        rest->until_ms = part->until_ms;
        break;
    case 7:
        rest->youngest_s = part->youngest_s;
        break;
    default:
        rest->oldest_s = part->oldest_s;
    }
}

struct piece {
    struct cm_region region;
    size_t next; // the first of the others it has not been held against
};

struct pile {
    struct piece *list;
    size_t count;
    bool full;
};

static void push(const struct cm_space *space, struct pile *pile, const struct cm_region *region,
                 size_t next)
{
    if (cm_region_empty(space, region)) {
        return;
    }
    if (pile->count == MOST_PIECES) {
        pile->full = true;
        return;
    }
    pile->list[pile->count++] = (struct piece){*region, next};
}

// whole without part (which lies within it), as disjoint regions onto the pile.
static enum cm_status split(const struct cm_space *space, struct pile *pile,
                            const struct cm_region *whole, const struct cm_region *part,
                            size_t next)
{
    size_t agency_words = cm_bit_words(space->agency_count);
    size_t class_words = cm_bit_words(space->class_count);
    struct cm_region rest = *whole;
    struct cm_region piece = rest;
    piece.agencies = bits_cut(space, rest.agencies, part->agencies, agency_words, true);
    if (piece.agencies == NULL) {
        return CM_MEMORY;
    }
    push(space, pile, &piece, next);
    rest.agencies = part->agencies;
    piece = rest;
    piece.classes = bits_cut(space, rest.classes, part->classes, class_words, true);
    if (piece.classes == NULL) {
        return CM_MEMORY;
    }
    push(space, pile, &piece, next);
    rest.classes = part->classes;
    for (int dimension = 0; dimension < DIMENSIONS; dimension++) {
        piece = rest;
        cut_small(&piece, part, dimension);
        push(space, pile, &piece, next);
        keep_small(&rest, part, dimension);
    }
    return CM_OK;
}

enum cm_status cm_region_covered(struct cm_space *space, const struct cm_region *region,
                                 const struct cm_region *others, size_t count, bool *covered,
                                 bool *known)
{
    struct pile pile = {.list = cm_arena_array(space->arena, MOST_PIECES, sizeof *pile.list)};
    *covered = false;
    *known = true;
    if (pile.list == NULL) {
        return CM_MEMORY;
    }
    push(space, &pile, region, 0);
    for (size_t work = 0; pile.count > 0; work++) {
        struct piece piece = pile.list[--pile.count];
        while (piece.next < count && space->work > 0 &&
               !meets(space, &piece.region, &others[piece.next])) {
            piece.next++;
            space->work--;
        }
        if (piece.next == count) {
            return CM_OK;
        }
        struct cm_region part;
        enum cm_status status = cm_region_meet(space, &part, &piece.region, &others[piece.next]);
        if (status == CM_OK) {
            status = split(space, &pile, &piece.region, &part, piece.next + 1);
        }
        if (status != CM_OK) {
            return status;
        }
        if (pile.full || work == MOST_PIECES || space->work == 0) {
            *known = false;
            return CM_OK;
        }
    }
    *covered = true;
    return CM_OK;
}

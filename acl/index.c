#include "acl/index.h"

#include "acl/split.h"

#include <stdlib.h>
#include <string.h>

enum {
    LANES = 64,      // nodes of a block
    OPEN_PART = 255, // of all agencies at a node that is past the bounds
    AHEAD = 8,       // blocks fetched before they are read
    ARENA_CAP = 64 * 1024 * 1024,
};

_Static_assert((int)CM_SPLIT_MOST < (int)OPEN_PART, "a part fits in a byte beside OPEN_PART");

struct node {
    uint32_t *profiles; // by part - 1
    uint32_t profile_count;
    uint32_t agency; // index in the directory or CM_NO_INDEX
    bool open;
    struct cm_rules *rules; // NULL: free
    struct cm_rules *overlay;
};

// Members of one directory as the current one sees them; kept for the next node's rules.
struct past {
    struct cm_members *members;
    struct cm_arena *arena;
    struct cm_crowd crowd;
};

// Parts of LANES nodes: by agency, then by node.
struct block {
    void *memory;
    uint8_t *rows; // in it, each one cache line
};

struct cm_index {
    const struct cm_directory *directory;
    struct cm_arena *arena; // of now and node_of
    struct cm_crowd now;
    uint32_t *node_of; // of each agency, or CM_NO_INDEX
    struct past past;
    struct cm_profiles *profiles;
    struct node *nodes;
    uint32_t node_count, node_cap;
    uint32_t free_count; // of node_count
    uint32_t placed;     // nodes from here on are open until their turn comes
    uint32_t block_count;
    struct block *blocks;
};

static void past_clear(struct past *past)
{
    cm_members_unref(past->members);
    cm_arena_free(past->arena);
    *past = (struct past){0};
}

static enum cm_status past_make(struct past *past, const struct cm_directory *directory,
                                const struct cm_rules *rules)
{
    if (past->members == rules->members) {
        return CM_OK;
    }
    past_clear(past);
    past->arena = cm_arena_new(ARENA_CAP);
    if (past->arena == NULL) {
        return CM_MEMORY;
    }
    enum cm_status status = cm_crowd_then(&past->crowd, past->arena, directory, rules->members);
    if (status == CM_OK) {
        past->members = cm_members_ref(rules->members);
    }
    return status;
}

static void node_clear(struct cm_index *index, struct node *node)
{
    for (uint32_t i = 0; i < node->profile_count; i++) {
        cm_profiles_drop(index->profiles, node->profiles[i]);
    }
    free(node->profiles);
    node->profiles = NULL;
    node->profile_count = 0;
    node->open = false;
}

static void node_drop_rules(struct node *node)
{
    cm_rules_unref(node->rules);
    cm_rules_unref(node->overlay);
    node->rules = NULL;
    node->overlay = NULL;
}

static size_t block_size(const struct cm_index *index)
{
    return (size_t)(index->now.count + 1) * LANES;
}

// Zeroes, which need no memory until they are written.
static enum cm_status block_make(const struct cm_index *index, struct block *out)
{
    out->memory = calloc(1, block_size(index) + LANES);
    if (out->memory == NULL) {
        return CM_MEMORY;
    }
    out->rows = out->memory;
    out->rows += (LANES - (uintptr_t)out->memory % LANES) % LANES;
    return CM_OK;
}

static enum cm_status add_block(struct cm_index *index)
{
    struct block *blocks = realloc(index->blocks, (index->block_count + 1) * sizeof *blocks);
    if (blocks == NULL) {
        return CM_MEMORY;
    }
    index->blocks = blocks;
    enum cm_status status = block_make(index, &blocks[index->block_count]);
    index->block_count += status == CM_OK;
    return status;
}

static void fill(struct cm_index *index, uint32_t number, const uint8_t *parts, uint8_t all)
{
    uint8_t *cell = index->blocks[number / LANES].rows + number % LANES;
    for (uint32_t i = 0; i < index->now.count; i++, cell += LANES) {
        *cell = parts == NULL ? all : parts[i];
    }
}

static enum cm_status hold_all(struct cm_index *index, struct node *node,
                               const struct cm_split *split)
{
    node->profiles = calloc(split->profile_count + 1, sizeof *node->profiles);
    enum cm_status status = node->profiles == NULL ? CM_MEMORY : CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < split->profile_count; i++) {
        status = cm_profiles_hold(index->profiles, &node->profiles[i], split->profiles[i]);
        node->profile_count += status == CM_OK;
    }
    return status;
}

// An overlay is mostly compiled against the same directory as what it lies over.
static enum cm_status split_node(struct cm_index *index, struct node *node, struct cm_arena *arena,
                                 struct cm_split *out)
{
    struct cm_crowd over;
    struct cm_split_source source = {.directory = index->directory,
                                     .now = &index->now,
                                     .rules = node->rules,
                                     .then = &index->past.crowd,
                                     .overlay = node->overlay,
                                     .over_then = &index->past.crowd};
    enum cm_status status = past_make(&index->past, index->directory, node->rules);
    if (status == CM_OK && node->overlay != NULL &&
        node->overlay->members != node->rules->members) {
        status = cm_crowd_then(&over, arena, index->directory, node->overlay->members);
        source.over_then = &over;
    }
    return status == CM_OK ? cm_split_make(out, arena, &source) : status;
}

static void find_agency(struct cm_index *index, uint32_t number)
{
    struct node *node = &index->nodes[number];
    const struct cm_agency *agency =
        cm_directory_agency(index->directory, cm_rules_node(node->rules));
    node->agency = CM_NO_INDEX;
    if (agency != NULL) {
        node->agency = (uint32_t)(agency - index->directory->agencies);
        index->node_of[node->agency] = number;
    }
}

// The node's bytes anew. What can't be split in bounds is open, which is always right.
static void place(struct cm_index *index, uint32_t number)
{
    struct node *node = &index->nodes[number];
    struct cm_split split;
    node_clear(index, node);
    if (node->agency == CM_NO_INDEX) {
        fill(index, number, NULL, 0);
        return;
    }
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena == NULL ? CM_MEMORY : split_node(index, node, arena, &split);
    if (status == CM_OK) {
        status = hold_all(index, node, &split);
    }
    if (status == CM_OK) {
        fill(index, number, split.parts, 0);
    } else {
        node_clear(index, node);
        node->open = true;
        fill(index, number, NULL, OPEN_PART);
    }
    cm_arena_free(arena);
}

static enum cm_status see_directory(struct cm_index *index, const struct cm_directory *directory)
{
    cm_arena_free(index->arena);
    past_clear(&index->past);
    index->directory = directory;
    index->arena = cm_arena_new(ARENA_CAP);
    if (index->arena == NULL) {
        return CM_MEMORY;
    }
    enum cm_status status = cm_crowd_now(&index->now, index->arena, directory);
    if (status == CM_OK) {
        index->node_of =
            cm_arena_array(index->arena, directory->agency_count + 1, sizeof *index->node_of);
    }
    if (status != CM_OK || index->node_of == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < directory->agency_count; i++) {
        index->node_of[i] = CM_NO_INDEX;
    }
    return CM_OK;
}

enum cm_status cm_index_new(struct cm_index **out, const struct cm_directory *directory)
{
    struct cm_index *index = calloc(1, sizeof *index);
    *out = NULL;
    if (index == NULL) {
        return CM_MEMORY;
    }
    enum cm_status status = cm_profiles_new(&index->profiles);
    if (status == CM_OK) {
        status = see_directory(index, directory);
    }
    if (status != CM_OK) {
        cm_index_free(index);
        return status;
    }
    *out = index;
    return CM_OK;
}

static void free_blocks(struct cm_index *index)
{
    for (uint32_t i = 0; i < index->block_count; i++) {
        free(index->blocks[i].memory);
    }
    free(index->blocks);
    index->blocks = NULL;
    index->block_count = 0;
}

void cm_index_free(struct cm_index *index)
{
    if (index == NULL) {
        return;
    }
    for (uint32_t i = 0; i < index->node_count; i++) {
        free(index->nodes[i].profiles);
        node_drop_rules(&index->nodes[i]);
    }
    free(index->nodes);
    free_blocks(index);
    cm_profiles_free(index->profiles);
    past_clear(&index->past);
    cm_arena_free(index->arena);
    free(index);
}

// Of an agency that has left the directory too; CM_NO_INDEX when it has no node here.
static uint32_t find_node(const struct cm_index *index, const char *agency)
{
    const struct cm_agency *found = cm_directory_agency(index->directory, agency);
    if (found != NULL) {
        return index->node_of[found - index->directory->agencies];
    }
    for (uint32_t i = 0; i < index->node_count; i++) {
        const struct node *node = &index->nodes[i];
        if (node->rules != NULL && strcmp(cm_rules_node(node->rules), agency) == 0) {
            return i;
        }
    }
    return CM_NO_INDEX;
}

static enum cm_status new_node(struct cm_index *index, uint32_t *out)
{
    for (uint32_t i = 0; index->free_count > 0 && i < index->node_count; i++) {
        if (index->nodes[i].rules == NULL) {
            index->free_count--;
            *out = i;
            return CM_OK;
        }
    }
    if (index->node_count == index->node_cap) {
        uint32_t cap = index->node_cap == 0 ? LANES : index->node_cap * 2;
        struct node *nodes = realloc(index->nodes, cap * sizeof *nodes);
        if (nodes == NULL) {
            return CM_MEMORY;
        }
        index->nodes = nodes;
        index->node_cap = cap;
    }
    if (index->node_count == index->block_count * LANES && add_block(index) != CM_OK) {
        return CM_MEMORY;
    }
    index->placed += index->placed == index->node_count;
    *out = index->node_count++;
    index->nodes[*out] = (struct node){.agency = CM_NO_INDEX};
    return CM_OK;
}

enum cm_status cm_index_put(struct cm_index *index, struct cm_rules *rules,
                            struct cm_rules *overlay)
{
    uint32_t number = find_node(index, cm_rules_node(rules));
    if (number == CM_NO_INDEX && new_node(index, &number) != CM_OK) {
        return CM_MEMORY;
    }
    struct node *node = &index->nodes[number];
    cm_rules_ref(rules);
    if (overlay != NULL) {
        cm_rules_ref(overlay);
    }
    node_drop_rules(node);
    node->rules = rules;
    node->overlay = overlay;
    find_agency(index, number);
    place(index, number);
    return CM_OK;
}

void cm_index_remove(struct cm_index *index, const char *agency)
{
    uint32_t number = find_node(index, agency);
    if (number == CM_NO_INDEX) {
        return;
    }
    struct node *node = &index->nodes[number];
    if (node->agency != CM_NO_INDEX) {
        index->node_of[node->agency] = CM_NO_INDEX;
    }
    node_clear(index, node);
    node_drop_rules(node);
    fill(index, number, NULL, 0);
    node->agency = CM_NO_INDEX;
    index->free_count++;
}

enum cm_status cm_index_retrust(struct cm_index *index, const struct cm_directory *directory)
{
    uint32_t blocks = index->block_count;
    free_blocks(index);
    enum cm_status status = see_directory(index, directory);
    while (status == CM_OK && index->block_count < blocks) {
        status = add_block(index);
    }
    for (uint32_t i = 0; status == CM_OK && i < index->node_count; i++) {
        node_clear(index, &index->nodes[i]);
        if (index->nodes[i].rules != NULL) {
            find_agency(index, i);
        }
    }
    index->placed = 0;
    return status;
}

bool cm_index_step(struct cm_index *index, unsigned nodes)
{
    for (; nodes > 0 && index->placed < index->node_count; nodes--, index->placed++) {
        if (index->nodes[index->placed].rules != NULL) {
            place(index, index->placed);
        }
    }
    return index->placed < index->node_count;
}

const struct cm_directory *cm_index_directory(const struct cm_index *index)
{
    return index->directory;
}

static uint32_t find_asker(const struct cm_index *index, const char *agency)
{
    const struct cm_agency *found = cm_directory_agency(index->directory, agency);
    return found == NULL || !found->active ? CM_NO_INDEX
                                           : (uint32_t)(found - index->directory->agencies);
}

static enum cm_verdict judge_part(struct cm_index *index, const struct node *node, uint8_t part)
{
    return part == OPEN_PART ? CM_VERDICT_OPEN
                             : cm_profiles_verdict(index->profiles, node->profiles[part - 1]);
}

// Both must be permitted; where cameras are told apart, at the same camera.
static enum cm_verdict judge_parts(struct cm_index *index, const struct node *node, uint8_t asker,
                                   uint8_t other)
{
    if (asker == OPEN_PART || cm_profiles_sited(index->profiles, node->profiles[asker - 1]) ||
        cm_profiles_sited(index->profiles, node->profiles[other - 1])) {
        return CM_VERDICT_OPEN;
    }
    enum cm_verdict one = judge_part(index, node, asker);
    enum cm_verdict two = judge_part(index, node, other);
    return one < two ? one : two;
}

// other: the asker itself when it asks for nobody else.
static void decide_block(struct cm_index *index, uint32_t block, uint32_t asker, uint32_t other,
                         uint8_t *verdicts)
{
    const uint8_t *row = index->blocks[block].rows + (size_t)asker * LANES;
    const uint8_t *second = index->blocks[block].rows + (size_t)other * LANES;
    for (uint32_t lane = 0; lane < LANES; lane += 8) {
        uint64_t parts;
        memcpy(&parts, row + lane, sizeof parts);
        while (parts != 0) {
            uint32_t at = lane + (uint32_t)__builtin_ctzll(parts) / 8;
            parts &= ~(UINT64_C(0xff) << (at - lane) * 8);
            const struct node *node = &index->nodes[block * LANES + at];
            if (other == asker) {
                verdicts[node->agency] = (uint8_t)judge_part(index, node, row[at]);
            } else if (second[at] != 0) {
                verdicts[node->agency] = (uint8_t)judge_parts(index, node, row[at], second[at]);
            }
        }
    }
}

void cm_index_decide(struct cm_index *index, const struct cm_request *request, uint8_t *verdicts)
{
    const struct cm_directory *directory = index->directory;
    const struct cm_purpose *purpose = cm_directory_purpose(directory, request->purpose);
    uint32_t asker = find_asker(index, request->agency);
    bool both = request->on_behalf_of != NULL && request->on_behalf_of[0] != '\0';
    uint32_t other = both ? find_asker(index, request->on_behalf_of) : asker;
    memset(verdicts, CM_VERDICT_DENIED, directory->agency_count);
    if (purpose == NULL || asker == CM_NO_INDEX || other == CM_NO_INDEX) {
        return;
    }
    struct cm_profile_request question = {
        .role = request->role,
        .action = request->action,
        .evidence = request->evidence,
        .purpose = (uint32_t)(purpose - directory->purposes),
        .now_ms = request->now_ms,
        .youngest_s = cm_age_s(request->now_ms, request->window.to_ms - 1),
    };
    cm_profiles_ask(index->profiles, &question);
    for (uint32_t i = 0; i < index->block_count; i++) {
        if (i + AHEAD < index->block_count) {
            __builtin_prefetch(index->blocks[i + AHEAD].rows + (size_t)asker * LANES);
        }
        decide_block(index, i, asker, other, verdicts);
    }
    for (uint32_t i = index->placed; i < index->node_count; i++) {
        if (index->nodes[i].agency != CM_NO_INDEX) {
            verdicts[index->nodes[i].agency] = CM_VERDICT_OPEN;
        }
    }
}

void cm_index_measure(const struct cm_index *index, struct cm_index_size *out)
{
    *out = (struct cm_index_size){.profiles = cm_profiles_count(index->profiles)};
    out->bytes = sizeof *index + cm_arena_used(index->arena) + cm_profiles_bytes(index->profiles) +
                 index->node_cap * sizeof *index->nodes +
                 index->block_count * (block_size(index) + LANES + sizeof *index->blocks);
    if (index->past.arena != NULL) {
        out->bytes += cm_arena_used(index->past.arena);
    }
    for (uint32_t i = 0; i < index->node_count; i++) {
        const struct node *node = &index->nodes[i];
        out->nodes += node->rules != NULL;
        out->open += node->open;
        out->bytes += node->profile_count * sizeof *node->profiles;
    }
}

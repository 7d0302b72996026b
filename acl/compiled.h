// The inside of cm_rules: every rule a box, all names as numbers. Built by compile*.c, read by
// decide.c and the tools; immutable once built.
#ifndef CM_ACL_COMPILED_H
#define CM_ACL_COMPILED_H

#include "acl/ast.h"
#include "acl/members.h"

#include <stdatomic.h>

#define CM_NO_INDEX UINT32_MAX

// Row i is list[start[i]] up to list[start[i + 1]].
struct cm_table {
    uint32_t count;
    uint32_t *start;
    uint32_t *list;
};

struct cm_box_term {
    enum cm_term_kind kind;
    bool negated;
    unsigned mask; // KIND, ROLE
    uint32_t id_count;
    uint32_t group_count;
    uint32_t state_count;
    const uint32_t *ids;    // into rules->agencies, ascending
    const uint32_t *groups; // into rules->groups
    const char *const *states;
};

struct cm_box {
    const struct cm_box_term *terms;
    uint32_t term_count;
    bool says_self;           // `self` or `anyone`: a forbid covers the own agency
    uint8_t evidence;         // permit: all of them needed; forbid: any lifts it
    uint8_t fields;           // bit 0 the row; a forbid's may have bits of fields yet to come
    uint32_t actions;         // a forbid's may have bits of actions yet to come
    const uint64_t *purposes; // bits by index in rules->purposes; NULL: all, also later ones
    const uint64_t *classes;  // bits by camera class; NULL: all
    int64_t age_s;            // permit: up to and with; forbid: beyond, -1 for every age
    int64_t from_ms;
    int64_t until_ms;
    uint64_t per_day; // 0: no limit
    bool per_agency;
    struct cm_digest digest;      // of a limited permit's clauses
    const char *where;            // "file:line"
    const struct cm_rule *source; // only while compiling
};

struct cm_camera {
    const char *name;
    uint32_t class;
};

struct cm_rules {
    atomic_uint references;
    struct cm_arena *arena; // holds this struct's tables
    struct cm_members *members;
    const char *node;
    bool discloses;
    int64_t retain_s;

    uint32_t agency_count;
    const char **agencies; // all that are named, ascending
    uint32_t group_count;
    struct cm_table direct;  // agency → groups that list it
    struct cm_table parents; // group → groups that list it

    uint32_t purpose_count;
    const char **purposes; // of the directory and as named, ascending
    uint64_t *known;       // bits: in the directory

    uint32_t camera_count;     // in some site
    struct cm_camera *cameras; // ascending by name
    uint32_t class_count;      // class 0: cameras in no site

    uint32_t permit_count;
    uint32_t forbid_count;
    struct cm_box *permits;
    struct cm_box *forbids; // right behind the permits
};

static inline bool cm_bit(const uint64_t *bits, uint32_t index)
{
    return (bits[index / 64] >> (index % 64) & 1) != 0;
}

static inline void cm_bit_set(uint64_t *bits, uint32_t index)
{
    bits[index / 64] |= (uint64_t)1 << (index % 64);
}

static inline size_t cm_bit_words(uint32_t count)
{
    return ((size_t)count + 63) / 64;
}

// Index among ascending names, CM_NO_INDEX when absent.
uint32_t cm_names_find(const char *const *names, uint32_t count, const char *name);
// The class of a camera, 0 when it is in no site.
uint32_t cm_rules_class(const struct cm_rules *rules, const char *camera);

// What compile*.c share. Arrays of definitions are ascending by name.
struct cm_compiler {
    const struct cm_rules_source *source;
    const struct cm_ast *ast;
    struct cm_diagnostics *diagnostics;
    struct cm_arena *scratch;
    struct cm_rules *rules;
    uint32_t group_count;
    uint32_t site_count;
    const struct cm_definition **groups;
    const struct cm_definition **sites;
    struct cm_table site_classes; // site → camera classes
    size_t searched;              // names compared for "did you mean"
    uint64_t site_work;           // camera classes that rules with `at` tell apart, summed
};

// Each: CM_MEMORY, or CM_INVALID with the reason in diagnostics.
// Names: duplicates, agencies, groups, sites, purposes that don't exist, cycles.
enum cm_status cm_resolve(struct cm_compiler *compiler) CM_MUST_CHECK;
// The rest only runs on what resolved without error.
enum cm_status cm_compile_agencies(struct cm_compiler *compiler) CM_MUST_CHECK;
enum cm_status cm_compile_purposes(struct cm_compiler *compiler) CM_MUST_CHECK;
enum cm_status cm_compile_sites(struct cm_compiler *compiler) CM_MUST_CHECK;
enum cm_status cm_compile_boxes(struct cm_compiler *compiler) CM_MUST_CHECK;
// Warnings, and the packs that the directory requires. After the boxes.
enum cm_status cm_lint(struct cm_compiler *compiler) CM_MUST_CHECK;
// SHA-256 over a rule's clauses in one fixed order and spelling; notes left out.
enum cm_status cm_rule_digest(struct cm_digest *out, const struct cm_rule *rule) CM_MUST_CHECK;
// Index among definitions, CM_NO_INDEX when absent.
uint32_t cm_definition_find(const struct cm_definition *const *list, uint32_t count,
                            const char *name);
// Ascending, without repetitions, in place; returns the new count.
uint32_t cm_names_sort(const char **names, uint32_t count);

#endif

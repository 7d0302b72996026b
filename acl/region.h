// Products of sets over all dimensions of a point, cut out of each other exactly: what lint asks
// ("hidden wholly by forbids"). In the caller's arena; any thread.
#ifndef CM_ACL_REGION_H
#define CM_ACL_REGION_H

#include "acl/compiled.h"

struct cm_region {
    uint64_t *agencies; // active ones of the directory, by index
    uint64_t *classes;  // of cameras
    uint64_t purposes;  // by index in rules->purposes, which are at most 64
    int64_t from_ms, until_ms;
    int64_t youngest_s, oldest_s; // both included
    uint32_t actions;
    uint16_t evidence; // bit e: a request with the kinds e << 1
    uint8_t roles;     // bits 1u << enum cm_role
    uint8_t fields;    // bit 0 the row
};

struct cm_space {
    struct cm_arena *arena;
    const struct cm_rules *rules;
    uint32_t agency_count;
    uint32_t class_count;
    uint64_t work; // comparisons still allowed; counts down
};

enum { CM_REGION_PURPOSES = 64 };

bool cm_region_empty(const struct cm_space *space, const struct cm_region *region);
bool cm_region_contains(const struct cm_space *space, const struct cm_region *outer,
                        const struct cm_region *inner);
// The part of both; CM_MEMORY.
enum cm_status cm_region_meet(const struct cm_space *space, struct cm_region *out,
                              const struct cm_region *a, const struct cm_region *b) CM_MUST_CHECK;
// Whether the others together cover the region. Past a bound on the work *covered is false and
// *known too.
enum cm_status cm_region_covered(struct cm_space *space, const struct cm_region *region,
                                 const struct cm_region *others, size_t count, bool *covered,
                                 bool *known) CM_MUST_CHECK;

#endif

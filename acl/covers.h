// Whether a rule's box covers what a query asks, age and site left open: shared by the decision and
// the tools that explain it. Pure; any thread.
#ifndef CM_ACL_COVERS_H
#define CM_ACL_COVERS_H

#include "acl/compiled.h"
#include "acl/decide.h"

// One who asks, in the eyes of one rule set.
struct cm_asker {
    const struct cm_agency *now;  // NULL: not in the current directory
    const struct cm_member *then; // NULL: not in the rules' own directory
    bool unchanged;               // active then, and no new CA since: permits may count
    bool is_self;
    enum cm_role role;
    uint32_t agency;        // index in rules->agencies or CM_NO_INDEX
    const uint64_t *groups; // bits: groups that hold it
};

// The groups that hold agency, an index in rules->agencies: sets their bits, which are clear, and
// lists them in queue, which has room for all. Returns how many.
uint32_t cm_groups_above(uint64_t *bits, uint32_t *queue, const struct cm_rules *rules,
                         uint32_t agency);

// Groups go to the arena. CM_MEMORY.
enum cm_status cm_asker_init(struct cm_asker *out, struct cm_arena *arena,
                             const struct cm_rules *rules, const struct cm_directory *directory,
                             const char *agency, enum cm_role role) CM_MUST_CHECK;

// The terms alone, for an agency of that kind and state.
bool cm_who_holds(const struct cm_box *box, const struct cm_asker *asker, enum cm_kind kind,
                  const char *state);

// Whether a rule's who covers the asker: a permit's then and now, a forbid's at either time.
bool cm_permit_admits(const struct cm_box *permit, const struct cm_asker *asker);
bool cm_forbid_reaches(const struct cm_box *forbid, const struct cm_asker *asker);

// NONE: the rule covers some point of the request; else the first clause that does not.
enum cm_miss cm_permit_misses(const struct cm_box *permit, const struct cm_asker *asker,
                              const struct cm_request *request, uint32_t purpose);
enum cm_miss cm_forbid_misses(const struct cm_box *forbid, const struct cm_asker *asker,
                              const struct cm_request *request, uint32_t purpose);

#endif

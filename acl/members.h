// Who was in a directory: what rules compiled against it later compare with the current one.
// Immutable, reference-counted, safe on any thread; shared by all rules of one directory.
#ifndef CM_ACL_MEMBERS_H
#define CM_ACL_MEMBERS_H

#include "proto/codec/directory.h"

struct cm_members;

// Copies what it needs, once for all that ask for the same signed directory. CM_MEMORY.
enum cm_status cm_members_new(struct cm_members **out,
                              const struct cm_directory *directory) CM_MUST_CHECK;
struct cm_members *cm_members_ref(struct cm_members *members);
void cm_members_unref(struct cm_members *members);

struct cm_member {
    const char *id;
    enum cm_kind kind;
    char state[3]; // "" for none
    bool active;
    uint32_t pin_count;
    const struct cm_digest *pins; // of its CAs
};

// All of them, ascending by id; borrowed.
const struct cm_member *cm_members_list(const struct cm_members *members, size_t *count);
// NULL when absent.
const struct cm_member *cm_members_find(const struct cm_members *members, const char *id);
// Whether every CA that the agency has now was already its own then.
bool cm_member_keeps_keys(const struct cm_member *member, const struct cm_agency *now);

#endif

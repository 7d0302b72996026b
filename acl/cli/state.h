// A state of rules that a tool compares: a rule file with what it includes, or a signed rule set.
// What is signed is not verified here: tools that only compare decide nothing. Main thread.
#ifndef CM_ACL_CLI_STATE_H
#define CM_ACL_CLI_STATE_H

#include "acl/cells.h"
#include "acl/files.h"

struct cm_acl_directory {
    struct cm_arena *arena;
    struct cm_directory value;
};

struct cm_acl_state {
    struct cm_acl_files files; // of a rule file
    struct cm_arena *arena;    // of a signed set
    bool is_signed;
    struct cm_ruleset set;
    struct cm_rules *rules;
};

// The signed directory or its JSON; path NULL: the default place.
enum cm_status cm_acl_directory_load(struct cm_acl_directory *out, const char *path,
                                     struct cm_error *error) CM_MUST_CHECK;
void cm_acl_directory_clear(struct cm_acl_directory *directory);

// Reads path and compiles it against the directory. Errors in the rules are printed, and
// CM_INVALID.
enum cm_status cm_acl_state_load(struct cm_acl_state *out, const char *path,
                                 const struct cm_directory *directory, const char *packs,
                                 struct cm_error *error) CM_MUST_CHECK;
// A signed set alone, not yet compiled; CM_NOT_FOUND when there is no such file.
enum cm_status cm_acl_set_read(struct cm_acl_state *out, const char *path,
                               struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_acl_set_compile(struct cm_acl_state *state, const struct cm_directory *directory,
                                  struct cm_error *error) CM_MUST_CHECK;
// The rules of a file as if it included that pack too.
enum cm_status cm_acl_state_include(struct cm_acl_state *state, const char *pack, const char *packs,
                                    const struct cm_directory *directory,
                                    struct cm_error *error) CM_MUST_CHECK;
void cm_acl_state_clear(struct cm_acl_state *state);

#endif

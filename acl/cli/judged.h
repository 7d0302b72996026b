// A rule file as a tool sees it: its files, the directory to judge by, the compiled rules and all
// that was found wrong. Main thread.
#ifndef CM_ACL_CLI_JUDGED_H
#define CM_ACL_CLI_JUDGED_H

#include "acl/decide.h"
#include "acl/files.h"

struct cm_judged {
    struct cm_acl_files files;
    struct cm_arena *arena; // the directory's; NULL: it is somebody else's
    struct cm_directory directory;
    struct cm_diagnostics diagnostics;
    struct cm_rules *rules; // NULL when there are errors
};

// directory, packs: NULL for the default places. CM_OK also when the rules have errors: see
// diagnostics.errors.
enum cm_status cm_judged_load(struct cm_judged *out, const char *path, const char *directory,
                              const char *packs, struct cm_error *error) CM_MUST_CHECK;
// The same by a directory at hand, which must outlive out.
enum cm_status cm_judged_by(struct cm_judged *out, const char *path,
                            const struct cm_directory *directory, const char *packs,
                            struct cm_error *error) CM_MUST_CHECK;
// The same for a set that was signed already: its own files.
enum cm_status cm_judged_set(struct cm_judged *out, const struct cm_ruleset *set,
                             const struct cm_directory *directory,
                             struct cm_error *error) CM_MUST_CHECK;
void cm_judged_clear(struct cm_judged *judged);
// Diagnostics on standard error, as people read them, and how many there are of each.
void cm_judged_print(const struct cm_judged *judged);

#endif

// Why a proposal is not what was signed: which file was edited, which pack is another one, what the
// directory or the program changed, and which of these would widen. Main thread.
#ifndef CM_ACL_CLI_CAUSES_H
#define CM_ACL_CLI_CAUSES_H

#include "acl/diff.h"
#include "acl/files.h"

enum cm_cause_kind {
    CM_CAUSE_NONE = 0,
    CM_CAUSE_FILE,
    CM_CAUSE_PACK,
    CM_CAUSE_DIRECTORY,
    CM_CAUSE_PROGRAM,
};

enum { CM_MOST_CAUSES = 256 }; // more are only counted

struct cm_cause {
    enum cm_cause_kind kind;
    bool widens;      // by itself, or it can't be told from the others
    const char *name; // the file's, pack's, agency's or purpose's; borrowed
    char text[192];
};

struct cm_causes {
    size_t count;
    size_t more;
    struct cm_cause list[CM_MOST_CAUSES];
};

struct cm_causes_source {
    const struct cm_ruleset *set;     // signed
    const struct cm_directory *then;  // that it names
    const struct cm_directory *now;   // the current one
    const struct cm_acl_files *files; // proposed
    const struct cm_diff *diff;       // from the set to the proposal
    int64_t now_ms;
};

const char *cm_cause_kind_name(enum cm_cause_kind kind);
enum cm_status cm_causes_find(struct cm_causes *out, const struct cm_causes_source *source,
                              struct cm_error *error) CM_MUST_CHECK;

#endif

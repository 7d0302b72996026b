// Expectations that an administrator keeps beside the rules (ACL.md, "Expectations"): read, run,
// and for each that does not hold what is visible instead and which rule decided. Pure; any thread.
#ifndef CM_ACL_EXPECT_H
#define CM_ACL_EXPECT_H

#include "acl/rules.h"

enum { CM_MAX_EXPECT_FILE = 32 * 1024 * 1024 };

// Runs all of a file's expectations on rules, in the eyes of directory; *count: how many.
// errors: what can't be read (then CM_INVALID and nothing was run), and warnings.
// failures: one error for each that does not hold, its hint the rule that decided; of many only the
// first are kept.
enum cm_status cm_expect_run(size_t *count, const struct cm_rule_file *file,
                             const struct cm_rules *rules, const struct cm_directory *directory,
                             int64_t now_ms, struct cm_diagnostics *errors,
                             struct cm_diagnostics *failures) CM_MUST_CHECK;

#endif

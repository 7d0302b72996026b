// `comity acl test`: expectations run on a rule file. Main thread.
#ifndef CM_ACL_CLI_TEST_H
#define CM_ACL_CLI_TEST_H

#include "acl/cli/judged.h"

int cm_acl_test(int argc, char **argv);
// The expectations beside a rule file (valley.acltest for valley.rules), run on what was judged
// without errors. *held: all hold, or there are none; what does not is said on standard error.
enum cm_status cm_acl_test_beside(bool *held, const char *rules_path,
                                  const struct cm_judged *judged,
                                  struct cm_error *error) CM_MUST_CHECK;

#endif

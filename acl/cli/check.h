// `comity acl check`: errors and lint of a rule file. Main thread.
#ifndef CM_ACL_CLI_CHECK_H
#define CM_ACL_CLI_CHECK_H

// Exit code: 0, 1 errors, 2 wrong usage, or warnings with --strict.
int cm_acl_check(int argc, char **argv);

#endif

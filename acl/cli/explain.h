// `comity acl explain`: what one requester would see under a rule file, and why. Main thread.
#ifndef CM_ACL_CLI_EXPLAIN_H
#define CM_ACL_CLI_EXPLAIN_H

// Exit code: 0 something is visible, 1 errors in the file, 2 wrong usage, 3 nothing is visible.
int cm_acl_explain(int argc, char **argv);

#endif

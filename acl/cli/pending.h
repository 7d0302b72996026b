// `comity acl pending`: what waits for an administrator's signature, and why. Main thread.
#ifndef CM_ACL_CLI_PENDING_H
#define CM_ACL_CLI_PENDING_H

// Exit code: 0 nothing waits, 1 the rules have errors, 2 wrong usage, 3 something waits.
int cm_acl_pending(int argc, char **argv);

#endif

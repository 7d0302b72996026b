// `comity acl apply`: an administrator signs the rules that shall count from now on. Main thread.
#ifndef CM_ACL_CLI_APPLY_H
#define CM_ACL_CLI_APPLY_H

// Exit code: 0 signed (and handed to the node), 1 not, 2 wrong usage.
int cm_acl_apply(int argc, char **argv);

#endif

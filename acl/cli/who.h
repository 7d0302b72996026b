// `comity acl who`: the sharing matrix. Main thread.
#ifndef CM_ACL_CLI_WHO_H
#define CM_ACL_CLI_WHO_H

// Exit code: 0, 1 the file has errors, 2 wrong usage.
int cm_acl_who(int argc, char **argv);

#endif

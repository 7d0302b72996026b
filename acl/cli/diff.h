// `comity acl diff`: exactly what each agency gains and loses. Main thread.
#ifndef CM_ACL_CLI_DIFF_H
#define CM_ACL_CLI_DIFF_H

// Exit code: 0 nothing widens, 1 a file has errors, 2 wrong usage, 3 something widens.
int cm_acl_diff(int argc, char **argv);

#endif

// `comity acl fmt`: one layout for a rule file. Main thread.
#ifndef CM_ACL_CLI_FMT_H
#define CM_ACL_CLI_FMT_H

int cm_acl_fmt(int argc, char **argv);

#endif

// `comity acl export`: rules in another language, for that one's analysers. Main thread.
#ifndef CM_ACL_CLI_EXPORT_H
#define CM_ACL_CLI_EXPORT_H

// Exit code: 0, 1 errors in the rules or nothing written, 2 wrong usage.
int cm_acl_export(int argc, char **argv);

#endif

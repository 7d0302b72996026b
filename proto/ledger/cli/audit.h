// The subcommands of `comity audit`: argv[0] is the name so far. Main thread.
#ifndef CM_LEDGER_CLI_AUDIT_H
#define CM_LEDGER_CLI_AUDIT_H

int cm_audit_verify(int argc, char **argv);
int cm_audit_show(int argc, char **argv);
int cm_audit_reveal(int argc, char **argv);
int cm_audit_export(int argc, char **argv);

#endif

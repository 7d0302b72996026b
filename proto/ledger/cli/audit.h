// The subcommands of `comity audit`: argv[0] is the name so far. Main thread.
#ifndef CM_LEDGER_CLI_AUDIT_H
#define CM_LEDGER_CLI_AUDIT_H

// Beside cm_exit's: what was looked at is not as it must be, or two parties' ledgers differ.
enum { CM_EXIT_AUDIT_WRONG = 3 };

int cm_audit_verify(int argc, char **argv);
int cm_audit_show(int argc, char **argv);
int cm_audit_reveal(int argc, char **argv);
int cm_audit_export(int argc, char **argv);

#endif

// The subcommands of `comity receipt`; each returns the program's exit code. Main thread.
#ifndef CM_CLIENT_RECEIPT_DESK_H
#define CM_CLIENT_RECEIPT_DESK_H

int cm_receipt_list(int argc, char **argv);
int cm_receipt_save(int argc, char **argv);
int cm_receipt_check(int argc, char **argv);

#endif

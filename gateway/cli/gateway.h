// The subcommands of `comity gateway`: argv[0] is the name so far. Main thread.
#ifndef CM_GATEWAY_CLI_GATEWAY_H
#define CM_GATEWAY_CLI_GATEWAY_H

int cm_gateway_backup(int argc, char **argv);
int cm_gateway_recover(int argc, char **argv);

#endif

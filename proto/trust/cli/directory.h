// The commands of `comity directory`: each parses its line, does its work and returns an exit code.
// Main thread only.
#ifndef CM_TRUST_CLI_DIRECTORY_H
#define CM_TRUST_CLI_DIRECTORY_H

#include "proto/base/cli_args.h"

#define CM_DIRECTORY_FILE "directory.json" // unless --file says otherwise

int cm_directory_cli_init(int argc, char **argv);
int cm_directory_cli_add(int argc, char **argv);
int cm_directory_cli_set(int argc, char **argv);
int cm_directory_cli_retire(int argc, char **argv);
int cm_directory_cli_gateway(int argc, char **argv);
int cm_directory_cli_purpose(int argc, char **argv);
int cm_directory_cli_show(int argc, char **argv);
int cm_directory_cli_sign(int argc, char **argv);

#endif

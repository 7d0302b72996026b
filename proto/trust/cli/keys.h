// The commands of `comity keys`: each parses its line, does its work and returns an exit code.
// Main thread only.
#ifndef CM_TRUST_CLI_KEYS_H
#define CM_TRUST_CLI_KEYS_H

#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/trust/cli/subject.h"

int cm_keys_root(int argc, char **argv);
int cm_keys_ca(int argc, char **argv);
int cm_keys_request(int argc, char **argv);
int cm_keys_sign(int argc, char **argv);
int cm_keys_revoke(int argc, char **argv);
int cm_keys_crl(int argc, char **argv);
int cm_keys_show(int argc, char **argv);
int cm_keys_pin(int argc, char **argv);

// "name    value", as all of them print.
void cm_keys_line(const char *name, const char *value);
// Wrapped advice after an empty line.
void cm_keys_advice(const char *text);
// "2026-11-22 08:50 UTC"; out holds 32 characters.
const char *cm_keys_time(char out[32], int64_t ms);

#endif

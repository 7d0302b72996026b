// Who would be asked, for people or programs. One thread.
#ifndef CM_CLIENT_REACH_PRINT_H
#define CM_CLIENT_REACH_PRINT_H

#include "gateway/client/printer.h"

// response: an encoded ReachResponse that was verified. Returns the exit code: 0, or
// CM_EXIT_NOBODY.
int cm_reach_print(FILE *out, struct cm_bytes response, enum cm_format format);

#endif

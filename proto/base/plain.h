// Text that others wrote, on its way to a terminal. Pure; any thread.
#ifndef CM_BASE_PLAIN_H
#define CM_BASE_PLAIN_H

#include <stddef.h>

// Control, bidirectional and malformed characters become "?". Always terminated, cut to size and to
// whole characters. Returns out.
char *cm_plain(char *out, size_t size, const char *text);

#endif

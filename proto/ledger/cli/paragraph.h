// Text for people at 80 columns, safe for their terminals. Main thread.
#ifndef CM_LEDGER_CLI_PARAGRAPH_H
#define CM_LEDGER_CLI_PARAGRAPH_H

#include "proto/base/status.h"

#include <stdio.h>

// Its first line indented, later ones two columns more; to 16 KiB.
void cm_paragraph(FILE *out, size_t indent, const char *format, ...) CM_PRINTF(3, 4);

#endif

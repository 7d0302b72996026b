#include "proto/ledger/cli/paragraph.h"

#include "proto/base/bytes.h"
#include "proto/base/cli.h"
#include "proto/base/plain.h"

#include <stdarg.h>

enum { PLAIN = 16 * 1024 };

void cm_paragraph(FILE *out, size_t indent, const char *format, ...)
{
    char plain[PLAIN];
    struct cm_buf text = {.max = PLAIN};
    va_list list;
    uint8_t *at;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length > 0 && cm_buf_reserve(&text, (size_t)length + 1, &at) == CM_OK) {
        va_start(list, format);
        vsnprintf((char *)at, (size_t)length + 1, format, list);
        va_end(list);
        cm_plain(plain, sizeof plain, (const char *)at);
        fprintf(out, "%*s", (int)indent, "");
        cm_cli_wrap(out, plain, indent, indent + 2);
        cm_wipe(at, (size_t)length);
    }
    cm_buf_clear(&text);
}

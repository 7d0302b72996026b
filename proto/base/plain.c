#include "proto/base/plain.h"

#include <stdbool.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

static bool printable(ucs4_t c)
{
    return !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf |
                                                    UC_CATEGORY_MASK_Cs | UC_CATEGORY_MASK_Zl |
                                                    UC_CATEGORY_MASK_Zp);
}

char *cm_plain(char *out, size_t size, const char *text)
{
    const uint8_t *in = (const uint8_t *)text;
    size_t left = strlen(text);
    size_t len = 0;
    while (left > 0) {
        ucs4_t c;
        int step = u8_mbtoucr(&c, in, left);
        bool good = step > 0 && printable(c);
        size_t used = step > 0 ? (size_t)step : 1;
        size_t put = good ? used : 1;
        if (len + put + 1 > size) {
            break;
        }
        memcpy(out + len, good ? (const char *)in : "?", put);
        len += put;
        in += used;
        left -= used;
    }
    out[len] = '\0';
    return out;
}

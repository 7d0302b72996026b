#include "proto/ledger/crc32c.h"

#include <pthread.h>
#include <string.h>

// tables[k][b]: the remainder of byte b with k more bytes after it, so that eight go at once.
static uint32_t tables[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    const uint32_t polynomial = 0x82f63b78; // reflected
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        }
        tables[0][i] = crc;
    }
    for (unsigned after = 1; after < 8; after++) {
        for (unsigned i = 0; i < 256; i++) {
            const uint32_t crc = tables[after - 1][i];
            tables[after][i] = crc >> 8 ^ tables[0][crc & 0xff];
        }
    }
}

static uint32_t by_tables(uint32_t crc, const uint8_t *at, size_t left)
{
    pthread_once(&once, make_tables);
    for (; left >= 8; at += 8, left -= 8) {
        crc ^=
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        crc = tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^ tables[5][crc >> 16 & 0xff] ^
              tables[4][crc >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
              tables[0][at[7]];
    }
    for (; left > 0; at++, left--) {
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
    }
    return crc;
}

#ifdef __x86_64__
// The processor's own instruction for this polynomial.
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
                                                                 size_t left)
{
    uint64_t wide = crc;
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; left > 0; at++, left--) {
        crc = __builtin_ia32_crc32qi(crc, *at);
    }
    return crc;
}
#endif

uint32_t cm_crc32c(uint32_t crc, struct cm_bytes data)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return ~by_instruction(~crc, data.data, data.len);
    }
#endif
    return cm_crc32c_by_tables(crc, data);
}

uint32_t cm_crc32c_by_tables(uint32_t crc, struct cm_bytes data)
{
    return ~by_tables(~crc, data.data, data.len);
}

#include "proto/ledger/crc32c.h"

#include <pthread.h>

static uint32_t table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    const uint32_t polynomial = 0x82f63b78; // reflected
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        }
        table[i] = crc;
    }
}

uint32_t cm_crc32c(uint32_t crc, struct cm_bytes data)
{
    pthread_once(&once, make_table);
    crc = ~crc;
    for (size_t i = 0; i < data.len; i++) {
        crc = crc >> 8 ^ table[(crc ^ data.data[i]) & 0xff];
    }
    return ~crc;
}

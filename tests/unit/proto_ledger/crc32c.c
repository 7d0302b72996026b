#include "proto/ledger/crc32c.h"

#include <criterion/criterion.h>

#include <stdlib.h>

Test(crc32c, check_values)
{
    static const uint8_t zeros[32];
    // The catalogue's check value, and RFC 3720 appendix B.4.
    const struct cm_bytes check = cm_bytes_of("123456789");
    cr_assert_eq(cm_crc32c(0, check), 0xe3069283);
    cr_assert_eq(cm_crc32c_by_tables(0, check), 0xe3069283);
    cr_assert_eq(cm_crc32c(0, (struct cm_bytes){zeros, sizeof zeros}), 0x8a9136aa);
    cr_assert_eq(cm_crc32c(0, CM_BYTES_NONE), 0);
    cr_assert_eq(cm_crc32c(cm_crc32c(0, cm_bytes_of("1234")), cm_bytes_of("56789")), 0xe3069283);
}

Test(crc32c, both_ways_agree_at_any_length_and_place)
{
    uint8_t data[300];
    srandom(20251122);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)random();
    }
    for (size_t begin = 0; begin < 9; begin++) {
        for (size_t len = 0; len + begin <= sizeof data; len++) {
            const struct cm_bytes part = {data + begin, len};
            const uint32_t from = (uint32_t)random();
            cr_assert_eq(cm_crc32c(from, part), cm_crc32c_by_tables(from, part));
        }
    }
}

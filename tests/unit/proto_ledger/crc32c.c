#include "proto/ledger/crc32c.h"

#include <criterion/criterion.h>

Test(crc32c, check_values)
{
    const uint8_t zeros[32] = {0};
    // The catalogue's check value, and RFC 3720 appendix B.4.
    cr_assert_eq(cm_crc32c(0, cm_bytes_of("123456789")), 0xe3069283u);
    cr_assert_eq(cm_crc32c(0, (struct cm_bytes){zeros, sizeof zeros}), 0x8a9136aau);
    cr_assert_eq(cm_crc32c(cm_crc32c(0, cm_bytes_of("1234")), cm_bytes_of("56789")), 0xe3069283u);
}

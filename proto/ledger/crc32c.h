// CRC-32C (Castagnoli, RFC 3720 appendix B.4). Pure; any thread.
#ifndef CM_LEDGER_CRC32C_H
#define CM_LEDGER_CRC32C_H

#include "proto/base/bytes.h"

// Continues from crc, 0 to begin.
uint32_t cm_crc32c(uint32_t crc, struct cm_bytes data);
// The same without the processor's own instruction.
uint32_t cm_crc32c_by_tables(uint32_t crc, struct cm_bytes data);

#endif

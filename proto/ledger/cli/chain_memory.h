// The certificates of signers as access records bring them, for later records of the same day that
// leave them out. Holds two days of one epoch; bounded. One thread.
#ifndef CM_LEDGER_CLI_CHAIN_MEMORY_H
#define CM_LEDGER_CLI_CHAIN_MEMORY_H

#include "proto/codec/envelope.h"

enum { CM_MAX_CHAIN_MEMORY = 64 * 1024 * 1024 }; // bytes

struct cm_chain_memory;

struct cm_chain_memory *cm_chain_memory_new(void);
void cm_chain_memory_free(struct cm_chain_memory *memory);
void cm_chain_memory_reset(struct cm_chain_memory *memory);

// Of the record at index; indices ascend. Forgets what is older than the day before. CM_MEMORY past
// the bound.
enum cm_status cm_chain_memory_put(struct cm_chain_memory *memory, uint64_t index, uint32_t day,
                                   const struct cm_signature *signature) CM_MUST_CHECK;
// Gives signature the chain that the record at index brought that day. It borrows until the next
// put. CM_NOT_FOUND.
enum cm_status cm_chain_memory_get(struct cm_signature *signature,
                                   const struct cm_chain_memory *memory, uint64_t index,
                                   uint32_t day) CM_MUST_CHECK;

#endif

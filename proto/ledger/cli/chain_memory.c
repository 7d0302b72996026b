#include "proto/ledger/cli/chain_memory.h"

#include <stdlib.h>
#include <string.h>

struct chain {
    uint64_t index;
    uint32_t day;
    struct cm_digest keyid;
    size_t count;
    size_t lengths[CM_MAX_CHAIN];
    uint8_t *bytes; // one after the other
};

struct cm_chain_memory {
    size_t count, cap, used;
    struct chain *chains; // ascending by index
};

struct cm_chain_memory *cm_chain_memory_new(void)
{
    return calloc(1, sizeof(struct cm_chain_memory));
}

void cm_chain_memory_reset(struct cm_chain_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        free(memory->chains[i].bytes);
    }
    memory->count = memory->used = 0;
}

void cm_chain_memory_free(struct cm_chain_memory *memory)
{
    if (memory) {
        cm_chain_memory_reset(memory);
        free(memory->chains);
        free(memory);
    }
}

static size_t size_of(const struct chain *chain)
{
    size_t size = 0;
    for (size_t i = 0; i < chain->count; i++) {
        size += chain->lengths[i];
    }
    return size;
}

static void forget_before(struct cm_chain_memory *memory, uint32_t day)
{
    size_t kept = 0;
    for (size_t i = 0; i < memory->count; i++) {
        if (memory->chains[i].day < day) {
            memory->used -= size_of(&memory->chains[i]);
            free(memory->chains[i].bytes);
        } else {
            memory->chains[kept++] = memory->chains[i];
        }
    }
    memory->count = kept;
}

static bool room_for_one(struct cm_chain_memory *memory)
{
    if (memory->count < memory->cap) {
        return true;
    }
    const size_t cap = memory->cap == 0 ? 64 : memory->cap * 2;
    struct chain *chains = reallocarray(memory->chains, cap, sizeof *chains);
    if (chains) {
        memory->chains = chains;
        memory->cap = cap;
    }
    return chains != NULL;
}

enum cm_status cm_chain_memory_put(struct cm_chain_memory *memory, uint64_t index, uint32_t day,
                                   const struct cm_signature *signature)
{
    struct chain chain = {
        .index = index, .day = day, .keyid = signature->keyid, .count = signature->chain_count};
    if (memory->count > 0 && memory->chains[memory->count - 1].day < day && day > 0) {
        forget_before(memory, day - 1);
    }
    for (size_t i = 0; i < chain.count; i++) {
        chain.lengths[i] = signature->chain[i].len;
    }
    const size_t size = size_of(&chain);
    chain.bytes = memory->used + size <= CM_MAX_CHAIN_MEMORY && room_for_one(memory)
                      ? malloc(size + 1)
                      : NULL;
    if (!chain.bytes) {
        return CM_MEMORY;
    }
    uint8_t *at = chain.bytes;
    for (size_t i = 0; i < chain.count; i++) {
        memcpy(at, signature->chain[i].data, chain.lengths[i]);
        at += chain.lengths[i];
    }
    memory->chains[memory->count++] = chain;
    memory->used += size;
    return CM_OK;
}

static int by_index(const void *key, const void *element)
{
    const uint64_t index = *(const uint64_t *)key;
    const struct chain *chain = element;
    return index < chain->index ? -1 : index > chain->index;
}

enum cm_status cm_chain_memory_get(struct cm_signature *signature,
                                   const struct cm_chain_memory *memory, uint64_t index,
                                   uint32_t day)
{
    const struct chain *chain = memory->count == 0 ? NULL
                                                   : bsearch(&index, memory->chains, memory->count,
                                                             sizeof *memory->chains, by_index);
    if (!chain || chain->day != day || !cm_digest_equal(&chain->keyid, &signature->keyid)) {
        return CM_NOT_FOUND;
    }
    const uint8_t *at = chain->bytes;
    signature->chain_count = chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        signature->chain[i] = (struct cm_bytes){at, chain->lengths[i]};
        at += chain->lengths[i];
    }
    return CM_OK;
}

#include "proto/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t data[];
};

struct cm_arena {
    struct block *first;
    struct block *current;
    size_t cap;
    size_t used;
};

static struct block *block_new(size_t size)
{
    struct block *block = malloc(sizeof *block + size);
    if (block != NULL) {
        block->next = NULL;
        block->size = size;
        block->used = 0;
    }
    return block;
}

struct cm_arena *cm_arena_new(size_t cap)
{
    struct cm_arena *arena = malloc(sizeof *arena);
    struct block *first = block_new(cap < FIRST_BLOCK ? cap : FIRST_BLOCK);
    if (arena == NULL || first == NULL) {
        free(arena);
        free(first);
        return NULL;
    }
    *arena = (struct cm_arena){.first = first, .current = first, .cap = cap};
    return arena;
}

// Arenas hold what people asked: nothing of it stays behind in freed memory.
static void free_blocks(struct block *block)
{
    while (block != NULL) {
        struct block *next = block->next;
        cm_wipe(block->data, block->used);
        free(block);
        block = next;
    }
}

void cm_arena_free(struct cm_arena *arena)
{
    if (arena != NULL) {
        free_blocks(arena->first);
        free(arena);
    }
}

void cm_arena_reset(struct cm_arena *arena)
{
    free_blocks(arena->first->next);
    arena->first->next = NULL;
    cm_wipe(arena->first->data, arena->first->used);
    arena->first->used = 0;
    arena->current = arena->first;
    arena->used = 0;
}

void *cm_arena_alloc(struct cm_arena *arena, size_t size)
{
    if (size > arena->cap || size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded == 0) {
        rounded = ALIGNMENT;
    }
    if (rounded > arena->cap - arena->used) {
        return NULL;
    }
    struct block *block = arena->current;
    if (rounded > block->size - block->used) {
        size_t next_size = block->size * 2 < LARGEST_BLOCK ? block->size * 2 : LARGEST_BLOCK;
        block = block_new(rounded > next_size ? rounded : next_size);
        if (block == NULL) {
            return NULL;
        }
        arena->current->next = block;
        arena->current = block;
    }
    void *out = block->data + block->used;
    block->used += rounded;
    arena->used += rounded;
    memset(out, 0, rounded);
    return out;
}

void *cm_arena_array(struct cm_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return cm_arena_alloc(arena, count * size);
}

char *cm_arena_string(struct cm_arena *arena, struct cm_bytes text)
{
    char *out = text.len < SIZE_MAX ? cm_arena_alloc(arena, text.len + 1) : NULL;
    if (out != NULL && text.len > 0) {
        memcpy(out, text.data, text.len);
    }
    return out;
}

enum cm_status cm_arena_bytes(struct cm_arena *arena, struct cm_bytes *out, struct cm_bytes in)
{
    uint8_t *copy = cm_arena_alloc(arena, in.len);
    if (copy == NULL) {
        return CM_MEMORY;
    }
    if (in.len > 0) {
        memcpy(copy, in.data, in.len);
    }
    *out = (struct cm_bytes){copy, in.len};
    return CM_OK;
}

size_t cm_arena_used(const struct cm_arena *arena)
{
    return arena->used;
}

// A bump arena with a cap: one per query or message, freed and wiped as a whole. One thread at a
// time.
#ifndef CM_BASE_ARENA_H
#define CM_BASE_ARENA_H

#include "proto/base/bytes.h"

struct cm_arena;

// cap bounds all that is ever allocated from it. NULL when out of memory.
struct cm_arena *cm_arena_new(size_t cap);
void cm_arena_free(struct cm_arena *arena);
// Forgets all allocations, keeps the first block.
void cm_arena_reset(struct cm_arena *arena);

// Zeroed, aligned to 16; NULL past the cap. size 0 gives a valid pointer.
void *cm_arena_alloc(struct cm_arena *arena, size_t size);
// NULL on overflow or past the cap.
void *cm_arena_array(struct cm_arena *arena, size_t count, size_t size);
char *cm_arena_string(struct cm_arena *arena, struct cm_bytes text);
enum cm_status cm_arena_bytes(struct cm_arena *arena, struct cm_bytes *out,
                              struct cm_bytes in) CM_MUST_CHECK;
size_t cm_arena_used(const struct cm_arena *arena);

#endif

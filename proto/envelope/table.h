// A table of digests with a fixed capacity: each gets a slot, by which its owner keeps arrays of
// its own. All memory is taken at the start. One thread at a time.
#ifndef CM_ENVELOPE_TABLE_H
#define CM_ENVELOPE_TABLE_H

#include "proto/base/bytes.h"

struct cm_table;

#define CM_TABLE_NONE UINT32_MAX

// capacity: 1 to 2^24.
enum cm_status cm_table_new(struct cm_table **out, size_t capacity) CM_MUST_CHECK;
void cm_table_free(struct cm_table *table);
// The slot, below capacity; CM_TABLE_NONE when absent.
uint32_t cm_table_find(const struct cm_table *table, const struct cm_digest *key);
// key must be absent. CM_TABLE_NONE when the table is full.
uint32_t cm_table_add(struct cm_table *table, const struct cm_digest *key);
void cm_table_remove(struct cm_table *table, uint32_t slot);
size_t cm_table_count(const struct cm_table *table);

#endif

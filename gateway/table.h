// A chained hash table of nodes embedded in their owners, keyed by bytes that the owner keeps.
// Keys come from us, the directory or SHA-256: nobody outside can choose collisions. Loop thread.
#ifndef CM_GATEWAY_TABLE_H
#define CM_GATEWAY_TABLE_H

#include "proto/base/bytes.h"

struct cm_table_node {
    struct cm_table_node *next; // private
    struct cm_bytes key;        // borrowed from the owner while in a table
};

// Zeroed before init.
struct cm_table {
    struct cm_table_node **slots;
    size_t slot_count;
    size_t count;
};

// slots: fixed; chains grow beyond.
enum cm_status cm_table_init(struct cm_table *table, size_t slots) CM_MUST_CHECK;
// The nodes stay their owners'.
void cm_table_clear(struct cm_table *table);
// NULL when absent.
struct cm_table_node *cm_table_find(const struct cm_table *table, struct cm_bytes key);
// node->key must not be in the table yet.
void cm_table_add(struct cm_table *table, struct cm_table_node *node);
void cm_table_remove(struct cm_table *table, struct cm_table_node *node);
// The node after `after`, any order; NULL: the first, and at the end.
struct cm_table_node *cm_table_next(const struct cm_table *table,
                                    const struct cm_table_node *after);

#endif

#include "proto/envelope/table.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CAPACITY = 1 << 24 };

struct slot {
    struct cm_digest key;
    uint32_t next; // of its bucket, or of the free list
};

struct cm_table {
    uint64_t factor; // odd and secret: keys can't be chosen to meet in one bucket
    unsigned shift;
    uint32_t free;
    size_t count;
    struct slot *slots;
    uint32_t *buckets;
};

enum cm_status cm_table_new(struct cm_table **out, size_t capacity)
{
    *out = NULL;
    if (capacity == 0 || capacity > MAX_CAPACITY) {
        return CM_INVALID;
    }
    unsigned bits = 1;
    while (((size_t)1 << bits) < capacity) {
        bits++;
    }
    struct cm_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return CM_MEMORY;
    }
    size_t buckets = (size_t)1 << bits;
    table->shift = 64 - bits;
    table->slots = calloc(capacity, sizeof(*table->slots));
    table->buckets = malloc(buckets * sizeof(*table->buckets));
    enum cm_status status = CM_MEMORY;
    if (table->slots != NULL && table->buckets != NULL) {
        status = cm_random(&table->factor, sizeof(table->factor));
    }
    if (status != CM_OK) {
        cm_table_free(table);
        return status;
    }
    table->factor |= 1;
    memset(table->buckets, 0xff, buckets * sizeof(*table->buckets));
    for (size_t i = 0; i < capacity; i++) {
        table->slots[i].next = i + 1 < capacity ? (uint32_t)(i + 1) : CM_TABLE_NONE;
    }
    *out = table;
    return CM_OK;
}

void cm_table_free(struct cm_table *table)
{
    if (table == NULL) {
        return;
    }
    free(table->slots);
    free(table->buckets);
    free(table);
}

static uint32_t *bucket_of(const struct cm_table *table, const struct cm_digest *key)
{
    uint64_t word;
    memcpy(&word, key->b, sizeof(word));
    return &table->buckets[(word * table->factor) >> table->shift];
}

uint32_t cm_table_find(const struct cm_table *table, const struct cm_digest *key)
{
    uint32_t at = *bucket_of(table, key);
    while (at != CM_TABLE_NONE && !cm_digest_equal(&table->slots[at].key, key)) {
        at = table->slots[at].next;
    }
    return at;
}

uint32_t cm_table_add(struct cm_table *table, const struct cm_digest *key)
{
    uint32_t at = table->free;
    if (at == CM_TABLE_NONE) {
        return CM_TABLE_NONE;
    }
    struct slot *slot = &table->slots[at];
    table->free = slot->next;
    uint32_t *bucket = bucket_of(table, key);
    slot->key = *key;
    slot->next = *bucket;
    *bucket = at;
    table->count++;
    return at;
}

void cm_table_remove(struct cm_table *table, uint32_t slot)
{
    uint32_t *link = bucket_of(table, &table->slots[slot].key);
    while (*link != slot) {
        link = &table->slots[*link].next;
    }
    *link = table->slots[slot].next;
    table->slots[slot].next = table->free;
    table->free = slot;
    table->count--;
}

size_t cm_table_count(const struct cm_table *table)
{
    return table->count;
}

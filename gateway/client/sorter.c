#include "gateway/client/sorter.h"

#include <stdlib.h>
#include <string.h>

// Rows of one add, in one block: struct cm_row array, then their bytes.
struct parcel {
    struct parcel *next;
    size_t count;
    size_t taken;
    struct cm_row rows[];
};

struct lane {
    struct parcel *first;
    struct parcel **last;
    uint8_t last_key[CM_MAX_KEY];
    size_t last_key_len;
    bool ended;
    size_t slot; // place in the heap, from 1; 0 is not in it
};

struct cm_sorter {
    void (*emit)(void *context, const struct cm_row *row);
    void *context;
    uint8_t emitted[CM_MAX_KEY];
    size_t emitted_len;
    size_t heap_count;
    size_t *heap; // lanes that hold rows, the least head first; from 1
    size_t lane_count;
    struct lane lanes[];
};

enum cm_status cm_sorter_new(struct cm_sorter **out, size_t agencies,
                             void (*emit)(void *context, const struct cm_row *row), void *context)
{
    struct cm_sorter *sorter = calloc(1, sizeof *sorter + agencies * sizeof sorter->lanes[0]);
    size_t *heap = calloc(agencies + 1, sizeof *heap);
    if (sorter == NULL || heap == NULL) {
        free(sorter);
        free(heap);
        return CM_MEMORY;
    }
    sorter->emit = emit;
    sorter->context = context;
    sorter->heap = heap;
    sorter->lane_count = agencies;
    for (size_t i = 0; i < agencies; i++) {
        sorter->lanes[i].last = &sorter->lanes[i].first;
    }
    *out = sorter;
    return CM_OK;
}

void cm_sorter_free(struct cm_sorter *sorter)
{
    if (sorter == NULL) {
        return;
    }
    for (size_t i = 0; i < sorter->lane_count; i++) {
        for (struct parcel *p = sorter->lanes[i].first; p != NULL;) {
            struct parcel *next = p->next;
            free(p);
            p = next;
        }
    }
    free(sorter->heap);
    free(sorter);
}

static struct cm_bytes head_key(const struct cm_sorter *sorter, size_t lane)
{
    const struct parcel *parcel = sorter->lanes[lane].first;
    return parcel->rows[parcel->taken].key;
}

static bool before(const struct cm_sorter *sorter, size_t a, size_t b)
{
    return cm_bytes_compare(head_key(sorter, sorter->heap[a]), head_key(sorter, sorter->heap[b])) <
           0;
}

static void swap(struct cm_sorter *sorter, size_t a, size_t b)
{
    size_t lane = sorter->heap[a];
    sorter->heap[a] = sorter->heap[b];
    sorter->heap[b] = lane;
    sorter->lanes[sorter->heap[a]].slot = a;
    sorter->lanes[sorter->heap[b]].slot = b;
}

static void sift_up(struct cm_sorter *sorter, size_t at)
{
    for (; at > 1 && before(sorter, at, at / 2); at /= 2) {
        swap(sorter, at, at / 2);
    }
}

static void sift_down(struct cm_sorter *sorter, size_t at)
{
    for (size_t child = 2 * at; child <= sorter->heap_count; child = 2 * at) {
        if (child < sorter->heap_count && before(sorter, child + 1, child)) {
            child++;
        }
        if (!before(sorter, child, at)) {
            return;
        }
        swap(sorter, at, child);
        at = child;
    }
}

static struct parcel *parcel_new(const struct cm_row *rows, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += rows[i].key.len + rows[i].row.len;
    }
    struct parcel *parcel = malloc(sizeof *parcel + count * sizeof rows[0] + bytes);
    if (parcel == NULL) {
        return NULL;
    }
    parcel->next = NULL;
    parcel->count = count;
    parcel->taken = 0;
    uint8_t *at = (uint8_t *)(parcel->rows + count);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, rows[i].key.data, rows[i].key.len);
        parcel->rows[i].key = (struct cm_bytes){at, rows[i].key.len};
        at += rows[i].key.len;
        memcpy(at, rows[i].row.data, rows[i].row.len);
        parcel->rows[i].row = (struct cm_bytes){at, rows[i].row.len};
        at += rows[i].row.len;
    }
    return parcel;
}

static enum cm_status check_keys(const struct cm_sorter *sorter, const struct lane *lane,
                                 const struct cm_row *rows, size_t count)
{
    struct cm_bytes least = {lane->last_key, lane->last_key_len};
    if (cm_bytes_compare(least, cm_sorter_last(sorter)) < 0) {
        least = cm_sorter_last(sorter);
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].key.len == 0 || rows[i].key.len > CM_MAX_KEY ||
            cm_bytes_compare(rows[i].key, least) <= 0) {
            return CM_INVALID;
        }
        least = rows[i].key;
    }
    return CM_OK;
}

enum cm_status cm_sorter_add(struct cm_sorter *sorter, size_t index, const struct cm_row *rows,
                             size_t count)
{
    struct lane *lane = &sorter->lanes[index];
    if (count == 0) {
        return CM_OK;
    }
    if (lane->ended || check_keys(sorter, lane, rows, count) != CM_OK) {
        return CM_INVALID;
    }
    struct parcel *parcel = parcel_new(rows, count);
    if (parcel == NULL) {
        return CM_MEMORY;
    }
    *lane->last = parcel;
    lane->last = &parcel->next;
    lane->last_key_len = rows[count - 1].key.len;
    memcpy(lane->last_key, rows[count - 1].key.data, lane->last_key_len);
    if (lane->slot == 0) {
        sorter->heap[++sorter->heap_count] = index;
        lane->slot = sorter->heap_count;
        sift_up(sorter, lane->slot);
    }
    return CM_OK;
}

void cm_sorter_end(struct cm_sorter *sorter, size_t lane)
{
    sorter->lanes[lane].ended = true;
}

static void emit_head(struct cm_sorter *sorter)
{
    struct lane *lane = &sorter->lanes[sorter->heap[1]];
    struct parcel *parcel = lane->first;
    const struct cm_row *row = &parcel->rows[parcel->taken++];
    sorter->emitted_len = row->key.len;
    memcpy(sorter->emitted, row->key.data, row->key.len);
    sorter->emit(sorter->context, row);
    if (parcel->taken == parcel->count) {
        lane->first = parcel->next;
        if (lane->first == NULL) {
            lane->last = &lane->first;
        }
        free(parcel);
    }
    if (lane->first == NULL) {
        lane->slot = 0;
        sorter->heap[1] = sorter->heap[sorter->heap_count--];
    }
    if (sorter->heap_count > 0) {
        sorter->lanes[sorter->heap[1]].slot = 1;
        sift_down(sorter, 1);
    }
}

// The least key up to which all lanes that are empty and not ended have sent; false when there is
// no such lane.
static bool bound(const struct cm_sorter *sorter, struct cm_bytes *out)
{
    bool some = false;
    for (size_t i = 0; i < sorter->lane_count; i++) {
        const struct lane *lane = &sorter->lanes[i];
        struct cm_bytes sent = {lane->last_key, lane->last_key_len};
        if (!lane->ended && lane->first == NULL && (!some || cm_bytes_compare(sent, *out) < 0)) {
            *out = sent;
            some = true;
        }
    }
    return some;
}

void cm_sorter_pump(struct cm_sorter *sorter)
{
    struct cm_bytes least;
    bool bounded = bound(sorter, &least);
    while (sorter->heap_count > 0) {
        size_t index = sorter->heap[1];
        if (bounded && cm_bytes_compare(head_key(sorter, index), least) > 0) {
            return;
        }
        emit_head(sorter);
        if (sorter->lanes[index].first == NULL && !sorter->lanes[index].ended) {
            bounded = bound(sorter, &least);
        }
    }
}

void cm_sorter_finish(struct cm_sorter *sorter)
{
    while (sorter->heap_count > 0) {
        emit_head(sorter);
    }
}

struct cm_bytes cm_sorter_last(const struct cm_sorter *sorter)
{
    return (struct cm_bytes){sorter->emitted, sorter->emitted_len};
}

// Puts rows that arrive in each agency's own order into one order, newest first: a row goes out
// once no agency that still answers can send an earlier one. One thread.
#ifndef CM_CLIENT_SORTER_H
#define CM_CLIENT_SORTER_H

#include "proto/codec/answer.h"

struct cm_sorter;

// agencies: how many lanes. emit gets each row once, keys ascending.
enum cm_status cm_sorter_new(struct cm_sorter **out, size_t agencies,
                             void (*emit)(void *context, const struct cm_row *row),
                             void *context) CM_MUST_CHECK;
void cm_sorter_free(struct cm_sorter *sorter);

// Rows of one lane, copied. CM_INVALID when a key isn't above all that was emitted or added to the
// lane before.
enum cm_status cm_sorter_add(struct cm_sorter *sorter, size_t lane, const struct cm_row *rows,
                             size_t count) CM_MUST_CHECK;
// The lane sends no more.
void cm_sorter_end(struct cm_sorter *sorter, size_t lane);
// Emits what is certain.
void cm_sorter_pump(struct cm_sorter *sorter);
// Nobody sends any more: emits the rest.
void cm_sorter_finish(struct cm_sorter *sorter);
// The greatest key emitted so far; empty before the first.
struct cm_bytes cm_sorter_last(const struct cm_sorter *sorter);

#endif

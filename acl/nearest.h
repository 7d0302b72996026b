// The nearest of the names that would have been right: "did you mean @valley?". Near is what
// differs by a few letters, or is another program's word for it. A value on the caller's stack.
// Pure; any thread.
#ifndef CM_ACL_NEAREST_H
#define CM_ACL_NEAREST_H

#include "proto/codec/bounds.h"

#include <stdbool.h>
#include <stddef.h>

struct cm_nearest {
    const char *word; // borrowed
    size_t limit;     // the best distance that still counts, less one each time one is found
    char best[CM_MAX_ID + 8];
};

void cm_nearest_init(struct cm_nearest *nearest, const char *word);
// prefix is shown before name but not compared: "@", "kind:".
void cm_nearest_offer(struct cm_nearest *nearest, const char *prefix, const char *name);
// "did you mean NAME?" into out, or fallback (may be "") when nothing is near. Returns out.
const char *cm_nearest_hint(const struct cm_nearest *nearest, char *out, size_t size,
                            const char *fallback);
// Edits (insert, delete, replace, swap neighbours) between two words, case ignored; more than limit
// is limit + 1.
size_t cm_nearest_distance(const char *a, const char *b, size_t limit);

#endif

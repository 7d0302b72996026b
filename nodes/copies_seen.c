#include "nodes/copies_seen.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

// SHA-256: nobody can make a question whose copy is taken for another's.
static struct cm_copy_name name_of(const struct cm_entry *copy)
{
    struct cm_digest digest;
    struct cm_copy_name name;
    uint8_t index[8];
    for (size_t i = 0; i < sizeof index; i++) {
        index[i] = (uint8_t)(copy->gateway_index >> (8 * i));
    }
    const struct cm_bytes parts[] = {
        {index, sizeof index}, cm_bytes_digest(&copy->digest), cm_bytes_of(copy->gateway)};
    cm_sha256(&digest, parts, 3);
    memcpy(name.b, digest.b, sizeof name.b);
    return name;
}

// Where it lies, or would.
static size_t place_of(const struct cm_copies_seen *seen, const struct cm_copy_name *name)
{
    static const struct cm_copy_name none;
    size_t at;
    memcpy(&at, name->b, sizeof at);
    for (at &= seen->room - 1; memcmp(&seen->names[at], &none, sizeof none) != 0 &&
                               memcmp(&seen->names[at], name, sizeof *name) != 0;
         at = (at + 1) & (seen->room - 1)) {
        ;
    }
    return at;
}

static enum cm_status grow(struct cm_copies_seen *seen)
{
    static const struct cm_copy_name none;
    struct cm_copies_seen wider = {.count = seen->count,
                                   .room = seen->room ? 2 * seen->room : FIRST_ROOM};
    wider.names = calloc(wider.room, sizeof *wider.names);
    if (!wider.names) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < seen->room; i++) {
        if (memcmp(&seen->names[i], &none, sizeof none) != 0) {
            wider.names[place_of(&wider, &seen->names[i])] = seen->names[i];
        }
    }
    free(seen->names);
    *seen = wider;
    return CM_OK;
}

bool cm_copies_seen_has(const struct cm_copies_seen *seen, const struct cm_entry *copy)
{
    const struct cm_copy_name name = name_of(copy);
    return seen->room > 0 && memcmp(&seen->names[place_of(seen, &name)], &name, sizeof name) == 0;
}

enum cm_status cm_copies_seen_add(struct cm_copies_seen *seen, const struct cm_entry *copy)
{
    const struct cm_copy_name name = name_of(copy);
    if (cm_copies_seen_has(seen, copy)) {
        return CM_OK;
    }
    if (4 * (seen->count + 1) > 3 * seen->room && grow(seen)) {
        return CM_MEMORY;
    }
    seen->names[place_of(seen, &name)] = name;
    seen->count++;
    return CM_OK;
}

void cm_copies_seen_clear(struct cm_copies_seen *seen)
{
    free(seen->names);
    *seen = (struct cm_copies_seen){.names = NULL};
}

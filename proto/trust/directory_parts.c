#include "proto/trust/directory_parts.h"

#include <string.h>

enum { MAX_PARTS = (CM_MAX_BUNDLE + CM_DIRECTORY_PART - 1) / CM_DIRECTORY_PART };

uint32_t cm_directory_part_count(struct cm_bytes bundle)
{
    return (uint32_t)((bundle.len + CM_DIRECTORY_PART - 1) / CM_DIRECTORY_PART);
}

struct cm_directory_part cm_directory_part_at(struct cm_bytes bundle, uint64_t serial,
                                              uint32_t index)
{
    size_t from = (size_t)index * CM_DIRECTORY_PART;
    size_t left = bundle.len - from;
    return (struct cm_directory_part){
        .serial = serial,
        .index = index,
        .count = cm_directory_part_count(bundle),
        .data = {bundle.data + from, left < CM_DIRECTORY_PART ? left : CM_DIRECTORY_PART},
    };
}

void cm_directory_parts_clear(struct cm_directory_parts *parts)
{
    cm_buf_clear(&parts->data);
    memset(parts, 0, sizeof *parts);
}

// All but the last part are full, so that a peer can't make us hold many small ones.
static bool fits(const struct cm_directory_parts *parts, const struct cm_directory_part *part)
{
    bool last = part->index + 1 == part->count;
    return part->count >= 1 && part->count <= MAX_PARTS && part->index < part->count &&
           part->index == parts->next && part->data.len > 0 &&
           (last ? part->data.len <= CM_DIRECTORY_PART : part->data.len == CM_DIRECTORY_PART) &&
           (part->index == 0 || (part->serial == parts->serial && part->count == parts->count));
}

enum cm_status cm_directory_parts_add(struct cm_directory_parts *parts, bool *whole,
                                      const struct cm_directory_part *part, struct cm_error *error)
{
    *whole = false;
    if (part->index == 0) {
        cm_directory_parts_clear(parts);
    }
    if (!fits(parts, part)) {
        cm_directory_parts_clear(parts);
        return cm_fail(error, CM_INVALID, "directory",
                       "a part of it is out of order, oversized or of another directory");
    }
    if (part->index == 0) {
        parts->serial = part->serial;
        parts->count = part->count;
        parts->data.max = (size_t)part->count * CM_DIRECTORY_PART;
    }
    enum cm_status status = cm_buf_add(&parts->data, part->data.data, part->data.len);
    if (status != CM_OK) {
        cm_directory_parts_clear(parts);
        return cm_fail(error, status, "directory", "there is no memory for its parts");
    }
    parts->next++;
    *whole = parts->next == parts->count;
    return CM_OK;
}

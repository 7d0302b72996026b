#include "acl/who.h"

enum cm_status cm_who_make(const struct cm_diff **out, struct cm_arena *arena,
                           const struct cm_side *side, int64_t now_ms, struct cm_error *error)
{
    const struct cm_side nothing = {.rules = NULL};
    return cm_diff_make(out, arena, &nothing, side, now_ms, error);
}

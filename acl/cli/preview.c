#include "acl/cli/preview.h"

#include "acl/cli/changes_print.h"
#include "proto/base/clock.h"

#define ARENA_CAP ((size_t)512 * 1024 * 1024)

enum cm_status cm_preview_print(const struct cm_rules *counts, const struct cm_rules *proposed,
                                const struct cm_directory *directory, struct cm_error *error)
{
    const struct cm_diff *diff;
    const struct cm_side old = {counts, NULL, directory};
    const struct cm_side new = {proposed, NULL, directory};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena == NULL ? cm_fail(error, CM_MEMORY, "rules", "out of memory")
                                          : cm_diff_make(&diff, arena, &old, &new,
                                                         cm_wall_ms(cm_clock_system()), error);
    if (status == CM_OK) {
        printf("what changes for whom, ");
        cm_diff_print(stdout, diff);
        putchar('\n');
    } else {
        cm_error_hint(error, "nothing is signed unseen: make the rules simpler");
    }
    cm_arena_free(arena);
    return status;
}

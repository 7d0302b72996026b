#include "acl/bundle/standing.h"

#include <stdlib.h>

struct cm_standing *cm_standing_ref(struct cm_standing *standing)
{
    if (standing != NULL) {
        standing->references++;
    }
    return standing;
}

void cm_standing_unref(struct cm_standing *standing)
{
    if (standing == NULL || --standing->references > 0) {
        return;
    }
    cm_rules_unref(standing->rules);
    cm_rules_unref(standing->overlay);
    cm_buf_clear(&standing->envelope);
    cm_buf_clear(&standing->overlay_envelope);
    free(standing);
}

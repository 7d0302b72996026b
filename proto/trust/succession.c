#include "proto/trust/succession.h"

static bool share_a_pin(const struct cm_agency *a, const struct cm_agency *b)
{
    for (size_t i = 0; i < a->ca_pin_count; i++) {
        for (size_t j = 0; j < b->ca_pin_count; j++) {
            if (cm_digest_equal(&a->ca_pins[i], &b->ca_pins[j])) {
                return true;
            }
        }
    }
    return false;
}

enum cm_status cm_directory_succession(const struct cm_directory *before,
                                       const struct cm_directory *after, bool next,
                                       struct cm_error *error)
{
    for (size_t i = 0; i < before->agency_count; i++) {
        const struct cm_agency *old = &before->agencies[i];
        const struct cm_agency *new = cm_directory_agency(after, old->id);
        if (new == NULL) {
            cm_fail(error, CM_STALE, old->id, "is in the previous directory and gone from this");
            cm_error_hint(error, "Ids are never reused: keep it, with 'comity directory retire'.");
            return CM_STALE;
        }
        // Past a gap its CA may have been replaced while it was active.
        if (next && !old->active && new->active && !share_a_pin(old, new)) {
            cm_fail(error, CM_STALE, old->id, "was retired and now has another's CA");
            cm_error_hint(error, "Ids are never reused: give the new agency an id of its own.");
            return CM_STALE;
        }
    }
    return CM_OK;
}

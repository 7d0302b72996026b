#include "gateway/client/reach_check.h"

#include "gateway/client/record_check.h"

#include <inttypes.h>

enum cm_status cm_reach_check(const struct cm_reach_response *response, struct cm_arena *arena,
                              const struct cm_trust *trust, const struct cm_signatory *gateway,
                              const struct cm_digest *digest, struct cm_error *error)
{
    const struct cm_directory *directory = cm_trust_directory(trust);
    const struct cm_record record = {response->entry, response->checkpoint, &response->inclusion};
    uint64_t counted = 0;
    enum cm_status status = cm_record_check(&record, arena, gateway, CM_ENTRY_REACH, digest, error);
    if (status != CM_OK) {
        return status;
    }
    // A newer directory than ours comes with the next lookup; until then its agencies can't be
    // counted.
    if (response->directory_serial > directory->serial) {
        return CM_OK;
    }
    if (response->directory_serial < directory->serial ||
        !cm_digest_equal(&response->directory_digest, &directory->digest)) {
        return cm_fail(error, CM_STALE, "directory", "judged by another directory than ours");
    }
    // Those that would be asked have no outcome yet.
    for (size_t i = 0; i < response->agency_count; i++) {
        counted += response->agencies[i].outcome == CM_OUTCOME_NONE;
    }
    for (size_t i = 1; i < CM_OUTCOME_COUNT; i++) {
        counted += response->counts[i];
    }
    if (counted != cm_directory_active(directory)) {
        return cm_fail(error, CM_INVALID, "counts",
                       "account for %" PRIu64 " agencies, the directory has %" PRIu64, counted,
                       cm_directory_active(directory));
    }
    return CM_OK;
}

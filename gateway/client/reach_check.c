#include "gateway/client/reach_check.h"

#include "gateway/client/record_check.h"

#include <inttypes.h>
#include <string.h>

// Nothing is asked, so an agency is to be asked, or permits and can't be, or doesn't permit.
static const bool possible[CM_OUTCOME_COUNT] = {
    [CM_OUTCOME_NONE] = true,          [CM_OUTCOME_DETACHED] = true,
    [CM_OUTCOME_OFFLINE] = true,       [CM_OUTCOME_INCOMPATIBLE] = true,
    [CM_OUTCOME_NOT_PERMITTED] = true, [CM_OUTCOME_NO_NODE] = true,
};

static enum cm_status check_directory(const struct cm_reach_response *response,
                                      const struct cm_directory *directory, struct cm_error *error)
{
    if (response->directory_serial > directory->serial) {
        cm_fail(error, CM_STALE, "directory",
                "the gateway has number %" PRIu64 ", you have %" PRIu64
                ": its agencies can't be counted",
                response->directory_serial, directory->serial);
        cm_error_hint(error, "ask again after any comity lookup: it brings the newer directory");
        return CM_STALE;
    }
    if (response->directory_serial < directory->serial ||
        !cm_digest_equal(&response->directory_digest, &directory->digest)) {
        return cm_fail(error, CM_INVALID, "directory", "the gateway judged by another than yours");
    }
    return CM_OK;
}

// The record holds how many permit; of those without known rules "offline" is said too.
static enum cm_status check_permitted(const struct cm_entry *entry, const struct cm_roll *roll,
                                      const uint32_t listed[CM_OUTCOME_COUNT],
                                      struct cm_error *error)
{
    uint32_t least =
        listed[CM_OUTCOME_NONE] + listed[CM_OUTCOME_DETACHED] + listed[CM_OUTCOME_INCOMPATIBLE];
    uint32_t most = least + listed[CM_OUTCOME_OFFLINE];
    least = roll->named_count > 0 ? least : most;
    if (entry->decisions < least || entry->decisions > most) {
        return cm_fail(error, CM_INVALID, "agencies",
                       "the gateway recorded that %" PRIu32 " permit, and lists %" PRIu32,
                       entry->decisions, most);
    }
    return CM_OK;
}

enum cm_status cm_reach_check(const struct cm_reach_response *response, struct cm_arena *arena,
                              const struct cm_roll *roll, const struct cm_signatory *gateway,
                              const struct cm_digest *digest, struct cm_error *error)
{
    const struct cm_record record = {response->entry, response->checkpoint, response->inclusion};
    struct cm_entry entry;
    uint32_t listed[CM_OUTCOME_COUNT] = {0};
    uint32_t counts[CM_OUTCOME_COUNT];
    enum cm_status status = cm_record_check(&entry, &record, arena, gateway, CM_ENTRY_REACH, digest,
                                            response->directory_serial, error);
    if (status == CM_OK) {
        status = check_directory(response, roll->directory, error);
    }
    for (size_t i = 0; i < response->agency_count && status == CM_OK; i++) {
        const struct cm_progress *agency = &response->agencies[i];
        status = cm_roll_check_agency(roll, listed, agency->agency, agency->outcome, error);
        if (status == CM_OK && (!possible[agency->outcome] || agency->rows > 0)) {
            status =
                cm_fail(error, CM_INVALID, agency->agency, "nobody was asked, yet it answered");
        }
    }
    if (status != CM_OK) {
        return status;
    }
    memcpy(counts, response->counts, sizeof counts);
    counts[CM_OUTCOME_NONE] = listed[CM_OUTCOME_NONE];
    status = cm_roll_check_counts(roll, listed, counts, error);
    return status == CM_OK ? check_permitted(&entry, roll, listed, error) : status;
}

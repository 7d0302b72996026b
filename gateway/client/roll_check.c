#include "gateway/client/roll_check.h"

#include <inttypes.h>
#include <string.h>

// Agencies that don't permit, and those whose rules nobody knows, may be in the counts alone.
static const bool silent[CM_OUTCOME_COUNT] = {
    [CM_OUTCOME_NOT_PERMITTED] = true,
    [CM_OUTCOME_NOT_NAMED] = true,
    [CM_OUTCOME_NO_NODE] = true,
    [CM_OUTCOME_OFFLINE] = true,
};

static bool named(const struct cm_roll *roll, const char *agency)
{
    for (size_t i = 0; i < roll->named_count; i++) {
        if (strcmp(roll->named[i], agency) == 0) {
            return true;
        }
    }
    return roll->named_count == 0;
}

enum cm_status cm_roll_check_agency(const struct cm_roll *roll, uint32_t listed[CM_OUTCOME_COUNT],
                                    const char *id, enum cm_outcome outcome, struct cm_error *error)
{
    const struct cm_agency *agency = cm_directory_agency(roll->directory, id);
    if (agency == NULL || !agency->active) {
        return cm_fail(error, CM_INVALID, id, "is no active agency of the directory");
    }
    if (!named(roll, id) || outcome == CM_OUTCOME_NOT_NAMED) {
        return cm_fail(error, CM_INVALID, id,
                       named(roll, id) ? "was named, the gateway denies"
                                       : "is listed without being named");
    }
    if ((outcome == CM_OUTCOME_NO_NODE) != (agency->node_pin_count == 0)) {
        return cm_fail(error, CM_INVALID, id,
                       agency->node_pin_count == 0 ? "has no node that could be asked"
                                                   : "has a node, the gateway denies");
    }
    listed[outcome]++;
    return CM_OK;
}

struct expected {
    uint64_t active;
    uint64_t named;
    uint64_t no_node;
};

static void expect(struct expected *out, const struct cm_roll *roll)
{
    *out = (struct expected){.active = cm_directory_active(roll->directory)};
    size_t most = roll->named_count > 0 ? roll->named_count : roll->directory->agency_count;
    for (size_t i = 0; i < most; i++) {
        const struct cm_agency *agency = roll->named_count > 0
                                             ? cm_directory_agency(roll->directory, roll->named[i])
                                             : &roll->directory->agencies[i];
        if (agency != NULL && agency->active) {
            out->named++;
            out->no_node += agency->node_pin_count == 0;
        }
    }
}

enum cm_status cm_roll_check_counts(const struct cm_roll *roll,
                                    const uint32_t listed[CM_OUTCOME_COUNT],
                                    const uint32_t counts[CM_OUTCOME_COUNT], struct cm_error *error)
{
    struct expected expected;
    uint64_t counted = 0;
    uint64_t lines = 0;
    expect(&expected, roll);
    for (unsigned i = 0; i < CM_OUTCOME_COUNT; i++) {
        counted += counts[i];
        lines += listed[i];
        if (silent[i] ? listed[i] > counts[i] : listed[i] != counts[i]) {
            return cm_fail(error, CM_INVALID, "counts", "say %" PRIu32 " %s, the list %" PRIu32,
                           counts[i], cm_outcome_name((enum cm_outcome)i), listed[i]);
        }
    }
    if (counted != expected.active) {
        return cm_fail(error, CM_INVALID, "counts",
                       "account for %" PRIu64 " agencies, the directory has %" PRIu64, counted,
                       expected.active);
    }
    if (counts[CM_OUTCOME_NOT_NAMED] != expected.active - expected.named) {
        return cm_fail(error, CM_INVALID, "counts", "count agencies as not named that were");
    }
    if (counts[CM_OUTCOME_NO_NODE] != expected.no_node) {
        return cm_fail(error, CM_INVALID, "counts",
                       "say %" PRIu32 " without a node, the directory %" PRIu64,
                       counts[CM_OUTCOME_NO_NODE], expected.no_node);
    }
    if (roll->named_count > 0 && lines != expected.named) {
        return cm_fail(error, CM_INVALID, "counts", "an agency that was named is not listed");
    }
    return CM_OK;
}

// What a gateway says of agencies, held against the directory: who is in it, who was named, who has
// no node, and that every active agency is counted once. Pure; any thread.
#ifndef CM_CLIENT_ROLL_CHECK_H
#define CM_CLIENT_ROLL_CHECK_H

#include "proto/codec/directory.h"
#include "proto/codec/manifest.h"

struct cm_roll {
    const struct cm_directory *directory;
    size_t named_count; // 0: all
    const char *const *named;
};

// One agency that the gateway lists; outcome NONE: still to be asked. Counted in listed.
enum cm_status cm_roll_check_agency(const struct cm_roll *roll, uint32_t listed[CM_OUTCOME_COUNT],
                                    const char *agency, enum cm_outcome outcome,
                                    struct cm_error *error) CM_MUST_CHECK;
// Once all are listed, each once: counts are the gateway's, of all active agencies.
enum cm_status cm_roll_check_counts(const struct cm_roll *roll,
                                    const uint32_t listed[CM_OUTCOME_COUNT],
                                    const uint32_t counts[CM_OUTCOME_COUNT],
                                    struct cm_error *error) CM_MUST_CHECK;

#endif

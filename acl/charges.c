#include "acl/covers.h"

static bool charged_already(const struct cm_charge *list, size_t count, const struct cm_box *permit)
{
    for (size_t i = 0; i < count; i++) {
        if (cm_digest_equal(&list[i].rule, &permit->digest)) {
            return true;
        }
    }
    return false;
}

// A permit that only lets in the agency that is asked for is used up by its askers all the same.
enum cm_status cm_rules_charges(const struct cm_charge **out, size_t *count, struct cm_arena *arena,
                                const struct cm_rules *rules, const struct cm_directory *directory,
                                const struct cm_request *request)
{
    *out = NULL;
    *count = 0;
    size_t limited = 0;
    for (uint32_t i = 0; i < rules->permit_count; i++) {
        limited += rules->permits[i].per_day > 0;
    }
    if (limited == 0 || cm_directory_purpose(directory, request->purpose) == NULL) {
        return CM_OK;
    }
    const char *other = request->on_behalf_of == NULL ? "" : request->on_behalf_of;
    const char *askers[2] = {request->agency, other};
    struct cm_asker who[2];
    size_t asker_count = other[0] == '\0' ? 1 : 2;
    for (size_t a = 0; a < asker_count; a++) {
        enum cm_status status =
            cm_asker_init(&who[a], arena, rules, directory, askers[a], request->role);
        if (status != CM_OK) {
            return status;
        }
    }
    struct cm_charge *list = cm_arena_array(arena, limited, sizeof *list);
    if (list == NULL) {
        return CM_MEMORY;
    }
    uint32_t purpose = cm_names_find(rules->purposes, rules->purpose_count, request->purpose);
    for (uint32_t i = 0; i < rules->permit_count; i++) {
        const struct cm_box *permit = &rules->permits[i];
        bool covers = false;
        for (size_t a = 0; permit->per_day > 0 && a < asker_count; a++) {
            covers |= cm_permit_misses(permit, &who[a], request, purpose) == CM_MISS_NONE;
        }
        if (covers && !charged_already(list, *count, permit)) {
            list[(*count)++] = (struct cm_charge){.rule = permit->digest,
                                                  .per_agency = permit->per_agency,
                                                  .per_day = permit->per_day,
                                                  .permit = i};
        }
    }
    *out = list;
    return CM_OK;
}

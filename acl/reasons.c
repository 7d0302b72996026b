#include "acl/covers.h"

enum cm_status cm_rules_reasons(const struct cm_reason **out, size_t *count, struct cm_arena *arena,
                                const struct cm_rules *rules, const struct cm_directory *directory,
                                const struct cm_request *request)
{
    struct cm_asker asker;
    enum cm_status status =
        cm_asker_init(&asker, arena, rules, directory, request->agency, request->role);
    *count = (size_t)rules->permit_count + rules->forbid_count;
    struct cm_reason *list = cm_arena_array(arena, *count + 1, sizeof *list);
    *out = list;
    if (status != CM_OK || list == NULL) {
        return CM_MEMORY;
    }
    uint32_t purpose = cm_names_find(rules->purposes, rules->purpose_count, request->purpose);
    for (uint32_t i = 0; i < rules->permit_count; i++) {
        const struct cm_box *box = &rules->permits[i];
        list[i] =
            (struct cm_reason){box->where, true, cm_permit_misses(box, &asker, request, purpose)};
    }
    for (uint32_t i = 0; i < rules->forbid_count; i++) {
        const struct cm_box *box = &rules->forbids[i];
        list[rules->permit_count + i] =
            (struct cm_reason){box->where, false, cm_forbid_misses(box, &asker, request, purpose)};
    }
    return CM_OK;
}

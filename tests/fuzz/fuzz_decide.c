// The compiled form: eight bytes make a request, the rest is rule text. Each decision keeps the
// laws: a visible field is of a visible row, an older row and less evidence never show more; and
// the index says the same.
#include "acl/index.h"
#include "rules_domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const cameras[] = {"", "cam-07", "cam-1"};
static const int64_t ages[] = {0, 59, 60, 3600, 86400, 86401, 2592000, 2592001, INT64_MAX};

enum { CAMERAS = 3, AGES = 9 };

static void rows_of(cm_fields rows[CAMERAS][AGES], const struct cm_rules *rules,
                    const struct cm_request *request)
{
    struct cm_arena *arena = cm_arena_new(1 << 22);
    struct cm_view *view;
    const struct cm_charge *charges;
    size_t count;
    if (arena == NULL ||
        cm_rules_charges(&charges, &count, arena, rules, &fuzz_directory, request) != CM_OK ||
        cm_rules_view(&view, arena, rules, NULL, &fuzz_directory, request, charges, NULL, count) !=
            CM_OK) {
        abort();
    }
    for (size_t c = 0; c < CAMERAS; c++) {
        for (size_t a = 0; a < AGES; a++) {
            cm_fields row = cm_view_row(view, cameras[c], ages[a]);
            bool older_shows_more = a > 0 && (row & ~rows[c][a - 1]) != 0;
            bool past_greatest = row != 0 && ages[a] > cm_view_max_age_s(view);
            if ((row != 0 && (row & 1) == 0) || older_shows_more || past_greatest) {
                abort();
            }
            rows[c][a] = row;
        }
    }
    cm_arena_free(arena);
}

static void check_index(struct cm_rules *rules, const struct cm_request *request)
{
    struct cm_arena *arena = cm_arena_new(1 << 22);
    struct cm_index *index;
    struct cm_view *view;
    uint8_t verdicts[sizeof fuzz_agencies / sizeof *fuzz_agencies];
    const struct cm_agency *node = cm_directory_agency(&fuzz_directory, cm_rules_node(rules));
    if (arena == NULL || cm_index_new(&index, &fuzz_directory) != CM_OK ||
        cm_index_put(index, rules, NULL) != CM_OK ||
        cm_rules_view(&view, arena, rules, NULL, &fuzz_directory, request, NULL, NULL, 0) !=
            CM_OK) {
        abort();
    }
    cm_index_decide(index, request, verdicts);
    uint8_t verdict = node == NULL ? CM_VERDICT_OPEN : verdicts[node - fuzz_agencies];
    if (verdict != CM_VERDICT_OPEN && (verdict == CM_VERDICT_PERMITTED) != cm_view_any(view)) {
        abort();
    }
    cm_index_free(index);
    cm_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8) {
        return 0;
    }
    struct cm_rules *rules = fuzz_compile(data + 8, size - 8, false, true);
    if (rules == NULL) {
        return 0;
    }
    struct cm_request request = {
        .agency = fuzz_agencies[data[0] % fuzz_directory.agency_count].id,
        .on_behalf_of =
            data[1] < 128 ? "" : fuzz_agencies[data[1] % fuzz_directory.agency_count].id,
        .role = data[2] % 2 == 0 ? CM_ROLE_INVESTIGATOR : CM_ROLE_SUPERVISOR,
        .action = (enum cm_action)(1 + data[3] % (CM_ACTION_COUNT - 1)),
        .purpose = fuzz_purposes[data[4] % fuzz_directory.purpose_count].id,
        .evidence = (data[5] & 15u) << 1,
        .now_ms = FUZZ_NOW_MS + data[6] * INT64_C(21600000),
        .window = {FUZZ_NOW_MS - data[7] * INT64_C(86400000), FUZZ_NOW_MS},
    };
    cm_fields rows[CAMERAS][AGES];
    cm_fields more[CAMERAS][AGES];
    rows_of(rows, rules, &request);
    check_index(rules, &request);
    request.evidence |= 1u << CM_EVIDENCE_CASE;
    rows_of(more, rules, &request);
    for (size_t c = 0; c < CAMERAS; c++) {
        for (size_t a = 0; a < AGES; a++) {
            if ((rows[c][a] & ~more[c][a]) != 0) {
                abort();
            }
        }
    }
    cm_rules_unref(rules);
    return 0;
}

// What stands out in a period's searches. Each flag is something to ask about, no finding.
#include "proto/ledger/cli/report.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *heading;
} words[CM_FLAG_COUNT] = {
    [CM_FLAG_NONE] = {"none", ""},
    [CM_FLAG_REPEATED_PLATE] = {"repeated-plate", "The same plate again and again by one person"},
    [CM_FLAG_TWO_CERTIFICATES] = {"two-certificates",
                                  "One person with two certificates at the same time"},
    [CM_FLAG_TWO_GATEWAYS] = {"two-gateways", "One person at two gateways at the same time"},
    [CM_FLAG_SAME_REASON] = {"same-reason", "Reasons that repeat word by word"},
    [CM_FLAG_REACH] = {"reach", "Lesser purposes that reach more agencies than serious crimes"},
    [CM_FLAG_NO_END] = {"no-end", "Permitted, but no end recorded: a crash, or still under way"},
    [CM_FLAG_DAMAGED] = {"damaged", "Clear values that are not what the ledger committed to"},
    [CM_FLAG_REVIEW] = {"review", "Reviews that can't be believed"},
};

const char *cm_flag_name(enum cm_flag_kind kind)
{
    return words[kind < CM_FLAG_COUNT ? kind : CM_FLAG_NONE].name;
}

const char *cm_flag_heading(enum cm_flag_kind kind)
{
    return words[kind < CM_FLAG_COUNT ? kind : CM_FLAG_NONE].heading;
}

enum cm_status cm_report_flag(struct cm_report *report, const struct cm_flag *flag)
{
    struct cm_flag *kept = cm_arena_alloc(cm_searches_arena(report->searches), sizeof *kept);
    if (kept == NULL) {
        return CM_MEMORY;
    }
    *kept = *flag;
    kept->who = flag->who != NULL ? flag->who : "";
    kept->what = flag->what != NULL ? flag->what : "";
    kept->detail = flag->detail != NULL ? flag->detail : "";
    kept->next = NULL;
    *report->flags_end = kept;
    report->flags_end = &kept->next;
    return CM_OK;
}

// Searches in clear, sorted so that those that belong together stand together.
struct cm_sorted {
    const struct cm_search **list;
    size_t count;
};

static int by_time(const struct cm_search *a, const struct cm_search *b)
{
    return a->when_ms == b->when_ms ? 0 : a->when_ms < b->when_ms ? -1 : 1;
}

static int same_plate(const struct cm_search *a, const struct cm_search *b)
{
    int order = strcmp(a->values->person, b->values->person);
    order = order != 0 ? order : strcmp(a->values->plate, b->values->plate);
    return order;
}

static int same_reason(const struct cm_search *a, const struct cm_search *b)
{
    int order = strcmp(a->values->agency, b->values->agency);
    return order != 0 ? order : strcasecmp(a->values->reason, b->values->reason);
}

static int same_person(const struct cm_search *a, const struct cm_search *b)
{
    return strcmp(a->values->person, b->values->person);
}

static int then_time(int order, const struct cm_search *a, const struct cm_search *b)
{
    return order != 0 ? order : by_time(a, b);
}

static const struct cm_search *at(const void *place)
{
    return *(const struct cm_search *const *)place;
}

static int compare_plates(const void *a, const void *b)
{
    return then_time(same_plate(at(a), at(b)), at(a), at(b));
}

static int compare_reasons(const void *a, const void *b)
{
    return then_time(same_reason(at(a), at(b)), at(a), at(b));
}

static int compare_people(const void *a, const void *b)
{
    return then_time(same_person(at(a), at(b)), at(a), at(b));
}

// How many from first on belong together.
static size_t run(const struct cm_sorted *sorted, size_t first,
                  int (*same)(const struct cm_search *, const struct cm_search *))
{
    size_t end = first + 1;
    while (end < sorted->count && same(sorted->list[first], sorted->list[end]) == 0) {
        end++;
    }
    return end - first;
}

static enum cm_status flag_plate(struct cm_report *report, const struct cm_search *const *list,
                                 size_t count)
{
    uint64_t no_case = 0;
    for (size_t i = 0; i < count; i++) {
        no_case += list[i]->values->case_number[0] == '\0';
    }
    const bool stands_out = no_case >= report->options.repeat_no_case;
    if (list[0]->reach || (count < report->options.repeat && !stands_out)) {
        return CM_OK;
    }
    const struct cm_flag flag = {.kind = CM_FLAG_REPEATED_PLATE,
                                 .who = list[0]->values->person,
                                 .what = list[0]->values->plate,
                                 .detail = stands_out ? "without a case" : "",
                                 .count = count,
                                 .other = no_case,
                                 .first_ms = list[0]->when_ms,
                                 .last_ms = list[count - 1]->when_ms};
    return cm_report_flag(report, &flag);
}

static enum cm_status find_plates(struct cm_report *report, struct cm_sorted *sorted)
{
    enum cm_status status = CM_OK;
    qsort(sorted->list, sorted->count, sizeof *sorted->list, compare_plates);
    for (size_t i = 0, count; status == CM_OK && i < sorted->count; i += count) {
        count = run(sorted, i, same_plate);
        status = flag_plate(report, sorted->list + i, count);
    }
    return status;
}

static int compare_words(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

// How many different people; the searches of a run are sorted by time.
static enum cm_status count_people(uint64_t *out, const struct cm_search *const *list, size_t count)
{
    const char **people = calloc(count, sizeof *people);
    if (people == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        people[i] = list[i]->values->person;
    }
    qsort(people, count, sizeof *people, compare_words);
    *out = 1;
    for (size_t i = 1; i < count; i++) {
        *out += strcmp(people[i - 1], people[i]) != 0;
    }
    free(people);
    return CM_OK;
}

// The same question asked again for one plate repeats its reason rightly.
static bool several_plates(const struct cm_search *const *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (strcmp(list[0]->values->plate, list[i]->values->plate) != 0) {
            return true;
        }
    }
    return false;
}

static enum cm_status flag_reason(struct cm_report *report, const struct cm_search *const *list,
                                  size_t count)
{
    uint64_t people = 0;
    if (list[0]->reach || count < report->options.same_reason || !several_plates(list, count)) {
        return CM_OK;
    }
    enum cm_status status = count_people(&people, list, count);
    const struct cm_flag flag = {.kind = CM_FLAG_SAME_REASON,
                                 .who = list[0]->values->agency,
                                 .what = list[0]->values->reason,
                                 .count = count,
                                 .other = people,
                                 .first_ms = list[0]->when_ms,
                                 .last_ms = list[count - 1]->when_ms};
    return status != CM_OK ? status : cm_report_flag(report, &flag);
}

static enum cm_status find_reasons(struct cm_report *report, struct cm_sorted *sorted)
{
    enum cm_status status = CM_OK;
    qsort(sorted->list, sorted->count, sizeof *sorted->list, compare_reasons);
    for (size_t i = 0, count; status == CM_OK && i < sorted->count; i += count) {
        count = run(sorted, i, same_reason);
        status = flag_reason(report, sorted->list + i, count);
    }
    return status;
}

static bool other_key(const struct cm_search *a, const struct cm_search *b)
{
    return !cm_digest_equal(&a->values->key_hash, &b->values->key_hash);
}

static bool other_gateway(const struct cm_search *a, const struct cm_search *b)
{
    return strcmp(a->values->gateway, b->values->gateway) != 0;
}

// There and back means that both were in use: a renewed certificate changes once, a gateway that
// fails is left once. Two certificates within minutes stand out already.
static enum cm_status
flag_places(struct cm_report *report, enum cm_flag_kind kind, const struct cm_search *const *list,
            size_t count, bool (*differ)(const struct cm_search *, const struct cm_search *))
{
    struct cm_flag flag = {.kind = kind, .who = list[0]->values->person};
    const int64_t together = report->options.together_ms;
    const struct cm_search *before = NULL; // the last one at the place before this one
    for (size_t i = 1; i < count; i++) {
        if (!differ(list[i - 1], list[i])) {
            continue;
        }
        const bool back = before != NULL && !differ(before, list[i]);
        const bool hit = kind == CM_FLAG_TWO_CERTIFICATES
                             ? back || list[i]->when_ms - list[i - 1]->when_ms <= together
                             : back && list[i]->when_ms - before->when_ms <= together;
        if (hit) {
            flag.first_ms = flag.count == 0 ? list[i - 1]->when_ms : flag.first_ms;
            flag.last_ms = list[i]->when_ms;
            flag.count++;
        }
        before = list[i - 1];
    }
    return flag.count > 0 ? cm_report_flag(report, &flag) : CM_OK;
}

static enum cm_status find_places(struct cm_report *report, struct cm_sorted *sorted)
{
    enum cm_status status = CM_OK;
    qsort(sorted->list, sorted->count, sizeof *sorted->list, compare_people);
    for (size_t i = 0, count; status == CM_OK && i < sorted->count; i += count) {
        count = run(sorted, i, same_person);
        status = flag_places(report, CM_FLAG_TWO_CERTIFICATES, sorted->list + i, count, other_key);
        if (status == CM_OK) {
            status =
                flag_places(report, CM_FLAG_TWO_GATEWAYS, sorted->list + i, count, other_gateway);
        }
    }
    return status;
}

static bool listed(const char *list, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = list; at != NULL && *at != '\0'; at += strspn(at, ",")) {
        const size_t size = strcspn(at, ",");
        if (size == length && strncmp(at, word, size) == 0) {
            return true;
        }
        at += size;
    }
    return false;
}

// Agencies asked by a search, in hundredths.
static uint64_t mean(const struct cm_tally *tally)
{
    return tally->reached > 0 ? tally->asked * 100 / tally->reached : 0;
}

static enum cm_status find_reach(struct cm_report *report)
{
    struct cm_tally serious = {0};
    enum cm_status status = CM_OK;
    const struct cm_tallies *purposes = &report->purposes;
    for (size_t i = 0; i < purposes->count; i++) {
        if (listed(report->options.serious, purposes->sorted[i]->name)) {
            serious.asked += purposes->sorted[i]->asked;
            serious.reached += purposes->sorted[i]->reached;
        }
    }
    for (size_t i = 0; status == CM_OK && serious.reached > 0 && i < purposes->count; i++) {
        const struct cm_tally *one = purposes->sorted[i];
        if (listed(report->options.serious, one->name) || mean(one) <= mean(&serious)) {
            continue;
        }
        const struct cm_flag flag = {.kind = CM_FLAG_REACH,
                                     .who = one->name,
                                     .count = mean(one) / 100,
                                     .other = mean(&serious) / 100,
                                     .last_ms = one->last_ms};
        status = cm_report_flag(report, &flag);
    }
    return status;
}

// An entry about it beside which lies something else than it committed to, whatever others say.
static const struct cm_sighting *damaged(const struct cm_search *search)
{
    const struct cm_sighting *seen = search->sightings;
    while (seen != NULL && seen->clear != CM_CLEAR_DAMAGED) {
        seen = seen->next;
    }
    return seen;
}

// Searches that a node permitted and that never ended, and those whose clear values don't fit.
static enum cm_status find_broken(struct cm_report *report)
{
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < report->count; i++) {
        struct cm_search_line line;
        const struct cm_search *search = report->list[i];
        cm_search_line_of(&line, search);
        struct cm_flag flag = {.who = search->sightings->source->origin,
                               .count = search->sightings->index,
                               .first_ms = search->when_ms,
                               .last_ms = search->when_ms};
        if (strcmp(line.outcome, CM_LINE_NO_END) == 0) {
            flag.kind = CM_FLAG_NO_END;
            status = cm_report_flag(report, &flag);
        }
        const struct cm_sighting *wrong = damaged(search);
        if (status == CM_OK && wrong != NULL) {
            flag.kind = CM_FLAG_DAMAGED;
            flag.who = wrong->source->origin;
            flag.count = wrong->index;
            status = cm_report_flag(report, &flag);
        }
    }
    return status;
}

enum cm_status cm_report_find_flags(struct cm_report *report)
{
    struct cm_sorted sorted = {.list = calloc(report->count + 1, sizeof *sorted.list)};
    if (sorted.list == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < report->count; i++) {
        if (report->list[i]->values != NULL) {
            sorted.list[sorted.count++] = report->list[i];
        }
    }
    enum cm_status status = find_plates(report, &sorted);
    if (status == CM_OK) {
        status = find_places(report, &sorted);
    }
    if (status == CM_OK) {
        status = find_reasons(report, &sorted);
    }
    if (status == CM_OK) {
        status = find_reach(report);
    }
    if (status == CM_OK) {
        status = find_broken(report);
    }
    free(sorted.list);
    return status;
}

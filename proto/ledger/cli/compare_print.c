#include "proto/ledger/cli/compare_print.h"

#include "proto/base/cli.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static const char party_names[CM_PARTIES] = {'A', 'B'};

static const struct {
    unsigned part;
    const char *name;
} parts[] = {
    {CM_PART_REQUESTER, "requester"}, {CM_PART_AGENCY, "agency"},    {CM_PART_PLATE, "plate"},
    {CM_PART_PURPOSE, "purpose"},     {CM_PART_CASE, "case number"}, {CM_PART_REASON, "reason"},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

static const char *value_of(const struct cm_search_values *values, unsigned part)
{
    const char *const texts[PARTS] = {values->person,  values->agency,      values->plate,
                                      values->purpose, values->case_number, values->reason};
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].part == part) {
            return texts[i];
        }
    }
    return "";
}

// Where a gateway recorded it, as whoever names it says.
static const struct cm_sighting *place_of(const struct cm_search *search)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        if (seen->gateway[0] != '\0') {
            return seen;
        }
    }
    return search->sightings;
}

static void print_entries(FILE *out, const struct cm_search *search)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        fprintf(out, "  %c  %-8s entry %" PRIu64 "%s of %s\n", party_names[seen->source->party],
                cm_entry_kind_name(seen->kind), seen->index,
                seen->epoch > 1 ? " of a later epoch" : "", seen->source->origin);
    }
}

static void print_values(FILE *out, const struct cm_finding *finding)
{
    char value[2 * CM_MAX_REASON];
    const struct cm_search *sides[2] = {finding->search, finding->twin};
    for (size_t i = 0; i < PARTS; i++) {
        if (!(finding->parts & parts[i].part)) {
            continue;
        }
        fprintf(out, "  differs: %s\n", parts[i].name);
        for (size_t s = 0; s < 2; s++) {
            if (sides[s] == NULL || sides[s]->values == NULL) {
                continue;
            }
            const char *who = finding->twin == NULL ? "signed" : s == 0 ? "A" : "B";
            fprintf(out, "    %s: ", who);
            cm_plain(value, sizeof value, value_of(sides[s]->values, parts[i].part));
            cm_cli_wrap(out, value, 4 + strlen(who) + 2, 8);
        }
    }
}

static void print_finding(FILE *out, const struct cm_finding *finding)
{
    char when[CM_WHEN_SIZE];
    char digest[2 * CM_DIGEST_SIZE + 1];
    char other[2 * CM_DIGEST_SIZE + 1];
    const struct cm_search *search = finding->search;
    const struct cm_sighting *place = place_of(search);
    cm_hex(digest, cm_bytes_digest(&search->digest));
    fprintf(out, "%-12s %s  %.16s", cm_finding_name(finding->kind),
            cm_when_utc(when, search->when_ms), digest);
    if (place->gateway[0] != '\0') {
        fprintf(out, "  %s:%" PRIu64, place->gateway, place->gateway_index);
    }
    fputs("\n  ", out);
    if (finding->kind == CM_FINDING_MISSING) {
        fprintf(out, "%c  ", party_names[finding->party]);
    }
    cm_cli_wrap(out, finding->text, 5, 2);
    print_entries(out, search);
    if (finding->twin != NULL) {
        cm_hex(other, cm_bytes_digest(&finding->twin->digest));
        fprintf(out, "  B has %.16s instead:\n", other);
        print_entries(out, finding->twin);
    }
    print_values(out, finding);
    fputc('\n', out);
}

static void print_sources(FILE *out, const struct cm_compare *compare)
{
    char first[CM_WHEN_SIZE];
    char last[CM_WHEN_SIZE];
    for (const struct cm_source *source = cm_searches_sources(compare->searches); source != NULL;
         source = source->next) {
        fprintf(out, "%c  %s, %" PRIu64 " entries\n   %s to %s\n", party_names[source->party],
                source->origin, source->entries, cm_when_utc(first, source->first_ms),
                cm_when_utc(last, source->last_ms));
    }
    fputc('\n', out);
}

void cm_compare_text(FILE *out, const struct cm_compare *compare)
{
    print_sources(out, compare);
    for (const struct cm_finding *f = compare->findings; f != NULL; f = f->next) {
        print_finding(out, f);
    }
    fprintf(out, "Searches: %" PRIu64 " of A, %" PRIu64 " of B, %" PRIu64 " in both\n",
            compare->count[0], compare->count[1], compare->both);
    for (unsigned why = 0; why < CM_UNCOMPARED_COUNT; why++) {
        if (compare->uncompared[why] > 0) {
            fprintf(out, "Not compared: %" PRIu64 " ", compare->uncompared[why]);
            cm_cli_wrap(out, cm_uncompared_text((enum cm_uncompared)why), 20, 2);
        }
    }
    if (compare->finding_count == 0) {
        fputs("Nothing that was compared differs.\n", out);
    } else {
        fprintf(out, "Differences: %zu\n", compare->finding_count);
    }
}

static json_t *entries_json(const struct cm_search *search)
{
    json_t *list = json_array();
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        json_array_append_new(
            list,
            json_pack("{s:s#, s:s, s:s, s:I, s:I}", "party", &party_names[seen->source->party], 1,
                      "ledger", seen->source->origin, "kind", cm_entry_kind_name(seen->kind),
                      "epoch", (json_int_t)seen->epoch, "index", (json_int_t)seen->index));
    }
    return list;
}

static json_t *search_json(const struct cm_search *search, unsigned differ)
{
    char when[CM_WHEN_SIZE];
    char digest[2 * CM_DIGEST_SIZE + 1];
    const struct cm_sighting *place = place_of(search);
    cm_hex(digest, cm_bytes_digest(&search->digest));
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:I, s:o}", "time", cm_when_utc(when, search->when_ms), "digest",
                  digest, "gateway", place->gateway, "gateway_index",
                  (json_int_t)place->gateway_index, "entries", entries_json(search));
    for (size_t i = 0; search->values != NULL && i < PARTS; i++) {
        if (differ & parts[i].part) {
            json_object_set_new(object, parts[i].name,
                                json_string(value_of(search->values, parts[i].part)));
        }
    }
    return object;
}

static json_t *finding_json(const struct cm_finding *finding)
{
    json_t *names = json_array();
    for (size_t i = 0; i < PARTS; i++) {
        if (finding->parts & parts[i].part) {
            json_array_append_new(names, json_string(parts[i].name));
        }
    }
    json_t *object = json_pack("{s:s, s:s, s:o, s:o}", "kind", cm_finding_name(finding->kind),
                               "text", finding->text, "differs", names, "search",
                               search_json(finding->search, finding->parts));
    if (finding->twin != NULL) {
        json_object_set_new(object, "other", search_json(finding->twin, finding->parts));
    }
    if (finding->kind == CM_FINDING_MISSING) {
        json_object_set_new(object, "lacking", json_stringn(&party_names[finding->party], 1));
    }
    return object;
}

enum cm_status cm_compare_json(FILE *out, const struct cm_compare *compare)
{
    json_t *findings = json_array();
    json_t *uncompared = json_object();
    for (const struct cm_finding *f = compare->findings; f != NULL; f = f->next) {
        json_array_append_new(findings, finding_json(f));
    }
    for (unsigned why = 0; why < CM_UNCOMPARED_COUNT; why++) {
        json_object_set_new(uncompared, cm_uncompared_text((enum cm_uncompared)why),
                            json_integer((json_int_t)compare->uncompared[why]));
    }
    json_t *object =
        json_pack("{s:I, s:I, s:I, s:o, s:o}", "searches_a", (json_int_t)compare->count[0],
                  "searches_b", (json_int_t)compare->count[1], "in_both", (json_int_t)compare->both,
                  "not_compared", uncompared, "differences", findings);
    int status = object != NULL ? json_dumpf(object, out, JSON_INDENT(2)) : -1;
    fputc('\n', out);
    json_decref(object);
    return status == 0 ? CM_OK : CM_MEMORY;
}

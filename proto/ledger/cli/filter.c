#include "proto/ledger/cli/filter.h"

#include "proto/codec/answer.h"
#include "proto/ledger/cli/digest_set.h"
#include "proto/ledger/cli/period.h"
#include "proto/trust/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEX = 2 * CM_DIGEST_SIZE };

struct cm_filter {
    int64_t from_ms, to_ms;
    unsigned kinds;                                   // bits 1u << enum cm_entry_kind; 0: all
    const char *purpose, *agency, *gateway, *outcome; // NULL: any
    char person[CM_MAX_REASON + 1];                   // "": any
    char plate[CM_MAX_PLATE + 1];                     // "": any
    char query[MAX_HEX + 1];                          // lower case; "": any
    struct cm_digest_set fit;                         // queries that do
};

static enum cm_status take_kinds(struct cm_filter *filter, const struct cm_cli_args *args,
                                 struct cm_error *error)
{
    const char *name;
    for (size_t i = 0; (name = cm_cli_nth(args, 'k', i)) != NULL; i++) {
        unsigned kind = 1;
        while (kind < CM_ENTRY_COUNT &&
               strcmp(name, cm_entry_kind_name((enum cm_entry_kind)kind)) != 0) {
            kind++;
        }
        if (kind == CM_ENTRY_COUNT) {
            return cm_fail(error, CM_INVALID, "--kind", "%s is no kind of entry", name);
        }
        filter->kinds |= 1u << kind;
    }
    return CM_OK;
}

static enum cm_status take_query(struct cm_filter *filter, const char *text, struct cm_error *error)
{
    const size_t len = text ? strlen(text) : 0;
    if (len > MAX_HEX || (text && strspn(text, "0123456789abcdefABCDEF") != len)) {
        return cm_fail(error, CM_INVALID, "--query", "must be hexadecimal digits, at most %d",
                       MAX_HEX);
    }
    for (size_t i = 0; i < len; i++) {
        filter->query[i] = (char)tolower((unsigned char)text[i]);
    }
    return CM_OK;
}

enum cm_status cm_filter_of(struct cm_filter **out, const struct cm_cli_args *args,
                            struct cm_error *error)
{
    struct cm_filter *filter = calloc(1, sizeof *filter);
    const char *plate = cm_cli_get(args, 'p');
    const char *person = cm_cli_get(args, 'w');
    if (!filter) {
        return cm_fail(error, CM_MEMORY, "options", "out of memory");
    }
    filter->purpose = cm_cli_get(args, 'u');
    filter->agency = cm_cli_get(args, 'a');
    filter->gateway = cm_cli_get(args, 'g');
    filter->outcome = cm_cli_get(args, 'o');
    enum cm_status status = cm_audit_period(&filter->from_ms, &filter->to_ms, args, error);
    if (status == CM_OK) {
        status = take_kinds(filter, args, error);
    }
    if (status == CM_OK) {
        status = take_query(filter, cm_cli_get(args, 'q'), error);
    }
    if (status == CM_OK && person &&
        snprintf(filter->person, sizeof filter->person, "%s", person) > CM_MAX_REASON) {
        status = cm_fail(error, CM_INVALID, "--person", "is too long");
    }
    if (status == CM_OK && plate &&
        cm_plate_normalise(filter->plate, cm_bytes_of(plate)) != CM_OK) {
        status = cm_fail(error, CM_INVALID, "--plate", "must be 1 to %d letters or digits",
                         CM_MAX_PLATE);
    }
    if (status != CM_OK) {
        cm_filter_free(filter);
        return status;
    }
    *out = filter;
    return CM_OK;
}

void cm_filter_free(struct cm_filter *filter)
{
    if (filter) {
        cm_digest_set_clear(&filter->fit);
        cm_wipe(filter, sizeof *filter);
        free(filter);
    }
}

// The same, or its end from a slash on: "ca.northport.pd/investigator/lee".
static bool named(const char *have, const char *want)
{
    const size_t a = strlen(have);
    const size_t b = strlen(want);
    return a >= b && b > 0 && strcmp(have + a - b, want) == 0 && (a == b || have[a - b - 1] == '/');
}

static bool of_agency(const char *spiffe, const char *agency)
{
    struct cm_identity who;
    return cm_identity_parse(&who, cm_bytes_of(spiffe), NULL) == CM_OK &&
           strcmp(who.agency, agency) == 0;
}

static bool begins(struct cm_bytes bytes, const char *hex)
{
    char text[MAX_HEX + 1];
    cm_hex(text, bytes);
    return strncmp(text, hex, strlen(hex)) == 0;
}

static bool outcome_fits(const struct cm_entry *entry, const char *want)
{
    switch ((unsigned)entry->kind) {
    case CM_ENTRY_NODE:
        return strcmp(want, entry->permitted ? "permitted" : "refused") == 0 ||
               (!entry->permitted &&
                strcmp(want, cm_refusal_name((enum cm_refusal_code)entry->refusal)) == 0);
    case CM_ENTRY_RELEASE:
        return strcmp(want, cm_release_outcome_name(entry->release)) == 0;
    case CM_ENTRY_REFUSED:
        return strcmp(want, "refused") == 0 ||
               strcmp(want, cm_status_name((enum cm_status)entry->refusal)) == 0;
    case CM_ENTRY_WITNESS:
        return strcmp(want, cm_witness_finding_name(entry->finding)) == 0;
    default:
        return false;
    }
}

// What the entry itself says. The question's own gateway is looked at with the clear values.
static bool entry_fits(const struct cm_filter *filter, const struct cm_entry *entry)
{
    const bool names_gateway = entry->kind == CM_ENTRY_NODE || entry->kind == CM_ENTRY_COPY;
    return entry->recorded_ms >= filter->from_ms && entry->recorded_ms < filter->to_ms &&
           (filter->kinds == 0 || filter->kinds & 1u << entry->kind) &&
           (!filter->gateway || !names_gateway || named(entry->gateway, filter->gateway)) &&
           (!filter->outcome || outcome_fits(entry, filter->outcome));
}

static bool wants_values(const struct cm_filter *filter)
{
    return filter->person[0] != '\0' || filter->purpose || filter->agency || filter->gateway ||
           filter->plate[0] != '\0' || filter->query[0] != '\0';
}

static bool question_fits(const struct cm_filter *filter, const struct cm_audit_record *record)
{
    const struct cm_query *q = &record->query;
    const char *plate = q->plate.plate ? q->plate.plate : "";
    return (filter->person[0] == '\0' || named(q->signer, filter->person)) &&
           (!filter->purpose || strcmp(q->purpose, filter->purpose) == 0) &&
           (!filter->agency || of_agency(q->signer, filter->agency)) &&
           (!filter->gateway || named(q->gateway, filter->gateway)) &&
           (filter->plate[0] == '\0' || strcmp(plate, filter->plate) == 0) &&
           (filter->query[0] == '\0' ||
            begins(cm_bytes_digest(&record->entry.digest), filter->query) ||
            begins((struct cm_bytes){q->query_id, CM_QUERY_ID_SIZE}, filter->query));
}

// An entry about no question: who did it, and to which agency.
static enum cm_filter_says act_says(const struct cm_filter *filter,
                                    const struct cm_audit_record *record)
{
    const bool about_agency =
        record->entry.kind == CM_ENTRY_RULES || record->entry.kind == CM_ENTRY_SHARING;
    const bool that_agency =
        about_agency && filter->agency && strcmp(record->entry.agency, filter->agency) == 0;
    if (filter->purpose || filter->gateway || filter->plate[0] != '\0' ||
        filter->query[0] != '\0') {
        return CM_FILTER_NO;
    }
    if (record->clear != CM_CLEAR_OPEN && record->clear != CM_CLEAR_NONE) {
        return that_agency && filter->person[0] == '\0' ? CM_FILTER_YES : CM_FILTER_UNKNOWN;
    }
    const char *person = record->clear == CM_CLEAR_OPEN ? record->access.person : "";
    const bool fits = (filter->person[0] == '\0' || named(person, filter->person)) &&
                      (!filter->agency || of_agency(person, filter->agency) || that_agency);
    return fits ? CM_FILTER_YES : CM_FILTER_NO;
}

static enum cm_filter_says question_says(const struct cm_filter *filter,
                                         const struct cm_audit_record *record)
{
    if (record->asked == CM_FAMILY_NONE) {
        return CM_FILTER_UNKNOWN;
    }
    return question_fits(filter, record) ? CM_FILTER_YES : CM_FILTER_NO;
}

// The digest of its question, which needs no clear value, is all that is asked for, and fits.
static bool digest_fits(const struct cm_filter *filter, const struct cm_digest *digest)
{
    return filter->query[0] != '\0' && filter->person[0] == '\0' && !filter->purpose &&
           !filter->agency && !filter->gateway && filter->plate[0] == '\0' &&
           begins(cm_bytes_digest(digest), filter->query);
}

static enum cm_filter_says values_fit(const struct cm_filter *filter,
                                      const struct cm_audit_record *record)
{
    const struct cm_digest *digest = &record->entry.digest;
    const bool fits = cm_digest_set_has(&filter->fit, digest) || digest_fits(filter, digest);
    switch ((unsigned)record->entry.kind) {
    case CM_ENTRY_QUERY:
    case CM_ENTRY_NODE:
    case CM_ENTRY_REACH:
    case CM_ENTRY_COPY:
    case CM_ENTRY_REFUSED:
        return fits ? CM_FILTER_YES : question_says(filter, record);
    case CM_ENTRY_RELEASE:
    case CM_ENTRY_MANIFEST:
        return fits ? CM_FILTER_YES : CM_FILTER_NO; // its question came before
    default:
        return act_says(filter, record);
    }
}

enum cm_status cm_filter_judge(enum cm_filter_says *out, struct cm_filter *filter,
                               const struct cm_audit_record *record)
{
    enum cm_status status = CM_OK;
    *out = CM_FILTER_YES;
    if (wants_values(filter)) {
        *out = values_fit(filter, record);
        if (*out == CM_FILTER_YES && record->asked != CM_FAMILY_NONE) {
            status = cm_digest_set_add(&filter->fit, &record->entry.digest);
        }
    }
    if (!entry_fits(filter, &record->entry)) {
        *out = CM_FILTER_NO;
    }
    return status;
}

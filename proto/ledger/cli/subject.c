#include "proto/ledger/cli/subject.h"

#include "proto/ledger/cli/paragraph.h"
#include "proto/ledger/cli/period.h"
#include "proto/ledger/cli/search_print.h"

#include <inttypes.h>
#include <string.h>

static bool begins(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_QUERY || kind == CM_ENTRY_NODE || kind == CM_ENTRY_COPY ||
           kind == CM_ENTRY_REFUSED;
}

static bool fits(const struct cm_subject *subject, const struct cm_query *query)
{
    const char *state = query->plate.state;
    return strcmp(query->plate.plate, subject->plate) == 0 &&
           (subject->state[0] == '\0' || state[0] == '\0' || strcmp(state, subject->state) == 0);
}

// A question that is read anywhere is known everywhere.
static enum cm_status look(struct cm_subject *subject, struct cm_digest_set *read,
                           const struct cm_audit_record *record)
{
    const struct cm_digest *digest = &record->entry.digest;
    subject->entries++;
    if (!begins(record->entry.kind)) {
        return CM_OK;
    }
    if (record->clear != CM_CLEAR_OPEN || record->asked == CM_FAMILY_NONE) {
        return record->clear == CM_CLEAR_NONE ? CM_OK : cm_digest_set_add(&subject->unread, digest);
    }
    if (record->asked != CM_FAMILY_QUERY) {
        return CM_OK;
    }
    enum cm_status status = cm_digest_set_add(read, digest);
    return status == CM_OK && fits(subject, &record->query)
               ? cm_digest_set_add(&subject->about, digest)
               : status;
}

static enum cm_status find(struct cm_subject *subject, struct cm_digest_set *read,
                           struct cm_ledger_folder *folder, struct cm_error *error)
{
    const struct cm_audit_record *record;
    enum cm_status status;
    while ((status = cm_ledger_folder_next(&record, folder, error)) == CM_OK && record != NULL) {
        const int64_t when = cm_audit_record_asked_ms(record);
        if (when >= subject->from_ms && when < subject->to_ms &&
            (status = look(subject, read, record)) != CM_OK) {
            return cm_fail(error, status, cm_ledger_folder_path(folder), "out of memory");
        }
    }
    return status == CM_OK ? cm_ledger_folder_rewind(folder, error) : status;
}

static bool wants(void *context, const struct cm_audit_record *record)
{
    const struct cm_subject *subject = context;
    return cm_digest_set_has(&subject->about, &record->entry.digest);
}

static enum cm_status keep_unread(struct cm_digest_set *unread, const struct cm_digest_set *read)
{
    struct cm_digest_set left = {0};
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < unread->cap; i++) {
        if (!cm_digest_is_zero(&unread->slots[i]) && !cm_digest_set_has(read, &unread->slots[i])) {
            status = cm_digest_set_add(&left, &unread->slots[i]);
        }
    }
    cm_digest_set_clear(unread);
    *unread = left;
    return status;
}

enum cm_status cm_subject_gather(struct cm_subject *subject,
                                 struct cm_ledger_folder *const *folders, size_t count,
                                 struct cm_error *error)
{
    struct cm_digest_set read = {0};
    const struct cm_gather gather = {
        .from_ms = 0, .to_ms = INT64_MAX, .wants = wants, .context = subject};
    subject->searches = cm_searches_new();
    enum cm_status status =
        subject->searches != NULL ? CM_OK : cm_fail(error, CM_MEMORY, "subject", "out of memory");
    for (size_t i = 0; status == CM_OK && i < count; i++) {
        status = find(subject, &read, folders[i], error);
    }
    if (status == CM_OK && keep_unread(&subject->unread, &read) != CM_OK) {
        status = cm_fail(error, CM_MEMORY, "subject", "out of memory");
    }
    for (size_t i = 0; status == CM_OK && i < count; i++) {
        struct cm_source *source;
        status = cm_searches_source(&source, subject->searches, folders[i], 0, error);
        if (status == CM_OK) {
            status = cm_searches_gather(subject->searches, source, folders[i], &gather, error);
        }
    }
    if (status == CM_OK &&
        cm_searches_list(&subject->list, &subject->count, subject->searches) != CM_OK) {
        status = cm_fail(error, CM_MEMORY, "subject", "out of memory");
    }
    cm_digest_set_clear(&read);
    return status;
}

void cm_subject_clear(struct cm_subject *subject)
{
    cm_searches_free(subject->searches);
    cm_digest_set_clear(&subject->about);
    cm_digest_set_clear(&subject->unread);
    cm_wipe(subject->plate, sizeof subject->plate);
    subject->searches = NULL;
}

uint64_t cm_subject_unread(const struct cm_subject *subject)
{
    return subject->unread.count;
}

static uint64_t rows_released(const struct cm_subject *subject)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < subject->count; i++) {
        struct cm_search_line line;
        cm_search_line_of(&line, subject->list[i]);
        rows += line.released;
    }
    return rows;
}

void cm_subject_text(FILE *out, const struct cm_subject *subject, bool redact)
{
    char from[CM_WHEN_SIZE];
    char to[CM_WHEN_SIZE];
    cm_paragraph(out, 0, "Searches for plate %s%s%s, from %s to %s, all times UTC", subject->plate,
                 subject->state[0] != '\0' ? " of " : "", subject->state,
                 cm_audit_period_from(from, subject->from_ms),
                 cm_audit_period_to(to, subject->to_ms));
    for (const struct cm_source *s = cm_searches_sources(subject->searches); s != NULL;
         s = s->next) {
        cm_paragraph(out, 0, "Ledger %u: %s, %" PRIu64 " entries", s->number, s->origin,
                     s->entries);
    }
    if (redact) {
        cm_paragraph(out, 0, "Removed: " CM_SEARCH_REDACTED ".");
    }
    for (size_t i = 0; i < subject->count; i++) {
        fputc('\n', out);
        cm_search_print(out, subject->list[i], redact);
    }
    fprintf(out, "\n%zu searches asked about it; %" PRIu64 " rows were released.\n", subject->count,
            rows_released(subject));
    if (cm_subject_unread(subject) > 0) {
        cm_paragraph(out, 0,
                     "%" PRIu64
                     " other searches of that time can't be read here, their clear values "
                     "were erased or have no key: they may have asked about it too.",
                     cm_subject_unread(subject));
    }
}

enum cm_status cm_subject_json(FILE *out, const struct cm_subject *subject, bool redact)
{
    json_t *searches = json_array();
    for (size_t i = 0; i < subject->count; i++) {
        json_array_append_new(searches, cm_search_json(subject->list[i], redact));
    }
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "plate", subject->plate, "plate_state",
                  subject->state, "removed", redact ? CM_SEARCH_REDACTED : "", "rows_released",
                  (json_int_t)rows_released(subject), "not_readable",
                  (json_int_t)cm_subject_unread(subject), "searches", searches);
    const bool done = object != NULL && json_dumpf(object, out, JSON_INDENT(2)) == 0;
    fputc('\n', out);
    json_decref(object);
    return done ? CM_OK : CM_MEMORY;
}

#include "nodes/ingest/ingest.h"

#include "nodes/ingest/rejects.h"
#include "nodes/ingest/row.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 1000, BATCH_BYTES = 4 * 1024 * 1024, ARENA = 16 * 1024 * 1024 };

// A line waits with its bytes until the store has judged its row.
struct waiting {
    uint64_t line;
    size_t offset, len; // in raw
};

struct run {
    const struct cm_ingest *ingest;
    struct cm_ingest_report *report;
    struct cm_csv *csv;
    struct cm_rejects *rejects;
    struct cm_row_layout layout;
    struct cm_arena *arena; // of the batch
    struct cm_buf raw;
    size_t count;
    struct cm_stored rows[BATCH];
    struct waiting waiting[BATCH];
    bool conflicts[BATCH];
};

static enum cm_status reject(struct run *run, uint64_t line, struct cm_bytes raw, bool aligned,
                             const char *column, const char *why, struct cm_error *error)
{
    char reason[512];
    snprintf(reason, sizeof reason, "line %llu%s%s: %s", (unsigned long long)line,
             column[0] != '\0' ? ", column " : "", column, why);
    enum cm_status status = cm_rejects_add(run->rejects, raw, aligned, reason, error);
    if (status == CM_OK) {
        run->report->rejected++;
        run->report->records++;
    }
    return status;
}

static enum cm_status flush(struct run *run, struct cm_error *error)
{
    const struct cm_ingest *ingest = run->ingest;
    struct cm_ingest_counts counts = {0};
    enum cm_status status = CM_OK;
    if (run->count > 0) {
        status = ingest->store->ops->ingest(ingest->store, run->rows, run->count, &counts,
                                            run->conflicts, error);
    }
    run->report->accepted += counts.accepted;
    run->report->duplicates += counts.duplicates;
    run->report->records += counts.accepted + counts.duplicates;
    for (size_t i = 0; i < run->count && status == CM_OK; i++) {
        const struct waiting *w = &run->waiting[i];
        if (run->conflicts[i]) {
            status = reject(run, w->line, (struct cm_bytes){run->raw.data + w->offset, w->len},
                            true, "event_id", "is known, with other content", error);
        }
    }
    if (status == CM_OK) {
        status = cm_rejects_flush(run->rejects, error);
    }
    run->count = 0;
    run->raw.len = 0;
    cm_arena_reset(run->arena);
    run->report->bytes = cm_csv_offset(run->csv);
    if (status == CM_OK && ingest->progress != NULL) {
        ingest->progress(ingest->user, run->report);
    }
    return status;
}

static enum cm_status add(struct run *run, const struct cm_csv_record *record,
                          struct cm_error *error)
{
    struct cm_error why = {0};
    struct cm_stored *row = &run->rows[run->count];
    enum cm_status status = cm_row_read(row, &run->layout, record, run->ingest->owner,
                                        cm_wall_ms(run->ingest->clock), run->arena, &why);
    if (status == CM_INVALID) {
        return reject(run, record->line, record->raw, record->field_count == run->layout.count,
                      why.where, why.text, error);
    }
    if (status == CM_OK) {
        run->waiting[run->count++] = (struct waiting){record->line, run->raw.len, record->raw.len};
        status = cm_buf_add(&run->raw, record->raw.data, record->raw.len);
    }
    if (status != CM_OK) {
        return cm_fail(error, status, run->ingest->name, "line %llu: out of memory",
                       (unsigned long long)record->line);
    }
    bool full = run->count == BATCH || cm_arena_used(run->arena) > BATCH_BYTES ||
                run->raw.len > BATCH_BYTES;
    return full ? flush(run, error) : CM_OK;
}

static enum cm_status read_header(struct run *run, struct cm_error *error)
{
    const struct cm_ingest *ingest = run->ingest;
    struct cm_csv_record header = {.kind = CM_CSV_PAUSE};
    enum cm_status status = CM_OK;
    while (status == CM_OK && header.kind == CM_CSV_PAUSE && *ingest->stop == 0) {
        status = cm_csv_next(run->csv, &header, error);
    }
    if (status != CM_OK || header.kind == CM_CSV_PAUSE) {
        run->report->stopped = status == CM_OK;
        return status;
    }
    if (header.kind != CM_CSV_RECORD) {
        return cm_fail(error, CM_INVALID, ingest->name, "%s",
                       header.kind == CM_CSV_END ? "is empty: a line with the columns' names is "
                                                   "needed"
                                                 : header.problem);
    }
    status = cm_row_header(&run->layout, &header, ingest->name, error);
    if (status == CM_OK) {
        status = cm_rejects_new(&run->rejects, ingest->rejects_path, header.raw, header.field_count,
                                error);
    }
    return status;
}

static enum cm_status read_records(struct run *run, struct cm_error *error)
{
    struct cm_csv_record record = {.kind = CM_CSV_NONE};
    enum cm_status status = CM_OK;
    while (status == CM_OK && record.kind != CM_CSV_END && *run->ingest->stop == 0) {
        status = cm_csv_next(run->csv, &record, error);
        if (status != CM_OK) {
            break;
        }
        switch (record.kind) {
        case CM_CSV_RECORD:
            status = add(run, &record, error);
            break;
        case CM_CSV_BROKEN:
            status = reject(run, record.line, record.raw, false, "", record.problem, error);
            break;
        case CM_CSV_PAUSE:
        case CM_CSV_END:
            status = flush(run, error);
            break;
        case CM_CSV_NONE:
            status = CM_INTERNAL;
            break;
        }
    }
    if (*run->ingest->stop != 0) {
        run->report->stopped = record.kind != CM_CSV_END;
    }
    // Also when reading failed: what was read before is good.
    enum cm_status flushed = run->count > 0 ? flush(run, status == CM_OK ? error : NULL) : CM_OK;
    return status == CM_OK ? flushed : status;
}

enum cm_status cm_ingest_csv(struct cm_ingest_report *report, const struct cm_ingest *ingest,
                             struct cm_error *error)
{
    *report = (struct cm_ingest_report){0};
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL || (run->arena = cm_arena_new(ARENA)) == NULL) {
        free(run);
        return cm_fail(error, CM_MEMORY, ingest->name, "out of memory");
    }
    run->ingest = ingest;
    run->report = report;
    enum cm_status status = cm_csv_new(&run->csv, ingest->fd, ingest->name, error);
    if (status == CM_OK) {
        status = read_header(run, error);
    }
    if (status == CM_OK && !report->stopped) {
        status = read_records(run, error);
    }
    cm_rejects_free(run->rejects);
    cm_csv_free(run->csv);
    cm_buf_clear(&run->raw);
    cm_arena_free(run->arena);
    free(run);
    return status;
}

#include "nodes/ingest/csv.h"

#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

struct cm_csv {
    int fd;
    const char *name;
    struct csv_parser parser;
    bool paused; // the last call said so: this one waits
    bool eof;
    uint64_t offset;
    uint64_t line;      // of the record at `start`
    struct cm_buf data; // what is read and not yet given out
    size_t start;       // of the record in data
    size_t scanned;     // what the parser has seen, at a line's start
    uint64_t lines;     // of the record so far
    size_t first_line;  // length of the record's first line, its end included; 0 before it is seen
    struct cm_buf text; // the fields' bytes
    size_t field_count;
    size_t offsets[CM_CSV_MAX_FIELDS + 1];
    struct cm_bytes fields[CM_CSV_MAX_FIELDS];
    bool complete;
    const char *problem;
};

// Only LF ends a record; CR is what stands before it. So a line holds one record at most.
static int is_cr(unsigned char c)
{
    return c == CSV_CR;
}

static int is_lf(unsigned char c)
{
    return c == CSV_LF;
}

static enum cm_status start_parser(struct cm_csv *csv)
{
    if (csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return CM_MEMORY;
    }
    csv_set_space_func(&csv->parser, is_cr);
    csv_set_term_func(&csv->parser, is_lf);
    return CM_OK;
}

enum cm_status cm_csv_new(struct cm_csv **out, int fd, const char *name, struct cm_error *error)
{
    *out = NULL;
    struct cm_csv *csv = calloc(1, sizeof *csv);
    uint8_t *room = NULL;
    if (csv == NULL || start_parser(csv) != CM_OK ||
        cm_buf_reserve(&csv->data, CHUNK, &room) != CM_OK) {
        free(csv);
        return cm_fail(error, CM_MEMORY, name, "out of memory");
    }
    csv->fd = fd;
    csv->name = name;
    csv->line = 1;
    *out = csv;
    return CM_OK;
}

void cm_csv_free(struct cm_csv *csv)
{
    if (csv != NULL) {
        csv_free(&csv->parser);
        cm_buf_clear(&csv->data);
        cm_buf_clear(&csv->text);
        free(csv);
    }
}

uint64_t cm_csv_offset(const struct cm_csv *csv)
{
    return csv->offset;
}

static void take_field(void *bytes, size_t len, void *user)
{
    struct cm_csv *csv = user;
    if (csv->field_count == CM_CSV_MAX_FIELDS) {
        csv->problem = "it has more than 256 fields";
        return;
    }
    csv->offsets[csv->field_count++] = csv->text.len;
    if (len > 0 && cm_buf_add(&csv->text, bytes, len) != CM_OK) {
        csv->problem = "out of memory";
    }
}

static void take_record(int terminator, void *user)
{
    struct cm_csv *csv = user;
    (void)terminator;
    csv->complete = true;
}

static void forget_record(struct cm_csv *csv)
{
    csv->text.len = 0;
    csv->field_count = 0;
    csv->complete = false;
    csv->problem = NULL;
    csv->lines = 0;
    csv->first_line = 0;
    csv->scanned = csv->start;
}

// CM_OK with *paused, or with more bytes, or with eof.
static enum cm_status fill(struct cm_csv *csv, bool *paused, struct cm_error *error)
{
    uint8_t *room = NULL;
    struct pollfd ready = {.fd = csv->fd, .events = POLLIN};
    // Not for ever: a signal that comes just before it must be seen too.
    int count = poll(&ready, 1, csv->paused ? 1000 : 0);
    *paused = csv->paused = count == 0 || (count < 0 && errno == EINTR);
    if (*paused) {
        return CM_OK;
    }
    if (csv->start > 0) {
        memmove(csv->data.data, csv->data.data + csv->start, csv->data.len - csv->start);
        csv->data.len -= csv->start;
        csv->scanned -= csv->start;
        csv->start = 0;
    }
    if (cm_buf_reserve(&csv->data, CHUNK, &room) != CM_OK) {
        return cm_fail(error, CM_MEMORY, csv->name, "out of memory");
    }
    ssize_t got = read(csv->fd, room, CHUNK);
    if (got < 0 && errno != EINTR && errno != EAGAIN) {
        return cm_fail(error, CM_IO, csv->name, "can't be read: %s", strerror(errno));
    }
    *paused = csv->paused = got < 0;
    csv->eof = got == 0;
    if (got > 0) {
        csv->data.len += (size_t)got;
        csv->offset += (uint64_t)got;
    }
    return CM_OK;
}

static struct cm_bytes without_end(const uint8_t *data, size_t len)
{
    if (len > 0 && data[len - 1] == '\n') {
        len--;
    }
    if (len > 0 && data[len - 1] == '\r') {
        len--;
    }
    return (struct cm_bytes){data, len};
}

static bool is_blank(const uint8_t *line, size_t len)
{
    size_t i = 0;
    while (i < len && (line[i] == '\r' || line[i] == '\n')) {
        i++;
    }
    return i == len;
}

// The byte order mark that spreadsheets put before the first line.
static void skip_mark(struct cm_csv *csv, const uint8_t **line, size_t *len)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    if (*len >= sizeof mark && memcmp(*line, mark, sizeof mark) == 0) {
        csv->start = csv->scanned = sizeof mark;
        *line += sizeof mark;
        *len -= sizeof mark;
    }
}

// Gives the parser the next line, or what is left at the end. *fed false when there is none yet.
static enum cm_status feed_line(struct cm_csv *csv, bool *fed, struct cm_error *error)
{
    const uint8_t *at = csv->data.data + csv->scanned;
    size_t left = csv->data.len - csv->scanned;
    const uint8_t *end = left > 0 ? memchr(at, '\n', left) : NULL;
    size_t len = end != NULL ? (size_t)(end - at) + 1 : left;
    *fed = end != NULL || csv->eof;
    if (len > CM_CSV_MAX_RECORD) {
        cm_fail(error, CM_INVALID, csv->name, "line %" PRIu64 " is longer than %d KiB",
                csv->line + csv->lines, CM_CSV_MAX_RECORD / 1024);
        cm_error_hint(error, "is it a CSV file?");
        return CM_INVALID;
    }
    if (!*fed) {
        return CM_OK;
    }
    if (csv->scanned == 0 && csv->line == 1) {
        skip_mark(csv, &at, &len);
    }
    if (csv->lines == 0 && is_blank(at, len)) {
        csv->start = csv->scanned += len;
        csv->line += len > 0;
        return CM_OK;
    }
    bool ok = len == 0 || csv_parse(&csv->parser, at, len, take_field, take_record, csv) == len;
    if (csv->lines == 0) {
        csv->first_line = len;
    }
    csv->scanned += len;
    csv->lines += len > 0;
    if (ok && csv->eof && csv->scanned == csv->data.len && !csv->complete) {
        ok = csv_fini(&csv->parser, take_field, take_record, csv) == 0;
    }
    if (!ok && csv->problem == NULL) {
        csv->problem = csv->parser.quoted ? "a quote in it is not closed, or not doubled"
                                          : "a quote stands inside a field without quotes";
    } else if (!csv->complete && csv->scanned - csv->start > CM_CSV_MAX_RECORD) {
        csv->problem = "a quote that it opens is not closed";
    }
    return CM_OK;
}

// Hands out what was found and stands at the line after it.
static enum cm_status finish(struct cm_csv *csv, struct cm_csv_record *out)
{
    bool broken = csv->problem != NULL;
    size_t len = broken ? csv->first_line : csv->scanned - csv->start;
    *out = (struct cm_csv_record){
        .kind = broken ? CM_CSV_BROKEN : CM_CSV_RECORD,
        .line = csv->line,
        .raw = without_end(csv->data.data + csv->start, len),
        .problem = csv->problem,
    };
    if (!broken) {
        csv->offsets[csv->field_count] = csv->text.len;
        for (size_t i = 0; i < csv->field_count; i++) {
            csv->fields[i].len = csv->offsets[i + 1] - csv->offsets[i];
            csv->fields[i].data =
                csv->fields[i].len > 0 ? csv->text.data + csv->offsets[i] : (const uint8_t *)"";
        }
        out->field_count = csv->field_count;
        out->fields = csv->fields;
    }
    csv->line += broken ? 1 : csv->lines;
    csv->start += len;
    if (broken) {
        csv_free(&csv->parser);
        return start_parser(csv);
    }
    return CM_OK;
}

enum cm_status cm_csv_next(struct cm_csv *csv, struct cm_csv_record *out, struct cm_error *error)
{
    *out = (struct cm_csv_record){.kind = CM_CSV_NONE};
    if (csv->scanned == csv->start || csv->complete || csv->problem != NULL) {
        forget_record(csv);
    }
    for (;;) {
        bool fed = false, paused = false;
        enum cm_status status = feed_line(csv, &fed, error);
        if (status == CM_OK && !fed) {
            status = fill(csv, &paused, error);
        }
        if (status != CM_OK) {
            return status;
        }
        if (paused) {
            out->kind = CM_CSV_PAUSE;
            return CM_OK;
        }
        if (csv->complete || csv->problem != NULL) {
            status = finish(csv, out);
            return status == CM_OK ? CM_OK : cm_fail(error, status, csv->name, "out of memory");
        }
        if (fed && csv->eof && csv->scanned == csv->data.len) {
            out->kind = CM_CSV_END;
            return CM_OK;
        }
    }
}

#include "acl/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>
#include <uniwidth.h>

// What a terminal may not be sent, and tabs, as one harmless column each.
static ucs4_t shown(ucs4_t c)
{
    if (c == '\t') {
        return ' ';
    }
    bool bidi = c == 0x061c || (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                (c >= 0x2066 && c <= 0x2069);
    bool hidden = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff;
    return bidi || hidden ? '?' : c;
}

static unsigned code_points(const uint8_t *text, size_t len)
{
    unsigned count = 0;
    while (len > 0) {
        ucs4_t c;
        int used = u8_mbtouc(&c, text, len);
        text += used;
        len -= (size_t)used;
        count++;
    }
    return count;
}

// Columns of a terminal: none for a combining character, two for a wide one.
static unsigned columns_of(ucs4_t c)
{
    int width = uc_width(c, "UTF-8");
    return width > 0 ? (unsigned)width : 0;
}

static unsigned columns_between(const uint8_t *text, size_t len)
{
    unsigned columns = 0;
    while (len > 0) {
        ucs4_t c;
        int used = u8_mbtouc(&c, text, len);
        columns += columns_of(shown(c));
        text += used;
        len -= (size_t)used;
    }
    return columns;
}

// Bytes of so many code points, or of all there are.
static size_t bytes_of(const char *text, unsigned points)
{
    size_t len = strlen(text);
    size_t at = 0;
    for (; at < len && points > 0; points--) {
        ucs4_t c;
        at += (size_t)u8_mbtouc(&c, (const uint8_t *)text + at, len - at);
    }
    return at;
}

static char *copy_window(const uint8_t *line, size_t len, unsigned from)
{
    char *out = malloc(CM_DIAGNOSTIC_COLUMNS * 4 + 1);
    if (out == NULL) {
        return NULL;
    }
    size_t used = 0;
    unsigned wide = 0;
    for (unsigned column = 1; len > 0 && column < from + CM_DIAGNOSTIC_COLUMNS; column++) {
        ucs4_t c;
        int bytes = u8_mbtouc(&c, line, len);
        line += bytes;
        len -= (size_t)bytes;
        wide += column >= from ? columns_of(shown(c)) : 0;
        if (wide > CM_DIAGNOSTIC_COLUMNS) {
            break;
        }
        if (column >= from) {
            int put = u8_uctomb((uint8_t *)out + used, shown(c), 4);
            used += put > 0 ? (size_t)put : 0;
        }
    }
    while (used > 0 && out[used - 1] == ' ') {
        used--;
    }
    out[used] = '\0';
    return out;
}

// The column at which to begin, so that what is marked can be seen: the first, or half a window
// before it.
static unsigned window_from(const uint8_t *line, size_t before, size_t marked)
{
    unsigned columns = columns_between(line, before);
    unsigned from = 1;
    if (columns + columns_between(line + before, marked) <= CM_DIAGNOSTIC_COLUMNS) {
        return from;
    }
    while (columns > CM_DIAGNOSTIC_COLUMNS / 2) {
        ucs4_t c;
        int used = u8_mbtouc(&c, line, before);
        unsigned wide = columns_of(shown(c));
        line += used;
        before -= (size_t)used;
        columns -= wide < columns ? wide : columns;
        from++;
    }
    return from;
}

static void locate(struct cm_diagnostic *d, const struct cm_place *place)
{
    const uint8_t *text = place->file->text.data;
    size_t size = place->file->text.len;
    size_t start = place->offset;
    size_t end = start;
    while (start > 0 && text[start - 1] != '\n') {
        start--;
    }
    while (end < size && text[end] != '\n' && text[end] != '\r') {
        end++;
    }
    size_t len = place->len < end - place->offset ? place->len : end - place->offset;
    snprintf(d->file, sizeof d->file, "%s", place->file->path);
    d->line = place->line;
    d->column = 1;
    d->width = 1;
    d->source_from = 1;
    if (text == NULL) {
        return;
    }
    d->column += code_points(text + start, place->offset - start);
    unsigned width = code_points(text + place->offset, len);
    d->width = width > 0 ? width : 1;
    d->source_from = window_from(text + start, place->offset - start, len);
    d->source = copy_window(text + start, end - start, d->source_from);
}

static bool grow(struct cm_diagnostics *diagnostics)
{
    if (diagnostics->count < diagnostics->cap) {
        return true;
    }
    size_t cap = diagnostics->cap == 0 ? 8 : diagnostics->cap * 2;
    struct cm_diagnostic *list = realloc(diagnostics->list, cap * sizeof *list);
    if (list == NULL) {
        return false;
    }
    diagnostics->list = list;
    diagnostics->cap = cap;
    return true;
}

void cm_diagnostics_add(struct cm_diagnostics *diagnostics, enum cm_severity severity,
                        const struct cm_place *place, const char *hint, const char *format, ...)
{
    diagnostics->errors += severity == CM_SEVERITY_ERROR;
    diagnostics->warnings += severity == CM_SEVERITY_WARNING;
    if (diagnostics->count >= CM_MAX_DIAGNOSTICS || !grow(diagnostics)) {
        return;
    }
    struct cm_diagnostic *d = &diagnostics->list[diagnostics->count++];
    memset(d, 0, sizeof *d);
    d->severity = severity;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->text, sizeof d->text, format, arguments);
    va_end(arguments);
    snprintf(d->hint, sizeof d->hint, "%s", hint == NULL ? "" : hint);
    locate(d, place);
}

static int compare(const void *left, const void *right, void *main_file)
{
    const struct cm_diagnostic *a = left;
    const struct cm_diagnostic *b = right;
    int order = strcmp(a->file, b->file);
    if (order != 0) {
        bool a_main = strcmp(a->file, main_file) == 0;
        bool b_main = strcmp(b->file, main_file) == 0;
        return a_main != b_main ? (a_main ? -1 : 1) : order;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return strcmp(a->text, b->text);
}

void cm_diagnostics_sort(struct cm_diagnostics *diagnostics, const char *main_file)
{
    char name[sizeof diagnostics->list->file];
    snprintf(name, sizeof name, "%s", main_file);
    if (diagnostics->count > 1) {
        qsort_r(diagnostics->list, diagnostics->count, sizeof *diagnostics->list, compare, name);
    }
}

void cm_diagnostics_clear(struct cm_diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        free(diagnostics->list[i].source);
    }
    free(diagnostics->list);
    memset(diagnostics, 0, sizeof *diagnostics);
}

static enum cm_status print_one(struct cm_buf *out, const struct cm_diagnostic *d)
{
    const char *word = d->severity == CM_SEVERITY_ERROR ? "error" : "warning";
    enum cm_status status =
        cm_buf_printf(out, "%s:%u:%u: %s: %s\n", d->file, d->line, d->column, word, d->text);
    if (status == CM_OK && d->source != NULL && d->source[0] != '\0') {
        char carets[CM_DIAGNOSTIC_COLUMNS + 1];
        unsigned points = d->column - d->source_from;
        size_t from = bytes_of(d->source, points);
        size_t len = bytes_of(d->source + from, d->width);
        unsigned before = columns_between((const uint8_t *)d->source, from);
        unsigned room = before < CM_DIAGNOSTIC_COLUMNS ? CM_DIAGNOSTIC_COLUMNS - before : 1;
        unsigned width = columns_between((const uint8_t *)d->source + from, len);
        width = width == 0 ? 1 : width < room ? width : room;
        memset(carets, '^', width);
        carets[width] = '\0';
        status = cm_buf_printf(out, "    %s\n    %*s%s\n", d->source, (int)before, "", carets);
    }
    if (status == CM_OK && d->hint[0] != '\0') {
        status = cm_buf_printf(out, "    %s\n", d->hint);
    }
    return status;
}

enum cm_status cm_diagnostics_print(struct cm_buf *out, const struct cm_diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        enum cm_status status = print_one(out, &diagnostics->list[i]);
        if (status != CM_OK) {
            return status;
        }
    }
    size_t total = diagnostics->errors + diagnostics->warnings;
    if (total > diagnostics->count) {
        return cm_buf_printf(out, "and %zu more\n", total - diagnostics->count);
    }
    return CM_OK;
}

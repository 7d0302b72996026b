// Nothing of a CSV file is lost: every byte that is no empty line is in exactly one record, in
// order, and what becomes a row is fit to be stored.
#include "harness.h"

#include "nodes/ingest/row.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"

struct walk {
    const uint8_t *data;
    size_t size, at;
    uint64_t line;
};

static void step(struct walk *walk, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        walk->line += walk->data[walk->at + i] == '\n';
    }
    walk->at += len;
}

static size_t blank_line(const struct walk *walk)
{
    size_t i = walk->at;

    while (i < walk->size && walk->data[i] == '\r') {
        i++;
    }
    if (i < walk->size && walk->data[i] == '\n') {
        return i + 1 - walk->at;
    }
    return i == walk->size ? i - walk->at : 0;
}

static void skip_blank_lines(struct walk *walk)
{
    for (size_t len = blank_line(walk); len > 0; len = blank_line(walk)) {
        step(walk, len);
    }
}

static void expect_record(struct walk *walk, const struct cm_csv_record *record)
{
    skip_blank_lines(walk);
    if (record->line != walk->line || record->raw.len > walk->size - walk->at ||
        memcmp(record->raw.data, walk->data + walk->at, record->raw.len) != 0) {
        abort();
    }
    step(walk, record->raw.len);
    if (walk->at < walk->size && walk->data[walk->at] == '\r') {
        step(walk, 1);
    }
    if (walk->at < walk->size && walk->data[walk->at] != '\n') {
        abort();
    }
    if (walk->at < walk->size) {
        step(walk, 1);
    }
    if ((record->kind == CM_CSV_BROKEN) != (record->problem != NULL)) {
        abort();
    }
}

static void read_row(const struct cm_row_layout *layout, const struct cm_csv_record *record)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_stored row;
    struct cm_error error = {0};

    if (!arena) {
        return;
    }
    if (cm_row_read(&row, layout, record, OWNER, 1795337603000, arena, &error) == CM_OK
            ? cm_stored_check(&row, OWNER, NULL) != CM_OK
            : error.text[0] == '\0') {
        abort();
    }
    cm_arena_free(arena);
}

static void read_file(int fd, struct walk *walk)
{
    struct cm_csv *csv = NULL;
    struct cm_csv_record record = {.kind = CM_CSV_NONE};
    struct cm_row_layout layout = {.count = 0};
    struct cm_error error = {0};

    if (cm_csv_new(&csv, fd, "fuzz.csv", &error) != CM_OK) {
        return;
    }
    while (record.kind != CM_CSV_END && cm_csv_next(csv, &record, &error) == CM_OK) {
        if (record.kind == CM_CSV_RECORD || record.kind == CM_CSV_BROKEN) {
            expect_record(walk, &record);
        }
        if (record.kind == CM_CSV_RECORD && layout.count == 0 &&
            cm_row_header(&layout, &record, "fuzz.csv", &error) != CM_OK) {
            layout.count = 0;
        } else if (record.kind == CM_CSV_RECORD && layout.count > 0) {
            read_row(&layout, &record);
        }
    }
    if (record.kind == CM_CSV_END) {
        skip_blank_lines(walk);
        if (walk->at != walk->size) {
            abort();
        }
    }
    cm_csv_free(csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct walk walk = {data, size, 0, 1};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0) {
        return 0;
    }
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        walk.at = 3;
    }
    if (write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0) {
        read_file(fd, &walk);
    }
    close(fd);
    return 0;
}

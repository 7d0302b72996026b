// Records of a CSV file (RFC 4180, by libcsv) from a descriptor, one at a time, with where they
// stand and their bytes. A broken record costs its first line only. Blocking; one thread.
#ifndef CM_NODES_INGEST_CSV_H
#define CM_NODES_INGEST_CSV_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

enum { CM_CSV_MAX_RECORD = 256 * 1024, CM_CSV_MAX_FIELDS = 256 };

struct cm_csv;

enum cm_csv_kind {
    CM_CSV_NONE = 0,
    CM_CSV_RECORD,
    CM_CSV_BROKEN, // problem says why; raw is its first line; reading goes on at the next line
    CM_CSV_PAUSE,  // nothing to read right now, or a signal came: the next call waits
    CM_CSV_END,
};

// Valid until the next call.
struct cm_csv_record {
    enum cm_csv_kind kind;
    uint64_t line; // of its first line, from 1
    size_t field_count;
    const struct cm_bytes *fields;
    struct cm_bytes raw; // as it stood in the file, without the line's end
    const char *problem;
};

// fd stays the caller's. name is for messages.
enum cm_status cm_csv_new(struct cm_csv **out, int fd, const char *name,
                          struct cm_error *error) CM_MUST_CHECK;
void cm_csv_free(struct cm_csv *csv);
// CM_IO, or CM_INVALID for a line that is longer than CM_CSV_MAX_RECORD: then it is no such file.
enum cm_status cm_csv_next(struct cm_csv *csv, struct cm_csv_record *out,
                           struct cm_error *error) CM_MUST_CHECK;
// Bytes read so far.
uint64_t cm_csv_offset(const struct cm_csv *csv);

#endif

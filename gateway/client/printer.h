// Rows and the final account in one of four formats on a stream. One thread.
#ifndef CM_CLIENT_PRINTER_H
#define CM_CLIENT_PRINTER_H

#include "proto/codec/detection.h"
#include "proto/codec/manifest.h"

#include <stdio.h>

enum cm_format { CM_FORMAT_TABLE = 0, CM_FORMAT_JSON, CM_FORMAT_CSV, CM_FORMAT_GEOJSON };

// CM_INVALID when unknown; "table", "json", "csv", "geojson".
enum cm_status cm_format_of(enum cm_format *out, const char *name) CM_MUST_CHECK;

struct cm_printer {
    enum cm_format format;
    FILE *out;
    uint64_t rows;  // printed so far
    bool batch;     // several answers, each with its query's number; not GeoJSON
    unsigned query; // its number, from 1
    unsigned width; // of the terminal that a table goes to, in columns; 0: no terminal
};

// What comes before the first row.
void cm_printer_start(struct cm_printer *printer);
void cm_printer_row(struct cm_printer *printer, const struct cm_detection *detection);
// What comes after the last; manifest NULL when the answer broke off; unaccounted: rows printed
// that no manifest covers. CM_IO when something could not be written.
enum cm_status cm_printer_end(struct cm_printer *printer, const struct cm_manifest *manifest,
                              size_t unaccounted) CM_MUST_CHECK;

// In a batch, before each query and once it is over. line: where its plate stands.
void cm_printer_query(struct cm_printer *printer, unsigned line, const char *plate,
                      const char *state);
enum cm_status cm_printer_query_end(struct cm_printer *printer, int exit_code) CM_MUST_CHECK;

#endif

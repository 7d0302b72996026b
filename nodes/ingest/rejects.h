// The file of rejected lines: the header, then each line as it was with a last column that says
// why. Corrected, it can be ingested as it is. Made when the first line is rejected, 0600.
// Blocking; one thread.
#ifndef CM_NODES_INGEST_REJECTS_H
#define CM_NODES_INGEST_REJECTS_H

#include "nodes/ingest/csv.h"

struct cm_rejects;

// path, header and columns (how many the header has) are borrowed, raw header bytes copied. An
// older file is replaced, but not before there is a line to write.
enum cm_status cm_rejects_new(struct cm_rejects **out, const char *path, struct cm_bytes header,
                              size_t columns, struct cm_error *error) CM_MUST_CHECK;
// aligned: raw is a record of as many columns as the header; else it goes into the first column as
// a whole. why: "line 7: ...".
enum cm_status cm_rejects_add(struct cm_rejects *rejects, struct cm_bytes raw, bool aligned,
                              const char *why, struct cm_error *error) CM_MUST_CHECK;
// What was added is in the file.
enum cm_status cm_rejects_flush(struct cm_rejects *rejects, struct cm_error *error) CM_MUST_CHECK;
void cm_rejects_free(struct cm_rejects *rejects);

#endif

// One agency's detections as a CSV file that `comity node ingest` takes. Blocking; one thread.
#ifndef CM_DEMO_WRITE_H
#define CM_DEMO_WRITE_H

#include "deploy/demo_data/agency.h"
#include "proto/base/error.h"

// rows of chance before the plates with a story, oldest first. Nothing lies after now_ms.
enum cm_status cm_demo_write(const char *path, const struct cm_demo_agency *agency, uint64_t seed,
                             int64_t now_ms, size_t rows, struct cm_error *error) CM_MUST_CHECK;

#endif

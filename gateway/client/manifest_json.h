// The manifest as JSON, for programs that read an answer. Any thread.
#ifndef CM_CLIENT_MANIFEST_JSON_H
#define CM_CLIENT_MANIFEST_JSON_H

#include "proto/codec/manifest.h"

#include <jansson.h>

// A new reference; NULL when out of memory. Times are UTC; digests hex; the proof's bytes base64.
json_t *cm_manifest_json(const struct cm_manifest *manifest);

#endif

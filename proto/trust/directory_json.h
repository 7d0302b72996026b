// The directory as JSON that people edit: `comity directory` writes it, `comity acl --directory`
// reads it. What is left out has its default; an unknown field is an error. Any thread.
#ifndef CM_TRUST_DIRECTORY_JSON_H
#define CM_TRUST_DIRECTORY_JSON_H

#include "proto/codec/directory.h"

// {"federation", "agencies":[{"id","name","kind","state","active","ca_pins","node_pins",
// "case_pattern","required_packs","rule_signatures"}], "purposes":[{"id","case_optional",
// "fan_out_cap"}], "gateways":[{"name","addresses","pins"}]}; pins are 64 hex digits. Only
// "federation" and ids are required. Defaults: name = id, kind other, active, no pins, any case
// number, one rule signature; without "purposes" the default list of a federation. Lists come out
// sorted by id; serial, digest and dates are zero. out borrows from arena.
enum cm_status cm_directory_of_json(struct cm_directory *out, struct cm_arena *arena,
                                    struct cm_bytes json, struct cm_error *error) CM_MUST_CHECK;
// Every field written out, in a fixed layout.
enum cm_status cm_directory_to_json(struct cm_buf *out,
                                    const struct cm_directory *directory) CM_MUST_CHECK;
// A file of either form: JSON, or a signed bundle whose signature is NOT checked (for tools that
// decide nothing; what decides takes its directory from a cm_trust).
enum cm_status cm_directory_read(struct cm_directory *out, struct cm_arena *arena, const char *path,
                                 struct cm_error *error) CM_MUST_CHECK;

// The default purposes, ascending, of a federation that names none.
extern const struct cm_purpose cm_default_purposes[];
extern const size_t cm_default_purpose_count;

#endif

// A rule set as administrators sign it, and the overlay of forbids that a node's key may sign.
// Decoded structs borrow from the arena.
#ifndef CM_CODEC_RULESET_H
#define CM_CODEC_RULESET_H

#include "proto/codec/envelope.h"

struct cm_rule_file {
    const char *path; // no slash
    struct cm_bytes text;
};

struct cm_ruleset {
    const char *federation;
    const char *agency;
    uint64_t sequence; // from 1
    struct cm_digest previous;
    uint64_t directory_serial;
    int64_t signed_ms;
    uint32_t language;
    const char *main;
    size_t file_count;
    const struct cm_rule_file *files; // strictly ascending by path
};

struct cm_overlay {
    const char *federation;
    const char *agency;
    uint64_t sequence; // of the rule set it lies over
    uint64_t revision;
    uint64_t directory_serial; // the oldest by which something in it was withheld; 0: the current
    int64_t signed_ms;
    size_t file_count;
    const struct cm_rule_file *files;
};

enum cm_status cm_ruleset_decode(struct cm_ruleset *out, struct cm_arena *arena,
                                 struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_ruleset_encode(struct cm_buf *out, const struct cm_ruleset *set,
                                 struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_overlay_decode(struct cm_overlay *out, struct cm_arena *arena,
                                 struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_overlay_encode(struct cm_buf *out, const struct cm_overlay *overlay,
                                 struct cm_error *error) CM_MUST_CHECK;

#endif

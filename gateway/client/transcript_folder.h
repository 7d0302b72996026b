// The folder of kept answers: a sealed file each, named by its query's id. What is older than 24
// hours goes at each run; past the bounds the oldest go first. One thread; several processes may
// share the folder.
#ifndef CM_CLIENT_TRANSCRIPT_FOLDER_H
#define CM_CLIENT_TRANSCRIPT_FOLDER_H

#include "proto/base/error.h"
#include "proto/codec/bounds.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    CM_ANSWER_ID_SIZE = 2 * CM_QUERY_ID_SIZE + 1, // hex
    CM_ANSWER_KEPT_MS = 24 * 3600 * 1000,
    CM_MAX_ANSWERS = 10000,
    CM_MAX_ANSWER_BYTES = 1024 * 1024 * 1024, // all together
};

struct cm_answer_file {
    char id[CM_ANSWER_ID_SIZE];
    int64_t kept_ms;
    uint64_t size;
};

struct cm_answers {
    char folder[PATH_MAX];
    size_t count;
    size_t cap;
    struct cm_answer_file *files; // oldest first
    uint64_t bytes;
    size_t expired;    // removed by open: too old, or left behind by a lookup that died
    size_t unfinished; // being written
};

// state: the client's folder; the one of answers is made in it, for this person alone.
enum cm_status cm_answers_open(struct cm_answers *out, const char *state, int64_t now_ms,
                               struct cm_error *error) CM_MUST_CHECK;
void cm_answers_clear(struct cm_answers *answers);

// unfinished: under which it is written.
enum cm_status cm_answers_path(char out[PATH_MAX], const struct cm_answers *answers, const char *id,
                               bool unfinished, struct cm_error *error) CM_MUST_CHECK;
// The one whose id begins so. CM_NOT_FOUND; CM_INVALID: several, or no beginning of an id.
enum cm_status cm_answers_find(const struct cm_answer_file **out, const struct cm_answers *answers,
                               const char *prefix, struct cm_error *error) CM_MUST_CHECK;
// Enters one that is about to be there, and removes the oldest past the bounds; *removed counts
// them.
enum cm_status cm_answers_add(struct cm_answers *answers, const struct cm_answer_file *file,
                              size_t *removed, struct cm_error *error) CM_MUST_CHECK;

#endif

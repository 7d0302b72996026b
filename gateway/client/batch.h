// A list of plates, one query a line: read whole and checked before anything is asked, then asked
// one after the other. Main thread.
#ifndef CM_CLIENT_BATCH_H
#define CM_CLIENT_BATCH_H

#include "gateway/client/tour.h"

enum { CM_MAX_BATCH_LINES = 10000 };

struct cm_batch_line {
    unsigned number; // from 1
    char plate[CM_MAX_PLATE + 1];
    char state[3]; // "" for any
};

struct cm_batch_list {
    size_t count;
    struct cm_batch_line *lines;
    size_t repeated; // lines left out: asked by an earlier one already
};

// PLATE or PLATE,STATE a line; empty lines and those that begin with # are skipped. state: of lines
// that say none. Every bad line goes to complaints with its number, never with what stands there;
// CM_INVALID when there is one, or no plate at all.
enum cm_status cm_batch_parse(struct cm_batch_list *out, struct cm_bytes text, const char *state,
                              FILE *complaints, struct cm_error *error) CM_MUST_CHECK;
// path "-": standard input.
enum cm_status cm_batch_read(struct cm_batch_list *out, const char *path, const char *state,
                             struct cm_error *error) CM_MUST_CHECK;
void cm_batch_clear(struct cm_batch_list *list);

// Asks all, goes on after what is refused or incomplete, ends when no gateway answers, one lied, or
// somebody interrupts. Returns the worst exit code. trust: for approvals.
int cm_batch_visit(const struct cm_tour *tour, struct cm_call_options *options,
                   const struct cm_batch_list *list, const char *const *gateways, size_t count,
                   struct cm_trust *trust);

#endif

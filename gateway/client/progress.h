// Live lines on a terminal while agencies answer: one an agency, what doesn't fit as counts. They
// vanish before rows are printed and at the end. One thread.
#ifndef CM_CLIENT_PROGRESS_H
#define CM_CLIENT_PROGRESS_H

#include "proto/codec/gateway.h"

#include <stdio.h>

struct cm_progress_view;

// out NULL: nothing is ever shown. The agencies' names are borrowed.
enum cm_status cm_progress_new(struct cm_progress_view **out, FILE *terminal,
                               const char *const *agencies, size_t count) CM_MUST_CHECK;
void cm_progress_free(struct cm_progress_view *view);
void cm_progress_note(struct cm_progress_view *view, const struct cm_progress *progress);
void cm_progress_draw(struct cm_progress_view *view);
void cm_progress_erase(struct cm_progress_view *view);

#endif

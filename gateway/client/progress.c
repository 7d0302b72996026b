#include "gateway/client/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 8 };

struct state {
    const char *agency;
    enum cm_outcome outcome;
    uint64_t rows;
};

struct cm_progress_view {
    FILE *terminal;
    size_t drawn; // lines on the screen
    size_t count;
    struct state states[];
};

enum cm_status cm_progress_new(struct cm_progress_view **out, FILE *terminal,
                               const char *const *agencies, size_t count)
{
    struct cm_progress_view *view = calloc(1, sizeof *view + count * sizeof view->states[0]);
    if (view == NULL) {
        return CM_MEMORY;
    }
    view->terminal = terminal;
    view->count = count;
    for (size_t i = 0; i < count; i++) {
        view->states[i].agency = agencies[i];
    }
    *out = view;
    return CM_OK;
}

void cm_progress_free(struct cm_progress_view *view)
{
    free(view);
}

void cm_progress_note(struct cm_progress_view *view, const struct cm_progress *progress)
{
    for (size_t i = 0; i < view->count; i++) {
        if (strcmp(view->states[i].agency, progress->agency) == 0) {
            view->states[i].outcome = progress->outcome;
            view->states[i].rows = progress->rows;
        }
    }
}

static void draw_one(FILE *out, const struct state *state)
{
    fprintf(out, "  %-40.40s %-12s %8" PRIu64 " rows\n", state->agency,
            state->outcome == CM_OUTCOME_NONE ? "asking" : cm_outcome_name(state->outcome),
            state->rows);
}

void cm_progress_draw(struct cm_progress_view *view)
{
    if (view == NULL || view->terminal == NULL) {
        return;
    }
    cm_progress_erase(view);
    // Those that are still awaited first: they are what a person waits for.
    size_t awaited = 0;
    for (size_t i = 0; i < view->count; i++) {
        awaited += view->states[i].outcome == CM_OUTCOME_NONE;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < view->count && view->drawn < LINES; i++) {
            if ((view->states[i].outcome == CM_OUTCOME_NONE) == (pass == 0)) {
                draw_one(view->terminal, &view->states[i]);
                view->drawn++;
            }
        }
    }
    if (view->count > LINES) {
        fprintf(view->terminal, "  %zu of %zu agencies have ended\n", view->count - awaited,
                view->count);
        view->drawn++;
    }
    fflush(view->terminal);
}

void cm_progress_erase(struct cm_progress_view *view)
{
    if (view == NULL || view->terminal == NULL || view->drawn == 0) {
        return;
    }
    // Up, and clear to the end of the screen (ECMA-48).
    fprintf(view->terminal, "\033[%zuA\033[J", view->drawn);
    fflush(view->terminal);
    view->drawn = 0;
}

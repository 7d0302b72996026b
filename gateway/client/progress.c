#include "gateway/client/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { LINES = 8, LINE = 96, NO_WIDTH = 80 };

struct state {
    const char *agency;
    enum cm_outcome outcome;
    uint64_t rows;
};

struct cm_progress_view {
    FILE *terminal;
    size_t drawn;              // lines on the screen
    size_t lengths[LINES + 1]; // of each, in columns
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

// Columns now: a window may change its size between two lines.
static size_t width_of(FILE *terminal)
{
    struct winsize size;
    bool known = ioctl(fileno(terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? size.ws_col : NO_WIDTH;
}

// One line, cut to the terminal's width.
static CM_PRINTF(2, 3) void draw_line(struct cm_progress_view *view, const char *format, ...)
{
    char line[LINE];
    size_t most = width_of(view->terminal) - 1;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (strlen(line) > most) {
        line[most] = '\0';
    }
    view->lengths[view->drawn++] = strlen(line);
    fprintf(view->terminal, "%s\n", line);
}

static void draw_one(struct cm_progress_view *view, const struct state *state)
{
    draw_line(view, "  %-40.40s %-12s %8" PRIu64 " row%s", state->agency,
              state->outcome == CM_OUTCOME_NONE ? "asking" : cm_outcome_name(state->outcome),
              state->rows, state->rows == 1 ? "" : "s");
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
                draw_one(view, &view->states[i]);
            }
        }
    }
    if (view->count > LINES) {
        draw_line(view, "  %zu of %zu agencies have ended", view->count - awaited, view->count);
    }
    fflush(view->terminal);
}

void cm_progress_erase(struct cm_progress_view *view)
{
    if (view == NULL || view->terminal == NULL || view->drawn == 0) {
        return;
    }
    // A window made narrower since has folded them.
    size_t width = width_of(view->terminal);
    size_t up = 0;
    for (size_t i = 0; i < view->drawn; i++) {
        up += view->lengths[i] > width ? (view->lengths[i] + width - 1) / width : 1;
    }
    // To the line's start, up, and clear to the end of the screen (ECMA-48).
    fprintf(view->terminal, "\r\033[%zuA\033[J", up);
    fflush(view->terminal);
    view->drawn = 0;
}

#include "gateway/client/batch.h"

#include "gateway/client/desk.h"
#include "gateway/client/summary.h"
#include "proto/base/cli.h"
#include "proto/base/file.h"
#include "proto/codec/directory.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 1024 * 1024, MAX_COMPLAINTS = 20 };

static struct cm_bytes trimmed(const uint8_t *data, size_t len)
{
    while (len > 0 && (isblank(data[0]) || data[0] == '\r')) {
        data++;
        len--;
    }
    while (len > 0 && (isblank(data[len - 1]) || data[len - 1] == '\r')) {
        len--;
    }
    return (struct cm_bytes){data, len};
}

// NULL, or what is wrong.
static const char *parse_line(struct cm_batch_line *out, struct cm_bytes line, const char *state)
{
    const uint8_t *comma = memchr(line.data, ',', line.len);
    size_t len = comma != NULL ? (size_t)(comma - line.data) : line.len;
    snprintf(out->state, sizeof out->state, "%s", state);
    if (cm_plate_normalise(out->plate, (struct cm_bytes){line.data, len}) != CM_OK) {
        return "is no plate of 1 to 12 letters and digits";
    }
    if (comma == NULL) {
        return NULL;
    }
    struct cm_bytes given = trimmed(comma + 1, line.len - len - 1);
    if (given.len > 0 && !cm_state_known(given)) {
        return "has a state that there isn't: two capital letters";
    }
    if (given.len > 0) {
        snprintf(out->state, sizeof out->state, "%.2s", (const char *)given.data);
    }
    return NULL;
}

static bool is_repeated(const struct cm_batch_list *list, const struct cm_batch_line *line)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->lines[i].plate, line->plate) == 0 &&
            strcmp(list->lines[i].state, line->state) == 0) {
            return true;
        }
    }
    return false;
}

static enum cm_status take_line(struct cm_batch_list *out, struct cm_bytes line, unsigned number,
                                const char *state, size_t *bad, FILE *complaints)
{
    struct cm_batch_line one = {.number = number};
    const char *fault = parse_line(&one, line, state);
    if (fault == NULL && !is_repeated(out, &one)) {
        if (out->count == CM_MAX_BATCH_LINES) {
            return CM_EXHAUSTED;
        }
        out->lines[out->count++] = one;
    } else if (fault == NULL) {
        out->repeated++;
    } else if (++*bad <= MAX_COMPLAINTS) {
        fprintf(complaints, "line %u %s\n", number, fault);
    }
    cm_wipe(&one, sizeof one);
    return CM_OK;
}

static enum cm_status parse_all(struct cm_batch_list *out, struct cm_bytes text, const char *state,
                                size_t *bad, FILE *complaints)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t at = text.len >= 3 && memcmp(text.data, mark, 3) == 0 ? 3 : 0;
    enum cm_status status = CM_OK;
    for (unsigned number = 1; at < text.len && status == CM_OK; number++) {
        const uint8_t *start = text.data + at;
        const uint8_t *end = memchr(start, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - start) : text.len - at;
        struct cm_bytes line = trimmed(start, len);
        if (line.len > 0 && line.data[0] != '#') {
            status = take_line(out, line, number, state, bad, complaints);
        }
        at += len + 1;
    }
    return status;
}

enum cm_status cm_batch_parse(struct cm_batch_list *out, struct cm_bytes text, const char *state,
                              FILE *complaints, struct cm_error *error)
{
    size_t bad = 0;
    *out = (struct cm_batch_list){.lines = calloc(CM_MAX_BATCH_LINES, sizeof *out->lines)};
    if (out->lines == NULL) {
        return cm_fail(error, CM_MEMORY, "--batch", "out of memory");
    }
    enum cm_status status = parse_all(out, text, state, &bad, complaints);
    if (status == CM_EXHAUSTED) {
        status = cm_fail(error, CM_INVALID, "--batch", "more than %d plates", CM_MAX_BATCH_LINES);
    } else if (bad > 0) {
        status = cm_fail(error, CM_INVALID, "--batch", "%zu bad line%s: nothing was asked", bad,
                         bad == 1 ? "" : "s");
        cm_error_hint(error, "a line is PLATE or PLATE,STATE");
    } else if (out->count == 0) {
        status = cm_fail(error, CM_INVALID, "--batch", "there is no plate in it");
    }
    if (status != CM_OK) {
        cm_batch_clear(out);
    }
    return status;
}

static enum cm_status read_input(struct cm_buf *out, struct cm_error *error)
{
    for (;;) {
        uint8_t *room;
        if (out->len >= MAX_FILE || cm_buf_reserve(out, MAX_FILE / 16, &room) != CM_OK) {
            return cm_fail(error, CM_INVALID, "--batch", "more than %d bytes", MAX_FILE);
        }
        ssize_t got = read(STDIN_FILENO, room, MAX_FILE / 16);
        if (got < 0 && errno != EINTR) {
            return cm_fail(error, CM_IO, "standard input", "cannot read: %s", strerror(errno));
        }
        if (got == 0) {
            return CM_OK;
        }
        out->len += got > 0 ? (size_t)got : 0;
    }
}

enum cm_status cm_batch_read(struct cm_batch_list *out, const char *path, const char *state,
                             struct cm_error *error)
{
    struct cm_buf text = {0};
    *out = (struct cm_batch_list){.count = 0};
    enum cm_status status = strcmp(path, "-") == 0 ? read_input(&text, error)
                                                   : cm_file_read(&text, path, MAX_FILE, error);
    if (status == CM_OK) {
        status = cm_batch_parse(out, cm_buf_bytes(&text), state, stderr, error);
    }
    if (text.data != NULL) {
        cm_wipe(text.data, text.len);
    }
    cm_buf_clear(&text);
    return status;
}

void cm_batch_clear(struct cm_batch_list *list)
{
    if (list->lines != NULL) {
        cm_wipe(list->lines, CM_MAX_BATCH_LINES * sizeof *list->lines);
    }
    free(list->lines);
    *list = (struct cm_batch_list){0};
}

// What came of the queries, by exit code.
struct tally {
    size_t asked, complete, incomplete, nobody, refused;
    uint64_t rows;
    int worst;
};

static unsigned badness(int code)
{
    static const int order[] = {0,
                                CM_EXIT_NOBODY,
                                CM_EXIT_INCOMPLETE,
                                CM_EXIT_REFUSED,
                                CM_EXIT_NO_GATEWAY,
                                CM_EXIT_FAILED,
                                CM_EXIT_DISHONEST,
                                CM_EXIT_INTERRUPTED};
    unsigned i = 0;
    while (i < sizeof order / sizeof order[0] && order[i] != code) {
        i++;
    }
    return i;
}

// Whether the next line is asked.
static bool count_one(struct tally *tally, int code, uint64_t rows)
{
    tally->asked++;
    tally->rows += rows;
    tally->complete += code == 0;
    tally->incomplete += code == CM_EXIT_INCOMPLETE;
    tally->nobody += code == CM_EXIT_NOBODY;
    tally->refused += code == CM_EXIT_REFUSED;
    tally->worst = badness(code) > badness(tally->worst) ? code : tally->worst;
    return badness(code) <= badness(CM_EXIT_REFUSED);
}

static void say_tally(const struct tally *tally, const struct cm_batch_list *list)
{
    struct cm_buf text = {0};
    size_t failed =
        tally->asked - tally->complete - tally->incomplete - tally->nobody - tally->refused;
    const struct {
        size_t count;
        const char *what;
    } parts[] = {{tally->incomplete, "incomplete"},
                 {tally->nobody, "that nobody may be asked"},
                 {tally->refused, "refused"},
                 {failed, "failed"},
                 {list->count - tally->asked, "not asked"}};
    enum cm_status status =
        cm_buf_printf(&text, "%zu queries: %zu complete", list->count, tally->complete);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == CM_OK; i++) {
        if (parts[i].count > 0) {
            status = cm_buf_printf(&text, ", %zu %s", parts[i].count, parts[i].what);
        }
    }
    if (status == CM_OK && list->repeated > 0) {
        status = cm_buf_printf(&text, "; %zu repeated line%s left out", list->repeated,
                               list->repeated == 1 ? "" : "s");
    }
    if (status == CM_OK) {
        cm_cli_say("%s; %llu rows", (const char *)text.data, (unsigned long long)tally->rows);
    }
    cm_buf_clear(&text);
}

// One query, and what ends it in the output.
static int ask_line(const struct cm_tour *tour, struct cm_call_options *options,
                    struct cm_asking *asking, const struct cm_batch_line *line,
                    const char *const *gateways, size_t count, struct cm_trust *trust)
{
    snprintf(asking->plate, sizeof asking->plate, "%s", line->plate);
    asking->query.plate.state = line->state;
    cm_desk_approval(asking, options->settings, trust);
    cm_printer_query(options->printer, line->number, line->plate, line->state);
    int code = cm_tour_visit(tour, options, gateways, count);
    if (cm_printer_query_end(options->printer, code) != CM_OK && code != CM_EXIT_FAILED) {
        cm_cli_say("output: not all could be written");
        code = CM_EXIT_FAILED;
    }
    return code;
}

int cm_batch_visit(const struct cm_tour *tour, struct cm_call_options *options,
                   const struct cm_batch_list *list, const char *const *gateways, size_t count,
                   struct cm_trust *trust)
{
    struct cm_asking asking = *options->asking;
    const struct cm_envelope given = asking.query.approval;
    struct cm_call_options each = *options;
    struct tally tally = {0};
    asking.query.plate.plate = asking.plate;
    asking.arena = cm_arena_new(2 * CM_MAX_ENVELOPE);
    each.asking = &asking;
    bool on = asking.arena != NULL;
    for (size_t i = 0; i < list->count && on; i++) {
        if (*options->interrupted) {
            tally.worst = CM_EXIT_INTERRUPTED;
            break;
        }
        cm_arena_reset(asking.arena);
        cm_seen_clear(each.seen);
        asking.query.approval = given;
        if (!asking.quiet) {
            cm_cli_say("line %u: query %zu of %zu", list->lines[i].number, i + 1, list->count);
        }
        int code = ask_line(tour, &each, &asking, &list->lines[i], gateways, count, trust);
        on = count_one(&tally, code, each.printer->rows);
    }
    say_tally(&tally, list);
    cm_arena_free(asking.arena);
    cm_wipe(&asking, sizeof asking);
    return tally.asked == 0 && tally.worst == 0 ? CM_EXIT_FAILED : tally.worst;
}

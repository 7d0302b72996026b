#include "gateway/client/tour.h"

#include "gateway/client/batch.h"
#include "gateway/client/desk.h"
#include "gateway/client/summary.h"
#include "proto/base/cli.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

// What a person asks about must not end up in a core file.
static void leave_no_core(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

static int exit_of(enum cm_status status, const struct cm_call_result *result)
{
    if (result->dishonest) {
        return CM_EXIT_DISHONEST;
    }
    switch (status) {
    case CM_UNAVAILABLE:
    case CM_LATE:
        return CM_EXIT_NO_GATEWAY;
    case CM_CANCELLED:
        return CM_EXIT_INTERRUPTED;
    case CM_IO:
    case CM_MEMORY:
        return CM_EXIT_FAILED;
    case CM_OK:
    case CM_INVALID:
    case CM_UNAUTHENTICATED:
    case CM_FORBIDDEN:
    case CM_STALE:
    case CM_NOT_SERVED:
    case CM_REPLAYED:
    case CM_EXHAUSTED:
    case CM_NOT_FOUND:
    case CM_INTERNAL:
        break;
    }
    return CM_EXIT_REFUSED;
}

// Names to try, in order; at most most.
static size_t list_gateways(const char **out, size_t most, const struct cm_settings *settings,
                            const struct cm_directory *directory)
{
    size_t count = 0;
    for (size_t i = 0; i < settings->gateway_count && count < most; i++) {
        out[count++] = settings->gateways[i];
    }
    for (size_t i = 0; settings->gateway_count == 0 && i < directory->gateway_count; i++) {
        if (count < most) {
            out[count++] = directory->gateways[i].name;
        }
    }
    return count;
}

// Whether another gateway may do better, and how long this one asked to be left alone before that.
static bool try_another(int64_t *wait_ms, enum cm_status status,
                        const struct cm_call_options *options, const struct cm_call_result *result)
{
    *wait_ms = 0;
    if (result->dishonest || *options->interrupted) {
        return false;
    }
    if (status == CM_EXHAUSTED) {
        *wait_ms = result->error.retry_after_ms;
        return !result->accepted && *wait_ms > 0 && *wait_ms <= options->asking->query.deadline_ms;
    }
    return status == CM_UNAVAILABLE ||
           ((status == CM_LATE || status == CM_STALE) && !result->accepted);
}

// What happened, at which gateway, and what to do.
static void tell(const char *gateway, const struct cm_call_result *result)
{
    struct cm_error error = result->error;
    const char *where = result->error.where;
    if (where[0] == '\0' || strcmp(where, "gateway") == 0 || strcmp(where, gateway) == 0) {
        snprintf(error.where, sizeof error.where, "%s", gateway);
    } else {
        snprintf(error.where, sizeof error.where, "%s: %.80s", gateway, where);
    }
    if (result->dishonest && error.hint[0] == '\0') {
        cm_error_hint(&error, "do not rely on this answer; tell the federation's operator");
    } else if (error.hint[0] == '\0' && error.retry_after_ms > 0) {
        cm_error_hint(&error, "ask again in %" PRIu32 " s", (error.retry_after_ms + 999) / 1000);
    }
    cm_cli_error(&error);
}

static void tell_kept(const struct cm_call_options *options, const struct cm_call_result *result)
{
    const struct cm_kept *kept = &result->kept;
    if (result->kept_status != CM_OK) {
        cm_cli_say("no receipt of this answer can be saved: %s", result->kept_error.text);
    }
    if (kept->removed > 0) {
        cm_cli_say("%zu older answer%s no longer kept, to make room", kept->removed,
                   kept->removed == 1 ? " is" : "s are");
    }
    if (kept->id[0] != '\0' && !options->asking->quiet) {
        cm_cli_say("kept for 24 hours: comity receipt save %s FILE", kept->id);
    }
}

// False when interrupted.
static bool go_on(const struct cm_call_options *options, const char *next, int64_t wait_ms)
{
    struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};
    if (wait_ms > 0) {
        cm_cli_say("asking %s in %" PRId64 " s, as a new query", next, (wait_ms + 999) / 1000);
        nanosleep(&wait, NULL);
    } else {
        cm_cli_say("asking %s instead, as a new query", next);
    }
    if (options->printer->rows > 0) {
        cm_cli_say("rows that were shown already are not repeated");
    }
    return !*options->interrupted;
}

// What was shown of an answer that did not come to its end.
static int break_off(const struct cm_tour *tour, const struct cm_call_options *options, int code)
{
    size_t rows = options->seen->unaccounted;
    if (!tour->is_reach && cm_printer_end(options->printer, NULL, rows) != CM_OK) {
        cm_cli_say("output: not all could be written");
        code = CM_EXIT_FAILED;
    }
    if (rows > 0) {
        cm_cli_say("%zu row%s shown %s in no signed account: what is missing is not known", rows,
                   rows == 1 ? "" : "s", rows == 1 ? "is" : "are");
    }
    return code;
}

int cm_tour_visit(const struct cm_tour *tour, struct cm_call_options *options,
                  const char *const *gateways, size_t count)
{
    bool accepted = false;
    int code = CM_EXIT_NO_GATEWAY;
    for (size_t i = 0; i < count; i++) {
        struct cm_call_result result;
        int64_t wait_ms;
        options->gateway = gateways[i];
        enum cm_status status = tour->call(&result, options);
        bool again = i + 1 < count && try_another(&wait_ms, status, options, &result) &&
                     !(accepted && result.accepted);
        accepted = accepted || result.accepted;
        if (status == CM_OK) {
            cm_seen_account(options->seen);
            tell_kept(options, &result);
            code = tour->finish(&result, options);
            cm_call_result_clear(&result);
            return code;
        }
        int came_to = exit_of(status, &result);
        // One that was reached and refused says more than the next that was not.
        code = came_to == CM_EXIT_NO_GATEWAY ? code : came_to;
        tell(gateways[i], &result);
        tell_kept(options, &result);
        cm_call_result_clear(&result);
        if (!again) {
            break;
        }
        if (!go_on(options, gateways[i + 1], wait_ms)) {
            code = CM_EXIT_INTERRUPTED;
            break;
        }
    }
    return break_off(tour, options, code);
}

// batch NULL: one question.
static int visit(const struct cm_tour *tour, struct cm_call_options *options,
                 const struct cm_batch_list *batch, struct cm_trust *trust)
{
    const struct cm_directory *directory = cm_trust_directory(trust);
    const char *names[CM_MAX_CLIENT_GATEWAYS];
    size_t count = list_gateways(names, CM_MAX_CLIENT_GATEWAYS, options->settings, directory);
    if (count == 0) {
        cm_cli_say("directory: names no gateway; tell the federation's operator");
    }
    return batch != NULL ? cm_batch_visit(tour, options, batch, names, count, trust)
                         : cm_tour_visit(tour, options, names, count);
}

static volatile sig_atomic_t interrupted;
static struct cm_loop *running;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    cm_loop_stop(running);
}

// The first interrupt ends the call and what was shown, the second the program.
static void handle_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

// Columns of standard output; 0 when it is no terminal.
static unsigned terminal_width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Without the folder the question is asked all the same.
static bool open_answers(struct cm_answers *out, const struct cm_settings *settings)
{
    struct cm_error error;
    if (cm_answers_open(out, settings->folder, cm_wall_ms(cm_clock_system()), &error) == CM_OK) {
        return true;
    }
    cm_cli_say("no receipt of this answer can be saved:");
    cm_cli_error(&error);
    return false;
}

static int ask(const struct cm_tour *tour, struct cm_asking *asking, struct cm_settings *settings,
               const struct cm_batch_list *batch, struct cm_trust *trust, struct cm_error *error)
{
    struct cm_loop *loop = NULL;
    struct cm_seen seen = {0};
    struct cm_answers answers = {0};
    bool keeps = asking->keeps && open_answers(&answers, settings);
    struct cm_printer printer = {
        .format = asking->format, .out = stdout, .width = terminal_width(), .batch = batch != NULL};
    if (cm_loop_new(&loop, error) != CM_OK) {
        cm_answers_clear(&answers);
        return cm_cli_fail(error);
    }
    struct cm_call_options options = {
        .loop = loop,
        .settings = settings,
        .asking = asking,
        .printer = &printer,
        .seen = &seen,
        .answers = keeps ? &answers : NULL,
        .terminal = !asking->quiet && isatty(STDERR_FILENO) ? stderr : NULL,
        .interrupted = &interrupted,
    };
    running = loop;
    handle_interrupts();
    if (!tour->is_reach) {
        cm_printer_start(&printer);
    }
    if (batch == NULL) {
        cm_desk_approval(asking, settings, trust);
    }
    int code = visit(tour, &options, batch, trust);
    cm_loop_free(loop);
    cm_answers_clear(&answers);
    cm_seen_clear(&seen);
    return code;
}

// The list with what is missing of the question. Every line's reason holds, or nothing is asked.
static enum cm_status complete(struct cm_asking *asking, struct cm_settings *settings,
                               struct cm_batch_list *batch, struct cm_trust *trust,
                               struct cm_error *error)
{
    enum cm_status status = CM_OK;
    if (asking->batch_file != NULL) {
        status = cm_batch_read(batch, asking->batch_file, asking->query.plate.state, error);
    }
    if (status == CM_OK && batch->count > 0) {
        snprintf(asking->plate, sizeof asking->plate, "%s", batch->lines[0].plate);
    }
    if (status == CM_OK) {
        cm_desk_recall(asking, settings);
        status = cm_asking_complete(asking, settings, cm_trust_directory(trust), error);
    }
    for (size_t i = 0; i < batch->count && status == CM_OK; i++) {
        status = cm_reason_check(asking->reason, batch->lines[i].plate, error);
    }
    return status;
}

static int run(const struct cm_tour *tour, struct cm_asking *asking, struct cm_settings *settings,
               struct cm_error *error)
{
    struct cm_batch_list batch = {0};
    struct cm_trust *trust = cm_directory_store_newest(settings->store);
    enum cm_status status = complete(asking, settings, &batch, trust, error);
    int code = status == CM_CANCELLED ? CM_EXIT_INTERRUPTED : CM_EXIT_REFUSED;
    if (status == CM_OK) {
        code =
            ask(tour, asking, settings, asking->batch_file != NULL ? &batch : NULL, trust, error);
    } else {
        cm_cli_error(error);
    }
    cm_batch_clear(&batch);
    cm_trust_unref(trust);
    return code;
}

int cm_tour_run(const struct cm_tour *tour, int argc, char **argv)
{
    static struct cm_asking asking;
    struct cm_settings settings;
    struct cm_error error;
    leave_no_core();
    signal(SIGPIPE, SIG_IGN);
    enum cm_status status = cm_asking_parse(&asking, tour->is_reach, argc, argv, &error);
    if (status != CM_OK) {
        cm_cli_error(&error);
        cm_asking_clear(&asking);
        return CM_EXIT_USAGE;
    }
    status = cm_settings_load(&settings, asking.config_file, asking.passphrase_file, &error);
    int code = CM_EXIT_FAILED;
    if (status == CM_OK) {
        code = run(tour, &asking, &settings, &error);
        cm_settings_clear(&settings);
    } else {
        cm_cli_error(&error);
    }
    cm_asking_clear(&asking);
    return code;
}

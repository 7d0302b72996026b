#include "gateway/client/tour.h"

#include "gateway/client/summary.h"
#include "proto/base/cli.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
    case CM_IO:
        return CM_EXIT_NO_GATEWAY;
    case CM_OK:
    case CM_INVALID:
    case CM_UNAUTHENTICATED:
    case CM_FORBIDDEN:
    case CM_STALE:
    case CM_NOT_SERVED:
    case CM_REPLAYED:
    case CM_EXHAUSTED:
    case CM_NOT_FOUND:
    case CM_MEMORY:
    case CM_INTERNAL:
    case CM_CANCELLED:
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

static bool try_another(enum cm_status status, const struct cm_call_result *result)
{
    return !result->dishonest &&
           (status == CM_UNAVAILABLE || (status == CM_LATE && !result->accepted));
}

static int visit(const struct cm_tour *tour, struct cm_call_options *options,
                 const struct cm_directory *directory)
{
    const char *names[CM_MAX_CLIENT_GATEWAYS];
    size_t count = list_gateways(names, CM_MAX_CLIENT_GATEWAYS, options->settings, directory);
    bool accepted_before = false;
    int code = CM_EXIT_NO_GATEWAY;
    if (count == 0) {
        cm_cli_say("the directory names no gateway");
    }
    for (size_t i = 0; i < count; i++) {
        struct cm_call_result result;
        options->gateway = names[i];
        enum cm_status status = tour->call(&result, options);
        bool again =
            status != CM_OK && try_another(status, &result) && i + 1 < count && !accepted_before;
        accepted_before = result.accepted;
        if (status == CM_OK) {
            code = tour->finish(&result, options->asking, options->printer);
        } else {
            code = exit_of(status, &result);
            cm_cli_error(&result.error);
        }
        cm_call_result_clear(&result);
        if (!again) {
            if (status != CM_OK && cm_printer_end(options->printer, NULL) != CM_OK) {
                cm_cli_say("not all rows could be written");
            }
            return code;
        }
        cm_cli_say("asking %s instead, as a new query", names[i + 1]);
        if (options->printer->rows > 0) {
            cm_cli_say("rows that were shown already are not repeated");
        }
    }
    return code;
}

// Columns of standard output; 0 when it is no terminal.
static unsigned terminal_width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int run(const struct cm_tour *tour, struct cm_asking *asking, struct cm_settings *settings,
               struct cm_error *error)
{
    struct cm_loop *loop = NULL;
    struct cm_seen seen = {0};
    struct cm_printer printer = {
        .format = asking->format, .out = stdout, .width = terminal_width()};
    struct cm_trust *trust = cm_directory_store_newest(settings->store);
    const struct cm_directory *directory = cm_trust_directory(trust);
    enum cm_status status = cm_asking_complete(asking, settings, directory, error);
    int code = status == CM_OK ? 0 : CM_EXIT_REFUSED;
    if (status == CM_OK) {
        status = cm_loop_new(&loop, error);
        code = CM_EXIT_FAILED;
    }
    if (status == CM_OK) {
        struct cm_call_options options = {
            .loop = loop,
            .settings = settings,
            .asking = asking,
            .printer = &printer,
            .seen = &seen,
            .terminal = !asking->quiet && isatty(STDERR_FILENO) ? stderr : NULL,
        };
        if (!tour->is_reach) {
            cm_printer_start(&printer);
        }
        code = visit(tour, &options, directory);
    } else {
        cm_cli_error(error);
    }
    cm_loop_free(loop);
    cm_seen_clear(&seen);
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

#include "gateway/client/summary.h"
#include "gateway/client/tour.h"
#include "proto/base/cli.h"

#include <unistd.h>

// One line, folded for a terminal.
static void print_last(const struct cm_buf *line)
{
    if (isatty(STDERR_FILENO)) {
        cm_cli_wrap(stderr, (const char *)line->data, 0, 2);
    } else {
        fprintf(stderr, "%.*s\n", (int)line->len, (const char *)line->data);
    }
}

static int finish(const struct cm_call_result *result, const struct cm_call_options *options)
{
    const struct cm_asking *asking = options->asking;
    size_t unaccounted = options->seen->unaccounted;
    const struct cm_manifest *manifest = cm_book_ended(result->book);
    struct cm_buf line = {0};
    bool written = cm_printer_end(options->printer, manifest, unaccounted) == CM_OK;
    if (asking->accounts) {
        fflush(stdout);
        cm_summary_accounts(stderr, manifest, &asking->query.window);
    }
    if (cm_summary(&line, manifest, &asking->query.window, unaccounted) == CM_OK) {
        fflush(stdout);
        print_last(&line);
    }
    cm_buf_clear(&line);
    if (!written) {
        cm_cli_say("output: not all could be written");
        return CM_EXIT_FAILED;
    }
    return cm_summary_exit(manifest, unaccounted);
}

int main(int argc, char **argv)
{
    static const struct cm_tour lookup = {.call = cm_call_lookup, .finish = finish};
    cm_cli_start("comity lookup", argc, argv);
    return cm_tour_run(&lookup, argc, argv);
}

#include "gateway/client/case_desk.h"

#include "gateway/client/kept_case.h"
#include "gateway/client/printer.h"
#include "gateway/client/summary.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"

#include <string.h>

static const struct argp_option use_options[] = {
    {"purpose", 'p', "PURPOSE", 0, "Purpose, one of the directory's list", 0},
    {"reason", 'r', "TEXT", 0, "Why, in three words or more; \"-\" reads a line of input", 0},
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {0},
};

static const struct cm_cli_usage use_usage = {
    .options = use_options,
    .words = "NUMBER",
    .about = "Keep a case's number, purpose and reason for the questions of the next 8 hours.\v"
             "lookup, reach and approve request say when they take it; what their options say goes "
             "before it, and another --case leaves it out.\n\n"
             "Exit codes: 0 kept; 1 not; 2 usage; 130 interrupted.",
    .least_words = 1,
    .most_words = 1,
};

static const struct argp_option options[] = {
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {0},
};

static const struct cm_cli_usage show_usage = {
    .options = options, .words = "", .about = "See which case is kept, and until when."};
static const struct cm_cli_usage end_usage = {
    .options = options, .words = "", .about = "Forget the case that is kept."};

static void say_kept(const struct cm_kept_case *kept)
{
    char until[CM_WHEN_SIZE];
    char plain[2 * CM_MAX_REASON];
    printf("case     %s\npurpose  %s\n", kept->case_number, kept->purpose);
    fputs("reason   ", stdout);
    cm_cli_wrap(stdout, cm_plain(plain, sizeof plain, kept->reason), 9, 9);
    printf("until    %s\n", cm_when_local(until, kept->since_ms + CM_KEPT_CASE_MS));
    cm_wipe(plain, sizeof plain);
}

// Purpose, number and reason are checked as for a question, with no plate in it.
static enum cm_status keep(struct cm_asking *asking, struct cm_error *error)
{
    static struct cm_kept_case kept;
    struct cm_settings settings;
    enum cm_status status = cm_settings_load_unsigned(&settings, asking->config_file, error);
    if (status != CM_OK) {
        return status;
    }
    struct cm_trust *trust = cm_directory_store_newest(settings.store);
    status = cm_asking_complete_case(asking, &settings, cm_trust_directory(trust), error);
    if (status == CM_OK) {
        kept.since_ms = cm_wall_ms(cm_clock_system());
        snprintf(kept.requester, sizeof kept.requester, "%s", settings.identity.spiffe);
        snprintf(kept.case_number, sizeof kept.case_number, "%s", asking->case_number);
        snprintf(kept.purpose, sizeof kept.purpose, "%s", asking->purpose);
        snprintf(kept.reason, sizeof kept.reason, "%s", asking->reason);
        status = cm_kept_case_write(settings.folder, &kept, error);
    }
    if (status == CM_OK) {
        say_kept(&kept);
    }
    cm_wipe(&kept, sizeof kept);
    cm_trust_unref(trust);
    cm_settings_clear(&settings);
    return status;
}

int cm_case_use(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct cm_asking asking;
    struct cm_error error = {.text = ""};
    cm_cli_parse(&args, &use_usage, argc, argv);
    const char *number = args.words[0];
    args.word_count = 0;
    enum cm_status status = cm_asking_take(&asking, false, &args, &error);
    if (status == CM_OK && strlen(number) >= sizeof asking.case_number) {
        status = cm_fail(&error, CM_INVALID, "NUMBER", "longer than %d bytes", CM_MAX_CASE);
    }
    if (status == CM_OK) {
        snprintf(asking.case_number, sizeof asking.case_number, "%s", number);
        status = keep(&asking, &error);
    }
    cm_asking_clear(&asking);
    if (status != CM_OK) {
        cm_cli_error(&error);
    }
    return status == CM_OK          ? CM_EXIT_OK
           : status == CM_CANCELLED ? CM_EXIT_INTERRUPTED
                                    : CM_EXIT_FAILED;
}

int cm_case_show(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct cm_kept_case kept;
    struct cm_settings settings;
    struct cm_error error;
    cm_cli_parse(&args, &show_usage, argc, argv);
    enum cm_status status = cm_settings_load_unsigned(&settings, cm_cli_get(&args, 'C'), &error);
    if (status == CM_OK) {
        status = cm_kept_case_read(&kept, settings.folder, cm_wall_ms(cm_clock_system()), &error);
        cm_settings_clear(&settings);
    }
    if (status == CM_OK) {
        say_kept(&kept);
    }
    cm_wipe(&kept, sizeof kept);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

int cm_case_end(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_settings settings;
    struct cm_error error;
    cm_cli_parse(&args, &end_usage, argc, argv);
    enum cm_status status = cm_settings_load_unsigned(&settings, cm_cli_get(&args, 'C'), &error);
    if (status == CM_OK) {
        status = cm_kept_case_end(settings.folder, &error);
        cm_settings_clear(&settings);
    }
    if (status == CM_NOT_FOUND) {
        puts("no case was kept");
        return CM_EXIT_OK;
    }
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

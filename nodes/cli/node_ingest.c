#include "nodes/cli/data.h"
#include "nodes/cli/node.h"
#include "nodes/ingest/ingest.h"
#include "nodes/noded.h"
#include "proto/base/cli_args.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_REJECTED = 1, EXIT_STOPPED_BY_ERROR = 3, EXIT_INTERRUPTED = 4 };

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {"store", 's', "WHERE", 0, "sqlite:/path/file.db or postgres:CONNINFO, with --owner", 0},
    {"owner", 'o', "ID", 0, "the agency whose detections these are, with --store", 0},
    {"rejects", 'r', "FILE", 0, "where rejected lines go: default CSV.rejects.csv", 0},
    {"quiet", 'q', NULL, 0, "no progress on the terminal", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    "CSV",
    "Stores the detections of a CSV file, or of standard input (-). Run it again as often as you "
    "like: an event id that is known with the same content is left alone. The node's ledger "
    "records the totals, unless --store is given.\v"
    "The first line names the columns, in any order: event_id, captured_at and plate_read; and as "
    "far as you have them state, latitude, longitude, site, camera, heading, make, model, colour, "
    "body, year, vehicle_confidence, confidence, candidates (PLATE:CONFIDENCE;...), "
    "image_reference, image_sha256, expires_at, case_hold. Times are RFC 3339 with an offset, or "
    "milliseconds since 1970; confidences go from 0 to 1.\n\n"
    "A line that can't be stored goes to the rejects file as it is, with the reason in a last "
    "column; corrected there, it can be ingested.\n\n"
    "Exit codes: 0 every line is stored; 1 some were rejected; 2 usage; 3 an error stopped it, "
    "4 it was interrupted: what was read before is stored, run it again to complete.",
    NULL,
    1,
    1};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

// The second interrupt ends it at once; the store is consistent then too.
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

// Digits in groups of three.
static const char *grouped(char out[32], uint64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    size_t used = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[used++] = ',';
        }
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

struct progress {
    uint64_t size; // of the file; 0 unknown
    int64_t next_ms;
};

static void show_progress(void *user, const struct cm_ingest_report *report)
{
    struct progress *progress = user;
    char records[32], rejected[32];
    int64_t now = cm_mono_ms(cm_clock_system());
    if (now < progress->next_ms) {
        return;
    }
    progress->next_ms = now + 200;
    fprintf(stderr, "\r%s lines, %s rejected", grouped(records, report->records),
            grouped(rejected, report->rejected));
    if (progress->size > 0) {
        fprintf(stderr, ", %d %%", (int)(report->bytes * 100 / progress->size));
    }
    fputs("\033[K", stderr);
}

static void say_result(const char *name, const char *rejects, const struct cm_ingest_report *report)
{
    char a[32], b[32], c[32], d[32];
    printf("%s: %s lines: %s stored, %s known already, %s rejected\n", name,
           grouped(a, report->records), grouped(b, report->accepted),
           grouped(c, report->duplicates), grouped(d, report->rejected));
    if (report->rejected > 0) {
        printf("rejected lines and why: %s\n", rejects);
    }
}

// Where and whose the store is; strings are of args or of config.
static enum cm_status find_store(const char **where, const char **owner,
                                 struct cm_noded_config *config, const struct cm_cli_args *args,
                                 struct cm_error *error)
{
    const char *path = cm_cli_get(args, 'c');
    *where = cm_cli_get(args, 's');
    *owner = cm_cli_get(args, 'o');
    if ((*where == NULL) != (*owner == NULL) || (*where != NULL && path != NULL)) {
        return cm_fail(error, CM_INVALID, "options",
                       "give --store and --owner together, or --config alone");
    }
    if (*where != NULL) {
        return CM_OK;
    }
    enum cm_status status =
        cm_noded_config_load(config, path != NULL ? path : "/etc/comity/noded.ini", error);
    *where = config->store;
    *owner = config->agency;
    if (status == CM_OK && strcmp(*where, CM_NO_STORE) == 0) {
        status = cm_fail(error, CM_INVALID, "store.where", "this node keeps no detections");
    }
    return status;
}

static enum cm_status open_input(int *fd, const char *name, struct progress *progress,
                                 struct cm_error *error)
{
    struct stat info = {0};
    *fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &info) != 0) {
        return cm_fail(error, CM_IO, name, "can't be opened: %s", strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        return cm_fail(error, CM_INVALID, name, "is a folder");
    }
    progress->size = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    return CM_OK;
}

static enum cm_status ingest(struct cm_ingest_report *report, struct cm_ingest *with,
                             const char *where, struct cm_error *error)
{
    enum cm_status status = cm_store_open(&with->store, where, with->owner, 1, error);
    if (status == CM_OK) {
        status = cm_ingest_csv(report, with, error);
    }
    cm_store_close(with->store);
    if (with->progress != NULL) {
        fputs("\r\033[K", stderr);
    }
    return status;
}

// Into the journal: the node records the totals, now or when it starts. A node that never ran has
// no folder yet.
static void tell_node(const struct cm_cli_args *args, const struct cm_noded_config *config,
                      const char *name, const struct cm_ingest_report *report)
{
    char what[128];
    char rules[4096];
    struct cm_node_data data;
    struct cm_error error = {0};
    snprintf(what, sizeof what, "ingest accepted=%llu duplicates=%llu rejected=%llu",
             (unsigned long long)report->accepted, (unsigned long long)report->duplicates,
             (unsigned long long)report->rejected);
    if (geteuid() != 0 &&
        (size_t)snprintf(rules, sizeof rules, "%s/rules", config->data) < sizeof rules) {
        (void)mkdir(config->data, 0700);
        (void)mkdir(rules, 0700);
    }
    enum cm_status status = cm_node_data_open(&data, args, true, &error);
    if (status == CM_OK) {
        status = cm_node_say(&data, what, name, &error);
        cm_node_data_close(&data);
    }
    if (status != CM_OK) {
        cm_cli_error(&error);
        cm_cli_say("what was stored is stored, but the node's ledger has no entry of it");
    }
}

static int run(const struct cm_cli_args *args, const char *rejects)
{
    struct cm_noded_config config = {0};
    struct cm_ingest_report report = {0};
    struct progress progress = {0};
    struct cm_error error = {0};
    const char *where = NULL;
    struct cm_ingest with = {
        .fd = -1,
        .name = args->words[0],
        .rejects_path = rejects,
        .clock = cm_clock_system(),
        .stop = &stop,
        .progress = isatty(STDERR_FILENO) && cm_cli_get(args, 'q') == NULL ? show_progress : NULL,
        .user = &progress,
    };
    enum cm_status status = find_store(&where, &with.owner, &config, args, &error);
    bool misused = status != CM_OK && strcmp(error.where, "options") == 0;
    if (status == CM_OK) {
        status = open_input(&with.fd, with.name, &progress, &error);
    }
    if (status == CM_OK) {
        status = ingest(&report, &with, where, &error);
    }
    if (report.records > 0 || status == CM_OK) {
        say_result(with.name, rejects, &report);
    }
    if (report.records > 0 && config.data != NULL) {
        tell_node(args, &config, with.name, &report);
    }
    if (status != CM_OK) {
        cm_cli_error(&error);
    } else if (report.stopped) {
        cm_cli_say("interrupted: what was read is stored, run it again to complete");
    }
    if (with.fd > STDIN_FILENO) {
        close(with.fd);
    }
    cm_noded_config_clear(&config);
    return misused               ? CM_EXIT_USAGE
           : status != CM_OK     ? EXIT_STOPPED_BY_ERROR
           : report.stopped      ? EXIT_INTERRUPTED
           : report.rejected > 0 ? EXIT_REJECTED
                                 : CM_EXIT_OK;
}

int cm_node_ingest(int argc, char **argv)
{
    static struct cm_cli_args args;
    static char rejects[4096];
    const struct rlimit none = {0, 0};
    cm_cli_parse(&args, &usage, argc, argv);
    const char *given = cm_cli_get(&args, 'r');
    const char *name = strcmp(args.words[0], "-") == 0 ? "stdin" : args.words[0];
    int len = given != NULL ? snprintf(rejects, sizeof rejects, "%s", given)
                            : snprintf(rejects, sizeof rejects, "%s.rejects.csv", name);
    if (len < 0 || (size_t)len >= sizeof rejects) {
        cm_cli_say("the name of the rejects file is too long");
        return CM_EXIT_USAGE;
    }
    // No core file: plates are in memory.
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
        cm_cli_say("can't protect its memory: %s", strerror(errno));
        return EXIT_STOPPED_BY_ERROR;
    }
    catch_signals();
    return run(&args, rejects);
}

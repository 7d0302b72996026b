// `comity audit compare`.
#include "proto/ledger/cli/audit.h"
#include "proto/ledger/cli/audit_more.h"
#include "proto/ledger/cli/compare_print.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/period.h"

#include <string.h>

enum { MAX_LEDGERS = CM_CLI_MAX_WORDS, SECOND_MS = 1000 };

// Copies that were spooled come later than what they are copies of.
static const int64_t later_ms = INT64_C(30) * 24 * 3600 * 1000;
static const int64_t earlier_ms = 3600 * 1000;

static const struct argp_option options[] = {
    CM_AUDIT_PERIOD_OPTIONS,
    {"skew", 's', "SECONDS", 0, "how far the parties' clocks may be apart; default 60", 0},
    {"json", 'j', NULL, 0, "an object for programs", 0},
    {"out", 'O', "FILE", 0, "write it there, for you alone; FILE must not exist", 0},
    CM_AUDIT_FOLDER_OPTIONS,
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    "A… -- B…",
    "Holds the ledgers of two parties against each other: searches that one has and the other "
    "should have and lacks, that both have with another digest, commitment or manifest, and "
    "manifests that a node's ledger denies.\vGive all ledgers of a party: those of all its nodes "
    "or gateways; options come first. Run `comity audit verify` on each before. Memory: about 2 "
    "KiB for each search of the period and party.\nExit codes: 0 nothing that was compared "
    "differs; 1 it could not be done; 2 usage; 3 something differs.",
    NULL,
    1,
    MAX_LEDGERS};

struct ledgers {
    size_t count;
    struct {
        struct cm_ledger_folder *folder;
        struct cm_source *source;
    } list[2 * MAX_LEDGERS];
    const char *agencies[2 * MAX_LEDGERS];
    size_t agency_count;
};

struct words {
    size_t count[CM_PARTIES];
    const char *list[CM_PARTIES][MAX_LEDGERS];
};

// Options and A stand before "--", B after it; of two words without one, the second is B.
static enum cm_status read_words(struct words *words, struct cm_cli_args *args, int argc,
                                 char **argv, struct cm_error *error)
{
    int end = 1;
    while (end < argc && strcmp(argv[end], "--") != 0) {
        end++;
    }
    cm_cli_parse(args, &usage, end, argv);
    for (size_t i = 0; i < args->word_count; i++) {
        words->list[0][words->count[0]++] = args->words[i];
    }
    for (int i = end + 1; i < argc && words->count[1] < MAX_LEDGERS; i++) {
        words->list[1][words->count[1]++] = argv[i];
    }
    if (end == argc && words->count[0] == 2) {
        words->list[1][words->count[1]++] = words->list[0][--words->count[0]];
    }
    if (argc - end - 1 > MAX_LEDGERS) {
        return cm_fail(error, CM_INVALID, "B", "at most %d ledgers a party", MAX_LEDGERS);
    }
    return words->count[1] > 0
               ? CM_OK
               : cm_fail(error, CM_INVALID, "B", "name the other party's ledgers after `--`");
}

static enum cm_status open_ledger(struct ledgers *ledgers, struct cm_searches *searches,
                                  const char *path, unsigned party, const struct cm_cli_args *args,
                                  const char *arguments, struct cm_error *error)
{
    struct cm_ledger_folder *folder = NULL;
    struct cm_source *source = NULL;
    enum cm_status status = cm_audit_folder_open(&folder, path, args, arguments, error);
    if (status != CM_OK) {
        return status;
    }
    ledgers->list[ledgers->count].folder = folder;
    status = cm_searches_source(&source, searches, folder, party, error);
    ledgers->list[ledgers->count++].source = source;
    for (const struct cm_source *s = cm_searches_sources(searches); status == CM_OK && s != source;
         s = s->next) {
        if (strcmp(s->origin, source->origin) == 0) {
            return cm_fail(error, CM_INVALID, path, "is the ledger of %.80s, named before",
                           s->path);
        }
    }
    if (status == CM_OK && source->agency != NULL) {
        ledgers->agencies[ledgers->agency_count++] = source->agency;
    }
    return status;
}

static enum cm_status gather(struct cm_compare *compare, const struct ledgers *ledgers,
                             struct cm_error *error)
{
    const struct cm_gather gather = {
        .from_ms = compare->from_ms > earlier_ms ? compare->from_ms - earlier_ms : 0,
        .to_ms = compare->to_ms + later_ms,
        .agencies = ledgers->agencies,
        .agency_count = ledgers->agency_count,
    };
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < ledgers->count; i++) {
        status = cm_searches_gather(compare->searches, ledgers->list[i].source,
                                    ledgers->list[i].folder, &gather, error);
    }
    return status;
}

static enum cm_status run(struct cm_compare *compare, struct ledgers *ledgers,
                          const struct words *words, const struct cm_cli_args *args,
                          const char *arguments, struct cm_error *error)
{
    compare->searches = cm_searches_new();
    if (compare->searches == NULL) {
        return cm_fail(error, CM_MEMORY, "compare", "out of memory");
    }
    enum cm_status status = cm_audit_period(&compare->from_ms, &compare->to_ms, args, error);
    for (unsigned party = 0; party < CM_PARTIES; party++) {
        for (size_t i = 0; status == CM_OK && i < words->count[party]; i++) {
            status = open_ledger(ledgers, compare->searches, words->list[party][i], party, args,
                                 arguments, error);
        }
    }
    if (status == CM_OK) {
        status = gather(compare, ledgers, error);
    }
    if (status == CM_OK && cm_compare_run(compare) != CM_OK) {
        status = cm_fail(error, CM_MEMORY, "compare", "out of memory");
    }
    return status;
}

static enum cm_status print(const struct cm_compare *compare, const struct cm_cli_args *args,
                            struct cm_error *error)
{
    enum cm_status status = CM_OK;
    const char *path = cm_cli_get(args, 'O');
    FILE *out = cm_audit_out(path, error);
    if (out == NULL) {
        return CM_IO;
    }
    if (cm_cli_get(args, 'j') != NULL) {
        status = cm_compare_json(out, compare);
    } else {
        cm_compare_text(out, compare);
    }
    return cm_audit_out_end(out, path, status, error);
}

int cm_audit_compare(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct ledgers ledgers;
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    struct words words = {0};
    struct cm_compare compare = {0};
    struct cm_error error = {0};
    enum cm_status status = read_words(&words, &args, argc, argv, &error);
    cm_audit_arguments(arguments, argc, argv);
    compare.skew_ms = cm_cli_get_number(&args, 's', "skew", 60, 0, 24 * 3600) * SECOND_MS;
    if (status == CM_OK) {
        status = run(&compare, &ledgers, &words, &args, arguments, &error);
    }
    if (status == CM_OK) {
        status = print(&compare, &args, &error);
    }
    const bool differs = compare.finding_count > 0;
    for (size_t i = 0; i < ledgers.count; i++) {
        cm_ledger_folder_close(ledgers.list[i].folder);
    }
    cm_searches_free(compare.searches);
    return status != CM_OK ? cm_cli_fail(&error) : differs ? CM_EXIT_AUDIT_WRONG : CM_EXIT_OK;
}

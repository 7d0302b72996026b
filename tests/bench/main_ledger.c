// The benchmark "ledger": durable appends beside bare writes of the same batches, from an append to
// its proof, a long log verified, bytes on disk. Started by tests/bench/run.
#include "proto/base/cli_args.h"
#include "tests/bench/appends.h"
#include "tests/bench/long_log.h"
#include "tests/support/pki.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROUNDS = 4, // ledger and bare writes in turn
    ROUND_MS = 1500,
    MOST_SAMPLES = 4 * 1000 * 1000,
    ENTRIES = 10 * 1000 * 1000,
};

struct bench {
    struct cm_bench_report report;
    struct cm_cli_args args;
    struct cm_signer *signer;
    struct cm_bench_appends appends;
    char folder[4096];
    char long_folder[4096];
    uint64_t entries;
    struct cm_error error;
};

static const struct argp_option options[] = {
    {"folder", 'f', "FOLDER", 0, "Where ledgers are made", 0},
    {"entries", 'e', "N", 0, "Of the log that is verified (default 10000000)", 0},
    {"json", 'j', NULL, 0, "One object a line", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "",
    .about = "Measures a ledger; tests/bench/run ledger starts it.",
    .required = "f",
};

static void print(const struct bench *bench, const char *name, const char *what, double value,
                  const char *unit, double floor)
{
    cm_bench_print(&bench->report, &(struct cm_bench_figure){name, what, value, unit, floor});
}

static void print_rate(const struct bench *bench, unsigned callers,
                       const struct cm_bench_rate *rate, struct cm_samples *proofs,
                       struct cm_samples *flushes)
{
    char name[64];
    const double entries = (double)rate->entries;
    snprintf(name, sizeof name, "%u waiting caller%s", callers, callers > 1 ? "s" : "");
    cm_bench_heading(&bench->report, name);
    snprintf(name, sizeof name, "ledger.appends.%u", callers);
    print(bench, name, "durable appends", entries / ((double)rate->ledger_ns / 1e9), "1/s",
          entries / ((double)rate->bare_ns / 1e9));
    snprintf(name, sizeof name, "ledger.proof.%u.p50", callers);
    print(bench, name, "from append to proof, median", cm_samples_at(proofs, 50), "us",
          cm_samples_at(flushes, 50));
    snprintf(name, sizeof name, "ledger.proof.%u.p99", callers);
    print(bench, name, "from append to proof, 99 of 100", cm_samples_at(proofs, 99), "us",
          cm_samples_at(flushes, 99));
    snprintf(name, sizeof name, "ledger.batch.%u", callers);
    print(bench, name, "entries in a flush", entries / (double)rate->flushes, "entries", 0);
}

static enum cm_status measure_appends(struct bench *bench, unsigned callers)
{
    struct cm_samples proofs = {0};
    struct cm_samples flushes = {0};
    struct cm_bench_rate rate = {0};
    enum cm_status status = cm_samples_init(&proofs, MOST_SAMPLES);
    if (status == CM_OK) {
        status = cm_samples_init(&flushes, MOST_SAMPLES);
    }
    for (unsigned i = 0; i < ROUNDS && status == CM_OK; i++) {
        status = cm_bench_appends_run(&rate, &proofs, &flushes, &bench->appends, callers, ROUND_MS);
    }
    if (status == CM_OK) {
        print_rate(bench, callers, &rate, &proofs, &flushes);
    }
    cm_samples_clear(&proofs);
    cm_samples_clear(&flushes);
    return status;
}

static uint64_t walked;

static int add_size(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)path;
    (void)type;
    (void)where;
    walked += (uint64_t)facts->st_blocks * 512;
    return 0;
}

static uint64_t size_of(const char *path)
{
    walked = 0;
    return nftw(path, add_size, 16, FTW_PHYS) == 0 ? walked : 0;
}

// After the ledger is closed, so that all of it has tiles.
static void print_disk(const struct bench *bench, uint64_t entries)
{
    char path[4128];
    cm_bench_heading(&bench->report, "On disk, an entry with what lies beside it");
    snprintf(path, sizeof path, "%s/log", bench->folder);
    print(bench, "ledger.disk.log", "in the log", (double)size_of(path) / (double)entries, "B",
          CM_BENCH_ENTRY + CM_BENCH_ACCESS);
    snprintf(path, sizeof path, "%s/tile", bench->folder);
    print(bench, "ledger.disk.tiles", "in tiles", (double)size_of(path) / (double)entries, "B",
          CM_BENCH_ENTRY);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts;
    (void)type;
    (void)where;
    return remove(path);
}

static enum cm_status measure_ledger(struct bench *bench)
{
    static const unsigned callers[] = {1, 64, 1024};
    enum cm_status status =
        cm_bench_appends_open(&bench->appends, bench->folder, bench->signer, &bench->error);
    for (size_t i = 0; i < sizeof callers / sizeof *callers && status == CM_OK; i++) {
        status = measure_appends(bench, callers[i]);
    }
    const uint64_t entries = bench->appends.seed;
    cm_bench_appends_close(&bench->appends);
    if (status == CM_OK) {
        print_disk(bench, entries);
        print(bench, "ledger.disk.entries", "entries", (double)entries, "", 0);
    }
    nftw(bench->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}

static void print_long(const struct bench *bench, const char *part, const char *title,
                       const struct cm_bench_verified *verified)
{
    const struct {
        const char *name, *what, *unit;
        double value;
    } figures[] = {{"time", "time", "s", (double)verified->wall_ns / 1e9},
                   {"cpu", "CPU", "s", (double)verified->cpu_ns / 1e9},
                   {"memory", "memory at most", "MB", (double)verified->memory / 1e6}};
    cm_bench_heading(&bench->report, title);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        char name[64];
        snprintf(name, sizeof name, "ledger.%s.%s", part, figures[i].name);
        print(bench, name, figures[i].what, figures[i].value, figures[i].unit, 0);
    }
}

static enum cm_status measure_parts(struct bench *bench)
{
    static const struct {
        const char *part, *title;
        enum cm_status (*run)(struct cm_bench_verified *, const char *, struct cm_signer *,
                              struct cm_error *);
    } parts[] = {{"verify", "A long log verified", cm_bench_long_log_verify},
                 {"start", "A start on it, without tiles", cm_bench_long_log_start},
                 {"restart", "The next start", cm_bench_long_log_start}};
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == CM_OK; i++) {
        struct cm_bench_verified verified = {0};
        status = parts[i].run(&verified, bench->long_folder, bench->signer, &bench->error);
        if (status == CM_OK && verified.entries != bench->entries) {
            status =
                cm_fail(&bench->error, CM_INVALID, bench->long_folder, "not all entries were read");
        }
        if (status == CM_OK) {
            print_long(bench, parts[i].part, parts[i].title, &verified);
        }
    }
    return status;
}

static enum cm_status measure_long(struct bench *bench)
{
    const char *folder = bench->long_folder;
    if (mkdir(folder, 0700) != 0) {
        return cm_fail(&bench->error, CM_IO, folder, "can't be made");
    }
    enum cm_status status =
        cm_bench_long_log_write(folder, bench->entries, bench->signer, &bench->error);
    if (status == CM_OK) {
        print(bench, "ledger.long.entries", "entries in a long log", (double)bench->entries, "", 0);
        status = measure_parts(bench);
    }
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    cm_cli_start("bench_ledger", argc, argv);
    cm_cli_parse(&bench.args, &usage, argc, argv);
    bench.report.json = cm_cli_get(&bench.args, 'j') != NULL;
    bench.entries =
        (uint64_t)cm_cli_get_number(&bench.args, 'e', "entries", ENTRIES, 1, 1000000000);
    snprintf(bench.folder, sizeof bench.folder, "%s/ledger", cm_cli_get(&bench.args, 'f'));
    snprintf(bench.long_folder, sizeof bench.long_folder, "%s/long", cm_cli_get(&bench.args, 'f'));
    struct pki *pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    bench.signer = pki_signer(pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    // First, since a child's memory begins with what this process holds.
    enum cm_status status = measure_long(&bench);
    if (status == CM_OK) {
        status = measure_ledger(&bench);
    }
    pki_free(pki);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&bench.error);
}

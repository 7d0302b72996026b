// The benchmark "query": what one signed question costs a gateway and a node, and how long it
// takes, each beside its floor measured in the same run. Started by tests/bench/run.
#include "proto/base/cli_args.h"
#include "proto/base/file.h"
#include "tests/bench/echo.h"
#include "tests/bench/floors.h"
#include "tests/bench/load.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLATES = 500,
    WARM_UP = 300,
    ALONE = 1000, // queries, one at a time
    LOADED = 6000,
    PHASE_MS = 15000,
    CALLS = 20000,
    CALLS_MS = 10000,
    DAYS = 30,
    MAX_PLATES_FILE = 64 * 1024,
};

struct party {
    pid_t pid;
    const char *log;
    struct cm_bench_log seen; // of its ledger, in the measured phase
    int64_t cpu_ns;
};

struct bench {
    struct cm_bench_report report;
    struct cm_cli_args args;
    struct cm_settings settings;
    struct cm_loop *loop;
    struct cm_echo_server echo;
    struct cm_store *store;
    struct cm_bench_plate plates[PLATES];
    size_t plate_count;
    struct cm_window window;
    unsigned in_flight;
    struct party gateway;
    struct party node;
    struct cm_load_result alone;
    struct cm_load_result loaded;
    struct cm_samples direct;
    struct cm_bench_signature signature;
    struct cm_bench_durable durable;
    struct cm_echo_result bare;
    struct cm_error error;
};

static const struct argp_option options[] = {
    {"config", 'C', "FILE", 0, "The investigator's client.ini", 0},
    {"passphrase-file", 'P', "FILE", 0, "The key's passphrase", 0},
    {"gateway", 'g', "PID", 0, "The gateway's process", 0},
    {"gateway-log", 'G', "FILE", 0, "Its ledger's log", 0},
    {"gateway-key", 'k', "FILE", 0, "Its key; the bare server uses it too", 0},
    {"gateway-chain", 'c', "FILE", 0, "Its certificates", 0},
    {"node", 'n', "PID", 0, "The node's process", 0},
    {"node-log", 'N', "FILE", 0, "Its ledger's log", 0},
    {"agency", 'a', "ID", 0, "The node's agency", 0},
    {"store", 's', "STORE", 0, "The node's store", 0},
    {"plates", 'p', "FILE", 0, "Plates to ask for, one a line", 0},
    {"folder", 'f', "FOLDER", 0, "On the ledgers' file system", 0},
    {"in-flight", 'i', "N", 0, "Queries at once (default 16)", 0},
    {"json", 'j', NULL, 0, "One object a line", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "",
    .about = "Measures lookups through a running gateway; tests/bench/run query starts it.",
    .required = "CPgGkcnNaspf",
};

static const char *get(const struct bench *bench, int key)
{
    return cm_cli_get(&bench->args, key);
}

static enum cm_status read_plates(struct bench *bench)
{
    struct cm_buf file = {0};
    const char *path = get(bench, 'p');
    enum cm_status status = cm_file_read(&file, path, MAX_PLATES_FILE, &bench->error);
    const uint8_t *at = file.data;
    const uint8_t *end = file.data + file.len;
    while (status == CM_OK && at < end && bench->plate_count < PLATES) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        status = cm_plate_normalise(bench->plates[bench->plate_count++].text,
                                    (struct cm_bytes){at, (size_t)(stop - at)});
        at = stop < end ? stop + 1 : end;
    }
    cm_buf_clear(&file);
    if (status == CM_OK && bench->plate_count == 0) {
        status = CM_INVALID;
    }
    return status == CM_OK ? CM_OK : cm_fail(&bench->error, status, path, "holds no plates");
}

static enum cm_status open_all(struct bench *bench)
{
    struct cm_error *error = &bench->error;
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    bench->window = (struct cm_window){now_ms - (int64_t)DAYS * 86400000, now_ms};
    enum cm_status status = read_plates(bench);
    if (status == CM_OK) {
        status = cm_settings_load(&bench->settings, get(bench, 'C'), get(bench, 'P'), error);
    }
    if (status == CM_OK) {
        // Before the first loop: gRPC doesn't survive a fork.
        const struct cm_tls_files tls = {get(bench, 'k'), get(bench, 'c'),
                                         bench->settings.tls.root_path};
        status = cm_echo_start(&bench->echo, &tls, error);
    }
    if (status == CM_OK) {
        status = cm_loop_new(&bench->loop, error);
    }
    if (status == CM_OK) {
        status = cm_store_open(&bench->store, get(bench, 's'), get(bench, 'a'), 1, error);
    }
    if (status == CM_OK && (cm_samples_init(&bench->alone.latency, ALONE) != CM_OK ||
                            cm_samples_init(&bench->loaded.latency, LOADED) != CM_OK ||
                            cm_samples_init(&bench->direct, ALONE) != CM_OK)) {
        status = cm_fail(error, CM_MEMORY, "", "out of memory");
    }
    return status;
}

static void close_all(struct bench *bench)
{
    cm_samples_clear(&bench->direct);
    cm_samples_clear(&bench->loaded.latency);
    cm_samples_clear(&bench->alone.latency);
    cm_store_close(bench->store);
    cm_loop_free(bench->loop);
    cm_echo_stop(&bench->echo);
    cm_settings_clear(&bench->settings);
}

static enum cm_status ask(struct cm_load_result *result, struct bench *bench, unsigned in_flight,
                          size_t queries)
{
    const struct cm_load_options load = {
        .loop = bench->loop,
        .settings = &bench->settings,
        .agency = get(bench, 'a'),
        .plates = bench->plates,
        .plate_count = bench->plate_count,
        .window = bench->window,
        .in_flight = in_flight,
        .queries = queries,
        .most_ms = PHASE_MS,
    };
    return cm_load_run(result, &load, &bench->error);
}

static enum cm_status mark(struct party *party, struct cm_error *error)
{
    const int64_t cpu_ns = cm_bench_process_ns(party->pid);
    if (cpu_ns < 0) {
        return cm_fail(error, CM_UNAVAILABLE, party->log, "its process is gone");
    }
    party->cpu_ns = cpu_ns - party->cpu_ns;
    return cm_bench_log_read(&party->seen, party->log, party->seen.end, error);
}

static enum cm_status measure_loaded(struct bench *bench)
{
    enum cm_status status = mark(&bench->gateway, &bench->error);
    if (status == CM_OK) {
        status = mark(&bench->node, &bench->error);
    }
    if (status == CM_OK) {
        status = ask(&bench->loaded, bench, bench->in_flight, LOADED);
    }
    if (status == CM_OK) {
        status = mark(&bench->gateway, &bench->error);
    }
    return status == CM_OK ? mark(&bench->node, &bench->error) : status;
}

static enum cm_status measure_queries(struct bench *bench)
{
    struct cm_load_result warm = {0};
    enum cm_status status = cm_bench_store(&bench->direct, bench->plates, bench->plate_count, ALONE,
                                           bench->store, &bench->window, &bench->error);
    if (status == CM_OK) {
        status = ask(&warm, bench, bench->in_flight, WARM_UP);
    }
    if (status == CM_OK) {
        status = ask(&bench->alone, bench, 1, ALONE);
    }
    return status == CM_OK ? measure_loaded(bench) : status;
}

static enum cm_status measure_floors(struct bench *bench)
{
    struct cm_error *error = &bench->error;
    char name[CM_MAX_ID + sizeof "gateway."];
    const struct cm_bench_log *log = &bench->gateway.seen;
    const size_t flush_bytes = log->flushes > 0 ? log->bytes / log->flushes : 1;
    snprintf(name, sizeof name, "gateway.%s", bench->settings.identity.federation);
    const struct cm_echo_options bare = {
        .loop = bench->loop,
        .server_name = name,
        .tls = bench->settings.tls,
        .passphrase = bench->settings.passphrase,
        .bytes = bench->loaded.envelope_bytes,
        .in_flight = bench->in_flight,
        .calls = CALLS,
        .most_ms = CALLS_MS,
    };
    enum cm_status status = cm_bench_signature(&bench->signature, bench->settings.signer,
                                               bench->loaded.envelope_bytes, error);
    if (status == CM_OK) {
        status = cm_bench_durable(&bench->durable, get(bench, 'f'), flush_bytes, error);
    }
    return status == CM_OK ? cm_echo_run(&bench->bare, &bench->echo, &bare, error) : status;
}

static double per_query(const struct bench *bench, uint64_t count)
{
    return (double)count / (double)bench->loaded.queries;
}

static double bare_us(const struct bench *bench, int64_t ns)
{
    return (double)ns / 1000 / (double)bench->bare.calls;
}

// The query and each header verified; Lookup and Answer served; its share of a flush.
static double gateway_floor(const struct bench *bench)
{
    const double verified = 1 + per_query(bench, bench->loaded.batches);
    return verified * bench->signature.verify_us + 2 * bare_us(bench, bench->bare.server_ns) +
           per_query(bench, bench->gateway.seen.flushes) * bench->durable.cpu_us;
}

// The query and each of the gateway's checkpoints verified; Answer called; its share of a flush.
static double node_floor(const struct bench *bench)
{
    const double verified = 1 + per_query(bench, bench->gateway.seen.flushes);
    return verified * bench->signature.verify_us + bare_us(bench, bench->bare.client_ns) +
           per_query(bench, bench->node.seen.flushes) * bench->durable.cpu_us;
}

static void print_queries(struct bench *bench)
{
    struct cm_samples *alone = &bench->alone.latency;
    struct cm_samples *loaded = &bench->loaded.latency;
    const double p50 = cm_samples_at(&bench->direct, 50);
    const double p99 = cm_samples_at(&bench->direct, 99);
    const double seconds = (double)bench->loaded.wall_ns / 1e9;
    const struct cm_bench_figure figures[] = {
        {"query.gateway.cpu", "CPU of the gateway",
         (double)bench->gateway.cpu_ns / 1000 / (double)bench->loaded.queries, "us",
         gateway_floor(bench)},
        {"query.node.cpu", "CPU of the node",
         (double)bench->node.cpu_ns / 1000 / (double)bench->loaded.queries, "us",
         node_floor(bench)},
        {"query.latency.p50", "latency, one at a time, median", cm_samples_at(alone, 50), "us",
         p50},
        {"query.latency.p99", "latency, one at a time, 99 of 100", cm_samples_at(alone, 99), "us",
         p99},
        {"query.latency.durable", "that median against two flushes", cm_samples_at(alone, 50), "us",
         2 * bench->durable.wall_us},
        {"query.loaded.p50", "latency, many at once, median", cm_samples_at(loaded, 50), "us", p50},
        {"query.loaded.p99", "latency, many at once, 99 of 100", cm_samples_at(loaded, 99), "us",
         p99},
        {"query.rate", "answered, many at once", (double)bench->loaded.queries / seconds, "1/s", 0},
    };
    cm_bench_heading(&bench->report, "a query through the gateway");
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        cm_bench_print(&bench->report, &figures[i]);
    }
}

static void print_parts(const struct bench *bench)
{
    const struct cm_bench_log *gateway = &bench->gateway.seen;
    const struct cm_bench_log *node = &bench->node.seen;
    const struct cm_bench_figure figures[] = {
        {"query.verify", "one signature verified, CPU", bench->signature.verify_us, "us", 0},
        {"query.sign", "one made, CPU (in no floor)", bench->signature.sign_us, "us", 0},
        {"query.call.server", "one bare call served, CPU", bare_us(bench, bench->bare.server_ns),
         "us", 0},
        {"query.call.client", "one bare call made, CPU", bare_us(bench, bench->bare.client_ns),
         "us", 0},
        {"query.flush.cpu", "one write and fdatasync, CPU", bench->durable.cpu_us, "us", 0},
        {"query.flush.wall", "one write and fdatasync, time", bench->durable.wall_us, "us", 0},
        {"query.gateway.batch", "entries in a flush of the gateway",
         (double)gateway->entries / (double)gateway->flushes, "entries", 0},
        {"query.node.batch", "entries in a flush of the node",
         (double)node->entries / (double)node->flushes, "entries", 0},
        {"query.gateway.bytes", "bytes in the gateway's log, a query",
         per_query(bench, gateway->bytes), "B", 0},
        {"query.node.bytes", "bytes in the node's log, a query", per_query(bench, node->bytes), "B",
         0},
        {"query.rows", "rows in an answer", per_query(bench, bench->loaded.rows), "rows", 0},
        {"query.headers", "signed batches in an answer", per_query(bench, bench->loaded.batches),
         "batches", 0},
        {"query.in_flight", "queries at once", bench->in_flight, "queries", 0},
        {"query.count", "queries measured", (double)bench->loaded.queries, "queries", 0},
    };
    cm_bench_heading(&bench->report, "what the floors are made of");
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        cm_bench_print(&bench->report, &figures[i]);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    cm_cli_start("bench_query", argc, argv);
    cm_cli_parse(&bench.args, &usage, argc, argv);
    bench.report.json = get(&bench, 'j') != NULL;
    bench.in_flight =
        (unsigned)cm_cli_get_number(&bench.args, 'i', "in-flight", 16, 1, CM_BENCH_IN_FLIGHT);
    bench.gateway = (struct party){
        .pid = (pid_t)cm_cli_get_number(&bench.args, 'g', "gateway", 0, 1, INT32_MAX),
        .log = get(&bench, 'G')};
    bench.node =
        (struct party){.pid = (pid_t)cm_cli_get_number(&bench.args, 'n', "node", 0, 1, INT32_MAX),
                       .log = get(&bench, 'N')};
    enum cm_status status = open_all(&bench);
    if (status == CM_OK) {
        status = measure_queries(&bench);
    }
    if (status == CM_OK) {
        status = measure_floors(&bench);
    }
    if (status == CM_OK) {
        print_queries(&bench);
        print_parts(&bench);
    }
    const int code = status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&bench.error);
    close_all(&bench);
    return code;
}

// The benchmark "acl": one decision for all nodes of a federation, and what it takes to have the
// rules ready. Started by tests/bench/run.
#include "acl/diff.h"
#include "proto/base/cli_args.h"
#include "tests/bench/cedar.h"
#include "tests/bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WARM_UP = 2000,
    DECISIONS = 20000,
    CHECKED = 40,
    ONE_BY_ONE = 30, // requests asked of each node's rules
    CHANGES = 1000,
    RULES = 1000,
    SCRATCH_CAP = 8 * 1024 * 1024,
    DIFF_CAP = 1024 * 1024 * 1024,
};

struct bench {
    struct cm_bench_report report;
    struct cm_cli_args args;
    struct cm_graph graph;
    uint64_t random;
    uint8_t *verdicts;
    int64_t read_ns;
    double median_us;               // of a decision
    const struct cm_agency *widest; // let in by most nodes
    struct cm_error error;
};

static const struct argp_option options[] = {
    {"directory", 'd', "FILE", 0, "The directory", 0},
    {"rules", 'r', "DIR", 0, "A rule file for each node", 0},
    {"ask-cedar", 'a', "FOLDER", 0, "Only write there what to ask Cedar", 0},
    {"cedar", 'c', "FOLDER", 0, "Where Cedar's answer lies", 0},
    {"json", 'j', NULL, 0, "One object a line, for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .about = "Measure decisions on a sharing graph. tests/bench/run starts it.",
    .required = "dr",
};

static void print(const struct bench *bench, const char *name, const char *what, double value,
                  const char *unit, double floor)
{
    const struct cm_bench_figure figure = {name, what, value, unit, floor};
    cm_bench_print(&bench->report, &figure);
}

static size_t permitted(const struct bench *bench)
{
    size_t count = 0;
    for (size_t i = 0; i < bench->graph.directory.agency_count; i++) {
        count += bench->verdicts[i] == CM_VERDICT_PERMITTED;
    }
    return count;
}

static enum cm_status check(struct bench *bench)
{
    enum cm_status status = CM_OK;
    for (unsigned i = 0; status == CM_OK && i < CHECKED; i++) {
        struct cm_request request =
            i % 2 == 0 ? cm_graph_request(&bench->graph, &bench->random)
                       : cm_graph_request_of(&bench->graph, bench->widest, &bench->random);
        cm_index_decide(bench->graph.index, &request, bench->verdicts);
        status = cm_graph_check(&bench->graph, &request, bench->verdicts, &bench->error);
    }
    return status;
}

// The least there is to read for a decision: one byte a node, eight at a time.
static double floor_us(const struct bench *bench)
{
    size_t count = bench->graph.count / 8 + 1;
    uint64_t *words = calloc(count, sizeof *words);
    struct cm_samples samples;
    if (words == NULL || cm_samples_init(&samples, DECISIONS) != CM_OK) {
        free(words);
        return 0;
    }
    volatile uint64_t seen = 0;
    for (unsigned i = 0; i < DECISIONS; i++) {
        uint64_t all = 0;
        int64_t began = cm_bench_wall_ns();
        for (size_t w = 0; w < count; w++) {
            all |= words[w];
        }
        seen = all;
        cm_samples_add(&samples, cm_bench_wall_ns() - began);
    }
    (void)seen;
    double median = cm_samples_at(&samples, 50);
    cm_samples_clear(&samples);
    free(words);
    return median;
}

struct decided {
    double median_us, p99_us, mean_permitted;
};

static enum cm_status decide_many(struct bench *bench, struct decided *out, bool widest)
{
    struct cm_samples samples;
    size_t sum = 0;
    if (cm_samples_init(&samples, DECISIONS) != CM_OK) {
        return cm_fail(&bench->error, CM_MEMORY, "bench", "out of memory");
    }
    for (unsigned i = 0; i < WARM_UP + DECISIONS; i++) {
        struct cm_request request =
            widest ? cm_graph_request_of(&bench->graph, bench->widest, &bench->random)
                   : cm_graph_request(&bench->graph, &bench->random);
        int64_t began = cm_bench_wall_ns();
        cm_index_decide(bench->graph.index, &request, bench->verdicts);
        int64_t ended = cm_bench_wall_ns();
        if (i >= WARM_UP) {
            cm_samples_add(&samples, ended - began);
            sum += permitted(bench);
        }
    }
    *out = (struct decided){cm_samples_at(&samples, 50), cm_samples_at(&samples, 99),
                            (double)sum / DECISIONS};
    cm_samples_clear(&samples);
    return CM_OK;
}

static enum cm_status one_by_one(struct bench *bench, double *median_us)
{
    struct cm_samples samples;
    struct cm_arena *scratch = cm_arena_new(SCRATCH_CAP);
    enum cm_status status = scratch == NULL ? CM_MEMORY : cm_samples_init(&samples, ONE_BY_ONE);
    for (unsigned i = 0; status == CM_OK && i < ONE_BY_ONE; i++) {
        size_t count;
        struct cm_request request = cm_graph_request(&bench->graph, &bench->random);
        int64_t began = cm_bench_wall_ns();
        status = cm_graph_ask_each(&bench->graph, scratch, &request, &count);
        cm_samples_add(&samples, cm_bench_wall_ns() - began);
    }
    if (status == CM_OK) {
        *median_us = cm_samples_at(&samples, 50);
        cm_samples_clear(&samples);
    }
    cm_arena_free(scratch);
    return status == CM_OK ? CM_OK : cm_fail(&bench->error, status, "bench", "out of memory");
}

static enum cm_status load(struct bench *bench)
{
    struct cm_graph *graph = &bench->graph;
    enum cm_status status = cm_graph_open(graph, cm_cli_get(&bench->args, 'd'), &bench->error);
    int64_t began = cm_bench_thread_ns();
    if (status == CM_OK) {
        status = cm_graph_read(graph, cm_cli_get(&bench->args, 'r'), &bench->error);
    }
    bench->read_ns = cm_bench_thread_ns() - began;
    return status;
}

static enum cm_status measure_loading(struct bench *bench)
{
    struct cm_graph *graph = &bench->graph;
    int64_t began = cm_bench_thread_ns();
    enum cm_status status = cm_graph_compile(graph, &bench->error);
    int64_t compiled = cm_bench_thread_ns();
    if (status == CM_OK) {
        status = cm_graph_index(graph, &bench->error);
    }
    int64_t indexed = cm_bench_thread_ns();
    bench->verdicts = calloc(graph->directory.agency_count + 1, 1);
    if (status != CM_OK || bench->verdicts == NULL) {
        return status != CM_OK ? status : cm_fail(&bench->error, CM_MEMORY, "bench", "no memory");
    }
    int64_t read_ns = bench->read_ns;
    cm_bench_heading(&bench->report, "Loading");
    print(bench, "acl.nodes", "nodes", (double)graph->count, "", 0);
    print(bench, "acl.agencies", "agencies", (double)graph->directory.agency_count, "", 0);
    print(bench, "acl.rules.bytes", "all rule files", (double)graph->bytes / 1e6, "MB", 0);
    print(bench, "acl.read", "files read", (double)read_ns / 1e6, "ms", 0);
    print(bench, "acl.compile", "rules compiled", (double)(compiled - began) / 1e6, "ms", 0);
    print(bench, "acl.index", "index made", (double)(indexed - compiled) / 1e6, "ms", 0);
    print(bench, "acl.load", "all of it", (double)(read_ns + indexed - began) / 1e6, "ms", 0);
    return CM_OK;
}

static void print_size(const struct bench *bench)
{
    struct cm_index_size size;
    cm_index_measure(bench->graph.index, &size);
    print(bench, "acl.index.bytes", "index, a node", (double)size.bytes / (double)size.nodes,
          "bytes", (double)bench->graph.directory.agency_count);
    print(bench, "acl.index.profiles", "distinct profiles", (double)size.profiles, "", 0);
    print(bench, "acl.index.open", "nodes left to their rules", (double)size.open, "", 0);
}

static void find_widest(struct bench *bench)
{
    size_t most = 0;
    for (unsigned i = 0; i < bench->graph.directory.agency_count; i++) {
        struct cm_request request =
            cm_graph_request_of(&bench->graph, &bench->graph.directory.agencies[i], &bench->random);
        request.purpose = "homicide";
        request.evidence = 1u << CM_EVIDENCE_CASE;
        cm_index_decide(bench->graph.index, &request, bench->verdicts);
        if (bench->widest == NULL || permitted(bench) > most) {
            bench->widest = &bench->graph.directory.agencies[i];
            most = permitted(bench);
        }
    }
}

static enum cm_status measure_decisions(struct bench *bench)
{
    struct decided all = {0}, widest = {0};
    double each_us = 0;
    enum cm_status status = check(bench);
    double floor = floor_us(bench);
    if (status == CM_OK) {
        status = decide_many(bench, &all, false);
    }
    if (status == CM_OK) {
        status = decide_many(bench, &widest, true);
    }
    if (status == CM_OK) {
        status = one_by_one(bench, &each_us);
    }
    if (status != CM_OK) {
        return status;
    }
    bench->median_us = all.median_us;
    cm_bench_heading(&bench->report, "One decision for all nodes");
    print(bench, "acl.decide.p50", "median", all.median_us, "us", floor);
    print(bench, "acl.decide.p99", "99th percentile", all.p99_us, "us", floor);
    print(bench, "acl.decide.permitted", "nodes that permit, mean", all.mean_permitted, "", 0);
    print(bench, "acl.widest.p50", "who is let in most: median", widest.median_us, "us", floor);
    print(bench, "acl.widest.p99", "who is let in most: 99th percentile", widest.p99_us, "us",
          floor);
    print(bench, "acl.widest.permitted", "nodes that permit it, mean", widest.mean_permitted, "",
          0);
    print(bench, "acl.each.p50", "each node's rules asked in turn", each_us, "us", all.median_us);
    return CM_OK;
}

static enum cm_status compare_cedar(struct bench *bench)
{
    const char *folder = cm_cli_get(&bench->args, 'c');
    struct cm_cedar_answer cedar;
    if (folder == NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_cedar_read(&cedar, &bench->graph, folder, &bench->error);
    if (status == CM_OK) {
        cm_bench_heading(&bench->report, "Cedar asked the same, owner by owner");
        print(bench, "acl.cedar.one", "one owner", cedar.decision_us, "us", 0);
        print(bench, "acl.cedar.owners", "owners asked, of all", (double)cedar.owners, "", 0);
        print(bench, "acl.cedar.allowed", "allowed, by Cedar and by the index",
              (double)cedar.allowed, "", 0);
        print(bench, "acl.cedar.all", "all owners, taken from these",
              cedar.decision_us * (double)bench->graph.count, "us", bench->median_us);
    }
    return status;
}

static enum cm_status measure_changes(struct bench *bench)
{
    struct cm_graph *graph = &bench->graph;
    struct cm_samples puts, whole;
    if (cm_samples_init(&puts, CHANGES) != CM_OK || cm_samples_init(&whole, CHANGES) != CM_OK) {
        return cm_fail(&bench->error, CM_MEMORY, "bench", "out of memory");
    }
    enum cm_status status = CM_OK;
    for (unsigned i = 0; status == CM_OK && i < CHANGES; i++) {
        struct cm_graph_node *node = &graph->nodes[cm_graph_pick(&bench->random, graph->count)];
        struct cm_rules *rules = NULL;
        int64_t began = cm_bench_thread_ns();
        status = cm_graph_compile_one(graph, &rules, cm_buf_bytes(&node->text), &bench->error);
        int64_t compiled = cm_bench_thread_ns();
        if (status == CM_OK) {
            status = cm_index_put(graph->index, rules, NULL);
        }
        int64_t ended = cm_bench_thread_ns();
        cm_samples_add(&puts, ended - compiled);
        cm_samples_add(&whole, ended - began);
        cm_rules_unref(node->rules);
        node->rules = rules;
    }
    if (status == CM_OK) {
        cm_bench_heading(&bench->report, "One node's change");
        print(bench, "acl.change.p50", "in the index, median", cm_samples_at(&puts, 50), "us", 0);
        print(bench, "acl.change.p99", "in the index, 99th percentile", cm_samples_at(&puts, 99),
              "us", 0);
        print(bench, "acl.change.most", "in the index, most", cm_samples_at(&puts, 100), "us", 0);
        print(bench, "acl.recompile.p50", "compiled too, median", cm_samples_at(&whole, 50), "us",
              0);
        print(bench, "acl.recompile.most", "compiled too, most", cm_samples_at(&whole, 100), "us",
              0);
        status = check(bench);
    }
    cm_samples_clear(&puts);
    cm_samples_clear(&whole);
    return status;
}

// Every node permits every state's police, each in its own way: no profile is shared.
static enum cm_status make_diverse(struct bench *bench)
{
    struct cm_graph *graph = &bench->graph;
    for (size_t i = 0; i < graph->count; i++) {
        struct cm_graph_node *node = &graph->nodes[i];
        node->text.len = 0;
        if (cm_buf_printf(&node->text,
                          "rules 1\nnode %s\npermit self to any for any back all see all\n"
                          "permit kind:local,sheriff to lookup for homicide, vehicle-theft\n"
                          "  back %zu minutes see place require case until 2030-01-01\n"
                          "forbid anyone for immigration-civil, reproductive-care, protest\n",
                          node->agency->id, 50000 + i) != CM_OK) {
            return cm_fail(&bench->error, CM_MEMORY, "bench", "out of memory");
        }
    }
    enum cm_status status = cm_graph_compile(graph, &bench->error);
    return status == CM_OK ? cm_graph_index(graph, &bench->error) : status;
}

static enum cm_status measure_diverse(struct bench *bench)
{
    struct cm_index_size size;
    struct decided all = {0};
    enum cm_status status = make_diverse(bench);
    if (status == CM_OK) {
        status = check(bench);
    }
    if (status == CM_OK) {
        status = decide_many(bench, &all, false);
    }
    if (status == CM_OK) {
        cm_index_measure(bench->graph.index, &size);
        cm_bench_heading(&bench->report, "The same, no two nodes with the same rules");
        print(bench, "acl.diverse.p50", "median", all.median_us, "us", 0);
        print(bench, "acl.diverse.p99", "99th percentile", all.p99_us, "us", 0);
        print(bench, "acl.diverse.permitted", "nodes that permit, mean", all.mean_permitted, "", 0);
        print(bench, "acl.diverse.profiles", "distinct profiles", (double)size.profiles, "", 0);
    }
    return status;
}

// An agency with an agreement for every partner: 950 permits, 50 forbids. new: every tenth one is
// changed.
static enum cm_status write_agreements(const struct cm_graph *graph, struct cm_buf *out, bool new)
{
    static const char *const purposes[] = {"homicide, kidnapping", "vehicle-theft, hit-and-run",
                                           "missing-person, amber-alert", "any"};
    static const char *const fields[] = {"place, camera", "place, vehicle", "all"};
    const struct cm_agency *agencies = graph->directory.agencies;
    size_t step = graph->directory.agency_count / RULES;
    enum cm_status status = cm_buf_printf(out, "rules 1\nnode %s\n", graph->nodes[0].agency->id);
    for (unsigned i = 0; status == CM_OK && i < RULES; i++) {
        const char *first = agencies[i * step].id;
        const char *second = agencies[(i * step + RULES) % graph->directory.agency_count].id;
        unsigned changed = new &&i % 10 == 0 ? 1 : 0;
        if (i % 20 == 19) {
            status = cm_buf_printf(out, "forbid %s for %s beyond %u days\n", first,
                                   purposes[i / 20 % 3], i % 29 + 1 + changed);
            continue;
        }
        status = cm_buf_printf(
            out, "permit %s, %s to lookup for %s back %u days see %s%s until 20%u-01-01\n", first,
            second, purposes[i % 4], i % 60 + 1 + 30 * changed, fields[(i + changed) % 3],
            i % 3 == 0 ? " require case" : "", 27 + i % 3);
    }
    return status;
}

static enum cm_status compile_agreements(struct bench *bench, struct cm_rules **out, bool new)
{
    struct cm_buf text = {0};
    enum cm_status status = write_agreements(&bench->graph, &text, new);
    if (status == CM_OK) {
        status = cm_graph_compile_one(&bench->graph, out, cm_buf_bytes(&text), &bench->error);
    } else {
        cm_fail(&bench->error, status, "bench", "out of memory");
    }
    cm_buf_clear(&text);
    return status;
}

static enum cm_status measure_diff(struct bench *bench)
{
    struct cm_rules *rules[2] = {NULL, NULL};
    struct cm_side sides[2] = {{.directory = &bench->graph.directory},
                               {.directory = &bench->graph.directory}};
    const struct cm_diff *diff;
    struct cm_arena *arena = cm_arena_new(DIFF_CAP);
    enum cm_status status =
        arena == NULL ? cm_fail(&bench->error, CM_MEMORY, "bench", "out of memory") : CM_OK;
    int64_t began = cm_bench_thread_ns();
    for (size_t i = 0; status == CM_OK && i < 2; i++) {
        status = compile_agreements(bench, &rules[i], i == 1);
        sides[i].rules = rules[i];
    }
    int64_t compiled = cm_bench_thread_ns();
    if (status == CM_OK) {
        status = cm_diff_make(&diff, arena, &sides[0], &sides[1], CM_GRAPH_NOW_MS, &bench->error);
    }
    int64_t ended = cm_bench_thread_ns();
    if (status == CM_OK) {
        size_t agencies = 0;
        for (uint32_t i = 0; i < diff->group_count; i++) {
            agencies += diff->groups[i].agency_count;
        }
        cm_bench_heading(&bench->report, "The difference of two files of 1000 rules");
        print(bench, "acl.diff", "told apart", (double)(ended - compiled) / 1e6, "ms", 0);
        print(bench, "acl.diff.compile", "compiled before", (double)(compiled - began) / 1e6, "ms",
              0);
        print(bench, "acl.diff.agencies", "agencies that gain or lose", (double)agencies, "", 0);
    }
    cm_rules_unref(rules[0]);
    cm_rules_unref(rules[1]);
    cm_arena_free(arena);
    return status;
}

static enum cm_status measure(struct bench *bench)
{
    static enum cm_status (*const parts[])(struct bench *) = {
        measure_decisions, compare_cedar, measure_changes, measure_diff, measure_diverse};
    enum cm_status status = CM_OK;
    print_size(bench);
    find_widest(bench);
    for (size_t i = 0; status == CM_OK && i < sizeof parts / sizeof *parts; i++) {
        status = parts[i](bench);
    }
    return status;
}

int main(int argc, char **argv)
{
    static struct bench bench = {.random = 20261122};
    cm_cli_start("bench_acl", argc, argv);
    cm_cli_parse(&bench.args, &usage, argc, argv);
    bench.report.json = cm_cli_get(&bench.args, 'j') != NULL;
    const char *ask = cm_cli_get(&bench.args, 'a');
    enum cm_status status = load(&bench);
    if (status == CM_OK && ask != NULL) {
        status = cm_cedar_write(&bench.graph, ask, &bench.error);
    } else if (status == CM_OK) {
        status = measure_loading(&bench);
    }
    if (status == CM_OK && ask == NULL) {
        status = measure(&bench);
    }
    const int code = status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&bench.error);
    cm_graph_clear(&bench.graph);
    free(bench.verdicts);
    return code;
}

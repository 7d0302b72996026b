// Holds our decision against Cedar's on random rules and points: what tests/conformance/cedar/run
// starts. README.md beside.
#include "damage.h"
#include "trial.h"

#include "proto/base/cli_args.h"
#include "proto/base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PROGRESS = 100000 };

static const struct argp_option options[] = {
    {"seed", 's', "S", 0, "The first random rules' seed", 0},
    {"count", 'n', "N", 0, "Pairs of rules and a point", 0},
    {"self-check", 'c', NULL, 0, "Damage policies instead: each sort of damage must show", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "",
    .about = "Ask Cedar's own engine what random rules make visible, and compare.",
};

static int report(struct trial *trial, struct engine *engine, uint64_t seed, size_t point)
{
    trial_shrink(trial, engine, point);
    printf("DIFFERENCE at seed %" PRIu64 "\n", seed);
    trial_print(trial, 0);
    return EXIT_FAILURE;
}

static int compare(struct engine *engine, uint64_t seed, uint64_t count)
{
    static struct trial trial;
    uint64_t pairs = 0;
    uint64_t visible = 0;
    uint64_t sets = 0;
    int code = EXIT_SUCCESS;
    int64_t began_ms = cm_mono_ms(cm_clock_system());
    for (; code == EXIT_SUCCESS && pairs < count; sets++) {
        trial_generate(&trial, seed + sets);
        if (!trial_ask(&trial, engine, NULL)) {
            printf("PROBLEM at seed %" PRIu64 "\n", seed + sets);
            trial_print(&trial, 0);
            code = EXIT_FAILURE;
        } else if (trial_difference(&trial) < trial.count) {
            code = report(&trial, engine, seed + sets, trial_difference(&trial));
        }
        pairs += trial.count;
        for (size_t i = 0; i < trial.count; i++) {
            visible += trial.ours[i];
        }
        trial_clear(&trial);
        if (pairs % PROGRESS == 0) {
            fprintf(stderr, "%" PRIu64 " pairs\n", pairs);
        }
    }
    double seconds = (double)(cm_mono_ms(cm_clock_system()) - began_ms) / 1000;
    printf("%" PRIu64 " pairs, %" PRIu64 " rule sets, %.1f%% visible, %.0f s, %.0f pairs/s: %s\n",
           pairs, sets, 100.0 * (double)visible / (double)pairs, seconds,
           (double)pairs / (seconds > 0 ? seconds : 1),
           code == EXIT_SUCCESS ? "no difference" : "they differ");
    return code;
}

int main(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct engine engine;
    cm_cli_start("conformance_cedar", argc, argv);
    cm_cli_parse(&args, &usage, argc, argv);
    uint64_t seed = (uint64_t)cm_cli_get_number(&args, 's', "--seed", 1, 0, INT64_MAX);
    uint64_t count = (uint64_t)cm_cli_get_number(&args, 'n', "--count", 20000, 1, INT64_MAX);
    setvbuf(stdout, NULL, _IOLBF, 0);
    engine_start(&engine);
    int code = cm_cli_get(&args, 'c') != NULL ? damage_check(&engine, seed)
                                              : compare(&engine, seed, count);
    engine_stop(&engine);
    return code;
}

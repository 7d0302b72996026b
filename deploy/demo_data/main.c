#include "deploy/demo_data/write.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct argp_option options[] = {
    {"rows", 'n', "N", 0, "detections, beside those with a story: default 200,000", 0},
    {"seed", 's', "N", 0, "another number gives other detections: default 1", 0},
    {"now", 't', "MS", 0, "the time to count back from, in ms since 1970: default now", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    "FOLDER",
    "Makes up detections for the demo's five agencies that keep any, and writes FOLDER/ID.csv for "
    "each, for comity node ingest. The same options give the same bytes.\v"
    "It prints a line a file, and the plates with a story and where they were seen.",
    NULL,
    1,
    1};

static int write_all(const char *folder, uint64_t seed, int64_t now_ms, size_t rows)
{
    struct cm_error error = {0};
    size_t left = rows;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        cm_fail(&error, CM_IO, folder, "can't be made: %s", strerror(errno));
        return cm_cli_fail(&error);
    }
    for (size_t i = 0; i < CM_DEMO_AGENCIES; i++) {
        const struct cm_demo_agency *agency = &cm_demo_agencies[i];
        char path[4096];
        size_t share = i + 1 < CM_DEMO_AGENCIES ? rows * agency->share / 100 : left;
        int len = snprintf(path, sizeof path, "%s/%s.csv", folder, agency->id);
        if (len < 0 || (size_t)len >= sizeof path) {
            cm_fail(&error, CM_INVALID, "FOLDER", "its name is too long");
            return cm_cli_fail(&error);
        }
        left -= share;
        if (cm_demo_write(path, agency, seed, now_ms, share, &error) != CM_OK) {
            return cm_cli_fail(&error);
        }
        printf("file %s %s\n", agency->id, path);
    }
    for (size_t i = 0; i < cm_demo_sighting_count; i++) {
        const struct cm_demo_sighting *s = &cm_demo_sightings[i];
        printf("story %s %s %u\n", s->plate, s->agency, s->minutes_ago);
    }
    return CM_EXIT_OK;
}

int main(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_start("comity-demo-data", argc, argv);
    cm_cli_parse(&args, &usage, argc, argv);
    long long rows = cm_cli_get_number(&args, 'n', "rows", 200000, 0, 100000000);
    long long seed = cm_cli_get_number(&args, 's', "seed", 1, 0, INT64_MAX);
    long long now = cm_cli_get_number(&args, 't', "now", cm_wall_ms(cm_clock_system()),
                                      1000000000000, 100000000000000);
    return write_all(args.words[0], (uint64_t)seed, now, (size_t)rows);
}

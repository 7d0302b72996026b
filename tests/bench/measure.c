#include "tests/bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0) {
        return -1;
    }
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cm_bench_wall_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t cm_bench_thread_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t cm_bench_process_ns(pid_t pid)
{
    clockid_t id;
    return clock_getcpuclockid(pid, &id) == 0 ? read_clock(id) : -1;
}

enum cm_status cm_samples_init(struct cm_samples *samples, size_t most)
{
    *samples = (struct cm_samples){.most = most, .values = calloc(most, sizeof(int64_t))};
    return samples->values != NULL ? CM_OK : CM_MEMORY;
}

void cm_samples_clear(struct cm_samples *samples)
{
    free(samples->values);
    *samples = (struct cm_samples){0};
}

void cm_samples_add(struct cm_samples *samples, int64_t value)
{
    if (samples->count < samples->most) {
        samples->values[samples->count++] = value;
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

double cm_samples_at(struct cm_samples *samples, unsigned per_cent)
{
    if (samples->count == 0) {
        return 0;
    }
    qsort(samples->values, samples->count, sizeof *samples->values, by_value);
    size_t at = (samples->count * per_cent + 99) / 100;
    return (double)samples->values[at > 0 ? at - 1 : 0] / 1000;
}

void cm_bench_heading(const struct cm_bench_report *report, const char *title)
{
    if (!report->json) {
        printf("\n%-48s %9s %9s %6s\n", title, "measured", "floor", "ratio");
    }
}

void cm_bench_print(const struct cm_bench_report *report, const struct cm_bench_figure *figure)
{
    bool has_floor = figure->floor > 0;
    double ratio = has_floor ? figure->value / figure->floor : 0;
    if (report->json && has_floor) {
        printf("{\"name\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"floor\":%.2f,\"ratio\":%.2f}\n",
               figure->name, figure->value, figure->unit, figure->floor, ratio);
    } else if (report->json) {
        printf("{\"name\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"floor\":null,\"ratio\":null}\n",
               figure->name, figure->value, figure->unit);
    } else if (has_floor) {
        printf("%-48s %9.1f %9.1f %6.2f  %s\n", figure->what, figure->value, figure->floor, ratio,
               figure->unit);
    } else {
        printf("%-48s %9.1f %17s %s\n", figure->what, figure->value, "", figure->unit);
    }
    fflush(stdout);
}

// Clocks, samples and what is printed of them: a table for people, or one JSON object a line.
// One thread.
#ifndef CM_BENCH_MEASURE_H
#define CM_BENCH_MEASURE_H

#include "proto/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int64_t cm_bench_wall_ns(void); // monotonic
int64_t cm_bench_thread_ns(void);
// CPU time of all threads of a process, those that have ended too; -1 when there is no such one.
int64_t cm_bench_process_ns(pid_t pid);

// Durations in nanoseconds; beyond the bound they are not taken.
struct cm_samples {
    size_t count;
    size_t most;
    int64_t *values;
};

enum cm_status cm_samples_init(struct cm_samples *samples, size_t most) CM_MUST_CHECK;
void cm_samples_clear(struct cm_samples *samples);
void cm_samples_add(struct cm_samples *samples, int64_t value);
// In microseconds, per_cent of the values being at most that; 0 without values. Sorts.
double cm_samples_at(struct cm_samples *samples, unsigned per_cent);

struct cm_bench_figure {
    const char *name;
    const char *what; // for people
    double value;
    const char *unit;
    double floor; // 0: none
};

struct cm_bench_report {
    bool json;
};

void cm_bench_heading(const struct cm_bench_report *report, const char *title);
void cm_bench_print(const struct cm_bench_report *report, const struct cm_bench_figure *figure);

#endif

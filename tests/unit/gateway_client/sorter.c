#include "gateway/client/sorter.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 4000, MAX_LANES = 9, KEY = 8 };

struct out {
    size_t count;
    uint64_t keys[MAX_ROWS];
};

static void collect(void *context, const struct cm_row *row)
{
    struct out *out = context;
    uint64_t key = 0;
    for (size_t i = 0; i < row->key.len; i++) {
        key = key << 8 | row->key.data[i];
    }
    cr_assert_eq(row->row.len, 3);
    out->keys[out->count++] = key;
}

static struct cm_row row_of(uint8_t store[KEY], uint64_t key)
{
    for (int i = 0; i < KEY; i++) {
        store[i] = (uint8_t)(key >> (8 * (KEY - 1 - i)));
    }
    return (struct cm_row){{store, KEY}, cm_bytes_of("row")};
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

// Lanes deliver in an arbitrary interleaving, batch by batch; the output must be the sorted whole,
// and at no moment may a row be out that an unfinished lane could still precede.
static void run(uint64_t seed)
{
    static struct out out;
    struct cm_sorter *sorter;
    size_t lanes = 1 + next(&seed) % MAX_LANES;
    uint64_t at[MAX_LANES] = {0};
    bool ended[MAX_LANES] = {false};
    size_t live = lanes;
    size_t sent = 0;
    out.count = 0;
    cr_assert_eq(cm_sorter_new(&sorter, lanes, collect, &out), CM_OK);
    while (live > 0) {
        size_t lane = next(&seed) % lanes;
        if (ended[lane]) {
            continue;
        }
        struct cm_row rows[8];
        uint8_t keys[8][KEY];
        size_t count = next(&seed) % 9;
        for (size_t i = 0; i < count; i++) {
            // Distinct across lanes: the lane's number is the last digit.
            at[lane] += 1 + next(&seed) % 40;
            rows[i] = row_of(keys[i], at[lane] * 16 + lane + 1);
        }
        cr_assert_eq(cm_sorter_add(sorter, lane, rows, count), CM_OK);
        sent += count;
        if (next(&seed) % 20 == 0 || sent > MAX_ROWS - 100) {
            cm_sorter_end(sorter, lane);
            ended[lane] = true;
            live--;
        }
        cm_sorter_pump(sorter);
        for (size_t i = 0; i < lanes && out.count > 0; i++) {
            cr_assert(ended[i] || out.keys[out.count - 1] <= at[i] * 16 + i + 1,
                      "seed %lu: a row went out too early", (unsigned long)seed);
        }
    }
    cm_sorter_finish(sorter);
    cr_expect_eq(out.count, sent);
    for (size_t i = 1; i < out.count; i++) {
        cr_assert_lt(out.keys[i - 1], out.keys[i]);
    }
    cm_sorter_free(sorter);
}

Test(sorter, gives_the_sorted_whole_for_any_interleaving)
{
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        run(seed);
    }
}

Test(sorter, refuses_a_row_behind_its_lane_or_behind_what_is_out)
{
    static struct out out;
    struct cm_sorter *sorter;
    uint8_t store[2][KEY];
    out.count = 0;
    cr_assert_eq(cm_sorter_new(&sorter, 2, collect, &out), CM_OK);
    struct cm_row rows[2] = {row_of(store[0], 5), row_of(store[1], 4)};
    cr_expect_eq(cm_sorter_add(sorter, 0, rows, 2), CM_INVALID);
    cr_assert_eq(cm_sorter_add(sorter, 0, rows, 1), CM_OK);
    cm_sorter_end(sorter, 1);
    cm_sorter_pump(sorter);
    cr_expect_eq(out.count, 1);
    cr_expect_eq(cm_sorter_add(sorter, 0, rows, 1), CM_INVALID);
    cr_expect_eq(cm_sorter_add(sorter, 1, rows + 1, 1), CM_INVALID, "an ended lane");
    cm_sorter_free(sorter);
}

Test(sorter, lets_nothing_out_while_a_lane_is_silent)
{
    static struct out out;
    struct cm_sorter *sorter;
    uint8_t store[KEY];
    out.count = 0;
    cr_assert_eq(cm_sorter_new(&sorter, 2, collect, &out), CM_OK);
    struct cm_row row = row_of(store, 7);
    cr_assert_eq(cm_sorter_add(sorter, 1, &row, 1), CM_OK);
    cm_sorter_pump(sorter);
    cr_expect_eq(out.count, 0);
    cm_sorter_end(sorter, 0);
    cm_sorter_pump(sorter);
    cr_expect_eq(out.count, 1);
    cm_sorter_free(sorter);
}

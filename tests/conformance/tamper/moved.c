// By one who writes checksums that hold, and has no key: frames dropped, doubled, moved, and each
// byte in them changed.
#include "frames.h"
#include "judge.h"

#include <criterion/criterion.h>

#include <string.h>

static struct whole whole;
static struct frames good;
static struct cm_buf log_bytes;

static void begin(void)
{
    char why[640];
    whole_make(&whole);
    cr_assert(judge_verifies(&whole, true, why), "%s", why);
    frames_of(&good, cm_buf_bytes(&whole.logs[1]));
}

static void end(void)
{
    char why[640];
    whole_put_log(&whole, cm_buf_bytes(&whole.logs[1]));
    cr_assert(judge_verifies(&whole, true, why), "the test left something behind: %s", why);
    cm_buf_clear(&log_bytes);
    whole_free(&whole);
}

TestSuite(tamper_frames, .init = begin, .fini = end, .timeout = 600);

static const char *type_of(size_t at)
{
    static const char *const names[] = {"none", "entry", "access record", "checkpoint"};
    return names[good.list[at].type];
}

static void put(const struct frames *frames)
{
    frames_pack(&log_bytes, frames);
    whole_put_log(&whole, cm_buf_bytes(&log_bytes));
}

Test(tamper_frames, dropped_and_doubled)
{
    struct tally dropped[] = {{.sort = ""},
                              {.sort = "an entry's frame dropped"},
                              {.sort = "an access record's frame dropped"},
                              {.sort = "a checkpoint's frame dropped"}};
    struct tally doubled = {.sort = "a frame doubled"};
    for (size_t i = 0; i < good.count; i++) {
        struct frames bad = good;
        frames_drop(&bad, i);
        put(&bad);
        judge(&dropped[good.list[i].type], &whole, "frame %zu, %s, dropped", i, type_of(i));
        bad = good;
        frames_double(&bad, i);
        put(&bad);
        judge(&doubled, &whole, "frame %zu, %s, doubled", i, type_of(i));
    }
    judge_end(&dropped[CM_FRAME_ENTRY]);
    judge_end(&dropped[CM_FRAME_ACCESS]);
    judge_end(&dropped[CM_FRAME_CHECKPOINT]);
    judge_end(&doubled);
}

Test(tamper_frames, entries_dropped_with_their_access_records)
{
    struct tally tally = {.sort = "an entry dropped with its access record"};
    for (size_t i = 0; i + 1 < good.count; i++) {
        if (good.list[i + 1].type == CM_FRAME_ACCESS) {
            struct frames bad = good;
            frames_drop(&bad, i);
            frames_drop(&bad, i);
            put(&bad);
            judge(&tally, &whole, "entry in frame %zu dropped", i);
        }
    }
    judge_end(&tally);
}

Test(tamper_frames, reordered)
{
    struct tally swapped = {.sort = "two frames changed places"},
                 moved = {.sort = "a frame moved elsewhere"};
    for (size_t i = 0; i < good.count; i++) {
        for (size_t j = i + 1; j < good.count; j++) {
            struct frames bad = good;
            frames_swap(&bad, i, j);
            put(&bad);
            judge(&swapped, &whole, "frames %zu and %zu, %s and %s", i, j, type_of(i), type_of(j));
        }
        for (size_t to = 0; to < good.count; to += 3) {
            struct frames bad = good;
            frames_move(&bad, i, to);
            if (to != i) {
                put(&bad);
                judge(&moved, &whole, "frame %zu, %s, moved to %zu", i, type_of(i), to);
            }
        }
    }
    judge_end(&swapped);
    judge_end(&moved);
}

// One access record in the other's place.
Test(tamper_frames, access_records_beside_other_entries)
{
    struct tally tally = {.sort = "two access records changed places"};
    for (size_t i = 0; i < good.count; i++) {
        for (size_t j = i + 1; j < good.count; j++) {
            if (good.list[i].type == CM_FRAME_ACCESS && good.list[j].type == CM_FRAME_ACCESS) {
                struct frames bad = good;
                frames_swap(&bad, i, j);
                put(&bad);
                judge(&tally, &whole, "access records in frames %zu and %zu", i, j);
            }
        }
    }
    judge_end(&tally);
}

Test(tamper_frames, changed_under_checksums_that_hold)
{
    struct tally changed = {.sort = "a byte changed, its checksum made to fit"},
                 types = {.sort = "a frame's type changed, its checksum made to fit"};
    enum { STEP = 4 };
    static uint8_t copy[64 * 1024];
    for (size_t i = 0; i < good.count; i++) {
        struct frames bad = good;
        const struct cm_bytes was = good.list[i].bytes;
        cr_assert_leq(was.len, sizeof copy);
        memcpy(copy, was.data, was.len);
        bad.list[i].bytes.data = copy;
        for (size_t at = i % STEP; at < was.len; at += STEP) {
            copy[at] = (uint8_t)(was.data[at] ^ 1u << at % 8);
            put(&bad);
            judge(&changed, &whole, "byte %zu of frame %zu, %s", at, i, type_of(i));
            copy[at] = was.data[at];
        }
        for (int type = CM_FRAME_ENTRY; type <= CM_FRAME_CHECKPOINT; type++) {
            bad.list[i].type = (enum cm_frame_type)type;
            if (type != (int)good.list[i].type && (type != CM_FRAME_CHECKPOINT || was.len < 4096)) {
                put(&bad);
                judge(&types, &whole, "frame %zu, %s, called type %d", i, type_of(i), type);
            }
        }
    }
    judge_end(&changed);
    judge_end(&types);
}

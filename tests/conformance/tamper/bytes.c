// Bytes flipped, files removed, shortened and put back.
#include "judge.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 1 << 20, SMALL = 64, STEP = 7, EARLIER_STEP = 5, CUT_STEP = 3 };

static struct whole whole;

// All of them where that is asked for: some minutes.
static size_t each(size_t step)
{
    return getenv("CM_EVERY_BYTE") != NULL ? 1 : step;
}

static void begin(void)
{
    char why[640];
    whole_make(&whole);
    cr_assert(judge_verifies(&whole, true, why), "%s", why);
    cr_assert(judge_witness_signs(&whole));
}

static void end(void)
{
    char why[640];
    cr_assert(judge_verifies(&whole, true, why), "the test left something behind: %s", why);
    whole_free(&whole);
}

TestSuite(tamper_bytes, .init = begin, .fini = end, .timeout = 3600);

static bool is_log(const char *name)
{
    const size_t len = strlen(name);
    return len >= 3 && strcmp(name + len - 3, "log") == 0;
}

static void read_file(struct cm_buf *out, const char *name)
{
    char path[PATH_MAX];
    whole_path(path, &whole, name);
    out->len = 0;
    cr_assert_eq(cm_file_read(out, path, LARGEST, NULL), CM_OK);
}

static void put_byte(int fd, size_t at, uint8_t byte)
{
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
}

// Every step-th byte.
static void flip(struct tally *tally, const char *name, size_t step)
{
    char path[PATH_MAX];
    struct cm_buf bytes = {0};
    read_file(&bytes, name);
    whole_path(path, &whole, name);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    for (size_t at = 0; at < bytes.len; at += step) {
        const unsigned first = bytes.len <= SMALL ? 0 : at % 8;
        const unsigned last = bytes.len <= SMALL ? 7 : first;
        for (unsigned bit = first; bit <= last; bit++) {
            put_byte(fd, at, (uint8_t)(bytes.data[at] ^ 1u << bit));
            judge(tally, &whole, "bit %u of byte %zu of %s", bit, at, name);
        }
        put_byte(fd, at, bytes.data[at]);
    }
    close(fd);
    cm_buf_clear(&bytes);
}

Test(tamper_bytes, flipped_in_the_logs)
{
    struct tally tally = {.sort = "a byte of the log flipped"},
                 earlier = {.sort = "a byte of the epoch before flipped"};
    flip(&tally, "log", 1);
    flip(&earlier, CM_EPOCH_FOLDER "/1/log", each(EARLIER_STEP));
    judge_end(&tally);
    judge_end(&earlier);
}

Test(tamper_bytes, flipped_beside_the_logs)
{
    struct tally tally = {.sort = "a byte of another file flipped"};
    for (size_t i = 0; i < whole.file_count; i++) {
        if (!is_log(whole.files[i])) {
            flip(&tally, whole.files[i], 1);
        }
    }
    judge_end(&tally);
}

Test(tamper_bytes, files_removed_and_emptied)
{
    struct tally removed = {.sort = "a file removed"}, emptied = {.sort = "a file emptied"},
                 halved = {.sort = "a file that is no log cut in half"};
    char path[PATH_MAX];
    for (size_t i = 0; i < whole.file_count; i++) {
        const char *name = whole.files[i];
        struct cm_buf bytes = {0};
        read_file(&bytes, name);
        whole_path(path, &whole, name);
        cr_assert_eq(unlink(path), 0);
        judge(&removed, &whole, "%s removed", name);
        cr_assert_eq(cm_file_write(path, cm_bytes_of(""), 0600, NULL), CM_OK);
        judge(&emptied, &whole, "%s emptied", name);
        if (!is_log(name)) {
            const struct cm_bytes half = {bytes.data, bytes.len / 2};
            cr_assert_eq(cm_file_write(path, half, 0600, NULL), CM_OK);
            judge(&halved, &whole, "%s cut in half", name);
        }
        cr_assert_eq(cm_file_write(path, cm_buf_bytes(&bytes), 0600, NULL), CM_OK);
        cm_buf_clear(&bytes);
    }
    judge_end(&removed);
    judge_end(&emptied);
    judge_end(&halved);
}

// Shorter by that many bytes each time.
static void cut(struct tally *tally, const char *name, size_t step)
{
    char path[PATH_MAX];
    struct cm_buf bytes = {0};
    read_file(&bytes, name);
    whole_path(path, &whole, name);
    for (size_t less = 1; less <= bytes.len; less += step) {
        const size_t len = bytes.len - less;
        cr_assert_eq(truncate(path, (off_t)len), 0);
        judge(tally, &whole, "%s cut to %zu bytes", name, len);
    }
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&bytes), 0600, NULL), CM_OK);
    cm_buf_clear(&bytes);
}

Test(tamper_bytes, logs_cut)
{
    struct tally tally = {.sort = "the log's tail cut off"},
                 earlier = {.sort = "the log of the epoch before cut"};
    cut(&tally, "log", each(CUT_STEP));
    cut(&earlier, CM_EPOCH_FOLDER "/1/log", each(STEP));
    judge_end(&tally);
    judge_end(&earlier);
}

// By one who takes away all that could show it.
Test(tamper_bytes, log_cut_and_nothing_left_beside_it)
{
    static const char *const beside[] = {"tile", "checkpoint", "cosigned", "cosigners.pem"};
    struct tally tally = {.sort = "the log cut, tiles and cosignatures taken away"};
    char from[PATH_MAX], to[PATH_MAX + 8];
    for (unsigned back = 0; back < 2; back++) {
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
            whole_path(from, &whole, beside[i]);
            snprintf(to, sizeof to, "%.*s.%s", (int)strlen(whole.made.folder), from, beside[i]);
            cr_assert_eq(back ? rename(to, from) : rename(from, to), 0);
        }
        if (!back) {
            cut(&tally, "log", each(STEP));
        }
    }
    judge_end(&tally);
}

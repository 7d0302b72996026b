#include "gateway/spool.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGENCY "ca.northport.pd"

static const int64_t now_ms = INT64_C(1900000000000);
static char dir[] = "/tmp/comity-spool-XXXXXX", folder[64], file[128];
static struct cm_day_keys *keys;

static void setup(void)
{
    struct cm_error error = {0};
    cr_assert_not_null(mkdtemp(dir));
    snprintf(folder, sizeof folder, "%s/copies", dir);
    snprintf(file, sizeof file, "%s/%s/7", folder, AGENCY);
    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(cm_day_keys_open(&keys, dir, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_day_keys_prepare(keys, now_ms, &error), CM_OK, "%s", error.text);
}

static void teardown(void)
{
    char command[128];
    cm_day_keys_free(keys);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(spool, .init = setup, .fini = teardown);

static const char text[] = "who asked, and why: 8ABC123";

static void put(uint64_t number)
{
    struct cm_spool_item item = {.file = {.agency = AGENCY, .number = number},
                                 .clear = cm_bytes_of(text)};
    cm_spool_write(folder, &item, 1, now_ms, keys);
    cr_assert_eq(item.status, CM_OK, "%s: %s", item.error.where, item.error.text);
    cr_assert_eq(item.file.day, cm_day_of(now_ms));
    cr_assert_eq(item.file.size, strlen(text) + CM_SPOOL_OVERHEAD);
}

static enum cm_status get(const char *agency, uint64_t number)
{
    struct cm_buf out = {0};
    enum cm_status status = cm_spool_read(&out, folder, agency, number, keys, NULL);
    cr_assert(status || cm_bytes_equal(cm_buf_bytes(&out), cm_bytes_of(text)));
    cm_buf_clear(&out);
    return status;
}

Test(spool, gives_back_what_was_written_and_shows_it_to_nobody)
{
    struct cm_buf bytes = {0};
    struct stat facts;
    put(7);
    cr_assert_eq(get(AGENCY, 7), CM_OK);
    cr_assert_eq(cm_file_read(&bytes, file, 4096, NULL), CM_OK);
    cr_assert_null(memmem(bytes.data, bytes.len, "8ABC123", 7));
    cr_assert_eq(stat(file, &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
    cm_buf_clear(&bytes);
}

Test(spool, one_that_can_not_be_written_keeps_no_other_from_it)
{
    snprintf(file, sizeof file, "%s/ca.other.pd", folder);
    cr_assert_eq(symlink("nowhere", file), 0);
    struct cm_spool_item items[] = {
        {.file = {.agency = AGENCY, .number = 7}, .clear = cm_bytes_of(text)},
        {.file = {.agency = "ca.other.pd", .number = 8}, .clear = cm_bytes_of(text)},
        {.file = {.agency = AGENCY, .number = 9}, .clear = cm_bytes_of(text)},
    };
    cm_spool_write(folder, items, 3, now_ms, keys);
    cr_assert_eq(items[0].status, CM_OK);
    cr_assert_neq(items[1].status, CM_OK);
    cr_assert_eq(items[2].status, CM_OK);
    cr_assert_eq(get(AGENCY, 7), CM_OK);
    cr_assert_eq(get(AGENCY, 9), CM_OK);
    cm_spool_write(folder, items, 3, now_ms + CM_DAY_LENGTH_MS * 400, keys);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_neq(items[i].status, CM_OK, "no key of that day");
    }
}

Test(spool, every_altered_byte_shows)
{
    put(7);
    int fd = open(file, O_RDWR);
    for (off_t at = 0; at < (off_t)(strlen(text) + CM_SPOOL_OVERHEAD); at++) {
        uint8_t byte;
        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        cr_assert_neq(get(AGENCY, 7), CM_OK, "byte %d", (int)at);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
    }
    cr_assert_eq(get(AGENCY, 7), CM_OK);
    cr_assert_eq(ftruncate(fd, 20), 0);
    cr_assert_eq(get(AGENCY, 7), CM_INVALID);
    close(fd);
}

Test(spool, a_file_is_bound_to_its_name)
{
    char other[128];
    put(7);
    snprintf(other, sizeof other, "%s/%s/8", folder, AGENCY);
    cr_assert_eq(rename(file, other), 0);
    cr_assert_eq(get(AGENCY, 8), CM_INVALID);
    snprintf(file, sizeof file, "%s/ca.other.pd", folder);
    cr_assert_eq(mkdir(file, 0700), 0);
    snprintf(file, sizeof file, "%s/ca.other.pd/7", folder);
    cr_assert_eq(rename(other, file), 0);
    cr_assert_eq(get("ca.other.pd", 7), CM_INVALID);
}

Test(spool, what_has_no_key_any_more_is_not_found)
{
    put(7);
    cr_assert_eq(cm_day_keys_erase(keys, cm_day_of(now_ms) + 1, NULL, NULL), CM_OK);
    cr_assert_eq(get(AGENCY, 7), CM_NOT_FOUND);
    cr_assert_eq(get(AGENCY, 9), CM_NOT_FOUND);
}

struct listed {
    size_t count;
    uint64_t sum;
};

static enum cm_status found(void *context, const struct cm_spooled *one)
{
    struct listed *listed = context;
    cr_assert_str_eq(one->agency, AGENCY);
    cr_assert_eq(one->day, cm_day_of(now_ms));
    cr_assert_eq(one->size, strlen(text) + CM_SPOOL_OVERHEAD);
    listed->count++;
    listed->sum += one->number;
    return CM_OK;
}

Test(spool, lists_what_is_there_and_clears_up_after_a_crash)
{
    struct listed listed = {0};
    char cut_off[128];
    cr_assert_eq(cm_spool_list("/nonexistent", found, &listed, NULL), CM_OK);
    put(7);
    put(9);
    snprintf(cut_off, sizeof cut_off, "%s/%s/11.x3kQ9a", folder, AGENCY);
    cr_assert_eq(symlink("nowhere", cut_off), 0);
    cr_assert_eq(cm_spool_list(folder, found, &listed, NULL), CM_OK);
    cr_assert_eq(listed.count, 2);
    cr_assert_eq(listed.sum, 16);
    struct stat facts;
    cr_assert_neq(lstat(cut_off, &facts), 0);
    cr_assert_eq(cm_spool_remove(folder, AGENCY, 7, NULL), CM_OK);
    cr_assert_eq(cm_spool_remove(folder, AGENCY, 7, NULL), CM_OK, "twice");
    cr_assert_eq(get(AGENCY, 7), CM_NOT_FOUND);
}

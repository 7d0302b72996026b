#include "proto/ledger/day_keys.h"

#include "proto/base/bytes.h"
#include "proto/base/file.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON INT64_C(1795348800000) // 2026-11-22 12:00 UTC
enum { TODAY = 20779 };

static char folder[64];

static void path_of(char out[128], const char *name)
{
    snprintf(out, 128, "%s/keys/%s", folder, name);
}

static void begin(void)
{
    strcpy(folder, "/tmp/cm-days-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/keys", folder);
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char file[128];
        path_of(file, entry->d_name);
        unlink(file);
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(path);
    rmdir(folder);
}

TestSuite(day_keys, .init = begin, .fini = end);

static struct cm_day_keys *opened(void)
{
    struct cm_day_keys *keys;
    struct cm_error error = {0};
    cr_assert_eq(cm_day_keys_open(&keys, folder, &error), CM_OK, "%s: %s", error.where, error.text);
    return keys;
}

static bool there(const char *name)
{
    char path[128];
    path_of(path, name);
    return access(path, F_OK) == 0;
}

static void put(const char *name, const char *text)
{
    char path[128];
    path_of(path, name);
    cr_assert_eq(cm_file_write(path, cm_bytes_of(text), 0600, NULL), CM_OK);
}

static struct cm_day_keys *prepared(void)
{
    struct cm_day_keys *keys = opened();
    cr_assert_eq(cm_day_keys_prepare(keys, NOON, NULL), CM_OK);
    return keys;
}

Test(day_keys, days_are_utc_days)
{
    char text[CM_DAY_TEXT];
    uint32_t day;
    cr_expect_eq(cm_day_of(NOON), TODAY);
    cr_expect_eq(cm_day_of(cm_day_begins_ms(TODAY) - 1), TODAY - 1);
    cr_expect_eq(cm_day_of(-1), 0);
    cm_day_format(text, TODAY);
    cr_expect_str_eq(text, "2026-11-22");
    cr_assert_eq(cm_day_parse(&day, "2026-11-22"), CM_OK);
    cr_expect_eq(day, TODAY);
    const char *const wrong[] = {"",           "2026-11-2",  "2026-11-22 ", "2026-02-30",
                                 "1969-12-31", "2026-13-01", "99999-01-01"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(cm_day_parse(&day, wrong[i]), CM_INVALID, "%s", wrong[i]);
    }
}

Test(day_keys, today_and_tomorrow_are_made_once_and_stay)
{
    uint8_t first[CM_DAY_KEY_SIZE], again[CM_DAY_KEY_SIZE], next[CM_DAY_KEY_SIZE];
    struct stat stat_of;
    char path[128];
    struct cm_day_keys *keys = prepared();
    cr_assert_eq(cm_day_keys_get(first, keys, TODAY), CM_OK);
    cr_assert_eq(cm_day_keys_get(next, keys, TODAY + 1), CM_OK);
    cr_expect_eq(cm_day_keys_get(again, keys, TODAY + 2), CM_NOT_FOUND);
    cr_expect(memcmp(first, next, sizeof first) != 0);
    cr_assert_eq(cm_day_keys_prepare(keys, NOON + CM_DAY_LENGTH_MS, NULL), CM_OK);
    cr_expect_eq(cm_day_keys_count(keys), 3);
    cm_day_keys_free(keys);
    path_of(path, "2026-11-22");
    cr_assert_eq(stat(path, &stat_of), 0);
    cr_expect_eq(stat_of.st_mode & 07777, 0600);
    cr_expect_eq(stat_of.st_size, CM_DAY_KEY_SIZE);
    keys = opened();
    cr_assert_eq(cm_day_keys_get(again, keys, TODAY), CM_OK);
    cr_expect_arr_eq(first, again, sizeof first);
    cr_expect_eq(cm_day_keys_day(keys, 2), TODAY + 2);
    cr_expect(cm_day_keys_locked(keys));
    cm_day_keys_free(keys);
}

Test(day_keys, erased_is_gone_from_disk_and_memory_and_never_made_again)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    size_t count;
    char path[128], other[128];
    struct cm_error error = {0};
    struct cm_buf left = {0};
    struct cm_day_keys *keys = prepared();
    // A second name for the file shows what its blocks hold once its own name is gone.
    path_of(path, "2026-11-22");
    snprintf(other, sizeof other, "%s/other", folder);
    cr_assert_eq(link(path, other), 0);
    cr_assert_eq(cm_day_keys_erase(keys, TODAY + 1, &count, &error), CM_OK, "%s", error.text);
    cr_expect_eq(count, 1);
    cr_expect_eq(cm_day_keys_get(key, keys, TODAY), CM_NOT_FOUND);
    cr_expect_eq(cm_day_keys_get(key, keys, TODAY + 1), CM_OK);
    cr_expect_not(there("2026-11-22"));
    cr_assert_eq(cm_file_read(&left, other, 64, NULL), CM_OK);
    for (size_t i = 0; i < left.len; i++) {
        cr_expect_eq(left.data[i], 0);
    }
    cr_expect_eq(cm_day_keys_prepare(keys, NOON, &error), CM_STALE);
    cr_expect_not(there("2026-11-22"));
    cr_expect_eq(cm_day_keys_erase(keys, TODAY, &count, NULL), CM_OK);
    cr_expect_eq(count, 0);
    cm_day_keys_free(keys);
    keys = opened();
    cr_expect_eq(cm_day_keys_erased_before(keys), TODAY + 1);
    cm_day_keys_free(keys);
    cm_buf_clear(&left);
    unlink(other);
}

// As a crash leaves it between saying that they are erased and doing it.
Test(day_keys, a_cut_off_erasure_is_ended_by_the_writer_and_believed_by_readers)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    struct cm_day_keys *keys = prepared();
    cm_day_keys_free(keys);
    put("erased", "2026-11-23\n");
    cr_assert_eq(cm_day_keys_open_read(&keys, folder, NULL), CM_OK);
    cr_expect_eq(cm_day_keys_get(key, keys, TODAY), CM_NOT_FOUND);
    cr_expect(there("2026-11-22"), "a reader changes nothing");
    cm_day_keys_free(keys);
    keys = opened();
    cr_expect_not(there("2026-11-22"));
    cr_expect(there("2026-11-23"));
    cm_day_keys_free(keys);
}

Test(day_keys, what_a_cut_off_key_left_is_removed_without_harm_to_the_key)
{
    uint8_t before[CM_DAY_KEY_SIZE], after[CM_DAY_KEY_SIZE];
    char path[128], beside[128];
    struct cm_day_keys *keys = prepared();
    cr_assert_eq(cm_day_keys_get(before, keys, TODAY), CM_OK);
    cm_day_keys_free(keys);
    path_of(path, "2026-11-22");
    path_of(beside, "2026-11-22.Ab3dEf");
    cr_assert_eq(link(path, beside), 0);
    keys = opened();
    cr_expect_not(there("2026-11-22.Ab3dEf"));
    cr_assert_eq(cm_day_keys_get(after, keys, TODAY), CM_OK);
    cr_expect_arr_eq(before, after, sizeof before);
    cm_day_keys_free(keys);
}

// Its name came to be there, but the call that made it failed after that.
Test(day_keys, a_key_that_was_made_half_is_taken_up)
{
    static const char made[] = "0123456789abcdef0123456789abcdef";
    uint8_t key[CM_DAY_KEY_SIZE];
    struct cm_error error = {0};
    struct cm_day_keys *keys = opened();
    put("2026-11-22", made);
    cr_assert_eq(cm_day_keys_prepare(keys, NOON, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_day_keys_get(key, keys, TODAY), CM_OK);
    cr_expect_arr_eq(key, made, sizeof key);
    cm_day_keys_free(keys);
}

Test(day_keys, damage_is_named)
{
    struct cm_error error = {0};
    cm_day_keys_free(prepared());
    struct cm_day_keys *keys;
    put("2026-11-21", "short");
    cr_expect_eq(cm_day_keys_open(&keys, folder, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "2026-11-21");
    put("2026-11-21", "0123456789abcdef0123456789abcdef and more");
    cr_expect_eq(cm_day_keys_open_read(&keys, folder, &error), CM_INVALID);
    put("2026-11-21", "0123456789abcdef0123456789abcdef");
    put("notes", "");
    cr_expect_eq(cm_day_keys_open(&keys, folder, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "notes");
}

Test(day_keys, a_damaged_mark_of_erasure_is_no_permission_to_read)
{
    struct cm_error error = {0};
    struct cm_day_keys *keys;
    cm_day_keys_free(prepared());
    put("erased", "soon\n");
    cr_expect_eq(cm_day_keys_open(&keys, folder, &error), CM_INVALID);
}

Test(day_keys, a_ledger_without_keys_can_be_read)
{
    struct cm_day_keys *keys;
    char path[128];
    cr_assert_eq(cm_day_keys_open_read(&keys, folder, NULL), CM_OK);
    cr_expect_eq(cm_day_keys_count(keys), 0);
    cm_day_keys_free(keys);
    path_of(path, "");
    cr_expect_neq(access(path, F_OK), 0, "a reader makes no folder");
}

Test(day_keys, a_day_has_one_key)
{
    const uint8_t key[CM_DAY_KEY_SIZE] = {1};
    struct cm_day_keys *keys;
    cr_assert_eq(cm_day_keys_new(&keys), CM_OK);
    for (uint32_t day = 1; day <= CM_DAY_KEY_MAX; day++) {
        const uint32_t swapped = day % 2 ? day + 1 : day - 1;
        cr_assert_eq(cm_day_keys_add(keys, swapped, key), CM_OK);
    }
    cr_expect_eq(cm_day_keys_add(keys, 7, key), CM_INVALID);
    cr_expect_eq(cm_day_keys_add(keys, CM_DAY_KEY_MAX + 1, key), CM_EXHAUSTED);
    for (uint32_t day = 1; day <= CM_DAY_KEY_MAX; day++) {
        cr_assert_eq(cm_day_keys_day(keys, day - 1), day);
    }
    cm_day_keys_free(keys);
}

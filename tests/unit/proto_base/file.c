#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[32];

static const char *in_folder(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/comity-file-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static size_t files_in_folder(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static void remove_folder(void)
{
    unlink(in_folder("a"));
    cr_expect_eq(rmdir(folder), 0, "something was left behind");
}

TestSuite(file, .init = make_folder, .fini = remove_folder);

Test(file, writes_replaces_and_reads_back)
{
    struct cm_buf got = {0};
    struct stat facts;
    cr_assert_eq(cm_file_write(in_folder("a"), cm_bytes_of("one"), 0600, NULL), CM_OK);
    cr_assert_eq(cm_file_write(in_folder("a"), cm_bytes_of("two"), 0600, NULL), CM_OK);
    cr_assert_eq(cm_file_read(&got, in_folder("a"), 100, NULL), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&got), cm_bytes_of("two")));
    cr_expect_eq(stat(in_folder("a"), &facts), 0);
    cr_expect_eq(facts.st_mode & 0777, 0600);
    cr_expect_eq(files_in_folder(), 1);
    cm_buf_clear(&got);
}

Test(file, create_keeps_what_is_there)
{
    struct cm_buf got = {0};
    struct cm_error error;
    cr_assert_eq(cm_file_create(in_folder("a"), cm_bytes_of("one"), 0600, &error), CM_OK);
    cr_expect_eq(cm_file_create(in_folder("a"), cm_bytes_of("two"), 0600, &error), CM_INVALID);
    cr_expect_str_eq(error.text, "exists already");
    cr_assert_eq(cm_file_read(&got, in_folder("a"), 100, NULL), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&got), cm_bytes_of("one")));
    cr_expect_eq(files_in_folder(), 1);
    cm_buf_clear(&got);
}

Test(file, keeps_to_the_bound_of_the_buffer)
{
    struct cm_buf got = {.max = 5};
    struct cm_error error;
    cr_assert_eq(cm_file_write(in_folder("a"), cm_bytes_of("12345"), 0600, NULL), CM_OK);
    cr_expect_eq(cm_file_read(&got, in_folder("a"), 100, &error), CM_OK);
    cr_expect_eq(got.len, 5);
    got.len = 1;
    cr_expect_eq(cm_file_read(&got, in_folder("a"), 100, &error), CM_MEMORY);
    cr_expect_eq(got.len, 1);
    cm_buf_clear(&got);
}

Test(file, refuses_what_is_larger_than_its_bound)
{
    struct cm_buf got = {0};
    struct cm_error error;
    cr_assert_eq(cm_file_write(in_folder("a"), cm_bytes_of("12345"), 0600, NULL), CM_OK);
    cr_expect_eq(cm_file_read(&got, in_folder("a"), 4, &error), CM_MEMORY);
    cr_expect_eq(got.len, 0);
    cr_expect_eq(cm_file_read(&got, in_folder("a"), 5, &error), CM_OK);
    cr_expect_eq(cm_file_read(&got, in_folder("none"), 5, &error), CM_NOT_FOUND);
    cr_expect_eq(cm_file_write("/nonexistent/a", cm_bytes_of("x"), 0600, &error), CM_NOT_FOUND);
    cm_buf_clear(&got);
}

Test(file, writes_many_each_whole_or_not_at_all)
{
    enum { MANY = 3 };
    char paths[MANY][64];
    struct cm_file_item items[MANY];
    struct cm_error errors[MANY];
    const char *names[MANY] = {"a", "nowhere/b", "c"};
    for (size_t i = 0; i < MANY; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", in_folder(names[i]));
        items[i] = (struct cm_file_item){paths[i], cm_bytes_of(names[i]), CM_OK, &errors[i]};
    }
    cm_file_write_all(folder, items, MANY, 0600);
    cr_expect_eq(items[0].status, CM_OK);
    cr_expect_eq(items[1].status, CM_NOT_FOUND);
    cr_expect_str_eq(errors[1].where, paths[1]);
    cr_expect_eq(items[2].status, CM_OK);
    for (size_t i = 0; i < MANY; i += 2) {
        struct cm_buf got = {0};
        cr_expect_eq(cm_file_read(&got, paths[i], 100, NULL), CM_OK);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&got), cm_bytes_of(names[i])));
        cm_buf_clear(&got);
    }
    cr_expect_eq(files_in_folder(), 2);
    unlink(paths[2]);
}

Test(file, what_can_not_be_made_durable_is_not_there)
{
    char path[64];
    struct cm_error error;
    snprintf(path, sizeof path, "%s", in_folder("a"));
    struct cm_file_item item = {path, cm_bytes_of("one"), CM_OK, &error};
    cm_file_write_all(in_folder("nowhere"), &item, 1, 0600);
    cr_expect_neq(item.status, CM_OK);
    cr_expect_eq(files_in_folder(), 0);
    item.status = CM_FORBIDDEN;
    cm_file_write_all(folder, &item, 1, 0600);
    cr_expect_eq(item.status, CM_FORBIDDEN);
    cr_expect_eq(files_in_folder(), 0);
}

#include "acl/cli/fmt.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/comity-fmt-XXXXXX";
static char path[128];

static void make(const char *text)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/main.rules", folder);
    cr_assert(cm_file_write(path, cm_bytes_of(text), 0640, NULL) == CM_OK);
}

static void clear(void)
{
    unlink(path);
    rmdir(folder);
}

static int fmt(const char *option, const char *file)
{
    char *argv[] = {"comity acl fmt", (char *)option, (char *)file, NULL};
    return cm_acl_fmt(3, argv);
}

static void expect_text(const char *expected)
{
    struct cm_buf text = {0};
    cr_assert(cm_file_read(&text, path, 1 << 20, NULL) == CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&text), cm_bytes_of(expected)), "%.*s", (int)text.len,
              (const char *)text.data);
    cm_buf_clear(&text);
}

static const char scattered[] = "rules 1 node ca.northport.pd # us\nforbid anyone   for other";
static const char neat[] = "rules 1\nnode ca.northport.pd  # us\nforbid anyone  for other\n";

Test(fmt, check_only_says_so)
{
    make(scattered);
    cr_expect_eq(fmt("--check", path), 1);
    expect_text(scattered);
    clear();
}

Test(fmt, in_place_replaces_the_text_and_keeps_the_rights)
{
    struct stat info;
    make(scattered);
    cr_expect_eq(fmt("--in-place", path), 0);
    expect_text(neat);
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 07777, 0640);
    cr_expect_eq(fmt("--check", path), 0);
    clear();
}

Test(fmt, a_link_stays_a_link)
{
    char other[160];
    struct stat info;
    make(scattered);
    snprintf(other, sizeof other, "%s/link.rules", folder);
    cr_assert_eq(symlink("main.rules", other), 0);
    cr_expect_eq(fmt("--in-place", other), 0);
    cr_assert_eq(lstat(other, &info), 0);
    cr_expect(S_ISLNK(info.st_mode));
    expect_text(neat);
    unlink(other);
    clear();
}

Test(fmt, what_is_laid_out_already_is_not_written)
{
    struct stat before;
    struct stat after;
    make(neat);
    cr_assert_eq(stat(path, &before), 0);
    cr_expect_eq(fmt("--in-place", path), 0);
    cr_assert_eq(stat(path, &after), 0);
    cr_expect_eq(before.st_ino, after.st_ino);
    clear();
}

Test(fmt, a_file_with_errors_is_left_alone)
{
    static const char half[] = "rules 1 node ca.northport.pd permit self to lookup";
    make(half);
    cr_expect_eq(fmt("--in-place", path), 1);
    expect_text(half);
    clear();
}

#include "nodes/folders.h"

#include "proto/base/clock.h"
#include "proto/rpc/loop.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct cm_loop *loop;
static struct cm_folders *folders;
static unsigned told;

static void changed(void *context, int64_t since_ms)
{
    (void)context;
    cr_expect_leq(since_ms, cm_mono_ms(cm_clock_system()));
    told++;
}

static void set_up(void)
{
    const char *path = folder;
    snprintf(folder, sizeof folder, "/tmp/comity-folders-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(cm_loop_new(&loop, NULL), CM_OK);
    const struct cm_folders_options options = {
        .count = 1, .paths = &path, .poster = cm_loop_poster(loop), .changed = changed};
    cr_assert_eq(cm_folders_watch(&folders, &options, NULL), CM_OK);
}

static void tear_down(void)
{
    char command[96];
    cm_folders_stop(folders);
    while (cm_loop_step(loop, 0)) {
        ;
    }
    cm_folders_free(folders);
    cm_loop_free(loop);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(folders, .init = set_up, .fini = tear_down);

static void put(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("rules 1\n", file);
    fclose(file);
}

static void expect_told(const char *what)
{
    const unsigned before = told;
    const int64_t end = cm_mono_ms(cm_clock_system()) + 20000;
    while (told == before && cm_mono_ms(cm_clock_system()) < end) {
        cm_loop_step(loop, 50);
    }
    cr_assert_gt(told, before, "%s", what);
}

Test(folders, tells_of_a_write_a_rename_and_a_removal)
{
    char from[96], to[96];
    put("a.rules~");
    expect_told("written");
    snprintf(from, sizeof from, "%s/a.rules~", folder);
    snprintf(to, sizeof to, "%s/a.rules", folder);
    cr_assert_eq(rename(from, to), 0);
    expect_told("renamed over");
    cr_assert_eq(unlink(to), 0);
    expect_told("removed");
}

Test(folders, a_folder_that_was_replaced_is_watched_after_a_renewal)
{
    char aside[96];
    snprintf(aside, sizeof aside, "%s/../comity-folders-aside-%d", folder, getpid());
    cr_assert_eq(rename(folder, aside), 0);
    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(rmdir(aside), 0);
    cm_folders_renew(folders);
    put("a.rules");
    expect_told("written in the new folder");
}

Test(folders, tells_nothing_once_it_was_stopped)
{
    put("a.rules");
    cm_folders_stop(folders);
    while (cm_loop_step(loop, 0)) {
        ;
    }
    cr_expect_eq(told, 0);
}

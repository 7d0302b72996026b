#include "proto/ledger/tile.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_path(int level, uint64_t index, unsigned width, const char *want)
{
    char path[CM_MAX_TILE_PATH];
    cm_tile_path(path, &(struct cm_tile){level, index, width});
    cr_expect_str_eq(path, want);
}

Test(tile, paths_are_those_of_the_standard)
{
    expect_path(0, 0, CM_TILE_WIDTH, "tile/0/000");
    expect_path(0, 0, 1, "tile/0/000.p/1");
    expect_path(3, 999, CM_TILE_WIDTH, "tile/3/999");
    expect_path(1, 1000, 255, "tile/1/x001/000.p/255");
    expect_path(0, 1234067, CM_TILE_WIDTH, "tile/0/x001/x234/067");
    expect_path(CM_TILE_ENTRIES, 1234067, 8, "tile/entries/x001/x234/067.p/8");
    expect_path(CM_TILE_ENTRIES, UINT64_MAX, 255,
                "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255");
    char path[CM_MAX_TILE_PATH];
    cm_tile_partials_path(path, 0, 1234067);
    cr_expect_str_eq(path, "tile/0/x001/x234/067.p");
}

Test(tile, is_read_up_to_a_bound)
{
    struct fixture f;
    struct cm_buf out = {0};
    const struct cm_tile tile = {0, 7, CM_TILE_WIDTH};
    char path[128];
    fixture_open(&f);
    const int folder = open(f.folder, O_RDONLY | O_DIRECTORY);
    cr_assert_eq(cm_tile_read(&out, folder, &tile, 100), CM_NOT_FOUND);
    cr_assert_eq(mkdirat(folder, "tile", 0700), 0);
    cr_assert_eq(mkdirat(folder, "tile/0", 0700), 0);
    snprintf(path, sizeof path, "%s/tile/0/007", f.folder);
    fixture_write(path, (const uint8_t *)"0123456789", 10);
    cr_assert_eq(cm_tile_read(&out, folder, &tile, 100), CM_OK);
    cr_assert(cm_bytes_equal(cm_buf_bytes(&out), cm_bytes_of("0123456789")));
    cr_assert_eq(cm_tile_read(&out, folder, &tile, 4), CM_OK);
    cr_assert(cm_bytes_equal(cm_buf_bytes(&out), cm_bytes_of("0123")));
    // A link could lead anywhere.
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("/dev/null", path), 0);
    cr_assert_eq(cm_tile_read(&out, folder, &tile, 4), CM_IO);
    cm_buf_clear(&out);
    close(folder);
    fixture_close(&f);
}

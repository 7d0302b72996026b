#include "proto/ledger/tiles.h"

#include "grown.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/tile.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cm_tiles *open_tiles(struct grown *g, const struct cm_ledger_io *io)
{
    struct cm_tiles *tiles;
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_tiles_open(&tiles, g->folder, io, &error), CM_OK, "%s", error.text);
    return tiles;
}

// Publishes at each of the sizes, in one life.
static void publish(struct grown *g, const uint64_t *sizes, size_t count)
{
    const struct cm_ledger_io io = grown_quick_io();
    struct cm_tiles *tiles = open_tiles(g, &io);
    grown_rewind(g);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(grown_add(g, tiles, sizes[i], NULL), CM_OK);
        cr_assert_eq(grown_publish(g, tiles), CM_OK);
        cr_assert_eq(cm_tiles_published(tiles), sizes[i]);
    }
    cm_tiles_free(tiles);
}

// Reads a log of that size along what is in the folder, as at a start.
static enum cm_status check(struct grown *g, uint64_t size, const struct cm_ledger_io *io,
                            struct cm_error *error)
{
    struct cm_tiles *tiles;
    grown_rewind(g);
    enum cm_status status = cm_tiles_open(&tiles, g->folder, io, error);
    if (status) {
        return status;
    }
    const uint64_t published = cm_tiles_published(tiles);
    if (published > 0 && published < size) {
        status = grown_add(g, tiles, published, error);
    }
    if (!status) {
        status = grown_add(g, tiles, size, error);
    }
    if (!status) {
        status = cm_tiles_check_end(tiles, error);
    }
    cm_tiles_free(tiles);
    return status;
}

static enum cm_status recheck(struct grown *g, uint64_t size)
{
    struct cm_error error = {.text = ""};
    return check(g, size, NULL, &error);
}

// What a client of tiles does: hashes of one level, whole or partial.
static void read_level(struct cm_digest *out, size_t count, int folder, int level)
{
    struct cm_buf tile = {0};
    for (size_t begin = 0; begin < count; begin += CM_TILE_WIDTH) {
        const size_t left = count - begin;
        const unsigned width = left < CM_TILE_WIDTH ? (unsigned)left : CM_TILE_WIDTH;
        const struct cm_tile place = {level, begin / CM_TILE_WIDTH, width};
        cr_assert_eq(cm_tile_read(&tile, folder, &place, 9000), CM_OK);
        cr_assert_eq(tile.len, width * sizeof *out);
        memcpy(out + begin, tile.data, tile.len);
    }
    cm_buf_clear(&tile);
}

static void expect_tree(struct grown *g, size_t size)
{
    struct cm_digest *leaves = calloc(size, sizeof *leaves);
    struct cm_digest *above = calloc(size / CM_TILE_WIDTH + 1, sizeof *above);
    struct cm_digest root;
    struct cm_digest want;
    read_level(leaves, size, g->folder, 0);
    cm_merkle_root_of(&root, leaves, size);
    cm_frontier_root(&want, &g->frontier);
    cr_expect(cm_digest_equal(&root, &want), "size %zu", size);
    read_level(above, size / CM_TILE_WIDTH, g->folder, 1);
    for (size_t i = 0; i < size / CM_TILE_WIDTH; i++) {
        cm_merkle_root_of(&root, leaves + i * CM_TILE_WIDTH, CM_TILE_WIDTH);
        cr_expect(cm_digest_equal(&root, &above[i]));
    }
    free(leaves);
    free(above);
}

static void expect_entries(struct grown *g, size_t size)
{
    struct cm_buf tile = {0};
    for (size_t i = 0; i < size;) {
        const size_t left = size - i;
        const unsigned width = left < CM_TILE_WIDTH ? (unsigned)left : CM_TILE_WIDTH;
        const struct cm_tile place = {CM_TILE_ENTRIES, i / CM_TILE_WIDTH, width};
        cr_assert_eq(cm_tile_read(&tile, g->folder, &place, 1 << 20), CM_OK);
        for (size_t at = 0; at < tile.len; i++) {
            char want[32];
            snprintf(want, sizeof want, "entry %zu", i);
            const size_t len = (size_t)tile.data[at] << 8 | tile.data[at + 1];
            cr_assert(
                cm_bytes_equal((struct cm_bytes){tile.data + at + 2, len}, cm_bytes_of(want)));
            at += 2 + len;
        }
    }
    cm_buf_clear(&tile);
}

static void expect_note(struct grown *g)
{
    char path[96];
    snprintf(path, sizeof path, "%s/checkpoint", g->f.folder);
    struct cm_buf note = fixture_read(path);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&note), grown_checkpoint(g).note));
    cm_buf_clear(&note);
}

static bool there(const struct grown *g, const char *path)
{
    return faccessat(g->folder, path, F_OK, 0) == 0;
}

Test(tiles, hold_the_tree_and_the_entries)
{
    const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 513, 700};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct grown g;
        grown_open(&g);
        publish(&g, &sizes[i], 1);
        expect_tree(&g, sizes[i]);
        expect_entries(&g, sizes[i]);
        expect_note(&g);
        cr_expect_eq(recheck(&g, sizes[i]), CM_OK);
        cr_expect_eq(recheck(&g, sizes[i] + 300), CM_OK);
        grown_close(&g);
    }
}

Test(tiles, a_second_level_of_them)
{
    const uint64_t size = 66000;
    struct grown g;
    grown_open(&g);
    publish(&g, &size, 1);
    cr_expect(there(&g, "tile/0/256"));
    cr_expect(there(&g, "tile/1/000"));
    cr_expect(there(&g, "tile/1/001.p/1"));
    cr_expect(there(&g, "tile/2/000.p/1"));
    cr_expect_eq(recheck(&g, size), CM_OK);
    grown_close(&g);
}

Test(tiles, partial_ones_go_once_the_whole_one_is_there)
{
    const uint64_t sizes[] = {1, 5, 5, 200, 256, 300, 900};
    struct grown g;
    grown_open(&g);
    publish(&g, sizes, 4);
    cr_expect(there(&g, "tile/0/000.p/1"));
    cr_expect(there(&g, "tile/0/000.p/5"));
    cr_expect(there(&g, "tile/0/000.p/200"));
    cr_expect(there(&g, "tile/entries/000.p/200"));
    publish(&g, sizes, 5);
    cr_expect(there(&g, "tile/0/000"));
    cr_expect_not(there(&g, "tile/0/000.p"));
    cr_expect_not(there(&g, "tile/entries/000.p"));
    cr_expect(there(&g, "tile/1/000.p/1"));
    publish(&g, sizes, 7);
    cr_expect_not(there(&g, "tile/0/001.p"));
    cr_expect_not(there(&g, "tile/0/002.p"));
    cr_expect(there(&g, "tile/0/003.p/132"));
    cr_expect_eq(recheck(&g, 900), CM_OK);
    grown_close(&g);
}

static struct grown *walked;
static unsigned walked_files;

static int flip_all(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts;
    (void)where;
    if (type != FTW_F) {
        return 0;
    }
    struct cm_buf file = fixture_read(path);
    for (size_t i = 0; i < file.len; i++) {
        file.data[i] ^= 1;
        fixture_write(path, file.data, file.len);
        cr_expect_eq(recheck(walked, 258), CM_INVALID, "byte %zu of %s", i, path);
        file.data[i] ^= 1;
        i += i % 97; // not each of thousands
    }
    fixture_write(path, file.data, file.len - 1);
    cr_expect_eq(recheck(walked, 258), CM_INVALID, "%s cut", path);
    cr_assert_eq(cm_buf_add(&file, "x", 1), CM_OK);
    fixture_write(path, file.data, file.len);
    cr_expect_eq(recheck(walked, 258), CM_INVALID, "%s longer", path);
    unlink(path);
    const bool checkpoint = strstr(path, "/checkpoint");
    cr_expect_eq(recheck(walked, 258), checkpoint ? CM_OK : CM_INVALID, "%s gone", path);
    fixture_write(path, file.data, file.len - 1);
    cr_expect_eq(recheck(walked, 258), CM_OK);
    cm_buf_clear(&file);
    walked_files++;
    return 0;
}

Test(tiles, whatever_is_changed_in_them_is_found)
{
    const uint64_t sizes[] = {258};
    struct grown g;
    grown_open(&g);
    publish(&g, sizes, 1);
    walked = &g;
    cr_assert_eq(nftw(g.f.folder, flip_all, 16, FTW_PHYS), 0);
    cr_assert_eq(walked_files, 6, "a whole and a partial tile and bundle, the hash above, a note");
    grown_close(&g);
}

Test(tiles, another_log_than_was_published_is_refused)
{
    const uint64_t sizes[] = {20};
    struct grown g;
    struct cm_error error = {.text = ""};
    grown_open(&g);
    publish(&g, sizes, 1);
    cr_expect_eq(check(&g, 19, NULL, &error), CM_INVALID);
    cr_expect(strstr(error.text, "more was published than the log holds"));
    // A log without a checkpoint of that size.
    struct cm_tiles *tiles = open_tiles(&g, NULL);
    grown_rewind(&g);
    cr_expect_eq(grown_add(&g, tiles, 21, &error), CM_INVALID);
    cr_expect(strstr(error.text, "none of the log's"));
    cm_tiles_free(tiles);
    grown_close(&g);
}

Test(tiles, what_lies_past_the_checkpoint_is_written_anew)
{
    const uint64_t sizes[] = {10};
    struct grown g;
    char path[128];
    struct cm_error error = {.text = ""};
    grown_open(&g);
    publish(&g, sizes, 1);
    snprintf(path, sizeof path, "%s/tile/0/000", g.f.folder);
    fixture_write(path, (const uint8_t *)"torn", 4);
    snprintf(path, sizeof path, "%s/tile/0/000.p/20", g.f.folder);
    fixture_write(path, NULL, 0);
    cr_expect_eq(check(&g, 300, NULL, &error), CM_OK);
    const struct cm_ledger_io io = grown_quick_io();
    struct cm_tiles *tiles = open_tiles(&g, &io);
    grown_rewind(&g);
    cr_assert_eq(grown_add(&g, tiles, 10, NULL), CM_OK);
    cr_assert_eq(grown_add(&g, tiles, 20, NULL), CM_OK);
    cr_assert_eq(grown_publish(&g, tiles), CM_OK);
    cr_assert_eq(grown_add(&g, tiles, 300, NULL), CM_OK);
    cr_assert_eq(grown_publish(&g, tiles), CM_OK);
    cm_tiles_free(tiles);
    expect_tree(&g, 300);
    cr_expect_eq(recheck(&g, 300), CM_OK);
    grown_close(&g);
}

// The step, over all system calls that change the folder, which fails or kills.
static struct {
    long step;
    long calls;
    int number; // errno; 0: die
} plan;

static bool strikes(void)
{
    if (++plan.calls != plan.step) {
        return false;
    }
    if (plan.number == 0) {
        _exit(42);
    }
    errno = plan.number;
    return true;
}

static ssize_t planned_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (plan.calls + 1 == plan.step && pwrite(fd, data, len / 2, offset) < 0) {
        abort();
    }
    return strikes() ? -1 : pwrite(fd, data, len, offset);
}

static int planned_fsync(int fd)
{
    (void)fd;
    return strikes() ? -1 : 0;
}

static int planned_syncfs(int fd)
{
    (void)fd;
    return strikes() ? -1 : 0;
}

static int planned_renameat(int a, const char *from, int b, const char *to)
{
    return strikes() ? -1 : renameat(a, from, b, to);
}

static int planned_mkdirat(int folder, const char *path, mode_t mode)
{
    return strikes() ? -1 : mkdirat(folder, path, mode);
}

static int planned_unlinkat(int folder, const char *path, int flags)
{
    return strikes() ? -1 : unlinkat(folder, path, flags);
}

static const struct cm_ledger_io planned = {
    .pwrite = planned_pwrite,
    .fsync = planned_fsync,
    .syncfs = planned_syncfs,
    .renameat = planned_renameat,
    .mkdirat = planned_mkdirat,
    .unlinkat = planned_unlinkat,
};

static const uint64_t planned_sizes[] = {3, 254, 258, 513};
enum { PLANNED_SIZES = sizeof planned_sizes / sizeof *planned_sizes };

static uint64_t published_in(struct grown *g)
{
    struct cm_tiles *tiles = open_tiles(g, NULL);
    const uint64_t size = cm_tiles_published(tiles);
    cm_tiles_free(tiles);
    return size;
}

// One life that publishes at each size; what fails is tried again.
static void live(struct grown *g)
{
    struct cm_tiles *tiles = open_tiles(g, &planned);
    grown_rewind(g);
    for (size_t i = 0; i < PLANNED_SIZES; i++) {
        if (i % 2) {
            cm_tiles_expect_much(tiles);
        }
        while (g->frontier.size < planned_sizes[i]) {
            const struct cm_log_item item = grown_entry(g);
            while (cm_tiles_add(tiles, &item, NULL) == CM_IO) {
                ;
            }
        }
        const struct cm_log_item item = grown_checkpoint(g);
        enum cm_status status;
        do {
            status = cm_tiles_add(tiles, &item, NULL);
        } while (status == CM_IO);
        cr_assert_eq(status, CM_OK);
        do {
            status = cm_tiles_publish(tiles, &item.checkpoint, item.note, NULL);
        } while (status == CM_IO);
        cr_assert_eq(status, CM_OK);
    }
    cm_tiles_free(tiles);
}

static unsigned fsyncs, syncs_of_all, renames_after_sync;

static int counted_fsync(int fd)
{
    (void)fd;
    fsyncs++;
    return 0;
}

static int counted_syncfs(int fd)
{
    (void)fd;
    syncs_of_all++;
    return 0;
}

static int counted_renameat(int a, const char *from, int b, const char *to)
{
    renames_after_sync += syncs_of_all > 0;
    return renameat(a, from, b, to);
}

Test(tiles, many_are_made_durable_at_once_before_the_checkpoint)
{
    struct grown g;
    struct cm_ledger_io io = cm_ledger_system_calls;
    io.fsync = counted_fsync;
    io.syncfs = counted_syncfs;
    io.renameat = counted_renameat;
    grown_open(&g);
    struct cm_tiles *tiles = open_tiles(&g, &io);
    cm_tiles_expect_much(tiles);
    cr_assert_eq(grown_add(&g, tiles, 20000, NULL), CM_OK);
    cr_expect_eq(fsyncs, 0);
    cr_assert_eq(grown_publish(&g, tiles), CM_OK);
    cr_expect_eq(syncs_of_all, 1);
    cr_expect_eq(renames_after_sync, 1, "the checkpoint's");
    cr_expect_gt(fsyncs, 1, "the checkpoint and its folder");
    // Few are made durable one by one again.
    cr_assert_eq(grown_add(&g, tiles, 20001, NULL), CM_OK);
    cr_assert_eq(grown_publish(&g, tiles), CM_OK);
    cr_expect_eq(syncs_of_all, 1);
    cr_expect_gt(fsyncs, 6);
    cm_tiles_free(tiles);
    grown_close(&g);
}

Test(tiles, a_failure_at_any_step_is_made_good)
{
    const int numbers[] = {EIO, ENOSPC};
    long steps = 0;
    for (long step = 1; step == 1 || step <= steps; step++) {
        struct grown g;
        grown_open(&g);
        memset(&plan, 0, sizeof plan);
        plan.step = step;
        plan.number = numbers[step % 2];
        live(&g);
        steps = step == 1 ? plan.calls : steps;
        expect_tree(&g, 513);
        expect_entries(&g, 513);
        cr_expect_eq(recheck(&g, 513), CM_OK, "step %ld", step);
        cr_expect_not(there(&g, "tile/0/000.p"), "step %ld", step);
        cr_expect_not(there(&g, "tile/entries/000.p"), "step %ld", step);
        grown_close(&g);
    }
    cr_assert_gt(steps, 50);
}

Test(tiles, a_crash_at_any_step_leaves_what_was_published)
{
    int status = 0;
    for (long step = 1;; step++) {
        struct grown g;
        struct cm_error error = {.text = ""};
        grown_open(&g);
        memset(&plan, 0, sizeof plan);
        plan.step = step;
        const pid_t child = fork();
        cr_assert(child >= 0);
        if (child == 0) {
            live(&g);
            _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        const uint64_t before = published_in(&g);
        cr_expect_eq(check(&g, 513, NULL, &error), CM_OK, "step %ld: %s", step, error.text);
        memset(&plan, 0, sizeof plan);
        // The next life goes on from there, and nothing is left behind.
        struct cm_tiles *tiles = open_tiles(&g, &planned);
        grown_rewind(&g);
        if (before > 0) {
            cr_assert_eq(grown_add(&g, tiles, before, NULL), CM_OK);
        }
        cr_assert_eq(grown_add(&g, tiles, 513, NULL), CM_OK);
        cr_assert_eq(grown_publish(&g, tiles), CM_OK);
        cm_tiles_free(tiles);
        expect_tree(&g, 513);
        expect_entries(&g, 513);
        cr_expect_eq(recheck(&g, 513), CM_OK, "step %ld", step);
        cr_expect_not(there(&g, "tile/0/000.p") && before >= 254, "step %ld", step);
        grown_close(&g);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            cr_assert_gt(step, 50);
            break;
        }
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "step %ld", step);
    }
}

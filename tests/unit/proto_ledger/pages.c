#include "proto/ledger/pages.h"

#include "grown.h"
#include "proto/ledger/tile.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEAVES = 100000 };

struct both {
    struct grown g;
    struct cm_pages *pages;
    struct cm_merkle *tree; // all in memory
    struct cm_tiles *tiles;
    struct cm_arena *arena;
    struct cm_ledger_io io;
};

static void set(struct both *b)
{
    *b = (struct both){.arena = cm_arena_new(1 << 16), .io = grown_quick_io()};
    grown_open(&b->g);
    cr_assert_eq(cm_pages_new(&b->pages, b->g.folder), CM_OK);
    cr_assert_eq(cm_merkle_new(&b->tree), CM_OK);
    cr_assert_eq(cm_tiles_open(&b->tiles, b->g.folder, &b->io, NULL), CM_OK);
}

static void clear(struct both *b)
{
    cm_arena_free(b->arena);
    cm_pages_free(b->pages);
    cm_merkle_free(b->tree);
    cm_tiles_free(b->tiles);
    grown_close(&b->g);
}

static void grow(struct both *b, uint64_t size)
{
    while (b->g.frontier.size < size) {
        const struct cm_log_item item = grown_entry(&b->g);
        cr_assert_eq(cm_pages_add(b->pages, &item.leaf), CM_OK);
        cr_assert_eq(cm_merkle_add(b->tree, &item.leaf), CM_OK);
        cr_assert_eq(cm_tiles_add(b->tiles, &item, NULL), CM_OK);
    }
}

static void publish(struct both *b)
{
    cr_assert_eq(grown_publish(&b->g, b->tiles), CM_OK);
    cm_pages_published(b->pages, cm_tiles_published(b->tiles));
}

static bool same(const struct cm_digest *a, size_t a_count, const struct cm_digest *b,
                 size_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof *a) == 0);
}

static void expect_same(struct both *b, uint64_t index, uint64_t old, uint64_t size)
{
    const struct cm_hash_source source = cm_pages_source(b->pages);
    struct cm_inclusion in, in_too;
    struct cm_consistency grown, grown_too;
    struct cm_digest root, root_too;
    cm_arena_reset(b->arena);
    cr_assert_eq(cm_merkle_inclusion_from(&in, b->arena, &source, index, size), CM_OK);
    cr_assert_eq(cm_merkle_inclusion(&in_too, b->arena, b->tree, index, size), CM_OK);
    cr_assert(same(in.hashes, in.count, in_too.hashes, in_too.count));
    cr_assert_eq(cm_merkle_consistency_from(&grown, b->arena, &source, old, size), CM_OK);
    cr_assert_eq(cm_merkle_consistency(&grown_too, b->arena, b->tree, old, size), CM_OK);
    cr_assert(same(grown.hashes, grown.count, grown_too.hashes, grown_too.count));
    cr_assert_eq(cm_merkle_root_from(&root, &source, size), CM_OK);
    cr_assert_eq(cm_merkle_root(&root_too, b->tree, size), CM_OK);
    cr_assert(cm_digest_equal(&root, &root_too));
}

Test(pages, give_what_a_tree_in_memory_gives_at_any_size)
{
    struct both b;
    set(&b);
    for (uint64_t size = 1; size <= 1200; size++) {
        grow(&b, size);
        expect_same(&b, size - 1, size / 2, size);
        expect_same(&b, (size * 7) % size, size - 1, size);
        if (size % 100 == 0) {
            publish(&b);
        }
    }
    clear(&b);
}

Test(pages, are_read_back_from_tiles_and_memory_stays_bounded)
{
    struct both b;
    set(&b);
    srandom(20251122);
    for (uint64_t size = 5000; size <= LEAVES; size += 5000) {
        grow(&b, size);
        publish(&b);
        cr_assert_leq(cm_pages_count(b.pages), CM_PAGES_RESIDENT + CM_TILE_LEVELS);
    }
    for (unsigned i = 0; i < 3000; i++) {
        const uint64_t size = 1 + (uint64_t)random() % LEAVES;
        expect_same(&b, (uint64_t)random() % size, (uint64_t)random() % (size + 1), size);
        cr_assert_leq(cm_pages_count(b.pages), CM_PAGES_RESIDENT + CM_TILE_LEVELS);
    }
    clear(&b);
}

Test(pages, without_a_tile_stay)
{
    struct both b;
    set(&b);
    grow(&b, LEAVES);
    cr_assert_geq(cm_pages_count(b.pages), LEAVES / CM_TILE_WIDTH);
    expect_same(&b, 5, 1000, LEAVES);
    publish(&b);
    cr_assert_leq(cm_pages_count(b.pages), CM_PAGES_RESIDENT + CM_TILE_LEVELS);
    expect_same(&b, 5, 1000, LEAVES);
    clear(&b);
}

static enum cm_status prove(struct both *b, uint64_t index)
{
    const struct cm_hash_source source = cm_pages_source(b->pages);
    struct cm_inclusion proof;
    cm_arena_reset(b->arena);
    return cm_merkle_inclusion_from(&proof, b->arena, &source, index, LEAVES);
}

Test(pages, a_tile_that_is_not_what_it_was_is_not_believed)
{
    struct both b;
    char path[128];
    set(&b);
    grow(&b, LEAVES);
    publish(&b);
    snprintf(path, sizeof path, "%s/tile/0/003", b.g.f.folder);
    struct cm_buf tile = fixture_read(path);
    tile.data[40] ^= 1;
    fixture_write(path, tile.data, tile.len);
    cr_expect_eq(prove(&b, 3 * CM_TILE_WIDTH + 9), CM_IO);
    fixture_write(path, tile.data, tile.len - 1);
    cr_expect_eq(prove(&b, 3 * CM_TILE_WIDTH + 9), CM_IO);
    unlink(path);
    cr_expect_eq(prove(&b, 3 * CM_TILE_WIDTH + 9), CM_IO);
    cr_expect_eq(prove(&b, 4 * CM_TILE_WIDTH + 9), CM_OK, "others are");
    tile.data[40] ^= 1;
    fixture_write(path, tile.data, tile.len);
    cr_expect_eq(prove(&b, 3 * CM_TILE_WIDTH + 9), CM_OK);
    cm_buf_clear(&tile);
    clear(&b);
}

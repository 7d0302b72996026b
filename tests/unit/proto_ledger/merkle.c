#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 300 };

static struct cm_digest leaves[LARGEST];

static void make_leaves(void)
{
    for (uint32_t i = 0; i < LARGEST; i++) {
        cm_merkle_leaf(&leaves[i], (struct cm_bytes){(const uint8_t *)&i, sizeof i});
    }
}

static struct cm_merkle *make_tree(size_t size)
{
    struct cm_merkle *tree;
    cr_assert_eq(cm_merkle_new(&tree), CM_OK);
    for (size_t i = 0; i < size; i++) {
        cr_assert_eq(cm_merkle_add(tree, &leaves[i]), CM_OK);
    }
    return tree;
}

// RFC 6962 section 2.1, literally.
static void naive_root(struct cm_digest *out, const struct cm_digest *hashes, size_t count)
{
    if (count == 0) {
        cm_sha256_of(out, CM_BYTES_NONE);
        return;
    }
    if (count == 1) {
        *out = hashes[0];
        return;
    }
    size_t split = 1;
    while (split * 2 < count) {
        split *= 2;
    }
    struct cm_digest left, right;
    naive_root(&left, hashes, split);
    naive_root(&right, hashes + split, count - split);
    cm_merkle_node(out, &left, &right);
}

// PATH(m, D[n]) of section 2.1.1.
static size_t naive_path(struct cm_digest *out, size_t index, const struct cm_digest *hashes,
                         size_t count)
{
    if (count == 1) {
        return 0;
    }
    size_t split = 1;
    while (split * 2 < count) {
        split *= 2;
    }
    size_t used;
    if (index < split) {
        used = naive_path(out, index, hashes, split);
        naive_root(&out[used], hashes + split, count - split);
    } else {
        used = naive_path(out, index - split, hashes + split, count - split);
        naive_root(&out[used], hashes, split);
    }
    return used + 1;
}

// SUBPROOF(m, D[n], b) of section 2.1.2.
static size_t naive_subproof(struct cm_digest *out, size_t old, const struct cm_digest *hashes,
                             size_t count, bool whole)
{
    if (old == count) {
        if (whole) {
            return 0;
        }
        naive_root(out, hashes, count);
        return 1;
    }
    size_t split = 1;
    while (split * 2 < count) {
        split *= 2;
    }
    size_t used;
    if (old <= split) {
        used = naive_subproof(out, old, hashes, split, whole);
        naive_root(&out[used], hashes + split, count - split);
    } else {
        used = naive_subproof(out, old - split, hashes + split, count - split, false);
        naive_root(&out[used], hashes, split);
    }
    return used + 1;
}

static bool same(const struct cm_digest *a, const struct cm_digest *b, size_t count)
{
    return count == 0 || memcmp(a, b, count * sizeof *a) == 0;
}

Test(merkle, roots_equal_the_definition)
{
    make_leaves();
    struct cm_merkle *tree = make_tree(LARGEST);
    for (size_t size = 0; size <= LARGEST; size++) {
        struct cm_digest naive, kept, flat;
        naive_root(&naive, leaves, size);
        cr_assert_eq(cm_merkle_root(&kept, tree, size), CM_OK);
        cm_merkle_root_of(&flat, leaves, size);
        cr_assert(cm_digest_equal(&naive, &kept), "size %zu", size);
        cr_assert(cm_digest_equal(&naive, &flat), "size %zu", size);
    }
    struct cm_digest out;
    cr_assert_eq(cm_merkle_root(&out, tree, LARGEST + 1), CM_INVALID);
    cm_merkle_free(tree);
}

Test(merkle, inclusion_proofs_equal_the_definition_and_hold)
{
    make_leaves();
    struct cm_merkle *tree = make_tree(LARGEST);
    struct cm_arena *arena = cm_arena_new(1 << 16);
    for (size_t size = 1; size <= LARGEST; size += size < 70 ? 1 : 23) {
        struct cm_digest root;
        naive_root(&root, leaves, size);
        for (size_t index = 0; index < size; index++) {
            cm_arena_reset(arena);
            struct cm_inclusion proof;
            struct cm_digest naive[64];
            cr_assert_eq(cm_merkle_inclusion(&proof, arena, tree, index, size), CM_OK);
            cr_assert_eq(proof.count, naive_path(naive, index, leaves, size));
            cr_assert(same(proof.hashes, naive, proof.count));
            cr_assert_eq(cm_merkle_check_inclusion(&proof, &leaves[index], &root), CM_OK);
            if (size > 1) {
                cr_assert_eq(cm_merkle_check_inclusion(&proof, &leaves[(index + 1) % size], &root),
                             CM_INVALID);
            }
        }
    }
    struct cm_inclusion proof;
    cr_assert_eq(cm_merkle_inclusion(&proof, arena, tree, 5, 5), CM_INVALID);
    cr_assert_eq(cm_merkle_inclusion(&proof, arena, tree, 0, LARGEST + 1), CM_INVALID);
    cm_arena_free(arena);
    cm_merkle_free(tree);
}

static void check_altered(struct cm_consistency *proof, const struct cm_digest *old_root,
                          const struct cm_digest *new_root)
{
    struct cm_digest hashes[64];
    for (size_t i = 0; i < proof->count; i++) {
        memcpy(hashes, proof->hashes, proof->count * sizeof *hashes);
        hashes[i].b[i % CM_DIGEST_SIZE] ^= 1;
        struct cm_consistency altered = *proof;
        altered.hashes = hashes;
        cr_assert_eq(cm_merkle_check_consistency(&altered, old_root, new_root), CM_INVALID);
    }
    if (proof->count > 0) {
        struct cm_consistency cut = *proof;
        cut.count--;
        cr_assert_eq(cm_merkle_check_consistency(&cut, old_root, new_root), CM_INVALID);
    }
}

Test(merkle, consistency_proofs_equal_the_definition_and_hold)
{
    make_leaves();
    struct cm_merkle *tree = make_tree(LARGEST);
    struct cm_arena *arena = cm_arena_new(1 << 16);
    for (size_t size = 1; size <= LARGEST; size += size < 40 ? 1 : 37) {
        struct cm_digest new_root;
        naive_root(&new_root, leaves, size);
        for (size_t old = 1; old <= size; old++) {
            cm_arena_reset(arena);
            struct cm_consistency proof;
            struct cm_digest naive[65], old_root;
            naive_root(&old_root, leaves, old);
            cr_assert_eq(cm_merkle_consistency(&proof, arena, tree, old, size), CM_OK);
            cr_assert_eq(proof.count, naive_subproof(naive, old, leaves, size, true));
            cr_assert(same(proof.hashes, naive, proof.count));
            cr_assert_eq(cm_merkle_check_consistency(&proof, &old_root, &new_root), CM_OK);
            if (old != size) {
                cr_assert_eq(cm_merkle_check_consistency(&proof, &new_root, &new_root), CM_INVALID);
            }
            check_altered(&proof, &old_root, &new_root);
        }
    }
    cm_arena_free(arena);
    cm_merkle_free(tree);
}

Test(merkle, from_nothing_only_an_empty_proof_holds)
{
    make_leaves();
    struct cm_digest empty, root;
    cm_merkle_root_of(&empty, NULL, 0);
    cm_merkle_root_of(&root, leaves, 3);
    struct cm_consistency proof = {.old_size = 0, .new_size = 3};
    cr_assert_eq(cm_merkle_check_consistency(&proof, &empty, &root), CM_OK);
    cr_assert_eq(cm_merkle_check_consistency(&proof, &root, &root), CM_INVALID);
    proof.count = 1;
    proof.hashes = &root;
    cr_assert_eq(cm_merkle_check_consistency(&proof, &empty, &root), CM_INVALID);
    proof = (struct cm_consistency){.old_size = 4, .new_size = 3};
    cr_assert_eq(cm_merkle_check_consistency(&proof, &root, &root), CM_INVALID);
}

// The vectors of transparency-dev/merkle. A digest that isn't 32 bytes is refused: no struct holds
// one.
static bool digest_of(struct cm_digest *out, const json_t *text)
{
    struct cm_buf buf = {0};
    const char *value = json_string_value(text);
    const bool ok =
        value && cm_unbase64(&buf, cm_bytes_of(value)) == CM_OK && buf.len == CM_DIGEST_SIZE;
    if (ok) {
        memcpy(out->b, buf.data, CM_DIGEST_SIZE);
    }
    cm_buf_clear(&buf);
    return ok;
}

static bool digests_of(struct cm_digest *out, size_t *count, const json_t *list)
{
    *count = json_array_size(list);
    if (*count > 64) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        if (!digest_of(&out[i], json_array_get(list, i))) {
            return false;
        }
    }
    return true;
}

static uint64_t number(const json_t *json, const char *key)
{
    // Some are past INT64_MAX and come as reals.
    const json_t *value = json_object_get(json, key);
    if (json_is_integer(value)) {
        return (uint64_t)json_integer_value(value);
    }
    return json_real_value(value) >= 0x1p64 ? UINT64_MAX : (uint64_t)json_real_value(value);
}

static bool inclusion_holds(const json_t *json)
{
    struct cm_digest hashes[64], leaf, root;
    struct cm_inclusion proof = {
        .index = number(json, "leafIdx"), .size = number(json, "treeSize"), .hashes = hashes};
    return digests_of(hashes, &proof.count, json_object_get(json, "proof")) &&
           digest_of(&leaf, json_object_get(json, "leafHash")) &&
           digest_of(&root, json_object_get(json, "root")) &&
           cm_merkle_check_inclusion(&proof, &leaf, &root) == CM_OK;
}

static bool consistency_holds(const json_t *json)
{
    struct cm_digest hashes[64], old_root, new_root;
    struct cm_consistency proof = {
        .old_size = number(json, "size1"), .new_size = number(json, "size2"), .hashes = hashes};
    return digests_of(hashes, &proof.count, json_object_get(json, "proof")) &&
           digest_of(&old_root, json_object_get(json, "root1")) &&
           digest_of(&new_root, json_object_get(json, "root2")) &&
           cm_merkle_check_consistency(&proof, &old_root, &new_root) == CM_OK;
}

static json_t *load(const char *path)
{
    json_t *json = json_load_file(path, 0, NULL);
    if (!json) {
        json = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL);
    }
    cr_assert(json, "%s", path);
    return json;
}

static unsigned run_folder(const char *folder, bool (*holds)(const json_t *json))
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    cr_assert(dir, "%s", folder);
    for (struct dirent *item; (item = readdir(dir));) {
        if (item->d_name[0] == '.') {
            continue;
        }
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        if (item->d_type == DT_DIR) {
            count += run_folder(path, holds);
            continue;
        }
        json_t *json = load(path);
        // Equal roots of 12 bytes.
        const bool short_roots = strstr(path, "sizes-are-equal-one-and-proof-is-empty");
        const bool wanted = !json_is_true(json_object_get(json, "wantErr")) && !short_roots;
        cr_expect_eq(holds(json), wanted, "%s", path);
        json_decref(json);
        count++;
    }
    closedir(dir);
    return count;
}

Test(merkle, inclusion_vectors)
{
    cr_assert_geq(run_folder(CM_SHARED "/data/vectors/merkle/inclusion", inclusion_holds), 80);
}

Test(merkle, consistency_vectors)
{
    cr_assert_geq(run_folder(CM_SHARED "/data/vectors/merkle/consistency", consistency_holds), 80);
}

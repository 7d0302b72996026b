#include "proto/ledger/log_reader.h"

#include "fixture.h"
#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// A log made by hand, so that it can be one that no writer leaves.
struct made {
    struct fixture f;
    struct cm_buf log;
    struct cm_frontier frontier;
};

static void make(struct made *made)
{
    *made = (struct made){.log.len = 0};
    fixture_open(&made->f);
    cr_assert_eq(cm_buf_add(&made->log, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE), CM_OK);
}

static void finish(struct made *made)
{
    cm_buf_clear(&made->log);
    fixture_close(&made->f);
}

static void add(struct made *made, enum cm_frame_type type, struct cm_bytes bytes)
{
    cr_assert_eq(cm_frame_add(&made->log, type, bytes), CM_OK);
    if (type == CM_FRAME_ENTRY) {
        struct cm_digest leaf;
        cm_merkle_leaf(&leaf, bytes);
        cm_frontier_add(&made->frontier, &leaf);
    }
}

static void add_entry(struct made *made, const char *entry)
{
    add(made, CM_FRAME_ENTRY, cm_bytes_of(entry));
}

static void add_checkpoint(struct made *made, const char *origin)
{
    struct cm_checkpoint checkpoint = {.size = made->frontier.size};
    struct cm_buf note = {0};
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", origin);
    cm_frontier_root(&checkpoint.root, &made->frontier);
    cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, made->f.signer), CM_OK);
    add(made, CM_FRAME_CHECKPOINT, cm_buf_bytes(&note));
    cm_buf_clear(&note);
}

static struct cm_log_reader *open_made(const struct made *made, const char *origin)
{
    struct cm_log_reader *reader;
    struct cm_error error = {.text = ""};
    fixture_write(made->f.log, made->log.data, made->log.len);
    cr_assert_eq(cm_log_reader_open(&reader, made->f.folder, origin, &error), CM_OK, "%s",
                 error.text);
    return reader;
}

static struct cm_log_item next(struct cm_log_reader *reader)
{
    struct cm_log_item item;
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_log_reader_next(&item, reader, &error), CM_OK, "%s", error.text);
    return item;
}

static void expect_entry(struct cm_log_reader *reader, uint64_t index, const char *entry,
                         const char *access)
{
    const struct cm_log_item item = next(reader);
    struct cm_digest leaf;
    cr_assert_eq(item.type, CM_ITEM_ENTRY);
    cr_assert_eq(item.index, index);
    cr_assert(cm_bytes_equal(item.entry, cm_bytes_of(entry)));
    cr_assert(cm_bytes_equal(item.access, access ? cm_bytes_of(access) : CM_BYTES_NONE));
    cm_merkle_leaf(&leaf, item.entry);
    cr_assert(cm_digest_equal(&item.leaf, &leaf));
}

// Reads to the end or the first complaint.
static enum cm_status read_all(const struct made *made, const char *origin, struct cm_error *error)
{
    struct cm_log_reader *reader = open_made(made, origin);
    struct cm_log_item item;
    enum cm_status status;
    do {
        status = cm_log_reader_next(&item, reader, error);
    } while (!status && item.type != CM_ITEM_END);
    cm_log_reader_free(reader);
    return status;
}

static void refuse(const struct made *made, const char *text)
{
    struct cm_error error = {.text = ""};
    cr_expect_eq(read_all(made, NULL, &error), CM_INVALID);
    cr_expect(strstr(error.text, text), "%s instead of %s", error.text, text);
}

Test(log_reader, gives_what_a_checkpoint_covers)
{
    struct made made;
    make(&made);
    add_entry(&made, "one");
    add(&made, CM_FRAME_ACCESS, cm_bytes_of("sealed"));
    const size_t second = made.log.len;
    add_entry(&made, "two");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    const size_t end = made.log.len;
    add_entry(&made, "not acknowledged");
    struct cm_log_reader *reader = open_made(&made, FIXTURE_ORIGIN);
    expect_entry(reader, 0, "one", "sealed");
    struct cm_log_item item = next(reader);
    cr_assert_eq(item.index, 1);
    cr_assert_eq(item.offset, second);
    item = next(reader);
    cr_assert_eq(item.type, CM_ITEM_CHECKPOINT);
    cr_assert_eq(item.checkpoint.size, 2);
    cr_assert_eq(next(reader).type, CM_ITEM_END);
    const struct cm_log_state *state = cm_log_reader_state(reader);
    cr_assert_eq(state->end, end);
    cr_assert_eq(state->torn, made.log.len - end);
    cr_assert_eq(state->frontier.size, 2);
    cr_assert_str_eq(state->checkpoint.origin, FIXTURE_ORIGIN);
    cm_log_reader_free(reader);
    finish(&made);
}

Test(log_reader, goes_on_when_the_log_has_grown)
{
    struct made made;
    make(&made);
    add_entry(&made, "one");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    add_entry(&made, "two");
    struct cm_log_reader *reader = open_made(&made, FIXTURE_ORIGIN);
    expect_entry(reader, 0, "one", NULL);
    cr_assert_eq(next(reader).type, CM_ITEM_CHECKPOINT);
    cr_assert_eq(next(reader).type, CM_ITEM_END);
    cr_assert_eq(next(reader).type, CM_ITEM_END);
    add_checkpoint(&made, FIXTURE_ORIGIN);
    fixture_write(made.f.log, made.log.data, made.log.len);
    cm_log_reader_extend(reader, made.log.len);
    expect_entry(reader, 1, "two", NULL);
    cr_assert_eq(next(reader).type, CM_ITEM_CHECKPOINT);
    cr_assert_eq(next(reader).type, CM_ITEM_END);
    cr_assert_eq(cm_log_reader_state(reader)->torn, 0);
    // An offset that the file doesn't reach is no end.
    struct cm_log_item item;
    cm_log_reader_extend(reader, made.log.len + 100);
    cr_assert_eq(cm_log_reader_next(&item, reader, NULL), CM_IO);
    cm_log_reader_free(reader);
    finish(&made);
}

Test(log_reader, forgets_a_tail_that_was_written_anew)
{
    struct made made;
    make(&made);
    add_entry(&made, "one");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    const size_t end = made.log.len;
    const struct cm_frontier frontier = made.frontier;
    add_entry(&made, "torn off");
    struct cm_log_reader *reader = open_made(&made, NULL);
    expect_entry(reader, 0, "one", NULL);
    cr_assert_eq(next(reader).type, CM_ITEM_CHECKPOINT);
    cr_assert_eq(next(reader).type, CM_ITEM_END);
    made.log.len = end;
    made.frontier = frontier;
    add_entry(&made, "two");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    fixture_write(made.f.log, made.log.data, made.log.len);
    cm_log_reader_extend(reader, made.log.len);
    expect_entry(reader, 1, "two", NULL);
    cm_log_reader_free(reader);
    finish(&made);
}

Test(log_reader, the_largest_batch)
{
    static uint8_t access[CM_MAX_ACCESS];
    static uint8_t entry[CM_MAX_ENTRY];
    struct made made;
    make(&made);
    memset(access, 7, sizeof access);
    add(&made, CM_FRAME_ENTRY, (struct cm_bytes){entry, sizeof entry});
    add(&made, CM_FRAME_ACCESS, (struct cm_bytes){access, sizeof access});
    const size_t left = CM_MAX_LOG_BATCH - (made.log.len - CM_LOG_MAGIC_SIZE);
    add_entry(&made, "x");
    add(&made, CM_FRAME_ACCESS,
        (struct cm_bytes){access, left - cm_frame_size(1) - cm_frame_size(0)});
    add_checkpoint(&made, FIXTURE_ORIGIN);
    struct cm_log_reader *reader = open_made(&made, NULL);
    const struct cm_log_item item = next(reader);
    cr_assert_eq(item.entry.len, sizeof entry);
    cr_assert(cm_bytes_equal(item.access, (struct cm_bytes){access, sizeof access}));
    cr_assert_eq(next(reader).type, CM_ITEM_ENTRY);
    cr_assert_eq(next(reader).type, CM_ITEM_CHECKPOINT);
    cr_assert_eq(next(reader).type, CM_ITEM_END);
    cm_log_reader_free(reader);
    finish(&made);
}

Test(log_reader, refuses_what_no_writer_leaves)
{
    struct made made;
    make(&made);
    add(&made, CM_FRAME_ACCESS, cm_bytes_of("sealed"));
    refuse(&made, "an access record without its entry at byte 16");
    finish(&made);

    make(&made);
    add_entry(&made, "one");
    add(&made, CM_FRAME_ACCESS, cm_bytes_of("sealed"));
    add(&made, CM_FRAME_ACCESS, cm_bytes_of("another"));
    refuse(&made, "an access record without its entry");
    finish(&made);

    make(&made);
    add_entry(&made, "one");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    add_checkpoint(&made, FIXTURE_ORIGIN);
    refuse(&made, "a checkpoint without entries");
    finish(&made);

    make(&made);
    add_entry(&made, "one");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    add_entry(&made, "two");
    add_checkpoint(&made, "test.example/gateway/gw2");
    refuse(&made, "a checkpoint of another writer");
    finish(&made);

    make(&made);
    add_entry(&made, "one");
    made.frontier.size = 0;
    add_entry(&made, "two");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    refuse(&made, "a checkpoint that doesn't fit the entries");
    finish(&made);

    make(&made);
    for (unsigned i = 0; i <= CM_MAX_LOG_BATCH_ENTRIES; i++) {
        add_entry(&made, "one");
    }
    refuse(&made, "more entries without a checkpoint than a writer leaves");
    finish(&made);
}

Test(log_reader, no_write_leaves_more_than_a_batch)
{
    static const uint8_t zeros[CM_MAX_LOG_BATCH];
    struct made made;
    struct cm_error error;
    make(&made);
    add_entry(&made, "one");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    cr_assert_eq(cm_buf_add(&made.log, zeros, sizeof zeros), CM_OK);
    cr_expect_eq(read_all(&made, NULL, &error), CM_OK);
    cr_assert_eq(cm_buf_add(&made.log, zeros, 8192), CM_OK);
    refuse(&made, "a damaged frame");
    finish(&made);
}

// A file may be longer than what was written to it, by as little as one byte.
Test(log_reader, zeros_after_the_last_checkpoint_are_a_torn_tail)
{
    static const uint8_t zero;
    struct made made;
    make(&made);
    add_entry(&made, "one");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    for (unsigned count = 1; count <= 40; count++) {
        struct cm_error error = {.text = ""};
        cr_assert_eq(cm_buf_add(&made.log, &zero, 1), CM_OK);
        cr_expect_eq(read_all(&made, NULL, &error), CM_OK, "%u zeros: %s", count, error.text);
    }
    finish(&made);
}

// What could not be read whole is read again from its beginning, and nothing of it given before.
Test(log_reader, a_batch_that_could_not_be_read_is_read_anew)
{
    static uint8_t access[CM_MAX_ACCESS]; // more than is read ahead
    struct made made;
    struct cm_log_item item;
    make(&made);
    add_entry(&made, "one");
    add_entry(&made, "two");
    add(&made, CM_FRAME_ACCESS, (struct cm_bytes){access, sizeof access});
    add_checkpoint(&made, FIXTURE_ORIGIN);
    struct cm_log_reader *reader = open_made(&made, NULL);
    cr_assert_eq(truncate(made.f.log, CM_MAX_ACCESS / 2), 0);
    cr_assert_eq(cm_log_reader_next(&item, reader, NULL), CM_IO);
    fixture_write(made.f.log, made.log.data, made.log.len);
    expect_entry(reader, 0, "one", NULL);
    cr_assert_eq(next(reader).index, 1);
    cr_assert_eq(next(reader).type, CM_ITEM_CHECKPOINT);
    cr_assert_eq(next(reader).type, CM_ITEM_END);
    cm_log_reader_free(reader);
    finish(&made);
}

Test(log_reader, an_origin_may_be_demanded)
{
    struct made made;
    struct cm_error error;
    make(&made);
    add_entry(&made, "one");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    cr_assert_eq(read_all(&made, FIXTURE_ORIGIN, &error), CM_OK);
    cr_assert_eq(read_all(&made, "test.example/gateway/gw2", &error), CM_INVALID);
    finish(&made);
}

Test(log_reader, every_flipped_bit_is_found)
{
    struct made made;
    make(&made);
    add_entry(&made, "one");
    add(&made, CM_FRAME_ACCESS, cm_bytes_of("sealed"));
    add_checkpoint(&made, FIXTURE_ORIGIN);
    add_entry(&made, "two");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    for (size_t bit = CM_LOG_MAGIC_SIZE * 8; bit < made.log.len * 8; bit++) {
        struct cm_error error;
        made.log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect_eq(read_all(&made, NULL, &error), CM_INVALID, "bit %zu of byte %zu", bit % 8,
                     bit / 8);
        made.log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    finish(&made);
}

Test(log_reader, wherever_it_was_cut_off_the_last_checkpoint_holds)
{
    struct made made;
    make(&made);
    add_entry(&made, "one");
    add(&made, CM_FRAME_ACCESS, cm_bytes_of("sealed"));
    add_checkpoint(&made, FIXTURE_ORIGIN);
    const size_t first = made.log.len;
    add_entry(&made, "two");
    add_checkpoint(&made, FIXTURE_ORIGIN);
    const size_t second = made.log.len;
    for (; made.log.len >= CM_LOG_MAGIC_SIZE; made.log.len--) {
        const size_t len = made.log.len;
        struct cm_log_reader *reader = open_made(&made, NULL);
        while (next(reader).type != CM_ITEM_END) {
            ;
        }
        const struct cm_log_state *state = cm_log_reader_state(reader);
        cr_expect_eq(state->checkpoint.size, len == second ? 2 : len >= first ? 1 : 0);
        cr_expect_eq(state->end + state->torn, len);
        cm_log_reader_free(reader);
    }
    finish(&made);
}

Test(log_reader, only_a_log_is_opened)
{
    struct made made;
    struct cm_log_reader *reader;
    make(&made);
    cr_assert_eq(cm_log_reader_open(&reader, made.f.folder, NULL, NULL), CM_NOT_FOUND);
    fixture_write(made.f.log, (const uint8_t *)"comity-ledger 0\n", 16);
    cr_assert_eq(cm_log_reader_open(&reader, made.f.folder, NULL, NULL), CM_INVALID);
    fixture_write(made.f.log, NULL, 0);
    cr_assert_eq(cm_log_reader_open(&reader, made.f.folder, NULL, NULL), CM_INVALID);
    const int folder = open(made.f.folder, O_RDONLY | O_DIRECTORY);
    cr_assert_eq(cm_log_reader_open_fd(&reader, folder, NULL, NULL), CM_INVALID);
    close(folder);
    finish(&made);
}

#include "grown.h"

#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void grown_open(struct grown *grown)
{
    *grown = (struct grown){.folder = -1};
    fixture_open(&grown->f);
    grown->folder = open(grown->f.folder, O_RDONLY | O_DIRECTORY);
    cr_assert(grown->folder >= 0);
}

void grown_close(struct grown *grown)
{
    close(grown->folder);
    cm_buf_clear(&grown->note);
    fixture_close(&grown->f);
}

void grown_rewind(struct grown *grown)
{
    grown->frontier.size = 0;
}

struct cm_log_item grown_entry(struct grown *grown)
{
    struct cm_log_item item = {.type = CM_ITEM_ENTRY, .index = grown->frontier.size};
    snprintf(grown->entry, sizeof grown->entry, "entry %u", (unsigned)grown->frontier.size);
    item.entry = cm_bytes_of(grown->entry);
    cm_merkle_leaf(&item.leaf, item.entry);
    cm_frontier_add(&grown->frontier, &item.leaf);
    return item;
}

// Nobody looks at the signature here, and a real one would differ each time.
struct cm_log_item grown_checkpoint(struct grown *grown)
{
    struct cm_log_item item = {.type = CM_ITEM_CHECKPOINT};
    struct cm_buf root = {0};
    item.checkpoint.size = grown->frontier.size;
    snprintf(item.checkpoint.origin, sizeof item.checkpoint.origin, "%s", FIXTURE_ORIGIN);
    cm_frontier_root(&item.checkpoint.root, &grown->frontier);
    cr_assert_eq(cm_base64(&root, cm_bytes_digest(&item.checkpoint.root)), CM_OK);
    grown->note.len = 0;
    cr_assert_eq(
        cm_buf_printf(&grown->note,
                      FIXTURE_ORIGIN "\n%u\n%.*s\n\n\xe2\x80\x94 " FIXTURE_ORIGIN " AAAAAAAA\n",
                      (unsigned)item.checkpoint.size, (int)root.len, (const char *)root.data),
        CM_OK);
    cm_buf_clear(&root);
    item.note = cm_buf_bytes(&grown->note);
    return item;
}

enum cm_status grown_add(struct grown *grown, struct cm_tiles *tiles, uint64_t size,
                         struct cm_error *error)
{
    while (grown->frontier.size < size) {
        const struct cm_log_item item = grown_entry(grown);
        const enum cm_status status = cm_tiles_add(tiles, &item, error);
        if (status) {
            return status;
        }
    }
    const struct cm_log_item item = grown_checkpoint(grown);
    return cm_tiles_add(tiles, &item, error);
}

enum cm_status grown_publish(struct grown *grown, struct cm_tiles *tiles)
{
    const struct cm_log_item item = grown_checkpoint(grown);
    return cm_tiles_publish(tiles, &item.checkpoint, item.note, NULL);
}

static int no_sync(int fd)
{
    (void)fd;
    return 0;
}

struct cm_ledger_io grown_quick_io(void)
{
    struct cm_ledger_io io = cm_ledger_system_calls;
    io.fsync = io.fdatasync = io.syncfs = no_sync;
    return io;
}

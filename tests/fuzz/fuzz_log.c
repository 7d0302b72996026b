// A ledger's log from anybody: the reader ends, gives entries that their checkpoint covers, and
// says where damage is. A verifier key and a signed note from anybody, too.
#include "harness.h"

#include "proto/ledger/log_reader.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/note.h"
#include "proto/ledger/vkey.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void read_log(int fd)
{
    struct cm_log_reader *reader;
    struct cm_log_item item;
    struct cm_error error = {0};
    struct cm_frontier frontier = {.size = 0};
    enum cm_status status = cm_log_reader_open_fd(&reader, fd, NULL, &error);
    if (status != CM_OK) {
        must(error.text[0] != '\0');
        return;
    }
    do {
        status = cm_log_reader_next(&item, reader, &error);
        if (status == CM_OK && item.type == CM_ITEM_ENTRY) {
            struct cm_digest leaf;
            cm_merkle_leaf(&leaf, item.entry);
            must(item.index == frontier.size && cm_digest_equal(&leaf, &item.leaf));
            cm_frontier_add(&frontier, &leaf);
        } else if (status == CM_OK && item.type == CM_ITEM_CHECKPOINT) {
            struct cm_digest root;
            cm_frontier_root(&root, &frontier);
            must(item.checkpoint.size == frontier.size &&
                 cm_digest_equal(&item.checkpoint.root, &root));
        }
    } while (status == CM_OK && item.type != CM_ITEM_END);
    must(status == CM_OK || (error.where[0] != '\0' && error.text[0] != '\0'));
    cm_log_reader_free(reader);
}

static void read_texts(struct cm_bytes in)
{
    char name[CM_MAX_VKEY];
    struct cm_key *key = NULL;
    struct cm_bytes text;
    struct cm_checkpoint checkpoint;
    struct cm_buf again = {0};
    struct cm_error error = {0};
    if (cm_vkey_parse(name, &key, in, &error) == CM_OK) {
        must(cm_vkey_format(&again, name, cm_key_spki(key)) == CM_OK);
        must(again.len >= in.len && memcmp(again.data, in.data, in.len) == 0);
        must(cm_note_open(&text, in, name, key, &error) != CM_OK);
        cm_key_free(key);
    }
    cm_buf_clear(&again);
    (void)!cm_checkpoint_parse(&checkpoint, in, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("log", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    read_log(fd);
    close(fd);
    read_texts((struct cm_bytes){data, size});
    return 0;
}

// Writes a ledger as a node does, for other people's readers, and beside it proofs.json: what this
// ledger proves of itself, for them to check.
// usage: conformance_tlog_ledger FOLDER ENTRIES
#include "proto/ledger/ledger.h"
#include "tests/support/pki.h"
#include "tests/support/pump.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 512, PROOFS = 64, ENTRY_ROOM = 256 };

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "conformance_tlog_ledger: %s\n", what);
        abort();
    }
}

struct one {
    struct cm_append append;
    struct cm_buf entry;
    unsigned *in_flight;
};

static void done(struct cm_append *append)
{
    struct one *one = CM_CONTAINER(append, struct one, append);
    must(append->status == CM_OK, "an append failed");
    cm_tree_head_unref(append->head);
    cm_buf_clear(&one->entry);
    --*one->in_flight;
    free(one);
}

// The entry of that index; the same bytes each time.
static void an_entry(struct cm_buf *out, uint64_t index)
{
    const struct cm_entry entry = {.kind = CM_ENTRY_INGEST,
                                   .recorded_ms = 1767225600000 + (int64_t)index,
                                   .accepted = index,
                                   .duplicates = index % 7,
                                   .rejected = index % 3};
    must(cm_entry_encode(out, &entry) == CM_OK, "an entry can't be encoded");
}

static void append(struct cm_ledger *ledger, struct pump *pump, uint64_t from, uint64_t to)
{
    unsigned in_flight = 0;
    for (uint64_t i = from; i < to; i++) {
        struct one *one = calloc(1, sizeof *one);
        must(one, "out of memory");
        an_entry(&one->entry, i);
        one->in_flight = &in_flight;
        one->append = (struct cm_append){.entry = cm_buf_bytes(&one->entry), .done = done};
        must(cm_ledger_append(ledger, &one->append) == CM_OK, "an append was refused");
        in_flight++;
    }
    while (in_flight > 0) {
        pump_one(pump);
    }
}

static json_t *base64(struct cm_bytes bytes)
{
    struct cm_buf text = {0};
    must(cm_base64(&text, bytes) == CM_OK, "out of memory");
    json_t *value = json_stringn((const char *)text.data, text.len);
    cm_buf_clear(&text);
    return value;
}

static json_t *hashes(const struct cm_digest *digests, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, base64(cm_bytes_digest(&digests[i])));
    }
    return list;
}

static json_t *inclusions(const struct cm_ledger *ledger, uint64_t size)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    json_t *list = json_array();
    for (uint64_t i = 0; i < PROOFS; i++) {
        const uint64_t index = i * (size - 1) / (PROOFS - 1);
        struct cm_inclusion proof;
        struct cm_buf entry = {0};
        an_entry(&entry, index);
        must(cm_ledger_prove_inclusion(&proof, arena, ledger, index, size) == CM_OK,
             "no proof of inclusion");
        json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "index", (json_int_t)index,
                                              "entry", base64(cm_buf_bytes(&entry)), "hashes",
                                              hashes(proof.hashes, proof.count)));
        cm_buf_clear(&entry);
    }
    cm_arena_free(arena);
    return list;
}

static json_t *consistencies(const struct cm_ledger *ledger, uint64_t size)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    json_t *list = json_array();
    for (uint64_t i = 1; i < PROOFS; i++) {
        const uint64_t old_size = i * (size - 1) / (PROOFS - 1);
        struct cm_consistency proof;
        must(cm_ledger_prove_consistency(&proof, arena, ledger, old_size, size) == CM_OK,
             "no proof of consistency");
        json_array_append_new(list, json_pack("{s:I, s:o}", "old_size", (json_int_t)old_size,
                                              "hashes", hashes(proof.hashes, proof.count)));
    }
    cm_arena_free(arena);
    return list;
}

static void write_proofs(const struct cm_ledger *ledger, const struct cm_signer *signer,
                         const char *folder)
{
    const struct cm_tree_head *head = cm_ledger_head(ledger);
    const uint64_t size = head->checkpoint.size;
    char path[512];
    snprintf(path, sizeof path, "%s/proofs.json", folder);
    json_t *all =
        json_pack("{s:I, s:o, s:o, s:o, s:o}", "size", (json_int_t)size, "spki",
                  base64(cm_signer_spki(signer)), "checkpoint",
                  json_stringn((const char *)head->note.data, head->note.len), "inclusion",
                  inclusions(ledger, size), "consistency", consistencies(ledger, size));
    must(all && json_dump_file(all, path, JSON_INDENT(1)) == 0, "proofs.json can't be written");
    json_decref(all);
}

int main(int argc, char **argv)
{
    must(argc == 3, "usage: conformance_tlog_ledger FOLDER ENTRIES");
    const uint64_t count = strtoull(argv[2], NULL, 10);
    must(count >= PROOFS, "too few entries");
    struct pki *pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    struct cm_signer *signer = pki_signer(pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    struct pump pump;
    pump_init(&pump);
    struct cm_ledger *ledger = NULL;
    struct cm_error error = {.text = ""};
    const struct cm_ledger_options options = {
        .folder = argv[1], .signer = signer, .poster = &pump.poster, .max_waiting = BATCH};
    must(cm_ledger_open(&ledger, &options, &error) == CM_OK, error.text);
    for (uint64_t from = 0; from < count; from += BATCH) {
        append(ledger, &pump, from, from + BATCH < count ? from + BATCH : count);
    }
    write_proofs(ledger, signer, argv[1]);
    cm_ledger_close(ledger);
    pump_drain(&pump);
    pki_free(pki);
    return 0;
}

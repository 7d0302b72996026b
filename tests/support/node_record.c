#include "tests/support/node_record.h"

#include "proto/ledger/merkle.h"

#include <stdio.h>
#include <stdlib.h>

static void must(enum cm_status status, const char *what)
{
    if (status) {
        fprintf(stderr, "node_record: %s: %s\n", what, cm_status_name(status));
        abort();
    }
}

static struct cm_bytes keep(struct cm_buf *buf, struct cm_arena *arena)
{
    struct cm_bytes kept;
    must(cm_arena_bytes(arena, &kept, cm_buf_bytes(buf)), "arena");
    cm_buf_clear(buf);
    return kept;
}

void node_record_of(struct cm_record *out, struct cm_arena *arena, struct cm_signer *signer,
                    const struct cm_entry *entry)
{
    struct cm_buf bytes = {0}, note = {0};
    struct cm_checkpoint head = {.size = 1};
    must(cm_entry_encode(&bytes, entry), "entry");
    out->entry = keep(&bytes, arena);
    cm_merkle_leaf(&head.root, out->entry);
    must(cm_checkpoint_origin(head.origin, cm_signer_spiffe(signer)), "origin");
    must(cm_checkpoint_sign(&note, &head, signer), "checkpoint");
    out->checkpoint = keep(&note, arena);
    out->inclusion = (struct cm_inclusion){.index = 0, .size = 1};
}

void node_record_make(struct cm_record *out, struct cm_arena *arena, struct cm_signer *signer,
                      const struct cm_node_ask *ask)
{
    const struct cm_entry entry = {
        .kind = CM_ENTRY_NODE,
        .recorded_ms = 1800000000000,
        .digest = *ask->query_digest,
        .replay_key = {{7}},
        .expires_ms = 1800000060000,
        .directory_serial = 1,
        .committed = true,
        .commitments = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}, {{6}}},
        .gateway = ask->gateway,
        .gateway_index = ask->gateway_index,
        .attempt = ask->attempt,
        .permitted = ask->refusal == CM_REFUSAL_NONE,
        .refusal = (uint32_t)ask->refusal,
        .rules_digest = {{3}},
        .deciding_rule = "",
    };
    node_record_of(out, arena, signer, &entry);
}

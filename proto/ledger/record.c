#include "proto/ledger/record.h"

#include "proto/ledger/merkle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t cm_origin_epoch(const char *origin, const char *first)
{
    static const char mark[] = "/epoch/";
    const size_t len = strlen(first);
    char again[sizeof mark + 20];
    const char *suffix;
    uint64_t epoch;

    if (strncmp(origin, first, len) != 0) {
        return 0;
    }
    suffix = origin + len;
    if (suffix[0] == '\0') {
        return 1;
    }
    if (strncmp(suffix, mark, sizeof mark - 1) != 0) {
        return 0;
    }
    epoch = strtoull(suffix + sizeof mark - 1, NULL, 10);
    snprintf(again, sizeof again, "%s%" PRIu64, mark, epoch);
    return epoch >= 2 && strcmp(again, suffix) == 0 ? epoch : 0;
}

enum cm_status cm_record_open(struct cm_entry *out, struct cm_checkpoint *head,
                              struct cm_arena *arena, const struct cm_record *record,
                              const char *spiffe, const struct cm_key *key, struct cm_error *error)
{
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_digest leaf;
    enum cm_status status = cm_entry_decode(out, arena, record->entry, error);

    if (status == CM_OK) {
        status = cm_checkpoint_open(head, record->checkpoint, key, error);
    }
    if (status != CM_OK) {
        return status;
    }
    if (cm_checkpoint_origin(origin, spiffe) != CM_OK ||
        cm_origin_epoch(head->origin, origin) == 0) {
        return cm_fail(error, CM_INVALID, "checkpoint", "the checkpoint is of another ledger");
    }
    cm_merkle_leaf(&leaf, record->entry);
    if (head->size != record->inclusion.size ||
        cm_merkle_check_inclusion(&record->inclusion, &leaf, &head->root) != CM_OK) {
        return cm_fail(error, CM_INVALID, "inclusion",
                       "the entry is not proved to lie under the checkpoint");
    }
    return CM_OK;
}

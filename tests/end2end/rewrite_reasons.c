// Does to a ledger what its owner could, who holds all keys: writes its history anew, signed as the
// true one is. The signed questions' officer and the gateway lend their keys too.
// usage: rewrite_reasons FROM TO NODE OFFICER GATEWAY CHANGE...
// NODE, OFFICER, GATEWAY: paths of a key and its certificates without ".key" and ".pem".
// CHANGE, of a copy's entry: reason:INDEX:TEXT | drop:INDEX | invent:INDEX | late:INDEX:AGENCY
#include "proto/base/file.h"
#include "proto/codec/manifest.h"
#include "proto/ledger/cli/ledger_folder.h"
#include "proto/ledger/frontier.h"
#include "proto/ledger/merkle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 64 * 1024 * 1024, PATH = 512 };

struct rewriting {
    struct cm_ledger_folder *from;
    struct cm_arena *arena; // of one entry
    struct cm_signer *node, *officer, *gateway;
    int change_count;
    char **changes;
    struct cm_buf log;
    struct cm_frontier frontier;
    char origin[CM_MAX_ORIGIN + 1];
};

static void must(enum cm_status status, const char *what, const struct cm_error *error)
{
    if (status != CM_OK) {
        fprintf(stderr, "rewrite_reasons: %s: %s %s %s\n", what, cm_status_name(status),
                error ? error->where : "", error ? error->text : "");
        exit(1);
    }
}

static struct cm_signer *signer(const char *path)
{
    char key[PATH];
    char chain[PATH];
    struct cm_signer *out;
    struct cm_error error = {.text = ""};
    snprintf(key, sizeof key, "%s.key", path);
    snprintf(chain, sizeof chain, "%s.pem", path);
    must(cm_signer_load(&out, key, chain, NULL, &error), key, &error);
    return out;
}

static struct cm_bytes kept(struct rewriting *r, struct cm_buf *bytes)
{
    struct cm_bytes out;
    must(cm_arena_bytes(r->arena, &out, cm_buf_bytes(bytes)), "arena", NULL);
    cm_buf_clear(bytes);
    return out;
}

static void sign(struct rewriting *r, struct cm_envelope *out, enum cm_family family,
                 struct cm_bytes payload, const struct cm_signer *by)
{
    struct cm_buf envelope = {0};
    struct cm_error error = {.text = ""};
    must(cm_dsse_sign(&envelope, family, payload, by, true), "sign", NULL);
    must(cm_envelope_decode(out, r->arena, kept(r, &envelope), &error), "envelope", &error);
}

// The question anew, with everything that follows from it.
static void ask_anew(struct rewriting *r, struct cm_audit_record *record)
{
    struct cm_buf payload = {0};
    struct cm_error error = {.text = ""};
    const char *name = strstr(record->query.signer, "//");
    char agency[CM_MAX_ID + 1] = "";
    must(name && sscanf(name, "//%*[^/]/%96[^/]", agency) == 1 ? CM_OK : CM_INVALID, "signer",
         NULL);
    must(cm_query_encode(&payload, &record->query, &error), "question", &error);
    const struct cm_bytes bytes = kept(r, &payload);
    sign(r, &record->access.question, CM_FAMILY_QUERY, bytes, r->officer);
    cm_sha256_of(&record->entry.digest, bytes);
    cm_commitments_of(&record->entry.commitments, &record->query, agency);
}

static void sign_manifest(struct rewriting *r, struct cm_audit_record *record, const char *late)
{
    struct cm_manifest manifest;
    struct cm_buf payload = {0};
    struct cm_error error = {.text = ""};
    must(cm_manifest_decode(&manifest, r->arena, record->access.manifest.payload, &error),
         "manifest", &error);
    struct cm_account *accounts =
        cm_arena_array(r->arena, manifest.account_count, sizeof *accounts);
    must(accounts ? CM_OK : CM_MEMORY, "accounts", NULL);
    manifest.query_digest = record->entry.digest;
    for (size_t i = 0; i < manifest.account_count; i++) {
        accounts[i] = manifest.accounts[i];
        if (late && strcmp(accounts[i].agency, late) == 0) {
            manifest.counts[accounts[i].outcome]--;
            manifest.counts[CM_OUTCOME_LATE]++;
            manifest.rows -= accounts[i].rows;
            accounts[i] = (struct cm_account){.agency = accounts[i].agency,
                                              .outcome = CM_OUTCOME_LATE,
                                              .reason = "",
                                              .record_digest = accounts[i].record_digest};
        }
    }
    manifest.accounts = accounts;
    must(cm_manifest_encode(&payload, &manifest), "manifest", NULL);
    const struct cm_bytes bytes = kept(r, &payload);
    sign(r, &record->access.manifest, CM_FAMILY_MANIFEST, bytes, r->gateway);
    cm_sha256_of(&record->entry.last_digest, bytes);
    record->entry.rows = manifest.rows;
}

static void add(struct rewriting *r, struct cm_audit_record *record)
{
    struct cm_buf bytes = {0};
    struct cm_buf sealed = {0};
    struct cm_digest leaf;
    must(cm_entry_encode(&bytes, &record->entry), "entry", NULL);
    must(cm_frame_add(&r->log, CM_FRAME_ENTRY, cm_buf_bytes(&bytes)), "frame", NULL);
    if (record->sealed.len > 0) {
        record->access.chain_elsewhere = false;
        record->access.chain_at = 0;
        must(cm_access_seal(&sealed, &record->access, cm_buf_bytes(&bytes),
                            record->entry.recorded_ms, cm_ledger_folder_keys(r->from)),
             "seal", NULL);
        must(cm_frame_add(&r->log, CM_FRAME_ACCESS, cm_buf_bytes(&sealed)), "frame", NULL);
    }
    cm_merkle_leaf(&leaf, cm_buf_bytes(&bytes));
    cm_frontier_add(&r->frontier, &leaf);
    cm_buf_clear(&bytes);
    cm_buf_clear(&sealed);
}

// The change asked for of this index: what follows "word:INDEX", with its colon, or NULL.
static const char *change_of(const struct rewriting *r, const char *word, uint64_t index)
{
    const size_t length = strlen(word);
    for (int i = 0; i < r->change_count; i++) {
        const char *change = r->changes[i];
        char *end;
        if (strncmp(change, word, length) == 0 && change[length] == ':' &&
            strtoull(change + length + 1, &end, 10) == index) {
            return end;
        }
    }
    return NULL;
}

static void rewrite_one(struct rewriting *r, const struct cm_audit_record *found)
{
    struct cm_audit_record record = *found;
    const char *reason = change_of(r, "reason", record.index);
    const char *late = change_of(r, "late", record.index);
    must(record.sealed.len == 0 || record.clear == CM_CLEAR_OPEN ? CM_OK : CM_INVALID,
         "an access record doesn't open", &record.why);
    if (reason) {
        record.query.reason = reason + 1;
        ask_anew(r, &record);
        sign_manifest(r, &record, NULL);
    }
    if (late) {
        sign_manifest(r, &record, late + 1);
    }
    if (!change_of(r, "drop", record.index)) {
        add(r, &record);
    }
    if (change_of(r, "invent", record.index)) {
        record.query.query_id[0] ^= 1;
        record.entry.gateway_index += 1000000;
        ask_anew(r, &record);
        sign_manifest(r, &record, NULL);
        add(r, &record);
    }
}

static void end(struct rewriting *r, const char *to)
{
    char path[PATH];
    struct cm_checkpoint checkpoint = {.size = r->frontier.size};
    struct cm_buf note = {0};
    struct cm_error error = {.text = ""};
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", r->origin);
    cm_frontier_root(&checkpoint.root, &r->frontier);
    must(cm_checkpoint_sign(&note, &checkpoint, r->node), "checkpoint", NULL);
    must(cm_frame_add(&r->log, CM_FRAME_CHECKPOINT, cm_buf_bytes(&note)), "frame", NULL);
    snprintf(path, sizeof path, "%s/log", to);
    must(cm_file_write(path, cm_buf_bytes(&r->log), 0600, &error), path, &error);
    cm_buf_clear(&note);
}

int main(int argc, char **argv)
{
    struct cm_error error = {.text = ""};
    if (argc < 7) {
        fputs("usage: rewrite_reasons FROM TO NODE OFFICER GATEWAY CHANGE...\n", stderr);
        return 2;
    }
    struct rewriting r = {.arena = cm_arena_new(ARENA),
                          .node = signer(argv[3]),
                          .officer = signer(argv[4]),
                          .gateway = signer(argv[5]),
                          .change_count = argc - 6,
                          .changes = argv + 6};
    const struct cm_audit_record *record;
    must(cm_ledger_folder_open(&r.from, argv[1], NULL, &error), argv[1], &error);
    must(cm_buf_add(&r.log, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE), "magic", NULL);
    for (;;) {
        must(cm_ledger_folder_next(&record, r.from, &error), argv[1], &error);
        if (!record) {
            break;
        }
        snprintf(r.origin, sizeof r.origin, "%s", record->checkpoint.origin);
        rewrite_one(&r, record);
        cm_arena_reset(r.arena);
    }
    end(&r, argv[2]);
    cm_ledger_folder_close(r.from);
    cm_buf_clear(&r.log);
    cm_signer_unref(r.node);
    cm_signer_unref(r.officer);
    cm_signer_unref(r.gateway);
    cm_arena_free(r.arena);
    return 0;
}

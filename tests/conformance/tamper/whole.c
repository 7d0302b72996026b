#include "whole.h"

#include "../../support/node_record.h"
#include "proto/base/file.h"
#include "proto/codec/manifest.h"
#include "proto/ledger/cosign.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/witnessed.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOST = 2 }; // entries after what was restored

void whole_path(char out[PATH_MAX], const struct whole *whole, const char *name)
{
    cr_assert_lt(snprintf(out, PATH_MAX, "%s/%s", whole->made.folder, name), PATH_MAX);
}

static void put(const struct whole *whole, const char *name, struct cm_bytes bytes)
{
    char path[PATH_MAX];
    whole_path(path, whole, name);
    cr_assert_eq(cm_file_write(path, bytes, 0600, NULL), CM_OK);
}

void whole_put_log(const struct whole *whole, struct cm_bytes log)
{
    char path[PATH_MAX];
    whole_path(path, whole, "log");
    FILE *file = fopen(path, "w"); // not made durable: tests write it very often
    cr_assert(file && fwrite(log.data, 1, log.len, file) == log.len);
    cr_assert_eq(fclose(file), 0);
}

struct cm_bytes whole_last_note(struct cm_bytes log)
{
    struct cm_bytes note = {NULL, 0};
    for (size_t at = CM_LOG_MAGIC_SIZE; at < log.len;) {
        const uint8_t *p = log.data + at;
        const size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16;
        if (p[4] == CM_FRAME_CHECKPOINT) {
            note = (struct cm_bytes){p + CM_FRAME_HEAD, len};
        }
        at += cm_frame_size(len);
    }
    return note;
}

void whole_cosign(const struct whole *whole, struct cm_bytes note)
{
    const struct pki_identity *witness = pki_identity(whole->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    char name[CM_MAX_ORIGIN + 1];
    struct cm_buf line = {0}, cosigned = {0}, pem = {0};
    cr_assert_eq(cm_checkpoint_origin(name, witness->spiffe), CM_OK);
    cr_assert_eq(cm_buf_add(&cosigned, note.data, note.len), CM_OK);
    cr_assert_eq(cm_cosign(&line, note, whole->pki->now_ms / 1000, witness->signer), CM_OK);
    cr_assert_eq(cm_cosign_add(&cosigned, cm_buf_bytes(&line)), CM_OK);
    cr_assert_eq(cm_buf_printf(&pem, "# %s\n", name), CM_OK);
    cr_assert_eq(cm_file_read(&pem, witness->chain_path, 1 << 16, NULL), CM_OK);
    put(whole, CM_COSIGNERS_FILE, cm_buf_bytes(&pem));
    put(whole, CM_COSIGNED_FILE, cm_buf_bytes(&cosigned));
    cm_buf_clear(&line);
    cm_buf_clear(&cosigned);
    cm_buf_clear(&pem);
}

// Somebody was shown the newest checkpoint, and kept it.
static void keep(struct whole *whole)
{
    cr_assert_lt(whole->kept_count, MAX_KEPT);
    cr_assert_eq(cm_arena_bytes(whole->made.arena, &whole->kept[whole->kept_count++],
                                whole_last_note(cm_buf_bytes(&whole->made.log))),
                 CM_OK);
}

static void checkpoint(struct whole *whole)
{
    made_checkpoint(&whole->made);
    keep(whole);
}

// An entry of its kind that says something everywhere.
static struct cm_entry any(enum cm_entry_kind kind)
{
    static const struct cm_rejected_count counts[] = {{CM_INVALID, 2}, {CM_UNAUTHENTICATED, 300}};
    return (struct cm_entry){
        .kind = kind,
        .digest = {{1}},
        .directory_serial = 1,
        .decisions = 41,
        .answered = 37,
        .gateway = "gw-1",
        .gateway_index = 3,
        .attempt = 1,
        .permitted = true,
        .deciding_rule = "main.rules:3",
        .release = CM_RELEASE_COMPLETE,
        .rows = 412,
        .last_digest = {{2}},
        .recipient = {{3}},
        .agency = SOUTHGATE,
        .sequence = 3,
        .overlay_revision = 2,
        .accepted = 1000,
        .duplicates = 20,
        .rejected = 1,
        .before_ms = kind == CM_ENTRY_CLOCK ? -1500 : 1764633600000,
        .from_ms = 1767225600000,
        .to_ms = 1767225660000,
        .count_count = 2,
        .counts = counts,
        .finding = CM_WITNESS_EPOCH,
        .old_size = 300,
        .old_root = {{4}},
        .new_size = 200,
        .new_root = {{5}},
        .text = "something",
    };
}

static void add(struct whole *whole, enum cm_entry_kind kind)
{
    const struct cm_entry entry = any(kind);
    made_add(&whole->made, &entry, NULL);
}

static void add_said(struct whole *whole, enum cm_entry_kind kind, const char *person)
{
    const struct cm_entry entry = any(kind);
    struct cm_access access = {.person = person, .text = "what was said"};
    made_add(&whole->made, &entry, &access);
}

static struct cm_envelope sign(struct whole *whole, enum cm_family family, struct cm_buf *payload,
                               const struct cm_signer *signer)
{
    struct cm_envelope envelope;
    pki_sign(&envelope, whole->made.arena, family, cm_buf_bytes(payload), signer);
    cm_buf_clear(payload);
    return envelope;
}

static void add_reach(struct whole *whole)
{
    struct made *made = &whole->made;
    struct cm_buf payload = {0};
    struct cm_query reach = made_query(made, &(struct made_question){0});
    const struct cm_signer *lee =
        pki_identity(whole->pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "lee")->signer;
    struct cm_entry entry = any(CM_ENTRY_REACH);
    reach.plate.plate = reach.plate.state = reach.reason = "";
    memset(reach.blind, 0, sizeof reach.blind);
    cr_assert_eq(cm_reach_encode(&payload, &reach, NULL), CM_OK);
    cm_sha256_of(&entry.digest, cm_buf_bytes(&payload));
    cm_query_replay_key(&entry.replay_key, &reach);
    struct cm_access access = {
        .question = sign(whole, CM_FAMILY_REACH, &payload, lee), .person = "", .text = ""};
    made_add(made, &entry, &access);
}

static void add_asked(struct whole *whole, enum cm_entry_kind kind, const char *plate)
{
    struct made *made = &whole->made;
    const struct cm_query query = made_query(made, &(struct made_question){.plate = plate});
    struct cm_access access = {.question = made_sign(made, &query), .person = "", .text = ""};
    struct cm_entry entry = made_entry(&access.question, kind);
    if (kind == CM_ENTRY_QUERY) {
        entry.decisions = 2;
        entry.decisions_root.b[0] = 1;
    } else if (kind == CM_ENTRY_REFUSED) {
        entry.refusal = CM_STALE;
        entry.text = "expires_ms";
    }
    made_add(made, &entry, &access);
}

static struct cm_envelope manifest_of(struct whole *whole, const struct cm_record *record,
                                      const struct cm_entry *query, struct cm_signer *gateway)
{
    const struct cm_account account = {
        .agency = SOUTHGATE, .outcome = CM_OUTCOME_LATE, .reason = ""};
    struct cm_manifest manifest = {.query_digest = query->digest,
                                   .gateway = "gw-1",
                                   .directory_serial = 1,
                                   .directory_digest = {{1}},
                                   .started_ms = whole->made.now_ms,
                                   .finished_ms = whole->made.now_ms,
                                   .entry = record->entry,
                                   .checkpoint = record->checkpoint,
                                   .inclusion = record->inclusion,
                                   .account_count = 1,
                                   .accounts = &account};
    struct cm_buf payload = {0};
    manifest.counts[CM_OUTCOME_LATE] = 1;
    cr_assert_eq(cm_manifest_encode(&payload, &manifest), CM_OK);
    return sign(whole, CM_FAMILY_MANIFEST, &payload, gateway);
}

// Of what the gateway answered, or refused.
static void add_copy(struct whole *whole, enum cm_entry_kind kind)
{
    struct made *made = &whole->made;
    struct cm_signer *gateway = pki_identity(whole->pki, "_", CM_ROLE_GATEWAY, "gw-1")->signer;
    const struct cm_bytes leaves[] = {cm_bytes_of("a leaf")};
    const struct cm_query query = made_query(made, &(struct made_question){0});
    struct cm_access access = {.question = made_sign(made, &query),
                               .person = "",
                               .text = "",
                               .leaf_count = 1,
                               .leaves = leaves};
    struct cm_entry recorded = made_entry(&access.question, kind);
    recorded.recorded_ms = made->now_ms;
    if (kind == CM_ENTRY_QUERY) {
        recorded.decisions = 1;
        recorded.decisions_root.b[0] = 1;
    } else {
        recorded.refusal = CM_STALE;
        recorded.text = "expires_ms";
    }
    node_record_of(&access.gateway_record, made->arena, gateway, &recorded);
    access.manifest = manifest_of(whole, &access.gateway_record, &recorded, gateway);
    struct cm_entry entry = made_entry(&access.question, CM_ENTRY_COPY);
    cm_sha256_of(&entry.last_digest, access.manifest.payload);
    made_add(made, &entry, &access);
}

static void add_audit(struct whole *whole)
{
    const struct cm_signer *auditor =
        pki_identity(whole->pki, NORTHPORT, CM_ROLE_AUDITOR, "quinn")->signer;
    const struct cm_audit_request request = {.origin = whole->made.origin,
                                             .command = "show",
                                             .arguments = "--case 26-1234",
                                             .signed_ms = whole->made.now_ms};
    const struct cm_entry entry = any(CM_ENTRY_AUDIT);
    struct cm_buf payload = {0};
    cr_assert_eq(cm_audit_request_encode(&payload, &request), CM_OK);
    struct cm_access access = {.request = sign(whole, CM_FAMILY_AUDIT, &payload, auditor),
                               .person = cm_signer_spiffe(auditor),
                               .text = ""};
    made_add(&whole->made, &entry, &access);
}

// So that all of it, at a second an entry, lies in the past.
static int64_t began_ms(const struct whole *whole)
{
    return whole->pki->now_ms - 60000;
}

static void first_epoch(struct whole *whole)
{
    struct made *made = &whole->made;
    made->now_ms = began_ms(whole) - CM_DAY_LENGTH_MS;
    add(whole, CM_ENTRY_START);
    add_asked(whole, CM_ENTRY_NODE, "5OLD555"); // of the day that is erased
    checkpoint(whole);
    made->now_ms = began_ms(whole);
    add(whole, CM_ENTRY_DIRECTORY);
    add(whole, CM_ENTRY_RULES);
    add_asked(whole, CM_ENTRY_NODE, "8ABC123");
    add(whole, CM_ENTRY_RELEASE);
    checkpoint(whole);
    add(whole, CM_ENTRY_EVIDENCE);
    add_said(whole, CM_ENTRY_SHARING, "dana");
    add_asked(whole, CM_ENTRY_NODE, "7XYZ987");
    checkpoint(whole);
}

static void state_epoch(struct whole *whole)
{
    struct made *made = &whole->made;
    const struct cm_signer *admin =
        pki_identity(whole->pki, NORTHPORT, CM_ROLE_ADMIN, "amin")->signer;
    struct cm_buf note = {0}, payload = {0}, bytes = {0};
    struct cm_entry entry = any(CM_ENTRY_EPOCH);
    struct cm_epoch_statement statement = {.origin = whole->base,
                                           .epoch = 2,
                                           .restored_size = made->frontier.size,
                                           .signed_ms = made->now_ms,
                                           .why = "the disk failed"};
    // The witness had signed more.
    struct cm_checkpoint lost = {.size = made->frontier.size + LOST, .root = {{9}}};
    memcpy(lost.origin, made->origin, sizeof lost.origin);
    cr_assert_eq(cm_checkpoint_sign(&note, &lost, made->signer), CM_OK);
    statement.cosigned = cm_buf_bytes(&note);
    cm_frontier_root(&statement.restored_root, &made->frontier);
    cr_assert_eq(cm_epoch_statement_encode(&payload, &statement), CM_OK);
    cm_sha256_of(&entry.digest, cm_buf_bytes(&payload));
    whole->statement = sign(whole, CM_FAMILY_EPOCH, &payload, admin);
    cr_assert_eq(cm_envelope_encode(&bytes, &whole->statement), CM_OK);
    put(whole, CM_EPOCH_FILE, cm_buf_bytes(&bytes));
    entry.sequence = 2;
    entry.old_size = statement.restored_size;
    entry.old_root = statement.restored_root;
    entry.new_size = lost.size;
    entry.new_root = lost.root;
    made->frontier = (struct cm_frontier){.size = 0};
    made->log.len = CM_LOG_MAGIC_SIZE;
    cr_assert_eq(cm_checkpoint_epoch_origin(made->origin, whole->base, 2), CM_OK);
    cm_chain_places_free(made->places);
    made->places = cm_chain_places_new(64);
    struct cm_access access = {
        .request = whole->statement, .person = cm_signer_spiffe(admin), .text = "the disk failed"};
    made_add(made, &entry, &access);
    cm_buf_clear(&note);
    cm_buf_clear(&bytes);
}

static void second_epoch(struct whole *whole)
{
    state_epoch(whole);
    add(whole, CM_ENTRY_START);
    checkpoint(whole);
    add_asked(whole, CM_ENTRY_QUERY, "6DEF456");
    add(whole, CM_ENTRY_MANIFEST);
    add_reach(whole);
    add_asked(whole, CM_ENTRY_REFUSED, "4GHI789");
    add(whole, CM_ENTRY_REJECTED);
    checkpoint(whole);
    add(whole, CM_ENTRY_INGEST);
    add(whole, CM_ENTRY_DELETION);
    add(whole, CM_ENTRY_WITNESS);
    add_said(whole, CM_ENTRY_ADMIN, "dana");
    add_audit(whole);
    checkpoint(whole);
    add_copy(whole, CM_ENTRY_QUERY);
    add_copy(whole, CM_ENTRY_REFUSED);
    add(whole, CM_ENTRY_CLOCK);
    add(whole, CM_ENTRY_STOP);
    checkpoint(whole);
}

static void move_first_epoch(const struct whole *whole)
{
    static const char *const names[] = {"log",  "checkpoint",     "tile",
                                        "vkey", CM_COSIGNED_FILE, CM_COSIGNERS_FILE};
    char from[PATH_MAX], to[PATH_MAX], below[32];
    whole_path(to, whole, CM_EPOCH_FOLDER);
    cr_assert_eq(mkdir(to, 0700), 0);
    whole_path(to, whole, CM_EPOCH_FOLDER "/1");
    cr_assert_eq(mkdir(to, 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(below, sizeof below, CM_EPOCH_FOLDER "/1/%s", names[i]);
        whole_path(from, whole, names[i]);
        whole_path(to, whole, below);
        cr_assert_eq(rename(from, to), 0);
    }
}

static void publish(struct whole *whole, struct cm_buf *log)
{
    const struct cm_bytes bytes = cm_buf_bytes(&whole->made.log);
    cr_assert_eq(cm_buf_add(log, bytes.data, bytes.len), CM_OK);
    made_write(&whole->made);
    made_publish(&whole->made);
    whole_cosign(whole, whole_last_note(bytes));
}

// "keys/2026-11-22" of a day on which nothing was recorded yet: it opens nothing, whatever it is.
static bool is_unused_key(const struct whole *whole, const char *name)
{
    uint32_t day;
    return strncmp(name, "keys/", 5) == 0 && cm_day_parse(&day, name + 5) == CM_OK &&
           day > cm_day_of(whole->made.now_ms);
}

static struct whole *listing;

static int list_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    const char *name = path + strlen(listing->made.folder) + 1;
    if (type == FTW_F && !is_unused_key(listing, name)) {
        cr_assert_lt(listing->file_count, MAX_FILES);
        snprintf(listing->files[listing->file_count++], MAX_NAME, "%s", name);
    }
    return 0;
}

static void set_owner(struct whole *whole)
{
    const struct pki_identity *node = pki_identity(whole->pki, NORTHPORT, CM_ROLE_NODE, "n1");
    whole->trust = pki_trust(whole->pki);
    cr_assert_eq(cm_trust_chain(&whole->signatory, whole->trust, node->chain, node->chain_count,
                                whole->pki->now_ms, NULL),
                 CM_OK);
    whole->owner = (struct cm_epoch_owner){cm_signatory_identity(whole->signatory),
                                           cm_signatory_key(whole->signatory)};
}

void whole_make(struct whole *whole)
{
    *whole = (struct whole){.pki = made_federation()};
    struct made *made = &whole->made;
    made_open(made, whole->pki, NORTHPORT);
    memcpy(whole->base, made->origin, sizeof whole->base);
    cr_assert_eq(cm_key_new(&whole->key, cm_signer_spki(made->signer)), CM_OK);
    first_epoch(whole);
    publish(whole, &whole->logs[0]);
    move_first_epoch(whole);
    second_epoch(whole);
    publish(whole, &whole->logs[1]);
    cr_assert_eq(cm_day_keys_erase(made->keys, cm_day_of(began_ms(whole)), NULL, NULL), CM_OK);
    set_owner(whole);
    cr_assert_eq(cm_seen_of(&whole->seen, whole->kept[whole->kept_count - 1], whole->base, NULL),
                 CM_OK);
    listing = whole;
    cr_assert_eq(nftw(made->folder, list_one, 8, FTW_PHYS), 0);
}

void whole_free(struct whole *whole)
{
    made_close(&whole->made);
    cm_key_free(whole->key);
    cm_signatory_unref(whole->signatory);
    cm_trust_unref(whole->trust);
    cm_buf_clear(&whole->logs[0]);
    cm_buf_clear(&whole->logs[1]);
    pki_free(whole->pki);
}

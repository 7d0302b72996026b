#include "made.h"

#include "proto/base/file.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/tiles.h"
#include "proto/ledger/vkey.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA = 64 * 1024 * 1024, PLACES = 64 };

struct pki *made_federation(void)
{
    struct pki *pki = pki_new();
    pki_agency(pki, NORTHPORT);
    pki_agency(pki, SOUTHGATE);
    pki_agency(pki, MILLTOWN);
    return pki;
}

void made_open(struct made *made, struct pki *pki, const char *agency)
{
    const bool gateway = strcmp(agency, "_") == 0;
    const struct pki_identity *identity = pki_identity(
        pki, agency, gateway ? CM_ROLE_GATEWAY : CM_ROLE_NODE, gateway ? "gw-1" : "n1");
    *made = (struct made){.pki = pki, .folder = "/tmp/cm-made-XXXXXX", .now_ms = pki->now_ms};
    made->signer = cm_signer_ref(identity->signer);
    made->arena = cm_arena_new(ARENA);
    made->places = cm_chain_places_new(PLACES);
    cr_assert(mkdtemp(made->folder));
    cr_assert_eq(cm_checkpoint_origin(made->origin, identity->spiffe), CM_OK);
    cr_assert_eq(cm_day_keys_open(&made->keys, made->folder, NULL), CM_OK);
    cr_assert_eq(cm_buf_add(&made->log, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE), CM_OK);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

void made_close(struct made *made)
{
    cm_signer_unref(made->signer);
    cm_arena_free(made->arena);
    cm_chain_places_free(made->places);
    cm_day_keys_free(made->keys);
    cm_buf_clear(&made->log);
    nftw(made->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *or_else(const char *given, const char *otherwise)
{
    return given ? given : otherwise;
}

struct cm_query made_query(struct made *made, const struct made_question *question)
{
    const struct pki_identity *person =
        pki_identity(made->pki, or_else(question->agency, NORTHPORT), CM_ROLE_INVESTIGATOR,
                     or_else(question->person, "lee"));
    struct cm_query query = {
        .issued_ms = made->now_ms - 1000,
        .expires_ms = made->now_ms + 59000,
        .federation = made->pki->federation,
        .gateway = "gw-1",
        .signer = person->spiffe,
        .key_hash = *cm_signer_key_hash(person->signer),
        .action = CM_ACTION_LOOKUP,
        .plate = {or_else(question->plate, "8ABC123"), "CA"},
        .window = {made->now_ms - 7LL * PKI_DAY_MS, made->now_ms},
        .purpose = or_else(question->purpose, "homicide"),
        .case_number = or_else(question->case_number, "26-1234"),
        .reason = or_else(question->reason, "follow up on witness statement"),
        .on_behalf_of = "",
        .court_order = "",
        .limit = 1000,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = 10000,
    };
    made->questions++;
    memcpy(query.query_id, &made->questions, sizeof made->questions);
    memcpy(query.blind, &made->questions, sizeof made->questions);
    query.blind[31] = 1;
    return query;
}

struct cm_envelope made_sign(struct made *made, const struct cm_query *query)
{
    struct cm_envelope envelope;
    struct cm_buf payload = {0};
    struct cm_error error = {.text = ""};
    struct cm_identity person;
    cr_assert_eq(cm_query_encode(&payload, query, &error), CM_OK, "%s %s", error.where, error.text);
    cr_assert_eq(cm_identity_parse(&person, cm_bytes_of(query->signer), NULL), CM_OK);
    pki_sign(&envelope, made->arena, CM_FAMILY_QUERY, cm_buf_bytes(&payload),
             pki_identity(made->pki, person.agency, person.role, person.name)->signer);
    cm_buf_clear(&payload);
    return envelope;
}

struct cm_envelope made_approval(struct made *made, const struct cm_query *query, const char *by)
{
    struct cm_envelope envelope;
    struct cm_buf payload = {0};
    struct cm_approval approval = pki_approval(
        query, pki_identity(made->pki, NORTHPORT, CM_ROLE_SUPERVISOR, "sue"), made->now_ms);
    approval.uses = 3;
    cr_assert_eq(cm_approval_encode(&payload, &approval, NULL), CM_OK);
    pki_sign(&envelope, made->arena, CM_FAMILY_APPROVAL, cm_buf_bytes(&payload),
             pki_identity(made->pki, NORTHPORT, CM_ROLE_SUPERVISOR, by)->signer);
    cm_buf_clear(&payload);
    return envelope;
}

struct cm_entry made_entry(const struct cm_envelope *question, enum cm_entry_kind kind)
{
    struct cm_query query;
    struct cm_identity person;
    struct cm_arena *arena = cm_arena_new(ARENA);
    struct cm_entry entry = {.kind = kind,
                             .committed = true,
                             .gateway =
                                 kind == CM_ENTRY_NODE || kind == CM_ENTRY_COPY ? "gw-1" : "",
                             .agency = "",
                             .deciding_rule = "",
                             .text = "",
                             .directory_serial = 1};
    cr_assert_eq(cm_query_decode(&query, arena, question->payload, NULL), CM_OK);
    cr_assert_eq(cm_identity_parse(&person, cm_bytes_of(query.signer), NULL), CM_OK);
    cm_sha256_of(&entry.digest, question->payload);
    cm_query_replay_key(&entry.replay_key, &query);
    cm_commitments_of(&entry.commitments, &query, person.agency);
    entry.expires_ms = query.expires_ms;
    entry.recipient = entry.commitments.requester;
    if (kind == CM_ENTRY_NODE) {
        entry.permitted = true;
        entry.attempt = 1;
        entry.deciding_rule = "main.rules:3";
        entry.rules_digest.b[0] = 1;
    }
    cm_arena_free(arena);
    return entry;
}

uint64_t made_add(struct made *made, const struct cm_entry *entry, struct cm_access *access)
{
    struct cm_buf bytes = {0};
    struct cm_buf sealed = {0};
    struct cm_digest leaf;
    struct cm_entry at = *entry;
    at.recorded_ms = at.recorded_ms ? at.recorded_ms : made->now_ms;
    at.sealed = access != NULL;
    made->now_ms = at.recorded_ms + 1000;
    cr_assert_eq(cm_entry_encode(&bytes, &at), CM_OK, "kind %d", (int)entry->kind);
    cr_assert_eq(cm_frame_add(&made->log, CM_FRAME_ENTRY, cm_buf_bytes(&bytes)), CM_OK);
    if (access) {
        cr_assert_eq(cm_day_keys_prepare(made->keys, at.recorded_ms, NULL), CM_OK);
        cm_chain_places_leave_out(made->places, access, at.recorded_ms);
        cr_assert_eq(
            cm_access_seal(&sealed, access, cm_buf_bytes(&bytes), at.recorded_ms, made->keys),
            CM_OK);
        cr_assert_eq(cm_frame_add(&made->log, CM_FRAME_ACCESS, cm_buf_bytes(&sealed)), CM_OK);
        cm_chain_places_written(made->places, access, at.recorded_ms, made->frontier.size);
    }
    cm_merkle_leaf(&leaf, cm_buf_bytes(&bytes));
    cm_frontier_add(&made->frontier, &leaf);
    cm_buf_clear(&bytes);
    cm_buf_clear(&sealed);
    return made->frontier.size - 1;
}

uint64_t made_asked(struct made *made, const struct made_question *question)
{
    const struct cm_query query = made_query(made, question);
    struct cm_access access = {.question = made_sign(made, &query), .person = "", .text = ""};
    struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    entry.gateway_index = made->questions;
    return made_add(made, &entry, &access);
}

void made_checkpoint(struct made *made)
{
    struct cm_checkpoint checkpoint = {.size = made->frontier.size};
    struct cm_buf note = {0};
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", made->origin);
    cm_frontier_root(&checkpoint.root, &made->frontier);
    cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, made->signer), CM_OK);
    cr_assert_eq(cm_frame_add(&made->log, CM_FRAME_CHECKPOINT, cm_buf_bytes(&note)), CM_OK);
    cm_buf_clear(&note);
}

void made_write(const struct made *made)
{
    char path[80];
    snprintf(path, sizeof path, "%s/log", made->folder);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&made->log), 0600, NULL), CM_OK);
}

static void write_vkey(const struct made *made)
{
    char path[80];
    struct cm_buf vkey = {0};
    snprintf(path, sizeof path, "%s/vkey", made->folder);
    cr_assert_eq(cm_vkey_format(&vkey, made->origin, cm_signer_spki(made->signer)), CM_OK);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&vkey), 0600, NULL), CM_OK);
    cm_buf_clear(&vkey);
}

void made_publish(const struct made *made)
{
    struct cm_tiles *tiles;
    struct cm_log_reader *reader;
    struct cm_log_item item;
    const int folder = open(made->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    write_vkey(made);
    cr_assert_eq(cm_tiles_open(&tiles, folder, &cm_ledger_system_calls, NULL), CM_OK);
    cr_assert_eq(cm_log_reader_open(&reader, made->folder, NULL, NULL), CM_OK);
    do {
        cr_assert_eq(cm_log_reader_next(&item, reader, NULL), CM_OK);
        if (item.type != CM_ITEM_END) {
            cr_assert_eq(cm_tiles_add(tiles, &item, NULL), CM_OK);
        }
    } while (item.type != CM_ITEM_END);
    const struct cm_log_state *state = cm_log_reader_state(reader);
    cr_assert_eq(cm_tiles_publish(tiles, &state->checkpoint, state->note, NULL), CM_OK);
    cm_tiles_free(tiles);
    cm_log_reader_free(reader);
    close(folder);
}

struct cm_ledger_folder *made_folder(struct made *made)
{
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    made_checkpoint(made);
    made_write(made);
    cr_assert_eq(cm_ledger_folder_open(&folder, made->folder, NULL, &error), CM_OK, "%s: %s",
                 error.where, error.text);
    return folder;
}

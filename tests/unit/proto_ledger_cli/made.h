// A ledger made by hand for tests, frame by frame, so that it can be one that no daemon leaves: the
// questions of fictional people, sealed beside their entries. One thread.
#ifndef CM_TESTS_LEDGER_CLI_MADE_H
#define CM_TESTS_LEDGER_CLI_MADE_H

#include "../../support/pki.h"
#include "proto/ledger/cli/ledger_folder.h"

#define NORTHPORT "ca.northport.pd"
#define SOUTHGATE "ca.southgate.pd"
#define MILLTOWN  "ca.milltown.pd"

// Zero members: as for made_question's defaults.
struct made_question {
    const char *agency;      // NORTHPORT
    const char *person;      // "lee"
    const char *plate;       // "8ABC123"
    const char *purpose;     // "homicide"
    const char *case_number; // "26-1234"
    const char *reason;      // "follow up on witness statement"
};

struct made {
    struct pki *pki;
    struct cm_arena *arena;
    char folder[64];
    struct cm_signer *signer;
    char origin[CM_MAX_ORIGIN + 1];
    int64_t now_ms; // of the next entry; a second later after each
    struct cm_day_keys *keys;
    struct cm_chain_places *places;
    struct cm_buf log;
    struct cm_frontier frontier;
    unsigned questions; // so far; each gets an id and a blind of its own
};

// A federation with the three agencies and gateway gw-1; pki_free it after the ledgers.
struct pki *made_federation(void);
// The ledger of node n1 of an agency; or, agency "_", of gateway gw-1.
void made_open(struct made *made, struct pki *pki, const char *agency);
// Removes its folder.
void made_close(struct made *made);

// Borrows from made->arena.
struct cm_query made_query(struct made *made, const struct made_question *question);
struct cm_envelope made_sign(struct made *made, const struct cm_query *query);
// Of supervisor sue for that question, signed by the supervisor who is named.
struct cm_envelope made_approval(struct made *made, const struct cm_query *query, const char *by);
// A node's or gateway's entry about the question, with its digest and commitments; change it before
// it is added.
struct cm_entry made_entry(const struct cm_envelope *question, enum cm_entry_kind kind);

// Its index. entry->recorded_ms 0: now. access NULL: none.
uint64_t made_add(struct made *made, const struct cm_entry *entry, struct cm_access *access);
// A node's entry that permits the question, with it.
uint64_t made_asked(struct made *made, const struct made_question *question);
// Over all that was added so far.
void made_checkpoint(struct made *made);
// The log into the folder, as it is.
void made_write(const struct made *made);
// Beside what was written: the key, the tiles and the checkpoint, as a daemon publishes them.
void made_publish(const struct made *made);
// A checkpoint, written, and opened.
struct cm_ledger_folder *made_folder(struct made *made);

#endif

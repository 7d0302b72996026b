// Searches as three ledgers tell of them: Northport's people ask, gateway gw-1 records, Southgate's
// node answers, Northport's node keeps the copy. Each may be told wrongly. One thread.
#ifndef CM_TESTS_LEDGER_CLI_STORY_H
#define CM_TESTS_LEDGER_CLI_STORY_H

#include "made.h"

#include "proto/codec/answer.h"
#include "proto/codec/manifest.h"

struct story {
    struct pki *pki;
    struct made gateway, north, south;
};

// What zero members mean is the honest story: asked, answered with rows, copied.
struct story_search {
    struct made_question question; // agency NORTHPORT or SOUTHGATE
    uint64_t rows;                 // that Southgate sent
    bool no_query, no_manifest;    // the gateway's entries
    bool no_node, no_release;      // Southgate's
    bool no_copy;                  // the requester's agency's
    enum cm_outcome outcome;       // of Southgate in the manifest; NONE: answered
    uint64_t rows_claimed;         // in the manifest; 0: rows
    bool cut;
    enum cm_release_outcome release;    // NONE: complete
    bool refused;                       // by Southgate's node
    bool north_owns;                    // Northport's own node is asked and answers too
    struct made_question copy_question; // any member: the copy is of this question instead
    bool copy_commits_otherwise;        // the copy's reason commitment is another one
    bool refused_unread;                // by the gateway: nobody was asked, and its copy says so
    bool no_account;                    // a crash took it: the gateway's manifest is of nobody
    bool again;                         // asked once more as it was, and refused unread then
    int64_t skip_ms;                    // time that passes before
};

void story_open(struct story *story);
void story_close(struct story *story);
// All ledgers' clocks go on together, two seconds a search.
void story_tell(struct story *story, const struct story_search *search);

#endif

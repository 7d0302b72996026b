// Two parties' ledgers held against each other: what one has and the other should have, what both
// have and tell differently. Pure over gathered searches; main thread.
#ifndef CM_LEDGER_CLI_COMPARE_H
#define CM_LEDGER_CLI_COMPARE_H

#include "proto/ledger/cli/searches.h"

enum { CM_PARTIES = 2 };

enum cm_finding_kind {
    CM_FINDING_NONE = 0,
    CM_FINDING_MISSING,      // one party has it, the other should and lacks it
    CM_FINDING_ALTERED,      // the same search, with another digest
    CM_FINDING_DIFFERS,      // the same digest, with another commitment, place or manifest
    CM_FINDING_CONTRADICTED, // a manifest says what a node's ledger denies
    CM_FINDING_COUNT,
};

const char *cm_finding_name(enum cm_finding_kind kind); // "missing"

// Bits: what of a search differs.
enum cm_part {
    CM_PART_REQUESTER = 1,
    CM_PART_AGENCY = 2,
    CM_PART_PLATE = 4,
    CM_PART_PURPOSE = 8,
    CM_PART_CASE = 16,
    CM_PART_REASON = 32,
    CM_PART_ALL = 63,
};

struct cm_finding {
    struct cm_finding *next;
    enum cm_finding_kind kind;
    const struct cm_search *search; // altered: what the first party has
    const struct cm_search *twin;   // altered: what the second has
    unsigned parts;                 // enum cm_part
    unsigned party;                 // missing: who lacks it
    const char *text;               // a sentence
};

// Why something could not be held against the other party.
enum cm_uncompared {
    CM_UNCOMPARED_ERASED = 0, // whom it concerned was erased, or this copy has no keys
    CM_UNCOMPARED_OUTSIDE,    // before or after what the other party's ledgers cover
    CM_UNCOMPARED_NO_END,     // the gateway recorded no end, so no copy can have gone out
    CM_UNCOMPARED_CUT_OFF,    // the answer was cut off and the gateway's ledger is not here
    CM_UNCOMPARED_NO_RELEASE, // the node recorded no end of an answer
    CM_UNCOMPARED_NOT_SAID,   // no manifest here says whether the agency was asked
    CM_UNCOMPARED_NO_ACCOUNT, // the gateway recorded an end of nobody, as after a crash
    CM_UNCOMPARED_DAMAGED,    // clear values that are not what was committed to
    CM_UNCOMPARED_COUNT,
};

const char *cm_uncompared_text(enum cm_uncompared why);

struct cm_compare {
    struct cm_searches *searches;
    int64_t from_ms, to_ms; // searches to hold against each other
    int64_t skew_ms;        // how far the parties' clocks may be apart
    uint64_t count[CM_PARTIES];
    uint64_t both; // of them, in both
    uint64_t uncompared[CM_UNCOMPARED_COUNT];
    struct cm_finding *findings;
    struct cm_finding **end;
    size_t finding_count;
};

// Fills the sums and findings, in order of time. searches, period and skew are set.
enum cm_status cm_compare_run(struct cm_compare *compare) CM_MUST_CHECK;

// Of compare_checks.c: a search that both parties have; what manifests say of agencies against what
// these recorded.
enum cm_status cm_compare_same(struct cm_compare *compare,
                               const struct cm_search *search) CM_MUST_CHECK;
enum cm_status cm_compare_manifests(struct cm_compare *compare,
                                    const struct cm_search *search) CM_MUST_CHECK;
enum cm_status cm_compare_find(struct cm_compare *compare, const struct cm_finding *finding,
                               const char *format, ...) CM_PRINTF(3, 4) CM_MUST_CHECK;
// enum cm_part bits in which a and b differ.
unsigned cm_compare_parts(const struct cm_commitments *a, const struct cm_commitments *b);

#endif

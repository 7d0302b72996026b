// What the verifier's parts share. Private to them. Main thread.
#ifndef CM_LEDGER_CLI_VERIFIER_INTERNAL_H
#define CM_LEDGER_CLI_VERIFIER_INTERNAL_H

#include "proto/ledger/cli/verifier.h"
#include "proto/ledger/epoch.h"

#include <limits.h>

// A note that the log must hold a checkpoint of.
struct cm_claim {
    const char *where; // who says so
    struct cm_checkpoint checkpoint;
    uint64_t epoch;
    bool met;
};

enum { CM_MAX_CLAIMS = CM_MAX_SEEN_NOTES + 8 };

struct cm_signer_cache;

struct cm_verifier {
    const struct cm_verifier_options *options;
    struct cm_ledger_folder *folder;
    struct cm_verified *out;
    struct cm_arena *arena; // reset for each entry
    struct cm_key *key;     // owned
    struct cm_identity owner;
    struct cm_checkpoint previous; // the last of the epoch before; size 0 in the first
    struct cm_signer_cache *signers;
    uint32_t erased_day; // whose key's file was looked for; 0: none yet
    bool erased_key;     // and is there
    struct cm_claim claims[CM_MAX_CLAIMS];
    size_t claim_count;
};

void cm_verifier_problem(struct cm_verifier *v, const char *where, const char *format, ...)
    CM_PRINTF(3, 4);
void cm_verifier_error(struct cm_verifier *v, const struct cm_error *error);
void cm_verifier_entry_problem(struct cm_verifier *v, const struct cm_audit_record *record,
                               const char *where, const char *text);
// The folder of the epoch that is read. False: there is none to look into.
bool cm_verifier_epoch_folder(char out[PATH_MAX], const struct cm_verifier *v, uint64_t epoch);

// verifier_record: the clear values and the signatures in them.
struct cm_signer_cache *cm_signer_cache_new(void);
void cm_signer_cache_free(struct cm_signer_cache *cache);
void cm_verifier_record(struct cm_verifier *v, const struct cm_audit_record *record);

// verifier_files: what lies beside the logs. begin: before the first entry of an epoch, first: its
// first entry, end: after the last.
enum cm_status cm_verifier_key(struct cm_verifier *v, const char *origin,
                               struct cm_error *error) CM_MUST_CHECK;
void cm_verifier_statement(struct cm_verifier *v, const struct cm_audit_record *first);

// verifier_witness: what others saw. take_seen and cosigned: before the first checkpoint counts.
void cm_verifier_take_seen(struct cm_verifier *v);
void cm_verifier_cosigned(struct cm_verifier *v);
void cm_verifier_claims_met(struct cm_verifier *v, const struct cm_checkpoint *checkpoint);
// The statement that begins the epoch being read admits that the one before reached further.
void cm_verifier_claims_admitted(struct cm_verifier *v, const struct cm_seen *cosigned);
void cm_verifier_claims_end(struct cm_verifier *v);

#endif

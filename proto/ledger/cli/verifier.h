// Checks a ledger against all that lies beside it: log, signatures, tiles, clear values, epochs,
// what witnesses signed. Streams; memory as ledger_folder.h says. Main thread.
#ifndef CM_LEDGER_CLI_VERIFIER_H
#define CM_LEDGER_CLI_VERIFIER_H

#include "proto/ledger/cli/ledger_folder.h"
#include "proto/trust/trust.h"

enum { CM_MAX_SEEN_NOTES = 64, CM_MAX_TRUSTS = 64 };

// Something that is not as it must be. Texts are for people; no plate, reason or name in them.
struct cm_problem {
    uint64_t epoch;
    bool at_entry;
    uint64_t index; // where at_entry
    const char *where;
    const char *text;
    const char *hint; // or ""
};

struct cm_verifier_options {
    struct cm_key *key;             // that must sign the ledger's checkpoints; NULL: by trusts
    struct cm_trust *const *trusts; // directories, any of which may vouch
    size_t trust_count;
    const struct cm_bytes *seen; // checkpoints (notes) of this ledger that others kept
    size_t seen_count;           // to CM_MAX_SEEN_NOTES
    bool last_signature;         // of each epoch alone
    void (*problem)(void *context, const struct cm_problem *problem);
    void *context;
};

// What was looked at, and found good unless a problem says otherwise.
struct cm_verified {
    char origin[CM_MAX_ORIGIN + 1]; // of the first epoch
    struct cm_digest key_hash;
    bool vouched; // false: only the folder's own vkey says whose key this is
    uint64_t epochs, entries, checkpoints, signatures;
    struct cm_checkpoint head;
    uint64_t lost; // entries that witnesses saw and no epoch's log holds, as stated
    uint64_t torn; // bytes of a write that nobody was told of
    uint64_t clear[CM_CLEAR_COUNT]; // entries by what became of their clear values
    uint64_t questions;             // signed questions whose signature was checked
    uint64_t copies;                // manifests and gateways' records, the same
    bool published;                 // the tiles and the checkpoint beside the log were compared
    uint64_t cosigned_size;         // 0: nothing cosigned is kept
    unsigned cosigners;
    unsigned seen;     // of options->seen, those that lie in this ledger
    uint64_t problems; // in all
};

// CM_OK also with problems. Else it could not be verified: error says why.
enum cm_status cm_verify(struct cm_verified *out, struct cm_ledger_folder *folder,
                         const struct cm_verifier_options *options,
                         struct cm_error *error) CM_MUST_CHECK;

#endif

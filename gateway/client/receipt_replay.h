// A receipt judged anew, by the code that judges an answer as it comes in and as of the time that
// the gateway's ledger says: offline, from the file and the federation's root certificate alone.
// One thread.
#ifndef CM_CLIENT_RECEIPT_REPLAY_H
#define CM_CLIENT_RECEIPT_REPLAY_H

#include "gateway/client/book.h"
#include "gateway/client/receipt.h"
#include "proto/ledger/checkpoint.h"
#include "proto/trust/query_check.h"

struct cm_replay_options {
    struct cm_bytes root;          // the federation's, PEM
    const struct cm_trust *newest; // a directory that the checker holds beside, or NULL
    // Each row, in the order asked for; valid during the call. NULL: not wanted.
    void (*row)(void *context, const struct cm_detection *row);
    void *context;
};

// A certificate that something in the receipt rests on.
struct cm_replay_paper {
    const char *whose; // "investigator"
    struct cm_bytes der;
    struct cm_signatory *signatory; // NULL: a CA's, the root's, the directory signer's
    int64_t revoked_ms;             // since then, by the newest directory; 0: not
};

// An asked agency, as far as one of its nodes signed something.
struct cm_replay_party {
    const char *agency;
    const char *signer; // SPIFFE name; "" when nothing came
    size_t headers;
    enum cm_refusal_code refusal;
    const char *refusal_text;
    bool recorded; // record came; the book holds it against what was signed
    struct cm_entry entry;
    struct cm_checkpoint head;
    uint64_t index;
};

enum { CM_MAX_REPLAY_PAPERS = 1024 };

// How far it came: what is NULL or 0 was not reached. All of it lives until clear.
struct cm_replay {
    struct cm_arena *arena;
    struct cm_trust *trust;
    const struct cm_directory *directory;
    int64_t recorded_ms; // as of when all is judged; the gateway's word, under its checkpoint
    struct cm_checked_query checked;
    const struct cm_query *query; // of checked, once it holds
    struct cm_signatory *gateway;
    int64_t saved_ms;
    bool accepted; // the gateway's record holds
    struct cm_entry entry;
    struct cm_checkpoint head;
    uint64_t index;
    struct cm_book *book;
    const struct cm_manifest *manifest; // the answer holds
    size_t party_count;
    struct cm_replay_party *parties; // ascending by agency
    size_t paper_count;
    struct cm_replay_paper papers[CM_MAX_REPLAY_PAPERS];
    bool compared; // with the newest directory
};

// On an error replay says what held until then. To be cleared either way.
enum cm_status cm_replay_run(struct cm_replay *replay, const struct cm_receipt *receipt,
                             const struct cm_replay_options *options,
                             struct cm_error *error) CM_MUST_CHECK;
void cm_replay_clear(struct cm_replay *replay);

#endif

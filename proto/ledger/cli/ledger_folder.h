// A ledger as tools read it: from its first epoch's first entry to the last that a checkpoint
// covers, each entry decoded, each access record opened where its key is at hand. Opens for reading
// alone and changes nothing, no access time either where the system lets it. Memory: one batch of
// entries, and the certificates of two days' signers. Blocking; main thread.
#ifndef CM_LEDGER_CLI_LEDGER_FOLDER_H
#define CM_LEDGER_CLI_LEDGER_FOLDER_H

#include "proto/ledger/access.h"
#include "proto/ledger/log_reader.h"

struct cm_ledger_folder;

enum { CM_MAX_EPOCHS = 64 };

// What became of the clear values beside an entry.
enum cm_audit_clear {
    CM_CLEAR_NONE = 0, // there never were any
    CM_CLEAR_OPEN,
    CM_CLEAR_ERASED,  // the key of its day was destroyed
    CM_CLEAR_NO_KEY,  // nor is the key here, though it was not erased: a copy without keys
    CM_CLEAR_DAMAGED, // it doesn't open, or is not what the entry says: see why
    CM_CLEAR_COUNT,
};

const char *cm_audit_clear_name(enum cm_audit_clear clear); // "erased"

// Borrowed from the folder until its next call.
struct cm_audit_record {
    uint64_t epoch; // 1 for the first; indices begin anew in each
    uint64_t index;
    uint64_t offset; // of its frame in its epoch's log
    struct cm_bytes bytes;
    struct cm_bytes sealed; // the access record as it lies there, or none
    struct cm_digest leaf;
    struct cm_entry entry;
    struct cm_checkpoint checkpoint; // the first that covers it; of the whole batch
    enum cm_audit_clear clear;
    uint32_t day;        // whose key it needs, where there is one
    struct cm_error why; // of NO_KEY, ERASED and DAMAGED
    // Where OPEN:
    struct cm_access access; // with the question's chain, also where it was written elsewhere
    enum cm_family asked;    // QUERY or REACH: the question, decoded; NONE without one
    struct cm_query query;   // its digest is that of the entry (of a query, node, copy, …)
    bool approved;           // approval rides in it and is of this question; verify says whose
    struct cm_approval approval;
    struct cm_error approval_fault; // where one rides in it that is not
    struct cm_entry gateway_entry;  // of a copy, the one in it; kind NONE: not at hand
};

// When its question was asked: a copy may come days later. Of other entries when it was recorded.
int64_t cm_audit_record_asked_ms(const struct cm_audit_record *record);
// About a question that its gateway or node let through: its signatures were judged then.
bool cm_audit_record_taken(const struct cm_audit_record *record);
// About a question that a gateway refused before it looked anything up: its own entry, or a copy.
bool cm_audit_record_refused(const struct cm_audit_record *record);

// What an auditor needs to open a running node's or gateway's ledger.
struct cm_audit_credentials {
    const char *certificate, *key, *passphrase_file; // certificate NULL: none
    const char *command;                             // "show"
    const char *arguments;                           // as given, recorded with it
};

// path: a ledger's folder (with "log" in it), or a data folder (with "ledger" in it). Of a ledger
// that a running daemon writes: CM_UNAVAILABLE without credentials; with them the daemon records
// who reads it and why before it hands anything over. CM_NOT_FOUND: no ledger there.
enum cm_status cm_ledger_folder_open(struct cm_ledger_folder **out, const char *path,
                                     const struct cm_audit_credentials *credentials,
                                     struct cm_error *error) CM_MUST_CHECK;
void cm_ledger_folder_close(struct cm_ledger_folder *folder);

// *out NULL: the end. CM_INVALID says where the log is damaged; nothing after it is read. An access
// record that doesn't open is no error here.
enum cm_status cm_ledger_folder_next(const struct cm_audit_record **out,
                                     struct cm_ledger_folder *folder,
                                     struct cm_error *error) CM_MUST_CHECK;
// The same with the checkpoints between: *out NULL for one, and at an epoch's end.
enum cm_status cm_ledger_folder_step(struct cm_log_item *item, const struct cm_audit_record **out,
                                     struct cm_ledger_folder *folder,
                                     struct cm_error *error) CM_MUST_CHECK;
// After an epoch's end. *more false: it was the last.
enum cm_status cm_ledger_folder_next_epoch(struct cm_ledger_folder *folder, bool *more,
                                           struct cm_error *error) CM_MUST_CHECK;
// From the beginning once more.
enum cm_status cm_ledger_folder_rewind(struct cm_ledger_folder *folder,
                                       struct cm_error *error) CM_MUST_CHECK;

// The ledger's own folder, and the path as messages name it.
const char *cm_ledger_folder_path(const struct cm_ledger_folder *folder);
// Of the epoch that is read, up to the checkpoint that covers what was given last.
const struct cm_log_state *cm_ledger_folder_state(const struct cm_ledger_folder *folder);
// Epochs there are; 1 for most.
uint64_t cm_ledger_folder_epochs(const struct cm_ledger_folder *folder);
// The one that is read.
uint64_t cm_ledger_folder_epoch(const struct cm_ledger_folder *folder);
// True: handed over by a running daemon.
bool cm_ledger_folder_is_live(const struct cm_ledger_folder *folder);
// The log of the epoch that is read, O_RDONLY. Borrowed.
int cm_ledger_folder_log(const struct cm_ledger_folder *folder);
struct cm_day_keys *cm_ledger_folder_keys(const struct cm_ledger_folder *folder);

#endif

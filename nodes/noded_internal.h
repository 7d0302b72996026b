// The daemon's inside, shared by noded.c (running), noded_open.c (start and end), noded_gateways.c
// (sessions and the directory), noded_rules.c (what counts), noded_journal.c (what operators say),
// noded_records.c (what it records of itself), noded_audit.c (auditors) and noded_status.c (what it
// tells operators).
#ifndef CM_NODES_NODED_INTERNAL_H
#define CM_NODES_NODED_INTERNAL_H

#include "acl/bundle/bundle.h"
#include "nodes/attach.h"
#include "nodes/control.h"
#include "nodes/control_audit.h"
#include "nodes/edits.h"
#include "nodes/folders.h"
#include "nodes/journal.h"
#include "nodes/node_query.h"
#include "nodes/noded.h"
#include "nodes/orders_watch.h"
#include "nodes/own_entry.h"
#include "nodes/retention.h"
#include "nodes/rules_watch.h"
#include "proto/base/clock_watch.h"
#include "proto/ledger/key_duty.h"
#include "proto/ledger/witnessed.h"

#include <signal.h>

enum { CM_MAX_GATEWAYS = 64, CM_MAX_NOTES = 64, CM_TICK_MS = 250 };

// An entry of the node's own about itself, on its way into the ledger.
struct cm_noded_note {
    struct cm_noded *noded;
    struct cm_own_entry own;
    enum cm_entry_kind kind;
    struct cm_digest line;
    uint64_t line_end;
    uint32_t erase_before;
    void (*durable)(struct cm_noded *noded, enum cm_status status);
};

// What is to be recorded, and what then follows.
struct cm_noded_said {
    const struct cm_entry *entry;   // recorded_ms and what is NULL are filled in
    const struct cm_access *access; // without a question; NULL: none
    struct cm_digest line;          // of the operators' journal, which ends here; 0: another note
    uint64_t line_end;
    uint32_t erase_before; // access records that are then to be erased; 0: none
    void (*durable)(struct cm_noded *noded, enum cm_status status); // NULL: nothing
};

// The administrator's rule file being judged on a worker.
struct cm_noded_edits {
    struct cm_job job;
    bool busy, due;   // due: once more when that is done
    int64_t since_ms; // monotonic: when the change was noticed
    struct cm_edits_source source;
    struct cm_trust *trust; // source's directory
    struct cm_buf withheld;
    struct cm_digest files; // source's
    struct cm_edits found;
};

struct cm_noded {
    const struct cm_noded_config *config;
    struct cm_node node;
    struct cm_node_ports ports;
    struct cm_loop *loop;
    struct cm_workers *workers;
    struct cm_witnessed witnessed; // what gateways say of the ledger
    struct cm_ledger *ledger;
    struct cm_directory_store *directories;
    char heads[PATH_MAX]; // folder
    uint8_t instance[CM_INSTANCE_SIZE];
    struct cm_attach *attaches[CM_MAX_GATEWAYS];
    size_t attach_count;
    char rules_folder[PATH_MAX];
    struct cm_rules_file rules; // the signed set
    char rules_path[4096 + 2 * CM_MAX_ID];
    struct cm_folders *folders;
    struct cm_control *control;
    char ledger_folder[4096];
    struct cm_control_audit audit;
    struct cm_denials auditors_denied;
    struct cm_noded_edits edits;
    // How the rule file was judged last, and by what.
    struct cm_edits judged;
    struct cm_digest judged_over; // the set then; zero for none
    uint64_t judged_by;           // the directory then; 0: never
    bool overlay_shrank;          // the last one signed
    struct cm_error rules_error;  // why the last narrowing doesn't count; "" for none
    struct cm_error sharing_error;
    uint64_t journal_read;                 // how far it is in the ledger
    bool line_under_way;                   // the next one is on its way there
    struct cm_journal_place journal_place; // at start: how far its file says
    uint64_t lines_after;                  // at start: so many more are in the ledger
    uint32_t erase_before; // at start: what operators had erased, days since 1970; 0: nothing
    struct cm_key_duty key_duty;
    int64_t forget_before_ms; // lines of the journal; 0: none
    struct cm_clock_watch clock_watch;
    // What the ledger says last.
    int64_t newest_ms;
    struct cm_digest recorded_rules;
    uint64_t recorded_directory;
    bool detached; // operators want no gateway dialled
    struct stat directory_file;
    struct cm_job count_job; // of rows, for a status
    uint64_t rows;
    enum cm_status rows_status;
    struct cm_orders_watch orders;
    struct cm_retention retention;
    struct cm_arena *restore_arena;
    unsigned notes; // on their way into the ledger
    bool meet_due;  // a gateway that is wanted again is still being left
    // a directory being verified
    bool accepting, reread_due; // our own file is to be read once that is done
    struct cm_attach *sender;   // whose session waits for it; NULL: our own file
    struct cm_buf incoming;
    struct cm_job accept_job;
    enum cm_status accept_status;
    struct cm_error accept_error;
    bool accept_changed;
    // time
    struct cm_timer tick;
    int64_t judge_at_ms, sweep_at_ms, end_at_ms; // monotonic
    bool closing, shown, left, stop_noted, finished;
    volatile sig_atomic_t hangup, terminate; // terminate: the signal
};

// Once there is room; logged when it can't be.
enum cm_status cm_noded_note_with(struct cm_noded *noded,
                                  const struct cm_noded_said *said) CM_MUST_CHECK;
void cm_noded_note(struct cm_noded *noded, const struct cm_entry *entry,
                   const struct cm_access *access);
// With what an administrator signed, and the signer's name.
void cm_noded_note_signed(struct cm_noded *noded, const struct cm_entry *entry,
                          struct cm_bytes envelope, int64_t signed_ms);
void cm_noded_note_start(struct cm_noded *noded);
void cm_noded_note_directory(struct cm_noded *noded);
void cm_noded_note_stop(struct cm_noded *noded);
// What got no entry of its own is at least counted. Monotonic; INT64_MAX: at once.
void cm_noded_note_rejected(struct cm_noded *noded, int64_t mono_ms);
void cm_noded_log_left_out(struct cm_attach *attach, int64_t mono_ms);
void cm_noded_look_at_clock(struct cm_noded *noded);
void cm_noded_look_at_keys(struct cm_noded *noded);
// folder: the ledger's.
enum cm_status cm_noded_open_keys(struct cm_noded *noded, const char *folder,
                                  struct cm_error *error) CM_MUST_CHECK;
// An auditor's request, judged: recorded. The rest of it on the control socket's thread.
void cm_noded_audited(struct cm_noded *noded);
void cm_noded_open_audit(struct cm_noded *noded, const char *folder);
void cm_noded_serve_auditor(void *noded, struct cm_control *control, int socket);
// The next of operators' lines that isn't recorded yet.
void cm_noded_read_journal(struct cm_noded *noded);
void cm_noded_line_landed(struct cm_noded *noded, const struct cm_noded_note *note,
                          enum cm_status status);
// At start: before the ledger is replayed; for each of its entries; after that.
void cm_noded_open_journal(struct cm_noded *noded);
void cm_noded_recall_line(struct cm_noded *noded, uint64_t index, const struct cm_entry *entry);
void cm_noded_find_line(struct cm_noded *noded);
enum cm_status cm_noded_submit(void *noded, struct cm_job *job) CM_MUST_CHECK;
void cm_noded_swept(void *noded, uint64_t rows, int64_t before_ms);
void cm_noded_tick(struct cm_timer *timer);
// The standing changed: recorded, sent up, and what it no longer permits is withdrawn.
void cm_noded_rules_changed(struct cm_noded *noded);

// Looks at all files from which rules come, and at what operators said. since_ms: monotonic, when
// something was noticed.
void cm_noded_look(struct cm_noded *noded, int64_t since_ms);
// The same at the start, before anything is asked: blocks. Nothing is sent yet.
void cm_noded_look_first(struct cm_noded *noded);
// What a file said is judged by another directory or set.
void cm_noded_judge_edits(struct cm_noded *noded, int64_t since_ms);
enum cm_status cm_noded_watch(struct cm_noded *noded, struct cm_error *error) CM_MUST_CHECK;
// The callback of noded->control.
void cm_noded_asked(void *noded, const char *word);

// Sessions with exactly the gateways of the directory, or of the configuration. What is wrong with
// one is logged and keeps no other from being met; the first such error is returned.
enum cm_status cm_noded_meet_gateways(struct cm_noded *noded, struct cm_error *error);
void cm_noded_read_directory(struct cm_noded *noded);
// What had to wait for another directory, or for a worker.
void cm_noded_read_what_waits(struct cm_noded *noded);

#endif

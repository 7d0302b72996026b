// What operators told the node from outside, who and why, line by line: clear in a file of its own
// beside the signed rules, committed to in the node's ledger. Blocking; any thread.
#ifndef CM_NODES_JOURNAL_H
#define CM_NODES_JOURNAL_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

#define CM_JOURNAL_FILE "journal"

enum { CM_MAX_JOURNAL_LINE = 4096 };

// Appends a line for the node to record: what was done, in words without a name or reason; by whom
// and why; and the blind of its commitment.
enum cm_status cm_journal_add(const char *rules_folder, const char *what, const char *by,
                              const char *reason, int64_t now_ms,
                              struct cm_error *error) CM_MUST_CHECK;
struct cm_journal_line {
    int64_t at_ms;
    char what[256];
    char by[64];
    char reason[1024];
    struct cm_digest commitment; // of the whole line
    struct cm_digest digest;     // of its bytes, also where it is none
};
// The line at *offset, which moves past it. CM_NOT_FOUND at the end or at half a line; a line that
// isn't one is passed over with "" for what.
enum cm_status cm_journal_next(struct cm_journal_line *out, const char *rules_folder,
                               uint64_t *offset, struct cm_error *error) CM_MUST_CHECK;
// Where that line ends, by its digest. CM_NOT_FOUND: it isn't there.
enum cm_status cm_journal_find(uint64_t *end, const char *rules_folder,
                               const struct cm_digest *line, struct cm_error *error) CM_MUST_CHECK;

// How far the node recorded it: the last line, and how many entries its ledger had with it.
struct cm_journal_place {
    struct cm_digest line;
    uint64_t entries;
};
// CM_NOT_FOUND: none yet.
enum cm_status cm_journal_recorded(struct cm_journal_place *out, const char *rules_folder,
                                   struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_journal_set_recorded(const char *rules_folder,
                                       const struct cm_journal_place *place,
                                       struct cm_error *error) CM_MUST_CHECK;

// The lines up to the last one said before before_ms go for good, once all are recorded, that is
// up to *recorded, which moves along. CM_UNAVAILABLE: not now, somebody is writing or a line is not
// recorded yet.
enum cm_status cm_journal_forget(uint64_t *recorded, const char *rules_folder, int64_t before_ms,
                                 struct cm_error *error) CM_MUST_CHECK;

#endif

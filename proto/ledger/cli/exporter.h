// A copy of a ledger as of its last checkpoint, in a folder of its own. Tiles are left out: the log
// is what they are made from. Main thread.
#ifndef CM_LEDGER_CLI_EXPORTER_H
#define CM_LEDGER_CLI_EXPORTER_H

#include "proto/ledger/cli/ledger_folder.h"

struct cm_exporter_options {
    const char *to;  // is made, or empty
    bool with_keys;  // those of access records: then the copy shows clear values
    bool with_lines; // entries.jsonl: each entry with its clear values, an object a line
};

// Its files are durable when it returns CM_OK. CM_INVALID: `to` is not empty, or the log changed
// meanwhile.
enum cm_status cm_export(struct cm_ledger_folder *folder, const struct cm_exporter_options *options,
                         struct cm_error *error) CM_MUST_CHECK;

#endif

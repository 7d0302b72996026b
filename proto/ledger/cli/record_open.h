// Opens what lies encrypted beside an entry and holds it against the entry. Private to the folder
// reader and its tests. Pure; one thread.
#ifndef CM_LEDGER_CLI_RECORD_OPEN_H
#define CM_LEDGER_CLI_RECORD_OPEN_H

#include "proto/ledger/cli/chain_memory.h"
#include "proto/ledger/cli/ledger_folder.h"

// record: with its entry decoded. Sets clear and what follows it.
void cm_audit_record_open(struct cm_audit_record *record, struct cm_arena *arena,
                          struct cm_day_keys *keys, struct cm_chain_memory *chains);

#endif

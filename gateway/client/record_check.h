// Whether a gateway proves that it recorded a question: its entry, the entry's place in its tree,
// the signed tree head. Pure; any thread.
#ifndef CM_CLIENT_RECORD_CHECK_H
#define CM_CLIENT_RECORD_CHECK_H

#include "proto/codec/entry.h"
#include "proto/trust/trust.h"

// kind: CM_ENTRY_QUERY or CM_ENTRY_REACH; digest: of the question's payload; serial: of the
// directory that the gateway says it judged by. out borrows from arena and the record.
enum cm_status cm_record_check(struct cm_entry *out, const struct cm_record *record,
                               struct cm_arena *arena, const struct cm_signatory *gateway,
                               enum cm_entry_kind kind, const struct cm_digest *digest,
                               uint64_t serial, struct cm_error *error) CM_MUST_CHECK;

#endif

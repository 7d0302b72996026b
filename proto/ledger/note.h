// C2SP signed-note: a text, a blank line, signature lines "— name base64(keyid[4] ‖ sig)".
// ECDSA P-256 (type 0x02) alone. Pure; any thread.
#ifndef CM_LEDGER_NOTE_H
#define CM_LEDGER_NOTE_H

#include "proto/envelope/dsse.h"

enum { CM_MAX_NOTE_SIGNATURES = 16 };

// text ends with a newline; name holds neither space nor '+'.
enum cm_status cm_note_sign(struct cm_buf *note, struct cm_bytes text, const char *name,
                            const struct cm_signer *signer) CM_MUST_CHECK;
// *text borrows from note. CM_INVALID for form; CM_UNAUTHENTICATED unless name signed with key.
// Lines of other names and keys are ignored.
enum cm_status cm_note_open(struct cm_bytes *text, struct cm_bytes note, const char *name,
                            const struct cm_key *key, struct cm_error *error) CM_MUST_CHECK;

#endif

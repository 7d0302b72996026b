// C2SP signed-note: a text, a blank line, signature lines "— name base64(keyid[4] ‖ sig)".
// ECDSA P-256 (type 0x02) alone. Pure; any thread.
#ifndef CM_LEDGER_NOTE_H
#define CM_LEDGER_NOTE_H

#include "proto/envelope/dsse.h"

enum { CM_MAX_NOTE_SIGNATURES = 16, CM_NOTE_KEYID_SIZE = 4 };

// Whether it is a key's name: UTF-8, not empty, without white space and '+'.
bool cm_note_name_fits(struct cm_bytes name);
// text ends with a newline; name fits.
enum cm_status cm_note_sign(struct cm_buf *note, struct cm_bytes text, const char *name,
                            const struct cm_signer *signer) CM_MUST_CHECK;
// *text borrows from note. CM_INVALID for form; CM_UNAUTHENTICATED unless name signed with key.
// Lines of other names and keys are ignored.
enum cm_status cm_note_open(struct cm_bytes *text, struct cm_bytes note, const char *name,
                            const struct cm_key *key, struct cm_error *error) CM_MUST_CHECK;

// A signature line, whoever's: "— name value\n".
struct cm_note_line {
    struct cm_bytes name;
    struct cm_bytes value; // base64
};

// text and signature lines of a note, both borrowed from it. CM_INVALID: it is none.
enum cm_status cm_note_split(struct cm_bytes *text, struct cm_bytes *lines,
                             struct cm_bytes note) CM_MUST_CHECK;
// Cuts the first line off *lines; false when it is malformed or there is none.
bool cm_note_next(struct cm_note_line *out, struct cm_bytes *lines);
// Appends a line.
enum cm_status cm_note_line(struct cm_buf *out, const char *name,
                            struct cm_bytes value) CM_MUST_CHECK;

#endif

// C2SP signed-note verifier keys: "name+hash+base64(type ‖ key)", ECDSA P-256 (type 0x02) alone.
// Pure; any thread.
#ifndef CM_LEDGER_VKEY_H
#define CM_LEDGER_VKEY_H

#include "proto/base/error.h"
#include "proto/envelope/key.h"

enum { CM_MAX_VKEY = 1024 };

// spki: DER of the SubjectPublicKeyInfo. A newline follows.
enum cm_status cm_vkey_format(struct cm_buf *out, const char *name,
                              struct cm_bytes spki) CM_MUST_CHECK;
// With or without a newline at its end. name holds CM_MAX_VKEY bytes; *out is the caller's.
// CM_INVALID when it is none of P-256 or its hash isn't the key's.
enum cm_status cm_vkey_parse(char *name, struct cm_key **out, struct cm_bytes vkey,
                             struct cm_error *error) CM_MUST_CHECK;

#endif

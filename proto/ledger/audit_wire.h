// How `comity audit` gets a running daemon's ledger through its control socket. The client sends
// the word "audit\n"; then each message is u32le length ‖ bytes:
//   daemon  challenge 32 ‖ origin
//   client  an encoded Envelope of family audit over that challenge and origin
//   daemon  cm_audit_verdict; with OK, file descriptors travel with its first byte: the log,
//   O_RDONLY
// Blocking, as the socket's time limits have it; any thread.
#ifndef CM_LEDGER_AUDIT_WIRE_H
#define CM_LEDGER_AUDIT_WIRE_H

#include "proto/base/arena.h"
#include "proto/codec/bounds.h"
#include "proto/ledger/checkpoint.h"
#include "proto/ledger/day_keys.h"

#define CM_AUDIT_WORD "audit"

enum {
    CM_MAX_AUDIT_FDS = 16,
    CM_MAX_AUDIT_HELLO = CM_TOKEN_SIZE + CM_MAX_ORIGIN,
    CM_MAX_AUDIT_TEXT = 1024,
    // status ‖ u32be erased before ‖ (u32be day ‖ key)*
    CM_MAX_AUDIT_VERDICT = 1 + 4 + CM_DAY_KEY_MAX * (4 + CM_DAY_KEY_SIZE),
};

// One message. fds (count to CM_MAX_AUDIT_FDS; they stay the caller's) go with its first byte.
enum cm_status cm_audit_send(int socket, struct cm_bytes message, const int *fds, size_t count,
                             struct cm_error *error) CM_MUST_CHECK;
// One message of at most max bytes, appended to out. Descriptors that came with it are the
// caller's, close-on-exec; with fds NULL they are closed. CM_UNAVAILABLE: the other end hung up or
// took too long.
enum cm_status cm_audit_receive(struct cm_buf *out, int socket, size_t max,
                                int fds[CM_MAX_AUDIT_FDS], size_t *count,
                                struct cm_error *error) CM_MUST_CHECK;

enum cm_status cm_audit_hello_encode(struct cm_buf *out, const uint8_t challenge[CM_TOKEN_SIZE],
                                     const char *origin) CM_MUST_CHECK;
enum cm_status cm_audit_hello_decode(uint8_t challenge[CM_TOKEN_SIZE],
                                     char origin[CM_MAX_ORIGIN + 1], struct cm_bytes message,
                                     struct cm_error *error) CM_MUST_CHECK;

// The keys that the auditor needs; wipe out when it was sent.
enum cm_status cm_audit_verdict_ok(struct cm_buf *out, struct cm_day_keys *keys) CM_MUST_CHECK;
// status is not CM_OK; error: what to tell the auditor.
enum cm_status cm_audit_verdict_refuse(struct cm_buf *out, enum cm_status status,
                                       const struct cm_error *error) CM_MUST_CHECK;
// CM_OK with the keys, the caller's; else the daemon's status and text in error.
enum cm_status cm_audit_verdict_decode(struct cm_day_keys **keys, struct cm_bytes message,
                                       struct cm_error *error) CM_MUST_CHECK;

#endif

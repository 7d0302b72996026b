// One call, either side: messages both ways under flow control, then a status. Unary is a stream of
// one message. Loop thread.
#ifndef CM_RPC_STREAM_H
#define CM_RPC_STREAM_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

struct cm_stream;

// Who called, from TLS alone: certificates in DER, leaf first, without the root. Borrowed from the
// stream. Server side; a client has judged its gateway in the channel.
struct cm_peer {
    size_t count;
    struct cm_bytes chain[3];
};

// Each may be NULL but on_closed. The stream is freed after on_closed returns.
struct cm_stream_handlers {
    // One message, after cm_stream_read; message is valid during the call.
    void (*on_message)(void *owner, struct cm_bytes message);
    // The peer sends no more. On a server it half-closed in good order; on a client the status
    // says.
    void (*on_end)(void *owner);
    // The last write was taken; the next may be given.
    void (*on_writable)(void *owner);
    // Once, last; a client hears it once it has read all messages. Client: the server's status and
    // its comity-error-bin. Server: CM_OK after finish, else CM_CANCELLED.
    void (*on_closed)(void *owner, enum cm_status status, const struct cm_error *error);
};

// Server side, in on_open; before it nothing is delivered.
void cm_stream_accept(struct cm_stream *stream, const struct cm_stream_handlers *handlers,
                      void *owner);
// Asks for one more message. At most one read is outstanding.
void cm_stream_read(struct cm_stream *stream);
bool cm_stream_writable(const struct cm_stream *stream);
// Copies message. CM_EXHAUSTED unless writable; CM_CANCELLED after the call ended.
enum cm_status cm_stream_write(struct cm_stream *stream, struct cm_bytes message) CM_MUST_CHECK;
// Server: sends status (and error in the trailer) after what was written. Client: half-closes.
void cm_stream_finish(struct cm_stream *stream, enum cm_status status,
                      const struct cm_error *error);
// on_closed follows, later.
void cm_stream_cancel(struct cm_stream *stream);
const struct cm_peer *cm_stream_peer(const struct cm_stream *stream);
// Milliseconds until the caller's deadline; INT64_MAX without one.
int64_t cm_stream_remaining_ms(const struct cm_stream *stream);

#endif

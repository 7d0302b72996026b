// A Unix socket in the node's data folder through which `comity node` asks the running node: one
// word, one answer. Only the node's own user and root are heard, one caller at a time, each for
// half a minute at most. A thread of its own; the answer is made on the loop thread.
#ifndef CM_NODES_CONTROL_H
#define CM_NODES_CONTROL_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include "proto/base/task.h"

#define CM_CONTROL_SOCKET "control"

enum { CM_CONTROL_WORD = 32, CM_MAX_CONTROL = 1024 * 1024 };

struct cm_control;

struct cm_control_options {
    const char *folder;
    struct cm_poster *poster;
    // cm_control_answer must follow, now or later. Loop thread.
    void (*asked)(void *context, const char *word);
    // Whoever says "audit": the rest of the conversation. The socket's thread. NULL: as any word.
    void (*auditor)(void *context, struct cm_control *control, int socket);
    void *context;
};

enum cm_status cm_control_open(struct cm_control **out, const struct cm_control_options *options,
                               struct cm_error *error) CM_MUST_CHECK;
// Loop thread. Nobody waits any more: nothing happens.
void cm_control_answer(struct cm_control *control, struct cm_bytes answer);
// From auditor: word and payload to the loop, as if a caller had said so, and what it answers;
// nothing when that doesn't come in time.
struct cm_bytes cm_control_call(struct cm_control *control, const char *word,
                                struct cm_bytes payload);
// What came with the word that is being answered. Loop thread.
struct cm_bytes cm_control_payload(const struct cm_control *control);
// Often: who takes too long in all is hung up on.
void cm_control_look(struct cm_control *control, int64_t mono_ms);
// Nobody is heard any more, who was is hung up on; what is posted already must run before
// cm_control_free. Loop thread.
void cm_control_stop(struct cm_control *control);
void cm_control_free(struct cm_control *control);

// From another process: asks the node of that data folder. CM_UNAVAILABLE: none runs there.
enum cm_status cm_control_ask(struct cm_buf *answer, const char *folder, const char *word,
                              struct cm_error *error) CM_MUST_CHECK;

#endif

// One call to one gateway: connects, makes sure who it is, sends the signed question, follows the
// answer to its manifest. Runs the loop until the call has ended. Main thread.
#ifndef CM_CLIENT_CALL_H
#define CM_CLIENT_CALL_H

#include "gateway/client/asking.h"
#include "gateway/client/book.h"
#include "gateway/client/seen.h"
#include "gateway/client/transcript.h"
#include "proto/rpc/channel.h"

#include <signal.h>

struct cm_call_options {
    struct cm_loop *loop;
    const struct cm_settings *settings;
    const struct cm_asking *asking;
    const char *gateway; // its name in the directory
    struct cm_printer *printer;
    struct cm_seen *seen;
    struct cm_answers *answers;               // where to keep the answer, or NULL
    FILE *terminal;                           // for progress, or NULL
    const volatile sig_atomic_t *interrupted; // set by a handler that also stops the loop
};

struct cm_call_result {
    struct cm_book *book; // for its manifest; NULL for a reach, or when nothing was accepted
    bool accepted;        // the gateway took the query
    bool dishonest;       // error is about what the answer claims, not about the call
    struct cm_buf reach;  // the response, verified
    struct cm_error error;
    struct cm_kept kept;        // its id, "" when it was not
    enum cm_status kept_status; // why not
    struct cm_error kept_error;
};

// CM_OK: a verified manifest (or reach) is there. CM_CANCELLED: interrupted.
enum cm_status cm_call_lookup(struct cm_call_result *result,
                              const struct cm_call_options *options) CM_MUST_CHECK;
enum cm_status cm_call_reach(struct cm_call_result *result,
                             const struct cm_call_options *options) CM_MUST_CHECK;
void cm_call_result_clear(struct cm_call_result *result);

#endif

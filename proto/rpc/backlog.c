#include "proto/rpc/backlog.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    MAX_WAITING = 256, // twice the streams of a connection
    SLOTS = 4096,      // connections that fall on one slot share its bound
};

struct cm_backlog {
    atomic_uint waiting[SLOTS];
};

struct cm_backlog *cm_backlog_new(void)
{
    return calloc(1, sizeof(struct cm_backlog));
}

void cm_backlog_free(struct cm_backlog *backlog)
{
    free(backlog);
}

// A connection has one context for all its calls.
static atomic_uint *slot_of(struct cm_backlog *backlog, const grpc_auth_context *context)
{
    uint64_t hash = (uint64_t)(uintptr_t)context * 0x9e3779b97f4a7c15U;
    return &backlog->waiting[hash >> 52];
}

static void enter(void *state, grpc_auth_context *context, const grpc_metadata *metadata,
                  size_t metadata_count, grpc_process_auth_metadata_done_cb done,
                  void *done_context)
{
    atomic_uint *waiting = slot_of(state, context);
    (void)metadata;
    (void)metadata_count;
    if (atomic_load(waiting) >= MAX_WAITING) {
        done(done_context, NULL, 0, NULL, 0, GRPC_STATUS_RESOURCE_EXHAUSTED,
             "too many calls at once");
        return;
    }
    atomic_fetch_add(waiting, 1);
    done(done_context, NULL, 0, NULL, 0, GRPC_STATUS_OK, NULL);
}

void cm_backlog_guard(struct cm_backlog *backlog, grpc_server_credentials *credentials)
{
    grpc_auth_metadata_processor processor = {enter, NULL, backlog};
    grpc_server_credentials_set_auth_metadata_processor(credentials, processor);
}

void cm_backlog_taken(struct cm_backlog *backlog, grpc_call *call)
{
    grpc_auth_context *context = grpc_call_auth_context(call);
    atomic_uint *waiting = slot_of(backlog, context);
    unsigned seen = atomic_load(waiting);
    // After a reset it may be zero already.
    bool taken = false;
    while (seen && !taken) {
        taken = atomic_compare_exchange_weak(waiting, &seen, seen - 1);
    }
    grpc_auth_context_release(context);
}

void cm_backlog_reset(struct cm_backlog *backlog)
{
    for (size_t i = 0; i < SLOTS; i++) {
        atomic_store_explicit(&backlog->waiting[i], 0, memory_order_relaxed);
    }
}

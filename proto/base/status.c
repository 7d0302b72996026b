#include "proto/base/status.h"

#include <stddef.h>

static const struct {
    const char *name;
    int grpc; // grpc_status_code
} table[] = {
    [CM_OK] = {"ok", 0},
    [CM_INVALID] = {"invalid", 3},
    [CM_UNAUTHENTICATED] = {"unauthenticated", 16},
    [CM_FORBIDDEN] = {"forbidden", 7},
    [CM_STALE] = {"stale", 9},
    [CM_NOT_SERVED] = {"not served", 12},
    [CM_REPLAYED] = {"replayed", 6},
    [CM_EXHAUSTED] = {"exhausted", 8},
    [CM_UNAVAILABLE] = {"unavailable", 14},
    [CM_NOT_FOUND] = {"not found", 5},
    [CM_IO] = {"input or output failed", 14},
    [CM_MEMORY] = {"too large", 8},
    [CM_INTERNAL] = {"internal", 13},
    [CM_CANCELLED] = {"cancelled", 1},
    [CM_LATE] = {"late", 4},
};

enum { STATUS_COUNT = sizeof table / sizeof table[0] };

const char *cm_status_name(enum cm_status status)
{
    return (unsigned)status < STATUS_COUNT ? table[status].name : "unknown";
}

int cm_status_to_grpc(enum cm_status status)
{
    return (unsigned)status < STATUS_COUNT ? table[status].grpc : 13;
}

enum cm_status cm_status_from_grpc(int code)
{
    // The first status of a code is the public one: CM_IO and CM_MEMORY are never what a peer
    // meant.
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        if (table[i].grpc == code) {
            return (enum cm_status)i;
        }
    }
    return CM_UNAVAILABLE;
}

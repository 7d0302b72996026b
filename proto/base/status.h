// What a check or a call can come to, and the gRPC status each answers with (WIRE.md, "Checks").
// Pure; any thread.
#ifndef CM_BASE_STATUS_H
#define CM_BASE_STATUS_H

#define CM_MUST_CHECK          __attribute__((warn_unused_result))
#define CM_PRINTF(text, first) __attribute__((format(printf, text, first)))

enum cm_status {
    CM_OK = 0,
    CM_INVALID,         // sizes, form, a field
    CM_UNAUTHENTICATED, // chain, CRL, signature
    CM_FORBIDDEN,       // role, TLS identity
    CM_STALE,           // freshness, federation, gateway, directory serial
    CM_NOT_SERVED,      // action or version
    CM_REPLAYED,        // query id seen before
    CM_EXHAUSTED,       // shares, quotas, overload; carries retry_after_ms
    CM_UNAVAILABLE,     // ledger latched, disk full, draining, store down
    CM_NOT_FOUND,       // a file or record that isn't there
    CM_IO,              // the operating system or a database said no
    CM_MEMORY,          // an arena's or a message's cap
    CM_INTERNAL,        // a broken promise inside this program
    CM_CANCELLED,       // the caller went away
    CM_LATE,            // a deadline passed
};

// Lower-case word for people and logs, never NULL.
const char *cm_status_name(enum cm_status status);

// grpc_status_code of the public table; CM_OK is 0.
int cm_status_to_grpc(enum cm_status status);

// The inverse for what a peer answered; codes outside the table are CM_UNAVAILABLE.
enum cm_status cm_status_from_grpc(int code);

#endif

// The daemon's end of proto/ledger/audit_wire.h: an auditor who wants the ledger of a running node
// is given a challenge; what is signed over it is judged, recorded, and only then the log and the
// day keys are handed over. On the control socket's thread.
#ifndef CM_NODES_CONTROL_AUDIT_H
#define CM_NODES_CONTROL_AUDIT_H

#include "proto/ledger/audit_wire.h"
#include "proto/trust/directory_store.h"

struct cm_control_audit {
    struct cm_directory_store *directories; // all borrowed
    const char *agency;                     // whose auditors
    const char *folder;                     // the ledger's
    char origin[CM_MAX_ORIGIN + 1];         // the ledger's
    struct cm_day_keys *keys;
    // Makes it durable that this was asked and judged so; envelope is empty unless somebody's
    // signature stands behind it. Blocks.
    enum cm_status (*record)(void *context, enum cm_status verdict, struct cm_bytes envelope);
    void *context;
};

// One caller, to the end.
void cm_control_audit_serve(const struct cm_control_audit *audit, int socket);

// Whether the signed request is one of our own auditors', over this challenge and now. Pure.
// *genuine: somebody's signature stands behind it.
enum cm_status cm_control_audit_judge(bool *genuine, const struct cm_control_audit *audit,
                                      const uint8_t challenge[CM_TOKEN_SIZE],
                                      struct cm_bytes envelope, int64_t since_ms, int64_t now_ms,
                                      struct cm_error *error) CM_MUST_CHECK;

#endif

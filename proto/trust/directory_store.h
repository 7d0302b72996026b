// Owns the newest directory that was accepted: a folder with its bundle and the CRL numbers seen
// before it; serial and CRLs are never rolled back, also across restarts and between processes.
// Hands out snapshots. open and accept block on fsync: a worker or start-up, accept one at a time.
// The rest: any thread.
#ifndef CM_TRUST_DIRECTORY_STORE_H
#define CM_TRUST_DIRECTORY_STORE_H

#include "proto/trust/directory_parts.h"
#include "proto/trust/trust.h"

struct cm_directory_store;

// folder: exists, writable by this user only. root: the federation root certificate, PEM. Loads
// what was accepted before; an empty folder is fine (the first bundle accepted is the enrolment).
// A damaged bundle is CM_INVALID: the folder is never begun again by itself.
enum cm_status cm_directory_store_open(struct cm_directory_store **out, const char *folder,
                                       struct cm_bytes root, int64_t now_ms,
                                       struct cm_error *error) CM_MUST_CHECK;
void cm_directory_store_free(struct cm_directory_store *store);

// The newest snapshot, with a reference for the caller; NULL when there is none or it expired
// before now_ms.
struct cm_trust *cm_directory_store_snapshot(struct cm_directory_store *store, int64_t now_ms);
// The newest snapshot, expired or not: for finding a gateway that has a newer one, and nothing
// else. NULL when there is none, or its signer is no longer believed.
struct cm_trust *cm_directory_store_newest(struct cm_directory_store *store);
// The newest serial ever accepted; 0 for none.
uint64_t cm_directory_store_serial(struct cm_directory_store *store);

// Verifies, makes durable, then publishes. *changed (may be NULL) tells a newer one from the one
// held already, which is CM_OK. A lower serial, another digest for the same serial or a `previous`
// that doesn't follow is CM_STALE and nothing changes.
enum cm_status cm_directory_store_accept(struct cm_directory_store *store, bool *changed,
                                         struct cm_bytes bundle, int64_t now_ms,
                                         struct cm_error *error) CM_MUST_CHECK;

#endif

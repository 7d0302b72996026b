// Owns the newest directory that was accepted: a folder with the bundle and the highest serial and
// CRL numbers seen, never rolled back, also across restarts. Hands out snapshots.
// accept blocks on fsync: a worker or start-up, one at a time. snapshot: any thread.
#ifndef CM_TRUST_DIRECTORY_STORE_H
#define CM_TRUST_DIRECTORY_STORE_H

#include "proto/codec/gateway.h"
#include "proto/trust/trust.h"

struct cm_directory_store;

// folder: exists, writable by this user only. root: the federation root certificate, PEM. Loads
// what was accepted before; an empty folder is fine (the first bundle accepted is the enrolment).
// A damaged folder is CM_INVALID: never begun again by itself.
enum cm_status cm_directory_store_open(struct cm_directory_store **out, const char *folder,
                                       struct cm_bytes root, int64_t now_ms,
                                       struct cm_error *error) CM_MUST_CHECK;
void cm_directory_store_free(struct cm_directory_store *store);

// The newest snapshot, with a reference for the caller; NULL when there is none or it expired
// before now_ms.
struct cm_trust *cm_directory_store_snapshot(struct cm_directory_store *store, int64_t now_ms);
// The newest serial ever accepted (also of an expired directory); 0 for none.
uint64_t cm_directory_store_serial(struct cm_directory_store *store);

// Verifies, makes durable, then publishes. *changed (may be NULL) tells a newer one from the one
// held already, which is CM_OK. A lower serial, another digest for the same serial, or an older
// CRL is CM_STALE and nothing changes.
enum cm_status cm_directory_store_accept(struct cm_directory_store *store, bool *changed,
                                         struct cm_bytes bundle, int64_t now_ms,
                                         struct cm_error *error) CM_MUST_CHECK;

// The parts that a bundle travels in, each of at most CM_DIRECTORY_PART bytes.
uint32_t cm_directory_part_count(struct cm_bytes bundle);
// index below the count; data borrows from bundle.
struct cm_directory_part cm_directory_part_at(struct cm_bytes bundle, uint64_t serial,
                                              uint32_t index);

// Joins parts again: one peer, one bundle at a time, in order, at most CM_MAX_DIRECTORY bytes.
// Zeroed is empty.
struct cm_directory_parts {
    uint64_t serial;
    uint32_t next;
    uint32_t count;
    struct cm_buf data;
};
// *whole: data holds a bundle; take it, then clear. Part 0 begins anew. CM_INVALID: out of order,
// oversized, or another serial; the parts are then empty.
enum cm_status cm_directory_parts_add(struct cm_directory_parts *parts, bool *whole,
                                      const struct cm_directory_part *part,
                                      struct cm_error *error) CM_MUST_CHECK;
void cm_directory_parts_clear(struct cm_directory_parts *parts);

#endif

// What an investigator asks a supervisor to approve: a file for one of them to write and the other
// to read. It is signed by nobody and gives nobody anything: what counts is the approval made of
// it. Any thread.
#ifndef CM_CLIENT_APPROVAL_REQUEST_H
#define CM_CLIENT_APPROVAL_REQUEST_H

#include "proto/codec/query.h"

enum { CM_MAX_APPROVAL_REQUEST = 8 * 1024 };

struct cm_approval_request {
    char federation[CM_MAX_ID + 1];
    char requester[4 * CM_MAX_ID]; // SPIFFE name
    char plate[CM_MAX_PLATE + 1];
    char state[3]; // "" for any
    char purpose[CM_MAX_ID + 1];
    char case_number[CM_MAX_CASE + 1];
    char reason[CM_MAX_REASON + 1];
    int64_t from_ms;
    int64_t to_ms; // 0: the approval's own end
    int64_t asked_ms;
};

enum cm_status cm_approval_request_encode(struct cm_buf *out,
                                          const struct cm_approval_request *request) CM_MUST_CHECK;
// where names the file in errors. Lengths and times are within bounds; the rest is checked when an
// approval is made of it.
enum cm_status cm_approval_request_decode(struct cm_approval_request *out, struct cm_bytes bytes,
                                          const char *where, struct cm_error *error) CM_MUST_CHECK;

#endif

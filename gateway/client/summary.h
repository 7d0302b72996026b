// The one honest last line, and what the program's exit code says of an answer. Pure.
#ifndef CM_CLIENT_SUMMARY_H
#define CM_CLIENT_SUMMARY_H

#include "proto/codec/manifest.h"

#include <stdio.h>

// Exit codes from 3 on, as in comity-lookup(1).
enum cm_client_exit {
    CM_EXIT_INCOMPLETE = 3, // an asked agency is missing, or a row shown is in no manifest
    CM_EXIT_NOBODY = 4,     // nobody may be asked
    CM_EXIT_REFUSED = 5,    // form, signature, replay
    CM_EXIT_NO_GATEWAY = 6, // none reached
    CM_EXIT_DISHONEST = 7,  // the answer does not hold what it claims
    CM_EXIT_INTERRUPTED = 130,
};

// "412 rows from 37 of 41 agencies asked; 2 late; 12 showed only 7 of your 30 days; 9 do not share
// this with you". unaccounted: rows shown that this manifest doesn't cover.
enum cm_status cm_summary(struct cm_buf *out, const struct cm_manifest *manifest,
                          const struct cm_window *window, size_t unaccounted) CM_MUST_CHECK;
// A line an agency that was asked or might have been, then how many were not, and why.
void cm_summary_accounts(FILE *out, const struct cm_manifest *manifest,
                         const struct cm_window *window);
// 0, CM_EXIT_INCOMPLETE or CM_EXIT_NOBODY.
int cm_summary_exit(const struct cm_manifest *manifest, size_t unaccounted);

#endif

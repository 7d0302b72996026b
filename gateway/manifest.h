// The account that ends a query: exactly one outcome per active agency, who is listed, and sums
// that add up. Pure; any thread.
#ifndef CM_GATEWAY_MANIFEST_H
#define CM_GATEWAY_MANIFEST_H

#include "gateway/decide.h"

// Lists an account for each agency that permitted or was named, or whose rules disclose why not,
// and counts all. asked: accounts of those permitted, in the decisions' order, each with an
// outcome. out's other members are the caller's. CM_INTERNAL when an account has no outcome.
enum cm_status cm_manifest_account(struct cm_manifest *out, struct cm_arena *arena,
                                   const struct cm_decisions *decisions,
                                   const struct cm_account *asked,
                                   size_t asked_count) CM_MUST_CHECK;

#endif

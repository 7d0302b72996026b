// The statute pack of the node's own state, where rules leave it out: whom it would take something
// from. Main thread.
#ifndef CM_ACL_CLI_STATE_PACK_H
#define CM_ACL_CLI_STATE_PACK_H

#include "acl/cli/judged.h"

// Adds a warning when such a pack lies in packs (NULL: the default place), is not included, and
// forbids something that these rules show another agency.
enum cm_status cm_state_pack_lint(struct cm_judged *judged, const char *packs,
                                  struct cm_error *error) CM_MUST_CHECK;

#endif

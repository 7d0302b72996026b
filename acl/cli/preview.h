// What an administrator sees before signing: the difference that the signature would make. Main
// thread.
#ifndef CM_ACL_CLI_PREVIEW_H
#define CM_ACL_CLI_PREVIEW_H

#include "acl/cells.h"

// Prints the difference between what counts (NULL: nothing yet) and what is proposed.
enum cm_status cm_preview_print(const struct cm_rules *counts, const struct cm_rules *proposed,
                                const struct cm_directory *directory,
                                struct cm_error *error) CM_MUST_CHECK;

#endif

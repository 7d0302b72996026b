// One layout for a rule file: the same words in the same order, each comment kept, white space as
// in the language's description. Doing it twice changes nothing more. Pure; any thread.
#ifndef CM_ACL_FORMAT_H
#define CM_ACL_FORMAT_H

#include "acl/diagnostic.h"

// Appends the file laid out anew to out. CM_INVALID when its syntax has errors (in diagnostics):
// such a file is left alone. Names are not looked up, nor what it includes.
enum cm_status cm_format(struct cm_buf *out, const struct cm_rule_file *file,
                         struct cm_diagnostics *diagnostics) CM_MUST_CHECK;

#endif

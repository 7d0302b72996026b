// An agency's rules in the language of Cedar (https://www.cedarpolicy.com): policies, schema and
// entities that allow exactly the points which the rules make visible. Made from the rules as
// written, not from their compiled form, so that the two can be held against each other.
// Pure; any thread.
#ifndef CM_ACL_EXPORT_CEDAR_H
#define CM_ACL_EXPORT_CEDAR_H

#include "acl/rules.h"

struct cm_cedar {
    struct cm_buf policies; // policies.cedar
    struct cm_buf schema;   // schema.cedarschema
    struct cm_buf entities; // entities.json
};

// source: rules that cm_rules_compile takes. now: the directory in whose eyes they are asked, often
// source->directory itself. CM_INVALID when the files have errors, CM_MEMORY; then out is empty.
enum cm_status cm_cedar_export(struct cm_cedar *out, const struct cm_rules_source *source,
                               const struct cm_directory *now) CM_MUST_CHECK;
void cm_cedar_clear(struct cm_cedar *cedar);

#endif

// An agency's compiled rules: immutable, reference-counted, safe to read on any thread.
// Compiled against one directory; kept apart from how they were signed (acl/bundle).
#ifndef CM_ACL_RULES_H
#define CM_ACL_RULES_H

#include "acl/diagnostic.h"
#include "acl/members.h"
#include "proto/codec/query.h"
#include "proto/codec/ruleset.h"

struct cm_rules;

enum { CM_RULE_LANGUAGE = 1 };

struct cm_rules_source {
    const char *main; // path among files
    size_t file_count;
    const struct cm_rule_file *files; // main and what it includes; packs by "<name>" without a dot
    const struct cm_directory *directory;
    struct cm_members *members; // of that directory, to share memory; NULL: made here
    int64_t now_ms;             // for lint on dates
    bool lint;
    unsigned served; // for lint: actions answered, bits 1u << enum cm_action; 0: all
    bool overlay;    // forbids only, as the node's key may sign: a permit is an error
    bool retired_ok; // signed sets: a name that left the directory covers nothing instead of an
                     // error
};

// CM_INVALID when diagnostics holds an error; then *out is NULL. Warnings alone are CM_OK.
enum cm_status cm_rules_compile(struct cm_rules **out, const struct cm_rules_source *source,
                                struct cm_diagnostics *diagnostics) CM_MUST_CHECK;
struct cm_rules *cm_rules_ref(struct cm_rules *rules);
void cm_rules_unref(struct cm_rules *rules);
const char *cm_rules_node(const struct cm_rules *rules); // the agency id
bool cm_rules_discloses(const struct cm_rules *rules);
// The least `retain`, seconds; INT64_MAX without one.
int64_t cm_rules_retain_s(const struct cm_rules *rules);

#endif

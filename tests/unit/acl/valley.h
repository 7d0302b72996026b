// A small fictional federation, and rules compiled against it, for the tests of this folder.
#ifndef CM_TESTS_ACL_VALLEY_H
#define CM_TESTS_ACL_VALLEY_H

#include "acl/decide.h"

#include "proto/base/arena.h"

#define DAY_S ((int64_t)86400)
// 2026-12-01T12:00:00Z
#define NOON_MS INT64_C(1796126400000)

extern const struct cm_directory valley;

// Compiles one file named "main.rules"; fails the test with the diagnostics printed on an error.
struct cm_rules *compiled(const char *text);
// NULL on an error; diagnostics may be NULL. Fills source's defaults where they are unset.
struct cm_rules *try_compile(struct cm_rules_source source, struct cm_diagnostics *diagnostics);
struct cm_rule_file file_of(const char *path, const char *text);
// southgate's investigator looks up for homicide at NOON_MS, thirty days back, no evidence.
struct cm_request request_of(const char *agency);
// What one row shows under rules and the directory `valley`.
cm_fields row_of(const struct cm_rules *rules, const struct cm_request *request, const char *camera,
                 int64_t age_s);

#endif

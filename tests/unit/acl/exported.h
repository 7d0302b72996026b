// Rules exported to Cedar, for the tests of export_cedar*.c.
#ifndef CM_TESTS_ACL_EXPORTED_H
#define CM_TESTS_ACL_EXPORTED_H

#include "acl/export_cedar.h"
#include "valley.h"

// One file for ca.northport.pd, signed under `valley`; statements is what follows `node`.
struct cm_cedar exported(const char *statements, const struct cm_directory *now);
// A buffer has the text; the test fails with the whole of it otherwise.
void check_has(const struct cm_buf *buf, const char *text);
void check_lacks(const struct cm_buf *buf, const char *text);

#endif

// With whom an agency's operators switched sharing off: their own file of forbids, one a line,
// never the administrator's, beside the signed rules. Written whole or not at all. Blocking; any
// thread.
#ifndef CM_NODES_SHARING_H
#define CM_NODES_SHARING_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include "proto/codec/ruleset.h"

#define CM_SHARING_FILE "sharing.rules"

enum { CM_MAX_SHARING = 256 * 1024, CM_SHARING_LINE = 256 };

// Appends the file's text to out; nothing when it forbids nothing. CM_NOT_FOUND: there is no file.
enum cm_status cm_sharing_read(struct cm_buf *out, const char *rules_folder,
                               struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_sharing_write(const char *rules_folder, struct cm_bytes text,
                                struct cm_error *error) CM_MUST_CHECK;

// The index-th line that forbids, as "kind:federal" and "2027-01-01"; a forbid of everyone else is
// "everyone". "" for until: without end. False past the last.
bool cm_sharing_entry(char who[CM_SHARING_LINE], char until[CM_SHARING_LINE], struct cm_bytes text,
                      size_t index);
// text with one more forbid, or another end for the one there is. with: "" for everyone, an id,
// @group, kind:K or state:S; until: "" or a date. Only their form is looked at here.
enum cm_status cm_sharing_off(struct cm_buf *out, struct cm_bytes text, const char *with,
                              const char *until, struct cm_error *error) CM_MUST_CHECK;
// text without that forbid, or with "" without any. CM_NOT_FOUND when there is no such one.
enum cm_status cm_sharing_on(struct cm_buf *out, struct cm_bytes text, const char *with,
                             struct cm_error *error) CM_MUST_CHECK;

// text as an overlay's file: with the groups that it names, as set (NULL: none) defines them, under
// names that no other part of an overlay has.
// CM_INVALID names a group that set doesn't have.
enum cm_status cm_sharing_compose(struct cm_buf *out, struct cm_bytes text,
                                  const struct cm_ruleset *set,
                                  struct cm_error *error) CM_MUST_CHECK;

#endif

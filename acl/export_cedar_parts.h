// What export_cedar*.c share: the input, and a writer that keeps its first failure, so that text is
// put together without a check a line. One thread at a time.
#ifndef CM_ACL_EXPORT_CEDAR_PARTS_H
#define CM_ACL_EXPORT_CEDAR_PARTS_H

#include "acl/ast.h"

struct cm_cedar_input {
    const struct cm_ast *ast;
    const struct cm_directory *then; // that the rules were signed under
    const struct cm_directory *now;
    bool moved; // an agency's kind or state is another one now
};

struct cm_cedar_writer {
    struct cm_buf *out;
    enum cm_status status;
};

void cm_cedar_say(struct cm_cedar_writer *writer, const char *format, ...) CM_PRINTF(2, 3);
// A string literal.
void cm_cedar_quote(struct cm_cedar_writer *writer, const char *text);
void cm_cedar_put_policies(struct cm_cedar_writer *writer, const struct cm_cedar_input *input);
void cm_cedar_put_schema(struct cm_cedar_writer *writer, const struct cm_cedar_input *input);
void cm_cedar_put_entities(struct cm_cedar_writer *writer, const struct cm_cedar_input *input);

#endif

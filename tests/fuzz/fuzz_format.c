// The one layout of rule text: it loses nothing (else CM_INTERNAL), and done twice it changes
// nothing more.
#include "acl/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum cm_status lay_out(struct cm_buf *out, struct cm_bytes text)
{
    struct cm_rule_file file = {.path = "main.rules", .text = text};
    struct cm_diagnostics diagnostics = {0};
    enum cm_status status = cm_format(out, &file, &diagnostics);
    if ((status != CM_OK && status != CM_INVALID) ||
        (status == CM_INVALID) != (diagnostics.errors > 0)) {
        abort();
    }
    cm_diagnostics_clear(&diagnostics);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cm_buf once = {0};
    struct cm_buf twice = {0};
    if (lay_out(&once, (struct cm_bytes){data, size}) == CM_OK &&
        (lay_out(&twice, cm_buf_bytes(&once)) != CM_OK ||
         !cm_bytes_equal(cm_buf_bytes(&once), cm_buf_bytes(&twice)))) {
        abort();
    }
    cm_buf_clear(&once);
    cm_buf_clear(&twice);
    return 0;
}

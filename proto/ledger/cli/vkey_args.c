#include "proto/ledger/cli/vkey_args.h"

#include "proto/base/file.h"

#include <string.h>

enum cm_status cm_audit_vkey(struct cm_key **out, struct cm_buf *text, const char *given,
                             struct cm_error *error)
{
    char name[CM_MAX_VKEY];
    enum cm_status status = strchr(given, '+') ? cm_buf_add(text, given, strlen(given))
                                               : cm_file_read(text, given, CM_MAX_VKEY, error);
    return status != CM_OK ? status : cm_vkey_parse(name, out, cm_buf_bytes(text), error);
}

#include "proto/ledger/cli/period.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/base/when.h"

#include <stdlib.h>
#include <time.h>

enum { MAX_ROOT = 64 * 1024 };

enum cm_status cm_audit_period(int64_t *from_ms, int64_t *to_ms, const struct cm_cli_args *args,
                               struct cm_error *error)
{
    const char *from = cm_cli_get(args, 'f');
    const char *to = cm_cli_get(args, 't');
    const int64_t now = cm_wall_ms(cm_clock_system());
    enum cm_status status = CM_OK;
    setenv("TZ", "UTC0", 1);
    tzset();
    *from_ms = 0;
    *to_ms = now + 1;
    if (from != NULL) {
        status = cm_when_parse(from_ms, from, now, "--from", error);
    }
    if (status == CM_OK && to != NULL) {
        status = cm_when_parse(to_ms, to, now, "--to", error);
    }
    if (status == CM_OK && *from_ms >= *to_ms) {
        return cm_fail(error, CM_INVALID, "--from", "is not before --to");
    }
    return status;
}

static enum cm_status load(struct cm_trust **out, const char *root_path, const char *directory_path,
                           struct cm_error *error)
{
    struct cm_buf root = {.max = MAX_ROOT};
    struct cm_buf bundle = {.max = CM_MAX_DIRECTORY};
    enum cm_status status = cm_file_read(&root, root_path, root.max, error);
    if (status == CM_OK) {
        status = cm_file_read(&bundle, directory_path, bundle.max, error);
    }
    if (status == CM_OK) {
        status = cm_trust_new(out, cm_buf_bytes(&root), cm_buf_bytes(&bundle), NULL,
                              cm_wall_ms(cm_clock_system()), error);
    }
    cm_buf_clear(&root);
    cm_buf_clear(&bundle);
    return status;
}

enum cm_status cm_audit_trust(struct cm_trust **out, const struct cm_cli_args *args,
                              struct cm_error *error)
{
    const char *root = cm_cli_get(args, 'R');
    const char *directory = cm_cli_get(args, 'D');
    *out = NULL;
    if (root == NULL && directory == NULL) {
        return CM_OK;
    }
    if (root == NULL || directory == NULL) {
        return cm_fail(error, CM_INVALID, root == NULL ? "--root" : "--directory",
                       "the one is of no use without the other");
    }
    return load(out, root, directory, error);
}

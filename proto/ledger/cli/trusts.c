#include "proto/ledger/cli/trusts.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/trust/snapshot.h"

enum { MAX_ROOT = 64 * 1024 };

static enum cm_status load_one(struct cm_trust **out, struct cm_bytes root, const char *path,
                               struct cm_error *error)
{
    struct cm_trust_peeked facts;
    struct cm_buf bundle = {0};
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    enum cm_status status = cm_file_read(&bundle, path, CM_MAX_BUNDLE, error);
    if (status == CM_OK) {
        status = cm_trust_peek(&facts, cm_buf_bytes(&bundle), error);
    }
    if (status == CM_OK) {
        const int64_t at_ms = facts.expires_ms <= now_ms ? facts.expires_ms - 1 : now_ms;
        status = cm_trust_new(out, root, cm_buf_bytes(&bundle), NULL, at_ms, error);
    }
    cm_buf_clear(&bundle);
    return status;
}

enum cm_status cm_trusts_load(struct cm_trusts *out, const struct cm_cli_args *args,
                              struct cm_error *error)
{
    struct cm_buf root = {0};
    const char *path;
    const char *root_path = cm_cli_get(args, 'R');
    *out = (struct cm_trusts){.count = 0};
    if ((cm_cli_get(args, 'D') != NULL) != (root_path != NULL)) {
        return cm_fail(error, CM_INVALID, "--directory", "goes with --root, and --root with it");
    }
    enum cm_status status = root_path ? cm_file_read(&root, root_path, MAX_ROOT, error) : CM_OK;
    while (status == CM_OK && (path = cm_cli_nth(args, 'D', out->count)) != NULL) {
        if (out->count == CM_MAX_DIRECTORIES) {
            status = cm_fail(error, CM_INVALID, "--directory", "at most %d can be given",
                             CM_MAX_DIRECTORIES);
        } else {
            status = load_one(&out->list[out->count], cm_buf_bytes(&root), path, error);
            out->count += status == CM_OK;
        }
    }
    cm_buf_clear(&root);
    if (status != CM_OK) {
        cm_trusts_clear(out);
    }
    return status;
}

void cm_trusts_clear(struct cm_trusts *trusts)
{
    for (size_t i = 0; i < trusts->count; i++) {
        cm_trust_unref(trusts->list[i]);
    }
    trusts->count = 0;
}

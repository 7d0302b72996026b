#include "nodes/rules_watch.h"

#include "proto/base/file.h"
#include "proto/base/log.h"

enum { MAX_FILE = 2 * 1024 * 1024, ARENA_CAP = 16 * 1024 * 1024 };

static bool changed(struct cm_rules_file *file)
{
    struct stat now;
    if (stat(file->path, &now) != 0) {
        return false;
    }
    const bool same = file->seen && now.st_ino == file->last.st_ino &&
                      now.st_dev == file->last.st_dev && now.st_size == file->last.st_size &&
                      now.st_mtim.tv_sec == file->last.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == file->last.st_mtim.tv_nsec;
    file->seen = true;
    file->last = now;
    return !same;
}

// Whether what stood in the way may have gone.
static bool worth_again(const struct cm_rules_file *file, const struct cm_bundle *bundle,
                        const struct cm_trust *trust)
{
    if (file->refused == CM_STALE) {
        return file->judged_by != cm_trust_directory(trust)->serial ||
               file->judged_over != cm_bundle_standing(bundle);
    }
    return file->refused == CM_IO || file->refused == CM_MEMORY;
}

static enum cm_status offer(const struct cm_rules_file *file, struct cm_bundle *bundle,
                            struct cm_trust *trust, int64_t now_ms, struct cm_error *error)
{
    struct cm_buf bytes = {.max = MAX_FILE};
    struct cm_envelope envelope;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena ? cm_file_read(&bytes, file->path, MAX_FILE, error)
                                  : cm_fail(error, CM_MEMORY, file->path, "out of memory");
    if (!status) {
        status = cm_envelope_decode(&envelope, arena, cm_buf_bytes(&bytes), error);
    }
    if (!status) {
        status = cm_bundle_accept(bundle, trust, &envelope, false, now_ms, error);
    }
    cm_arena_free(arena);
    cm_buf_clear(&bytes);
    return status;
}

bool cm_rules_watch(struct cm_rules_file *file, struct cm_bundle *bundle, struct cm_trust *trust,
                    int64_t now_ms)
{
    const struct cm_standing *before = cm_bundle_standing(bundle);
    struct cm_error error = {.text = ""};
    const bool news = changed(file);
    if (!news && !worth_again(file, bundle, trust)) {
        return false;
    }
    const enum cm_status status = offer(file, bundle, trust, now_ms, &error);
    const bool begins = status && (news || status != file->refused);
    file->refused = status;
    file->judged_by = cm_trust_directory(trust)->serial;
    file->judged_over = cm_bundle_standing(bundle);
    if (begins) {
        cm_log(CM_LOG_ERROR, "rules-refused", "file=%s status=%s where=%s error=\"%s\"", file->path,
               cm_status_name(status), error.where, error.text);
    }
    return cm_bundle_standing(bundle) != before;
}

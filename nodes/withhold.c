#include "nodes/withhold.h"

#include "acl/bundle/overlay.h"
#include "proto/envelope/dsse.h"

#include <string.h>

enum { ARENA_CAP = 16 * 1024 * 1024 };

static const char empty[] = "rules 1\n"; // the text of a file that forbids nothing

static enum cm_status take_files(struct cm_withholding *out, const struct cm_overlay *overlay)
{
    enum cm_status status = CM_OK;
    for (size_t i = 0; !status && i < overlay->file_count; i++) {
        const struct cm_rule_file *file = &overlay->files[i];
        struct cm_buf *text = strcmp(file->path, CM_OVERLAY_EDITS) == 0     ? &out->edits
                              : strcmp(file->path, CM_OVERLAY_SHARING) == 0 ? &out->sharing
                                                                            : NULL;
        if (text && !cm_bytes_equal(file->text, cm_bytes_of(empty))) {
            status = cm_buf_add(text, file->text.data, file->text.len);
        }
    }
    return status;
}

enum cm_status cm_withholding_read(struct cm_withholding *out, const struct cm_bundle *bundle,
                                   struct cm_error *error)
{
    const struct cm_standing *standing = cm_bundle_standing(bundle);
    struct cm_envelope envelope;
    struct cm_overlay overlay;
    *out = (struct cm_withholding){0};
    out->lost = cm_bundle_overlay(bundle, &out->sequence, &out->revision);
    if (!standing || standing->overlay_envelope.len == 0) {
        return CM_OK;
    }
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status =
        arena
            ? cm_envelope_decode(&envelope, arena, cm_buf_bytes(&standing->overlay_envelope), error)
            : cm_fail(error, CM_MEMORY, "overlay", "out of memory");
    if (!status) {
        status = cm_overlay_decode(&overlay, arena, envelope.payload, error);
    }
    out->directory_serial = status ? 0 : overlay.directory_serial;
    if (!status && take_files(out, &overlay)) {
        status = cm_fail(error, CM_MEMORY, "overlay", "out of memory");
    }
    cm_arena_free(arena);
    return status;
}

void cm_withholding_clear(struct cm_withholding *withheld)
{
    cm_buf_clear(&withheld->edits);
    cm_buf_clear(&withheld->sharing);
    *withheld = (struct cm_withholding){0};
}

// Edits of another set are not those of this one, whatever their text.
static bool stands(const struct cm_withholding *now, const struct cm_withholding *wanted)
{
    return !now->lost && cm_bytes_equal(cm_buf_bytes(&now->edits), cm_buf_bytes(&wanted->edits)) &&
           cm_bytes_equal(cm_buf_bytes(&now->sharing), cm_buf_bytes(&wanted->sharing)) &&
           (now->sequence == wanted->sequence || wanted->edits.len == 0);
}

// Whom the directory made it hide then stays hidden while something of it goes on: the oldest one
// counts, else that of today.
static uint64_t serial_of(const struct cm_withholding *now, const struct cm_withholding *wanted,
                          const struct cm_trust *trust)
{
    const bool sharing = now->sharing.len > 0 && wanted->sharing.len > 0;
    const bool edits =
        now->edits.len > 0 && wanted->edits.len > 0 && now->sequence == wanted->sequence;
    return (sharing || edits) && now->directory_serial > 0 ? now->directory_serial
                                                           : cm_trust_directory(trust)->serial;
}

static enum cm_status sign(struct cm_buf *out, const struct cm_overlay *overlay,
                           const struct cm_signer *signer, struct cm_error *error)
{
    struct cm_buf payload = {0};
    enum cm_status status = cm_overlay_encode(&payload, overlay, error);
    if (!status && cm_dsse_sign(out, CM_FAMILY_OVERLAY, cm_buf_bytes(&payload), signer, true)) {
        status = cm_fail(error, CM_MEMORY, "overlay", "can't be signed");
    }
    cm_buf_clear(&payload);
    return status;
}

static enum cm_status accept(struct cm_bundle *bundle, struct cm_trust *trust,
                             struct cm_bytes bytes, int64_t now_ms, struct cm_error *error)
{
    struct cm_envelope envelope;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena ? cm_envelope_decode(&envelope, arena, bytes, error)
                                  : cm_fail(error, CM_MEMORY, "overlay", "out of memory");
    if (!status) {
        status = cm_bundle_accept_overlay(bundle, trust, &envelope, now_ms, error);
    }
    cm_arena_free(arena);
    return status;
}

enum cm_status cm_withhold(bool *changed, struct cm_bundle *bundle, struct cm_trust *trust,
                           const struct cm_signer *signer, const char *agency,
                           const struct cm_withholding *wanted, int64_t now_ms,
                           struct cm_error *error)
{
    struct cm_withholding now;
    struct cm_buf envelope = {0};
    enum cm_status status = cm_withholding_read(&now, bundle, error);
    *changed = !status && !stands(&now, wanted);
    // An empty overlay must still be one, so that it follows the one before.
    const struct cm_bytes nothing = cm_bytes_of(empty);
    const struct cm_rule_file files[] = {
        {CM_OVERLAY_EDITS, wanted->edits.len > 0 ? cm_buf_bytes(&wanted->edits) : nothing},
        {CM_OVERLAY_SHARING, wanted->sharing.len > 0 ? cm_buf_bytes(&wanted->sharing) : nothing}};
    const struct cm_overlay overlay = {
        .federation = cm_trust_directory(trust)->federation,
        .agency = agency,
        .sequence = wanted->sequence,
        .revision = now.sequence == wanted->sequence ? now.revision + 1 : 1,
        .directory_serial = serial_of(&now, wanted, trust),
        .signed_ms = now_ms,
        .file_count = 2,
        .files = files,
    };
    if (*changed) {
        status = sign(&envelope, &overlay, signer, error);
    }
    if (*changed && !status) {
        status = accept(bundle, trust, cm_buf_bytes(&envelope), now_ms, error);
    }
    *changed = *changed && !status;
    cm_buf_clear(&envelope);
    cm_withholding_clear(&now);
    return status;
}

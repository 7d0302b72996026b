#include "proto/codec/ruleset.h"

#include "proto/codec/form.h"

#include "comity/v1/ruleset.pb-c.h"

#include <string.h>

enum { SCRATCH = 2 * CM_MAX_RULESET };

// A name that is safe beside others in a folder: no slash, no leading dot.
static void check_path(struct cm_form *form, const char *field, const char *path)
{
    size_t len = strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    cm_form_require(form, len >= 1 && len <= CM_MAX_ID && path[len] == '\0' && path[0] != '.',
                    field, "must be a file name of letters, digits, '.', '_' and '-'");
}

static void check_files(struct cm_form *form, const struct cm_rule_file *files, size_t count)
{
    cm_form_between(form, "files", count, 0, CM_MAX_RULE_FILES);
    for (size_t i = 0; cm_form_ok(form) && i < count; i++) {
        cm_form_enter(form, "files", i);
        check_path(form, "path", files[i].path);
        if (i > 0) {
            cm_form_ascending(form, "path", files[i - 1].path, files[i].path);
        }
        cm_form_between(form, "text", files[i].text.len, 0, CM_MAX_RULESET);
        cm_form_require(form, cm_utf8_valid(files[i].text), "text", "is not UTF-8 without NUL");
        cm_form_leave(form);
    }
}

static void check_ruleset(struct cm_form *form, const struct cm_ruleset *set)
{
    bool found = false;

    cm_form_id(form, "federation", set->federation);
    cm_form_agency(form, "agency", set->agency);
    cm_form_between(form, "sequence", set->sequence, 1, INT64_MAX);
    cm_form_require(form, (set->sequence == 1) == cm_digest_is_zero(&set->previous), "previous",
                    "must be empty for sequence 1, and only there");
    cm_form_between(form, "directory_serial", set->directory_serial, 1, INT64_MAX);
    cm_form_time(form, "signed_ms", set->signed_ms);
    cm_form_between(form, "language", set->language, 1, UINT32_MAX);
    check_path(form, "main", set->main);
    check_files(form, set->files, set->file_count);
    for (size_t i = 0; cm_form_ok(form) && i < set->file_count; i++) {
        found = found || strcmp(set->files[i].path, set->main) == 0;
    }
    cm_form_require(form, found, "main", "is not among the files");
}

static void check_overlay(struct cm_form *form, const struct cm_overlay *overlay)
{
    cm_form_id(form, "federation", overlay->federation);
    cm_form_agency(form, "agency", overlay->agency);
    cm_form_between(form, "sequence", overlay->sequence, 1, INT64_MAX);
    cm_form_between(form, "revision", overlay->revision, 1, INT64_MAX);
    cm_form_between(form, "directory_serial", overlay->directory_serial, 0, INT64_MAX);
    cm_form_time(form, "signed_ms", overlay->signed_ms);
    check_files(form, overlay->files, overlay->file_count);
}

static const struct cm_rule_file *take_files(struct cm_form *form, Comity__V1__RuleFile **in,
                                             size_t count)
{
    struct cm_rule_file *out = cm_form_array(form, count, sizeof *out);

    for (size_t i = 0; out && i < count; i++) {
        out[i] = (struct cm_rule_file){in[i]->path, cm_bytes_of(in[i]->text)};
    }
    return out;
}

static Comity__V1__RuleFile **out_files(struct cm_form *form, const struct cm_rule_file *in,
                                        size_t count)
{
    Comity__V1__RuleFile **list = cm_form_array(form, count, sizeof(void *));
    Comity__V1__RuleFile *items = cm_form_array(form, count, sizeof *items);

    for (size_t i = 0; items && cm_form_ok(form) && i < count; i++) {
        comity__v1__rule_file__init(&items[i]);
        items[i].path = cm_form_out_text(in[i].path);
        items[i].text = cm_arena_string(form->arena, in[i].text);
        if (!items[i].text) {
            cm_form_fail(form, CM_INVALID, "files", "are more than %d bytes", CM_MAX_RULESET);
        }
        list[i] = &items[i];
    }
    return list;
}

static void pack(struct cm_form *form, struct cm_buf *out, const ProtobufCMessage *message,
                 const char *name)
{
    if (cm_form_ok(form) && cm_form_pack(out, message, CM_MAX_RULESET) != CM_OK) {
        cm_form_fail(form, CM_INVALID, name, "is more than %d bytes", CM_MAX_RULESET);
    }
}

enum cm_status cm_ruleset_decode(struct cm_ruleset *out, struct cm_arena *arena,
                                 struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__RuleSet *in = cm_form_unpack(&form, &comity__v1__rule_set__descriptor,
                                                   "rule_set", payload, CM_MAX_RULESET);

    *out = (struct cm_ruleset){0};
    if (!in) {
        return form.status;
    }
    out->federation = in->federation;
    out->agency = in->agency;
    out->sequence = in->sequence;
    cm_form_digest_or_none(&form, "previous", &out->previous, &in->previous);
    out->directory_serial = in->directory_serial;
    out->signed_ms = in->signed_ms;
    out->language = in->language;
    out->main = in->main;
    out->file_count = in->n_files;
    out->files = take_files(&form, in->files, in->n_files);
    if (cm_form_ok(&form)) {
        check_ruleset(&form, out);
    }
    return form.status;
}

enum cm_status cm_ruleset_encode(struct cm_buf *out, const struct cm_ruleset *set,
                                 struct cm_error *error)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH), .error = error};
    Comity__V1__RuleSet message = COMITY__V1__RULE_SET__INIT;

    if (!form.arena) {
        return cm_fail(error, CM_MEMORY, "rule_set", "no memory");
    }
    check_ruleset(&form, set);
    if (!cm_form_ok(&form)) {
        goto out;
    }
    message.federation = cm_form_out_text(set->federation);
    message.agency = cm_form_out_text(set->agency);
    message.sequence = set->sequence;
    message.previous = cm_form_out_digest_or_none(&set->previous);
    message.directory_serial = set->directory_serial;
    message.signed_ms = set->signed_ms;
    message.language = set->language;
    message.main = cm_form_out_text(set->main);
    message.n_files = set->file_count;
    message.files = out_files(&form, set->files, set->file_count);
    pack(&form, out, &message.base, "rule_set");
out:
    cm_arena_free(form.arena);
    return form.status;
}

enum cm_status cm_overlay_decode(struct cm_overlay *out, struct cm_arena *arena,
                                 struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Overlay *in =
        cm_form_unpack(&form, &comity__v1__overlay__descriptor, "overlay", payload, CM_MAX_RULESET);

    *out = (struct cm_overlay){0};
    if (!in) {
        return form.status;
    }
    out->federation = in->federation;
    out->agency = in->agency;
    out->sequence = in->sequence;
    out->revision = in->revision;
    out->directory_serial = in->directory_serial;
    out->signed_ms = in->signed_ms;
    out->file_count = in->n_files;
    out->files = take_files(&form, in->files, in->n_files);
    if (cm_form_ok(&form)) {
        check_overlay(&form, out);
    }
    return form.status;
}

enum cm_status cm_overlay_encode(struct cm_buf *out, const struct cm_overlay *overlay,
                                 struct cm_error *error)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH), .error = error};
    Comity__V1__Overlay message = COMITY__V1__OVERLAY__INIT;

    if (!form.arena) {
        return cm_fail(error, CM_MEMORY, "overlay", "no memory");
    }
    check_overlay(&form, overlay);
    if (!cm_form_ok(&form)) {
        goto out;
    }
    message.federation = cm_form_out_text(overlay->federation);
    message.agency = cm_form_out_text(overlay->agency);
    message.sequence = overlay->sequence;
    message.revision = overlay->revision;
    message.directory_serial = overlay->directory_serial;
    message.signed_ms = overlay->signed_ms;
    message.n_files = overlay->file_count;
    message.files = out_files(&form, overlay->files, overlay->file_count);
    pack(&form, out, &message.base, "overlay");
out:
    cm_arena_free(form.arena);
    return form.status;
}

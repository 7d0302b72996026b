#include "proto/codec/form.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

bool cm_form_ok(const struct cm_form *form)
{
    return form->status == CM_OK;
}

void cm_form_enter(struct cm_form *form, const char *name, size_t index)
{
    if (form->depth < CM_FORM_DEPTH) {
        form->path[form->depth].name = name;
        form->path[form->depth].index = index;
    }
    form->depth++;
}

void cm_form_leave(struct cm_form *form)
{
    form->depth--;
}

static void describe(const struct cm_form *form, const char *field, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < form->depth && i < CM_FORM_DEPTH && used < size; i++) {
        int n;

        if (form->path[i].index == CM_FORM_NO_INDEX) {
            n = snprintf(out + used, size - used, "%s.", form->path[i].name);
        } else {
            n = snprintf(out + used, size - used, "%s[%zu].", form->path[i].name,
                         form->path[i].index);
        }
        used += n > 0 ? (size_t)n : 0;
    }
    if (used < size) {
        snprintf(out + used, size - used, "%s", field);
    }
    if (field[0] == '\0' && used > 0 && used < size) {
        out[used - 1] = '\0';
    }
    if (out[0] == '\0') {
        snprintf(out, size, "%s", form->name ? form->name : "message");
    }
}

void cm_form_fail(struct cm_form *form, enum cm_status status, const char *field,
                  const char *format, ...)
{
    char where[sizeof form->error->where];
    char text[sizeof form->error->text];
    va_list args;

    if (!cm_form_ok(form)) {
        return;
    }
    form->status = status;
    if (!form->error) {
        return;
    }
    describe(form, field, where, sizeof where);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)cm_fail(form->error, status, where, "%s", text);
}

void cm_form_require(struct cm_form *form, bool holds, const char *field, const char *what)
{
    if (!holds) {
        cm_form_fail(form, CM_INVALID, field, "%s", what);
    }
}

void *cm_form_array(struct cm_form *form, size_t count, size_t size)
{
    void *out;

    if (!cm_form_ok(form)) {
        return NULL;
    }
    out = cm_arena_array(form->arena, count, size);
    if (!out) {
        cm_form_fail(form, CM_MEMORY, "", "needs more memory than a message may");
    }
    return out;
}

void cm_form_between(struct cm_form *form, const char *field, uint64_t value, uint64_t least,
                     uint64_t most)
{
    if (value < least || value > most) {
        cm_form_fail(form, CM_INVALID, field, "is %llu, must be %llu to %llu",
                     (unsigned long long)value, (unsigned long long)least,
                     (unsigned long long)most);
    }
}

void cm_form_time(struct cm_form *form, const char *field, int64_t ms)
{
    if (ms < 0 || ms > CM_MAX_TIME_MS) {
        cm_form_fail(form, CM_INVALID, field, "is not a time between 1970 and 9999");
    }
}

static bool id_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

void cm_form_id(struct cm_form *form, const char *field, const char *id)
{
    size_t n = 0;

    while (n <= CM_MAX_ID && id_character(id[n])) {
        n++;
    }
    if (n == 0 || n > CM_MAX_ID || id[n] != '\0') {
        cm_form_fail(form, CM_INVALID, field, "must be 1 to %d of a-z, 0-9, '.' and '-'",
                     CM_MAX_ID);
    }
}

void cm_form_id_or_none(struct cm_form *form, const char *field, const char *id)
{
    if (id[0] != '\0') {
        cm_form_id(form, field, id);
    }
}

void cm_form_agency(struct cm_form *form, const char *field, const char *id)
{
    cm_form_id(form, field, id);
    cm_form_require(form, strchr(id, '.') != NULL, field, "has no dot, as an agency's id must");
}

void cm_form_spiffe(struct cm_form *form, const char *field, const char *name)
{
    static const char scheme[] = "spiffe://";
    const char *at = name;
    bool good = strncmp(name, scheme, sizeof scheme - 1) == 0;

    if (good) {
        at += sizeof scheme - 1;
    }
    for (int part = 0; good && part < 4; part++) {
        size_t n = 0;

        while (n <= CM_MAX_ID && id_character(at[n])) {
            n++;
        }
        if (part == 1 && n == 0 && at[0] == '_') {
            n = 1;
        }
        good = n > 0 && n <= CM_MAX_ID && at[n] == (part < 3 ? '/' : '\0');
        at += good ? n + 1 : 0;
    }
    cm_form_require(form, good, field, "must be spiffe://federation/agency/role/name");
}

static bool plain(ucs4_t c)
{
    return !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc) &&
           !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

void cm_form_text(struct cm_form *form, const char *field, const char *text, size_t least,
                  size_t most)
{
    const uint8_t *at = (const uint8_t *)(text ? text : "");
    size_t len = strnlen((const char *)at, most + 1);
    ucs4_t c;

    if (len < least || len > most) {
        cm_form_fail(form, CM_INVALID, field, "must be %zu to %zu bytes long", least, most);
        return;
    }
    if (!cm_utf8_valid((struct cm_bytes){at, len})) {
        cm_form_fail(form, CM_INVALID, field, "is not UTF-8");
        return;
    }
    for (at = u8_next(&c, at); at; at = u8_next(&c, at)) {
        if (!plain(c)) {
            cm_form_fail(form, CM_INVALID, field, "contains a control character");
            return;
        }
    }
}

void cm_form_plate(struct cm_form *form, const char *field, const char *plate, size_t least)
{
    size_t n = 0;

    while (n <= CM_MAX_PLATE &&
           ((plate[n] >= 'A' && plate[n] <= 'Z') || (plate[n] >= '0' && plate[n] <= '9'))) {
        n++;
    }
    if (n < least || n > CM_MAX_PLATE || plate[n] != '\0') {
        cm_form_fail(form, CM_INVALID, field, "must be %zu to %d of A-Z and 0-9", least,
                     CM_MAX_PLATE);
    }
}

void cm_form_ascending(struct cm_form *form, const char *field, const char *a, const char *b)
{
    cm_form_require(form, strcmp(a, b) < 0, field, "is out of order or there twice");
}

void cm_form_bytes(struct cm_form *form, const char *field, uint8_t *out, size_t size,
                   const ProtobufCBinaryData *in)
{
    if (in->len != size) {
        cm_form_fail(form, CM_INVALID, field, "is %zu bytes, must be %zu", in->len, size);
        return;
    }
    memcpy(out, in->data, size);
}

void cm_form_span(struct cm_form *form, const char *field, struct cm_bytes *out,
                  const ProtobufCBinaryData *in, size_t least, size_t most)
{
    if (in->len < least || in->len > most) {
        cm_form_fail(form, CM_INVALID, field, "is %zu bytes, must be %zu to %zu", in->len, least,
                     most);
        return;
    }
    *out = (struct cm_bytes){in->data, in->len};
}

void cm_form_digest(struct cm_form *form, const char *field, struct cm_digest *out,
                    const ProtobufCBinaryData *in)
{
    cm_form_bytes(form, field, out->b, sizeof out->b, in);
}

void cm_form_digest_or_none(struct cm_form *form, const char *field, struct cm_digest *out,
                            const ProtobufCBinaryData *in)
{
    *out = (struct cm_digest){{0}};
    if (in->len == 0) {
        return;
    }
    cm_form_digest(form, field, out, in);
    cm_form_require(form, !cm_digest_is_zero(out), field, "is zero, must be left out");
}

const struct cm_digest *cm_form_digests(struct cm_form *form, const char *field,
                                        const ProtobufCBinaryData *in, size_t count, size_t most)
{
    struct cm_digest *out;

    if (count > most) {
        cm_form_fail(form, CM_INVALID, field, "has %zu items, at most %zu", count, most);
        return NULL;
    }
    out = cm_form_array(form, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        cm_form_enter(form, field, i);
        cm_form_digest(form, "", &out[i], &in[i]);
        cm_form_leave(form);
    }
    return out;
}

const struct cm_bytes *cm_form_spans(struct cm_form *form, const ProtobufCBinaryData *in,
                                     size_t count)
{
    struct cm_bytes *out = cm_form_array(form, count, sizeof *out);

    for (size_t i = 0; out && i < count; i++) {
        out[i] = (struct cm_bytes){in[i].data, in[i].len};
    }
    return out;
}

void cm_form_spans_check(struct cm_form *form, const char *field, const struct cm_bytes *in,
                         size_t count, size_t most, size_t bytes)
{
    cm_form_between(form, field, count, 0, most);
    for (size_t i = 0; cm_form_ok(form) && i < count; i++) {
        cm_form_enter(form, field, i);
        cm_form_between(form, "", in[i].len, 1, bytes);
        cm_form_leave(form);
    }
}

char *cm_form_out_text(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

ProtobufCBinaryData cm_form_out(const void *data, size_t len)
{
    return (ProtobufCBinaryData){len, len > 0 ? (uint8_t *)(uintptr_t)data : NULL};
}

ProtobufCBinaryData cm_form_out_span(struct cm_bytes bytes)
{
    return cm_form_out(bytes.data, bytes.len);
}

ProtobufCBinaryData cm_form_out_digest(const struct cm_digest *digest)
{
    return cm_form_out(digest->b, sizeof digest->b);
}

ProtobufCBinaryData cm_form_out_digest_or_none(const struct cm_digest *digest)
{
    return cm_form_out(digest->b, cm_digest_is_zero(digest) ? 0 : sizeof digest->b);
}

ProtobufCBinaryData *cm_form_out_digests(struct cm_form *form, const struct cm_digest *in,
                                         size_t count)
{
    ProtobufCBinaryData *out = cm_form_array(form, count, sizeof *out);

    for (size_t i = 0; out && i < count; i++) {
        out[i] = cm_form_out_digest(&in[i]);
    }
    return out;
}

ProtobufCBinaryData *cm_form_out_spans(struct cm_form *form, const struct cm_bytes *in,
                                       size_t count)
{
    ProtobufCBinaryData *out = cm_form_array(form, count, sizeof *out);

    for (size_t i = 0; out && i < count; i++) {
        out[i] = cm_form_out_span(in[i]);
    }
    return out;
}

unsigned cm_form_word(const char *const *words, unsigned count, struct cm_bytes name)
{
    for (unsigned i = 1; i < count; i++) {
        if (cm_bytes_equal(cm_bytes_of(words[i]), name)) {
            return i;
        }
    }
    return 0;
}

// Private to the codecs: turns untrusted bytes into a protobuf-c message and checks its fields, and
// back. A form keeps the first failure and where it was; checks after it do nothing. One thread.
#ifndef CM_CODEC_FORM_H
#define CM_CODEC_FORM_H

#include "proto/base/arena.h"
#include "proto/base/error.h"
#include "proto/codec/bounds.h"

#include <protobuf-c/protobuf-c.h>

enum { CM_FORM_DEPTH = 8 };

#define CM_FORM_NO_INDEX SIZE_MAX

struct cm_form {
    struct cm_arena *arena; // what is decoded, or scratch while encoding
    struct cm_error *error; // may be NULL
    enum cm_status status;  // the first failure
    const char *name;       // of the whole message, for errors that have no field; or NULL
    size_t depth;
    struct {
        const char *name;
        size_t index;
    } path[CM_FORM_DEPTH];
};

bool cm_form_ok(const struct cm_form *form);
// Where the fields checked next are: "name" or "name[index]".
void cm_form_enter(struct cm_form *form, const char *name, size_t index);
void cm_form_leave(struct cm_form *form);
void cm_form_fail(struct cm_form *form, enum cm_status status, const char *field,
                  const char *format, ...) CM_PRINTF(4, 5);
void cm_form_require(struct cm_form *form, bool holds, const char *field, const char *what);
// Zeroed; NULL once the form has failed, or past the arena's cap (which fails it).
void *cm_form_array(struct cm_form *form, size_t count, size_t size);

// Canonical bytes of at most max to a message in form->arena; NULL when the form failed. name
// becomes the form's.
void *cm_form_unpack(struct cm_form *form, const ProtobufCMessageDescriptor *type, const char *name,
                     struct cm_bytes bytes, size_t max);
// Appends to out; CM_INVALID past max.
enum cm_status cm_form_pack(struct cm_buf *out, const ProtobufCMessage *message,
                            size_t max) CM_MUST_CHECK;
// Packs message, unless the form failed (then it may be NULL), and frees the scratch.
enum cm_status cm_form_finish(struct cm_form *form, struct cm_buf *out,
                              const ProtobufCMessage *message, size_t max) CM_MUST_CHECK;

void cm_form_between(struct cm_form *form, const char *field, uint64_t value, uint64_t least,
                     uint64_t most);
// 0 to CM_MAX_TIME_MS.
void cm_form_time(struct cm_form *form, const char *field, int64_t ms);
// [a-z0-9.-], 1 to CM_MAX_ID.
void cm_form_id(struct cm_form *form, const char *field, const char *id);
void cm_form_id_or_none(struct cm_form *form, const char *field, const char *id);
// An id with a dot.
void cm_form_agency(struct cm_form *form, const char *field, const char *id);
// Four ids after spiffe://, the second may be "_".
void cm_form_spiffe(struct cm_form *form, const char *field, const char *name);
// UTF-8 without control and bidirectional characters, least to most bytes; NULL is empty.
void cm_form_text(struct cm_form *form, const char *field, const char *text, size_t least,
                  size_t most);
// Letters A to Z and digits, least to CM_MAX_PLATE.
void cm_form_plate(struct cm_form *form, const char *field, const char *plate, size_t least);
// b comes after a, byte by byte.
void cm_form_ascending(struct cm_form *form, const char *field, const char *a, const char *b);

// From message to value.
void cm_form_bytes(struct cm_form *form, const char *field, uint8_t *out, size_t size,
                   const ProtobufCBinaryData *in);
void cm_form_span(struct cm_form *form, const char *field, struct cm_bytes *out,
                  const ProtobufCBinaryData *in, size_t least, size_t most);
void cm_form_digest(struct cm_form *form, const char *field, struct cm_digest *out,
                    const ProtobufCBinaryData *in);
// Empty stands for zero; zero written out is refused.
void cm_form_digest_or_none(struct cm_form *form, const char *field, struct cm_digest *out,
                            const ProtobufCBinaryData *in);
const struct cm_digest *cm_form_digests(struct cm_form *form, const char *field,
                                        const ProtobufCBinaryData *in, size_t count, size_t most);
// No check: spans_check has it.
const struct cm_bytes *cm_form_spans(struct cm_form *form, const ProtobufCBinaryData *in,
                                     size_t count);
// At most `most` spans of 1 to `bytes` bytes each.
void cm_form_spans_check(struct cm_form *form, const char *field, const struct cm_bytes *in,
                         size_t count, size_t most, size_t bytes);

// From value to message; what they return borrows from their arguments.
char *cm_form_out_text(const char *text);
ProtobufCBinaryData cm_form_out(const void *data, size_t len);
ProtobufCBinaryData cm_form_out_span(struct cm_bytes bytes);
ProtobufCBinaryData cm_form_out_digest(const struct cm_digest *digest);
ProtobufCBinaryData cm_form_out_digest_or_none(const struct cm_digest *digest);
ProtobufCBinaryData *cm_form_out_digests(struct cm_form *form, const struct cm_digest *in,
                                         size_t count);
ProtobufCBinaryData *cm_form_out_spans(struct cm_form *form, const struct cm_bytes *in,
                                       size_t count);

// Index of name among count words, 0 (which is never a word) when it is none.
unsigned cm_form_word(const char *const *words, unsigned count, struct cm_bytes name);

#endif

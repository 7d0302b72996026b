#include "proto/codec/form.h"

#include <string.h>

// Reads a minimal varint; its length, or 0 when there is none.
static size_t varint(struct cm_bytes in, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < in.len && i < 10; i++) {
        value |= (uint64_t)(in.data[i] & 0x7f) << (7 * i);
        if (in.data[i] & 0x80) {
            continue;
        }
        if ((i > 0 && in.data[i] == 0) || (i == 9 && in.data[i] > 1)) {
            return 0;
        }
        *out = value;
        return i + 1;
    }
    return 0;
}

static ProtobufCWireType wire_of(const ProtobufCFieldDescriptor *field)
{
    if (field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
    return PROTOBUF_C_WIRE_TYPE_VARINT;
}

// Splits the field's value off in; false when it is cut short.
static bool value_of(ProtobufCWireType wire, struct cm_bytes *in, struct cm_bytes *value)
{
    uint64_t number;
    size_t used = 0;
    size_t len = 0;

    if (wire == PROTOBUF_C_WIRE_TYPE_VARINT || wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
        used = varint(*in, &number);
        if (used == 0) {
            return false;
        }
        if (wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
            if (number > in->len - used) {
                return false;
            }
            len = (size_t)number;
        }
    } else {
        len = wire == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
        if (len > in->len) {
            return false;
        }
    }
    *value = (struct cm_bytes){in->data + used, len};
    in->data += used + len;
    in->len -= used + len;
    return true;
}

// Splits the next field off in; NULL when the form failed.
static const ProtobufCFieldDescriptor *field_of(struct cm_form *form,
                                                const ProtobufCMessageDescriptor *type,
                                                struct cm_bytes *in, struct cm_bytes *value)
{
    const ProtobufCFieldDescriptor *field;
    uint64_t tag = 0;
    size_t used = varint(*in, &tag);

    if (used == 0 || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) {
        cm_form_fail(form, CM_INVALID, "", "is cut short or not protobuf");
        return NULL;
    }
    field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
    if (!field) {
        cm_form_fail(form, CM_INVALID, "", "has an unknown field, number %u", (unsigned)(tag >> 3));
        return NULL;
    }
    in->data += used;
    in->len -= used;
    if ((tag & 7) != (uint64_t)wire_of(field) || !value_of(wire_of(field), in, value)) {
        cm_form_fail(form, CM_INVALID, field->name, "is cut short or of another type");
        return NULL;
    }
    return field;
}

// What protobuf-c does not check, with the field's name: unknown and repeated fields, order, UTF-8,
// NUL. Message types don't recurse, so depth is the schema's.
static void scan(struct cm_form *form, const ProtobufCMessageDescriptor *type, struct cm_bytes in)
{
    const ProtobufCFieldDescriptor *last = NULL;
    size_t index = 0;

    while (in.len > 0 && cm_form_ok(form)) {
        struct cm_bytes value;
        const ProtobufCFieldDescriptor *field = field_of(form, type, &in, &value);
        bool repeated;

        if (!field) {
            return;
        }
        repeated = field->label == PROTOBUF_C_LABEL_REPEATED &&
                   !(field->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
        if (last && (field->id < last->id || (field == last && !repeated))) {
            cm_form_fail(form, CM_INVALID, field->name, "is out of order or there twice");
        }
        index = field == last ? index + 1 : 0;
        last = field;
        cm_form_enter(form, field->name, repeated ? index : CM_FORM_NO_INDEX);
        if (field->type == PROTOBUF_C_TYPE_STRING && !cm_utf8_valid(value)) {
            cm_form_fail(form, CM_INVALID, "", "is not UTF-8 without NUL");
        }
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && form->depth <= CM_FORM_DEPTH) {
            scan(form, field->descriptor, value);
        } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            cm_form_fail(form, CM_INVALID, "", "is nested too deep");
        }
        cm_form_leave(form);
    }
}

struct comparison {
    ProtobufCBuffer base; // first, so that a pointer to it is one to the whole
    struct cm_bytes rest;
    bool differs;
};

static void compare(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
    struct comparison *c = (struct comparison *)(void *)buffer;

    if (len > c->rest.len || (len > 0 && memcmp(c->rest.data, data, len) != 0)) {
        c->differs = true;
        return;
    }
    c->rest.data += len;
    c->rest.len -= len;
}

struct allocation {
    struct cm_arena *arena;
    bool exhausted;
};

static void *allocate(void *data, size_t size)
{
    struct allocation *a = data;
    void *out = cm_arena_alloc(a->arena, size);

    a->exhausted = a->exhausted || !out;
    return out;
}

static void release(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

void *cm_form_unpack(struct cm_form *form, const ProtobufCMessageDescriptor *type, const char *name,
                     struct cm_bytes bytes, size_t max)
{
    struct allocation allocation = {form->arena, false};
    ProtobufCAllocator allocator = {allocate, release, &allocation};
    struct comparison comparison = {{compare}, bytes, false};
    ProtobufCMessage *message;

    form->name = name;
    if (bytes.len > max) {
        cm_form_fail(form, CM_INVALID, "", "is %zu bytes, at most %zu", bytes.len, max);
        return NULL;
    }
    scan(form, type, bytes);
    if (!cm_form_ok(form)) {
        return NULL;
    }
    message = protobuf_c_message_unpack(type, &allocator, bytes.len, bytes.data);
    if (!message) {
        cm_form_fail(form, allocation.exhausted ? CM_MEMORY : CM_INVALID, "", "%s",
                     allocation.exhausted ? "needs more memory than a message may"
                                          : "is not well-formed protobuf");
        return NULL;
    }
    protobuf_c_message_pack_to_buffer(message, &comparison.base);
    if (comparison.differs || comparison.rest.len > 0) {
        cm_form_fail(form, CM_INVALID, "", "is not in canonical form");
        return NULL;
    }
    return message;
}

enum cm_status cm_form_pack(struct cm_buf *out, const ProtobufCMessage *message, size_t max)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    enum cm_status status;
    uint8_t *at;

    if (len > max) {
        return CM_INVALID;
    }
    status = cm_buf_reserve(out, len, &at);
    if (status != CM_OK) {
        return status;
    }
    out->len += protobuf_c_message_pack(message, at);
    return CM_OK;
}

enum cm_status cm_form_finish(struct cm_form *form, struct cm_buf *out,
                              const ProtobufCMessage *message, size_t max)
{
    if (cm_form_ok(form)) {
        form->status = cm_form_pack(out, message, max);
    }
    cm_arena_free(form->arena);
    return form->status;
}

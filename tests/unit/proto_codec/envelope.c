#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_envelope envelope;
    enum cm_status status = cm_envelope_decode(&envelope, arena, in, error);

    return status == CM_OK ? cm_envelope_encode(out, &envelope) : status;
}

static struct cm_buf encode(const struct cm_envelope *envelope)
{
    struct cm_buf out = {0};

    cr_assert_eq(cm_envelope_encode(&out, envelope), CM_OK);
    return out;
}

Test(envelope, golden)
{
    struct cm_envelope envelope;
    struct cm_buf bytes;

    codec_envelope(&envelope, CM_FAMILY_RULESET);
    envelope.signatures[1] = envelope.signatures[0];
    envelope.signatures[1].keyid = codec_digest(0x50);
    envelope.signatures[1].chain_count = 0;
    envelope.signature_count = 2;
    bytes = encode(&envelope);
    codec_expect("envelope", cm_buf_bytes(&bytes), again);
    cm_buf_clear(&bytes);
}

Test(envelope, decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_envelope envelope;
    struct cm_envelope got;
    struct cm_buf bytes;

    codec_envelope(&envelope, CM_FAMILY_QUERY);
    bytes = encode(&envelope);
    cr_assert_eq(cm_envelope_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.family, CM_FAMILY_QUERY);
    cr_expect(cm_bytes_equal(got.payload, envelope.payload));
    cr_expect(cm_bytes_equal(got.raw, cm_buf_bytes(&bytes)));
    cr_expect_eq(got.signature_count, 1);
    cr_expect(cm_digest_equal(&got.signatures[0].keyid, &envelope.signatures[0].keyid));
    cr_expect_arr_eq(got.signatures[0].sig, envelope.signatures[0].sig, CM_SIGNATURE_SIZE);
    cr_expect_eq(got.signatures[0].chain_count, 2);
    cr_expect(cm_bytes_equal(got.signatures[0].chain[1], envelope.signatures[0].chain[1]));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(envelope, refuses_what_is_not_canonical)
{
    struct cm_envelope envelope;
    struct cm_buf bytes;
    struct cm_buf bent = {0};

    codec_envelope(&envelope, CM_FAMILY_QUERY);
    bytes = encode(&envelope);
    // An unknown field 15, at the end.
    cr_assert_eq(cm_buf_add(&bent, bytes.data, bytes.len), CM_OK);
    cr_assert_eq(cm_buf_add(&bent, "\x78\x01", 2), CM_OK);
    codec_refuses(again, cm_buf_bytes(&bent), CM_INVALID, "envelope");
    // The payload a second time.
    bent.len = bytes.len;
    cr_assert_eq(cm_buf_add(&bent, "\x12\x01x", 3), CM_OK);
    codec_refuses(again, cm_buf_bytes(&bent), CM_INVALID, "payload");
    // The type's length in two bytes where one is enough.
    bent.len = 0;
    cr_assert_eq(cm_buf_add(&bent, (uint8_t[]){bytes.data[0], bytes.data[1] | 0x80, 0}, 3), CM_OK);
    cr_assert_eq(cm_buf_add(&bent, bytes.data + 2, bytes.len - 2), CM_OK);
    codec_refuses(again, cm_buf_bytes(&bent), CM_INVALID, "payload_type");
    // NUL inside the type.
    bent.len = 0;
    cr_assert_eq(cm_buf_add(&bent, bytes.data, bytes.len), CM_OK);
    bent.data[10] = 0;
    codec_refuses(again, cm_buf_bytes(&bent), CM_INVALID, "payload_type");
    cm_buf_clear(&bent);
    cm_buf_clear(&bytes);
}

Test(envelope, bounds)
{
    static const uint8_t big[CM_MAX_PAYLOAD + 1];
    struct cm_envelope envelope;
    struct cm_buf out = {0};

    codec_envelope(&envelope, CM_FAMILY_QUERY);
    envelope.payload = (struct cm_bytes){big, CM_MAX_PAYLOAD};
    cr_expect_eq(cm_envelope_encode(&out, &envelope), CM_OK);
    envelope.payload.len++;
    cr_expect_eq(cm_envelope_encode(&out, &envelope), CM_INVALID);
    codec_envelope(&envelope, CM_FAMILY_QUERY);
    envelope.signature_count = 2;
    cr_expect_eq(cm_envelope_encode(&out, &envelope), CM_INVALID, "two signatures on a query");
    envelope.signature_count = 0;
    cr_expect_eq(cm_envelope_encode(&out, &envelope), CM_INVALID);
    envelope.signature_count = 1;
    envelope.signatures[0].chain[0] = (struct cm_bytes){big, CM_MAX_CERTIFICATE + 1};
    cr_expect_eq(cm_envelope_encode(&out, &envelope), CM_INVALID);
    envelope.family = CM_FAMILY_NONE;
    cr_expect_eq(cm_envelope_encode(&out, &envelope), CM_INVALID);
    cm_buf_clear(&out);
}

// 64 KiB of empty signatures would be 5 MB of structs.
Test(envelope, amplification_stays_under_the_cap)
{
    struct cm_arena *arena = cm_arena_new(256 * 1024);
    struct cm_envelope envelope;
    uint8_t bytes[64 * 1024];

    for (size_t i = 0; i < sizeof bytes; i += 2) {
        bytes[i] = 0x1a;
        bytes[i + 1] = 0;
    }
    cr_expect_eq(cm_envelope_decode(&envelope, arena, (struct cm_bytes){bytes, sizeof bytes}, NULL),
                 CM_MEMORY);
    cr_expect_leq(cm_arena_used(arena), 256 * 1024);
    cm_arena_free(arena);
}

// A field whose bytes are fields inside fields 8,000 deep.
Test(envelope, deep_nesting_is_harmless)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_envelope envelope;
    struct cm_error error;
    uint8_t bytes[32 * 1024];
    size_t at = sizeof bytes;

    for (size_t len = 0; at > 4 && len < 16000; len = sizeof bytes - at) {
        if (len > 127) {
            bytes[--at] = (uint8_t)(len >> 7);
        }
        bytes[--at] = (uint8_t)(len > 127 ? (len & 0x7f) | 0x80 : len);
        bytes[--at] = 0x1a;
    }
    cr_expect_eq(cm_envelope_decode(&envelope, arena,
                                    (struct cm_bytes){bytes + at, sizeof bytes - at}, &error),
                 CM_INVALID);
    cr_expect_str_eq(error.where, "envelope.signatures[0].keyid", "%s: %s", error.where,
                     error.text);
    cm_arena_free(arena);
}

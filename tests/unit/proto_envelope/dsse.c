#include "proto/envelope/dsse.h"

#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <string.h>

static struct pki *pki;
static struct cm_arena *arena;

static void setup(void)
{
    pki = pki_new();
    arena = cm_arena_new(1 << 20);
    pki_agency(pki, "ca.northport.pd");
}

static void teardown(void)
{
    cm_arena_free(arena);
    pki_free(pki);
}

static void coordinate(uint8_t *out, const json_t *vector, const char *name)
{
    BIGNUM *number = NULL;
    cr_assert_gt(BN_dec2bn(&number, json_string_value(json_object_get(vector, name))), 0);
    cr_assert_eq(BN_bn2binpad(number, out, 32), 32);
    BN_free(number);
}

static const char *text(const json_t *vector, const char *name)
{
    return json_string_value(json_object_get(vector, name));
}

static void run_vector(const json_t *vector)
{
    struct cm_buf pae = {0};
    cr_assert_eq(cm_dsse_pae(&pae, cm_bytes_of(text(vector, "payloadType")),
                             cm_bytes_of(text(vector, "payload_utf8"))),
                 CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&pae), cm_bytes_of(text(vector, "pae_utf8"))));
    uint8_t spki[CM_SPKI_SIZE];
    cr_assert_eq(cm_unhex(spki, 27, "3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
                 CM_OK);
    coordinate(spki + 27, vector, "x");
    coordinate(spki + 59, vector, "y");
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, (struct cm_bytes){spki, sizeof(spki)}), CM_OK);
    struct cm_buf sig = {0};
    cr_assert_eq(cm_unbase64(&sig, cm_bytes_of(text(vector, "sig_b64"))), CM_OK);
    cr_expect_eq(cm_key_verify(key, cm_buf_bytes(&pae), cm_buf_bytes(&sig)), CM_OK);
    pae.data[pae.len - 1] ^= 1;
    cr_expect_eq(cm_key_verify(key, cm_buf_bytes(&pae), cm_buf_bytes(&sig)), CM_UNAUTHENTICATED);
    cm_key_free(key);
    cm_buf_clear(&sig);
    cm_buf_clear(&pae);
}

Test(dsse, agrees_with_the_published_vectors)
{
    json_t *root =
        json_load_file(CM_SHARED "/data/vectors/dsse/dsse_protocol_vector.json", 0, NULL);
    cr_assert_not_null(root);
    const json_t *vectors = json_object_get(root, "vectors");
    cr_assert_geq(json_array_size(vectors), 1);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        run_vector(json_array_get(vectors, i));
    }
    json_decref(root);
}

Test(dsse, encodes_lengths_in_decimal_and_leaves_the_buffer_when_full)
{
    struct cm_buf out = {.max = 20};
    cr_assert_eq(cm_dsse_pae(&out, cm_bytes_of("t"), CM_BYTES_NONE), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&out), cm_bytes_of("DSSEv1 1 t 0 ")));
    cr_expect_eq(cm_dsse_pae(&out, cm_bytes_of("t"), CM_BYTES_NONE), CM_MEMORY);
    cr_expect_eq(out.len, 13);
    cm_buf_clear(&out);
}

static struct cm_key *key_of(const struct cm_signer *signer)
{
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(signer)), CM_OK);
    return key;
}

Test(dsse, a_signature_holds_for_its_bytes_type_and_key_alone, .init = setup, .fini = teardown)
{
    struct cm_signer *alice = pki_signer(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "alice");
    struct cm_signer *bob = pki_signer(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "bob");
    struct cm_key *key = key_of(alice);
    struct cm_key *other = key_of(bob);
    struct cm_envelope envelope;
    pki_sign(&envelope, arena, CM_FAMILY_QUERY, cm_bytes_of("payload"), alice);
    cr_expect_eq(envelope.signatures[0].chain_count, 2);
    cr_expect_eq(cm_dsse_verify(&envelope, 0, key), CM_OK);
    cr_expect_eq(cm_dsse_verify(&envelope, 1, key), CM_UNAUTHENTICATED);
    cr_expect_eq(cm_dsse_verify(&envelope, 0, other), CM_UNAUTHENTICATED);

    struct cm_envelope forged = envelope;
    forged.payload = cm_bytes_of("Payload");
    cr_expect_eq(cm_dsse_verify(&forged, 0, key), CM_UNAUTHENTICATED);
    forged = envelope;
    forged.family = CM_FAMILY_REACH;
    cr_expect_eq(cm_dsse_verify(&forged, 0, key), CM_UNAUTHENTICATED, "another payload type");
    forged = envelope;
    forged.signatures[0].sig[40] ^= 1;
    cr_expect_eq(cm_dsse_verify(&forged, 0, key), CM_UNAUTHENTICATED);
    forged = envelope;
    forged.signatures[0].keyid.b[0] ^= 1;
    cr_expect_eq(cm_dsse_verify(&forged, 0, key), CM_UNAUTHENTICATED, "keyid");
    cm_key_free(key);
    cm_key_free(other);
}

Test(dsse, the_chain_can_be_left_out, .init = setup, .fini = teardown)
{
    struct cm_signer *node = pki_signer(pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    struct cm_buf out = {0};
    cr_assert_eq(cm_dsse_sign(&out, CM_FAMILY_HEADER, cm_bytes_of("x"), node, false), CM_OK);
    struct cm_envelope envelope;
    cr_assert_eq(cm_envelope_decode(&envelope, arena, cm_buf_bytes(&out), NULL), CM_OK);
    cr_expect_eq(envelope.signatures[0].chain_count, 0);
    struct cm_key *key = key_of(node);
    cr_expect_eq(cm_dsse_verify(&envelope, 0, key), CM_OK);
    cm_key_free(key);
    cm_buf_clear(&out);
}

Test(dsse, cosigns_what_takes_two_signatures_of_two_keys, .init = setup, .fini = teardown)
{
    struct cm_signer *ann = pki_signer(pki, "ca.northport.pd", CM_ROLE_ADMIN, "ann");
    struct cm_signer *ben = pki_signer(pki, "ca.northport.pd", CM_ROLE_ADMIN, "ben");
    struct cm_envelope one;
    struct cm_envelope both;
    struct cm_buf out = {0};
    pki_sign(&one, arena, CM_FAMILY_RULESET, cm_bytes_of("rules"), ann);
    cr_expect_eq(cm_dsse_cosign(&out, &one, ann), CM_INVALID, "the same key twice");
    cr_assert_eq(cm_dsse_cosign(&out, &one, ben), CM_OK);
    cr_assert_eq(cm_envelope_decode(&both, arena, cm_buf_bytes(&out), NULL), CM_OK);
    struct cm_key *first = key_of(ann);
    struct cm_key *second = key_of(ben);
    cr_expect_eq(cm_dsse_verify(&both, 0, first), CM_OK);
    cr_expect_eq(cm_dsse_verify(&both, 1, second), CM_OK);
    cr_expect_eq(cm_dsse_verify(&both, 1, first), CM_UNAUTHENTICATED);
    cr_expect_eq(cm_dsse_cosign(&out, &both, ann), CM_INVALID, "a third");

    struct cm_envelope query;
    pki_sign(&query, arena, CM_FAMILY_QUERY, cm_bytes_of("q"), ann);
    cr_expect_eq(cm_dsse_cosign(&out, &query, ben), CM_INVALID, "a family that takes one");
    cm_key_free(first);
    cm_key_free(second);
    cm_buf_clear(&out);
}

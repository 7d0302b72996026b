#include "proto/ledger/note.h"

#include "fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

// One verifier key, "name+hash+base64(type ‖ key)", of either type of the vectors.
struct verifier {
    char name[256];
    uint8_t hash[4];
    struct cm_buf key; // type and key
};

static void read_verifier(struct verifier *out, const char *vkey)
{
    const char *hash = strchr(vkey, '+');
    const char *value = strchr(hash + 1, '+') + 1;
    char digits[9];
    *out = (struct verifier){.key.len = 0};
    snprintf(out->name, sizeof out->name, "%.*s", (int)(hash - vkey), vkey);
    snprintf(digits, sizeof digits, "%.8s", hash + 1);
    cr_assert_eq(cm_unhex(out->hash, sizeof out->hash, digits), CM_OK);
    cr_assert_eq(cm_unbase64(&out->key, cm_bytes_of(value)), CM_OK);
}

static bool ed25519_holds(const struct verifier *verifier, struct cm_bytes text, const uint8_t *sig)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, verifier->key.data + 1,
                                                verifier->key.len - 1);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    cr_assert_eq(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
    const bool holds = EVP_DigestVerify(context, sig, 64, text.data, text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return holds;
}

// We verify P-256 alone: of others the form is judged, and text and line are what they sign.
static bool opens_ed25519(const struct verifier *verifier, struct cm_bytes note,
                          const struct cm_key *other)
{
    struct cm_bytes text;
    char start[300];
    if (cm_note_open(&text, note, "nobody", other, NULL) != CM_UNAUTHENTICATED) {
        return false;
    }
    snprintf(start, sizeof start, "\n\xe2\x80\x94 %s ", verifier->name);
    const char *line = strstr((const char *)text.data, start);
    if (!line) {
        return false;
    }
    line += strlen(start);
    struct cm_buf sig = {0};
    cr_assert_eq(cm_unbase64(&sig, (struct cm_bytes){(const uint8_t *)line, strcspn(line, "\n")}),
                 CM_OK);
    const bool holds = sig.len == 4 + 64 && memcmp(sig.data, verifier->hash, 4) == 0 &&
                       ed25519_holds(verifier, text, sig.data + 4);
    cm_buf_clear(&sig);
    return holds;
}

static bool opens(const struct verifier *verifier, struct cm_bytes note, const struct cm_key *other)
{
    if (verifier->key.data[0] != 0x02) {
        return opens_ed25519(verifier, note, other);
    }
    struct cm_key *key;
    struct cm_bytes text;
    cr_assert_eq(cm_key_new(&key, (struct cm_bytes){verifier->key.data + 1, verifier->key.len - 1}),
                 CM_OK);
    const bool holds = cm_note_open(&text, note, verifier->name, key, NULL) == CM_OK;
    cm_key_free(key);
    return holds;
}

Test(note, published_vectors)
{
    json_t *file =
        json_load_file(CM_SHARED "/data/vectors/signed-note/signed_note_vectors.json", 0, NULL);
    struct fixture f;
    struct cm_key *other;
    unsigned tried = 0;
    size_t i;
    json_t *vector;
    fixture_open(&f);
    cr_assert_eq(cm_key_new(&other, cm_signer_spki(f.signer)), CM_OK);
    json_array_foreach(json_object_get(file, "vectors"), i, vector)
    {
        size_t k;
        json_t *vkey;
        json_array_foreach(json_object_get(vector, "vkeys"), k, vkey)
        {
            struct verifier verifier;
            read_verifier(&verifier, json_string_value(vkey));
            const struct cm_bytes note =
                cm_bytes_of(json_string_value(json_object_get(vector, "note")));
            // Of a note that is valid, each key that the vector names has signed.
            cr_expect_eq(opens(&verifier, note, other),
                         json_is_true(json_object_get(vector, "valid")), "%s by %s",
                         json_string_value(json_object_get(vector, "name")), verifier.name);
            cm_buf_clear(&verifier.key);
        }
        tried++;
    }
    cr_assert_eq(tried, json_array_size(json_object_get(file, "vectors")));
    cr_assert_geq(tried, 8);
    json_decref(file);
    cm_key_free(other);
    fixture_close(&f);
}

static enum cm_status open_text(const char *note, const struct cm_key *key)
{
    struct cm_bytes text;
    return cm_note_open(&text, cm_bytes_of(note), "test", key, NULL);
}

Test(note, form_is_strict)
{
    struct fixture f;
    fixture_open(&f);
    struct cm_key *key;
    struct cm_buf note = {0};
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(f.signer)), CM_OK);
    cr_assert_eq(cm_note_sign(&note, cm_bytes_of("no newline"), "test", f.signer), CM_INVALID);
    cr_assert_eq(cm_note_sign(&note, cm_bytes_of("a\n"), "a name", f.signer), CM_INVALID);
    cr_assert_eq(cm_note_sign(&note, cm_bytes_of("a\n"), "a+b", f.signer), CM_INVALID);
    cr_assert_eq(cm_note_sign(&note, cm_bytes_of("a\n"), "test", f.signer), CM_OK);
    cr_assert_eq(cm_buf_add(&note, "", 1), CM_OK);
    const char *text = (const char *)note.data;
    cr_assert_eq(open_text(text, key), CM_OK);

    char other[512];
    snprintf(other, sizeof other, "%s\xe2\x80\x94 someone AAAAAAAA\n", text);
    cr_assert_eq(open_text(other, key), CM_OK, "others' lines are ignored");
    snprintf(other, sizeof other, "b%s", text);
    cr_assert_eq(open_text(other, key), CM_UNAUTHENTICATED);
    snprintf(other, sizeof other, "%.*s", (int)strlen(text) - 1, text);
    cr_assert_eq(open_text(other, key), CM_INVALID, "the last line ends");
    snprintf(other, sizeof other, "%sgarbage\n", text);
    cr_assert_eq(open_text(other, key), CM_INVALID);
    snprintf(other, sizeof other, "\t%s", text);
    cr_assert_eq(open_text(other, key), CM_INVALID);
    cr_assert_eq(open_text("a\n\n", key), CM_INVALID);
    cr_assert_eq(open_text("", key), CM_INVALID);
    cr_assert_eq(open_text("a\n\n\xe2\x80\x94 test !!!!\n", key), CM_INVALID);
    cr_assert_eq(open_text("a\n\n\xe2\x80\x94 other AAAAAAAA\n", key), CM_UNAUTHENTICATED);

    cm_buf_clear(&note);
    cm_key_free(key);
    fixture_close(&f);
}

#include "proto/ledger/note.h"

#include "fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdio.h>
#include <string.h>

// "name+hash+base64(type ‖ key)"; false when the type is not P-256.
static bool verifier(const char *vkey, char name[256], struct cm_key **key)
{
    const char *hash = strchr(vkey, '+');
    const char *value = strchr(hash + 1, '+') + 1;
    struct cm_buf buf = {0};
    snprintf(name, 256, "%.*s", (int)(hash - vkey), vkey);
    cr_assert_eq(cm_unbase64(&buf, cm_bytes_of(value)), CM_OK);
    const bool p256 = buf.data[0] == 0x02;
    if (p256) {
        cr_assert_eq(cm_key_new(key, (struct cm_bytes){buf.data + 1, buf.len - 1}), CM_OK);
    }
    cm_buf_clear(&buf);
    return p256;
}

Test(note, published_vectors)
{
    json_t *file =
        json_load_file(CM_SHARED "/data/vectors/signed-note/signed_note_vectors.json", 0, NULL);
    unsigned tried = 0;
    size_t i;
    json_t *vector;
    json_array_foreach(json_object_get(file, "vectors"), i, vector)
    {
        const char *vkey = json_string_value(json_array_get(json_object_get(vector, "vkeys"), 0));
        char name[256];
        struct cm_key *key = NULL;
        if (!verifier(vkey, name, &key)) {
            continue;
        }
        struct cm_bytes text;
        const struct cm_bytes note =
            cm_bytes_of(json_string_value(json_object_get(vector, "note")));
        const bool holds = cm_note_open(&text, note, name, key, NULL) == CM_OK;
        cr_expect_eq(holds, json_is_true(json_object_get(vector, "valid")), "%s",
                     json_string_value(json_object_get(vector, "name")));
        cm_key_free(key);
        tried++;
    }
    json_decref(file);
    cr_assert_eq(tried, 3);
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

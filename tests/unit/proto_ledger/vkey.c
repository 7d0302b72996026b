#include "proto/ledger/vkey.h"

#include "fixture.h"
#include "proto/ledger/note.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

static enum cm_status parse(const char *vkey)
{
    char name[CM_MAX_VKEY];
    struct cm_key *key = NULL;
    const enum cm_status status = cm_vkey_parse(name, &key, cm_bytes_of(vkey), NULL);
    cm_key_free(key);
    return status;
}

Test(vkey, those_of_the_vectors_come_out_as_they_went_in)
{
    json_t *file =
        json_load_file(CM_SHARED "/data/vectors/signed-note/signed_note_vectors.json", 0, NULL);
    unsigned tried = 0;
    size_t i;
    json_t *vector;
    json_array_foreach(json_object_get(file, "vectors"), i, vector)
    {
        const char *vkey = json_string_value(json_array_get(json_object_get(vector, "vkeys"), 0));
        char name[CM_MAX_VKEY];
        struct cm_key *key = NULL;
        if (cm_vkey_parse(name, &key, cm_bytes_of(vkey), NULL) != CM_OK) {
            continue;
        }
        struct cm_buf again = {0};
        cr_assert_eq(cm_vkey_format(&again, name, cm_key_spki(key)), CM_OK);
        cr_assert_eq(again.len, strlen(vkey) + 1);
        cr_assert_eq(memcmp(again.data, vkey, strlen(vkey)), 0);
        cm_buf_clear(&again);
        cm_key_free(key);
        tried++;
    }
    json_decref(file);
    cr_assert_eq(tried, 3);
}

#define VKEY                                                                                       \
    "+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBM5s26IOznl1i59sl30IVVKzJDhWV0nngQCf"                   \
    "+VnEpXiRi7UmOrWeTy1+zw2Bw0jT7afQ0DDRRMcP1mxnLvKUtI="

Test(vkey, has_one_spelling_and_a_name_without_space)
{
    cr_assert_eq(parse("valley.test/node+15342a5d" VKEY), CM_OK);
    cr_assert_eq(parse("valley.test/node+15342A5d" VKEY), CM_INVALID);
    cr_assert_eq(parse("valley test+15342a5d" VKEY), CM_INVALID);
    cr_assert_eq(parse("valley\ntest+15342a5d" VKEY), CM_INVALID);
    cr_assert_eq(parse("valley\xc2\xa0test+15342a5d" VKEY), CM_INVALID, "a space that isn't ASCII");
    cr_assert_eq(parse("valley\xeetest+15342a5d" VKEY), CM_INVALID, "not UTF-8");
}

Test(vkey, form_is_strict)
{
    struct fixture f;
    struct cm_buf vkey = {0};
    fixture_open(&f);
    cr_assert_eq(cm_vkey_format(&vkey, FIXTURE_ORIGIN, cm_signer_spki(f.signer)), CM_OK);
    cr_assert_eq(cm_buf_add(&vkey, "", 1), CM_OK);
    char *text = (char *)vkey.data;
    cr_assert_eq(parse(text), CM_OK);
    char *hash = strchr(text, '+') + 1;
    *hash = *hash == '0' ? '1' : '0';
    cr_assert_eq(parse(text), CM_INVALID, "another key's hash");
    cr_assert_eq(parse(""), CM_INVALID);
    cr_assert_eq(parse("name"), CM_INVALID);
    cr_assert_eq(parse("+00000000+AjBZ"), CM_INVALID);
    cr_assert_eq(parse("name+0000000+AjBZ"), CM_INVALID);
    cr_assert_eq(parse("name+00000000+"), CM_INVALID);
    cr_assert_eq(parse("name+00000000+!!!!"), CM_INVALID);
    cr_assert_eq(parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
                 CM_INVALID, "Ed25519");
    cm_buf_clear(&vkey);
    fixture_close(&f);
}

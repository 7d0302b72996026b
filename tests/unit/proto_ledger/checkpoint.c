#include "proto/ledger/checkpoint.h"
#include "proto/ledger/note.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static struct cm_checkpoint example(void)
{
    struct cm_checkpoint checkpoint = {.origin = FIXTURE_ORIGIN, .size = 42};
    cm_sha256_of(&checkpoint.root, cm_bytes_of("root"));
    return checkpoint;
}

Test(checkpoint, signed_and_opened)
{
    struct fixture f;
    fixture_open(&f);
    const struct cm_checkpoint in = example();
    struct cm_checkpoint out;
    struct cm_buf note = {0};
    struct cm_key *key, *wrong;
    struct cm_signer *other = fixture_signer(&f, FIXTURE_SPIFFE);
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(f.signer)), CM_OK);
    cr_assert_eq(cm_key_new(&wrong, cm_signer_spki(other)), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &in, f.signer), CM_OK);
    cr_assert_eq(cm_checkpoint_open(&out, cm_buf_bytes(&note), key, NULL), CM_OK);
    cr_assert_str_eq(out.origin, in.origin);
    cr_assert_eq(out.size, 42);
    cr_assert(cm_digest_equal(&out.root, &in.root));
    cr_assert_eq(cm_checkpoint_open(&out, cm_buf_bytes(&note), wrong, NULL), CM_UNAUTHENTICATED);
    for (size_t i = 0; i < note.len; i++) {
        note.data[i] ^= 1;
        cr_expect_neq(cm_checkpoint_open(&out, cm_buf_bytes(&note), key, NULL), CM_OK, "byte %zu",
                      i);
        note.data[i] ^= 1;
    }
    cm_buf_clear(&note);
    cm_key_free(key);
    cm_key_free(wrong);
    cm_signer_unref(other);
    fixture_close(&f);
}

// A text that is signed correctly but is no checkpoint of ours.
static void refuse(struct fixture *f, const struct cm_key *key, const char *text)
{
    struct cm_buf note = {0};
    struct cm_checkpoint out;
    cr_assert_eq(cm_note_sign(&note, cm_bytes_of(text), "o", f->signer), CM_OK);
    cr_expect_eq(cm_checkpoint_open(&out, cm_buf_bytes(&note), key, NULL), CM_INVALID, "%s", text);
    cm_buf_clear(&note);
}

Test(checkpoint, form_is_strict)
{
    struct fixture f;
    fixture_open(&f);
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(f.signer)), CM_OK);
    const char *root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const char *sizes[] = {"", "01", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616"};
    char text[512];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(text, sizeof text, "o\n%s\n%s\n", sizes[i], root);
        refuse(&f, key, text);
    }
    snprintf(text, sizeof text, "o\n1\n%s\nextension\n", root);
    refuse(&f, key, text);
    snprintf(text, sizeof text, "o\n1\n%s\n\nhidden\n", root);
    refuse(&f, key, text);
    refuse(&f, key, "o\n1\nAAAA\n");
    refuse(&f, key, "o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n");
    refuse(&f, key, "o\n1\n");
    refuse(&f, key, "\n1\n");
    cm_key_free(key);
    fixture_close(&f);
}

Test(checkpoint, origins)
{
    char out[CM_MAX_ORIGIN + 1];
    cr_assert_eq(cm_checkpoint_origin(out, "spiffe://fed.example/_/gateway/gw-1"), CM_OK);
    cr_assert_str_eq(out, "fed.example/gateway/gw-1");
    cr_assert_eq(cm_checkpoint_origin(out, "spiffe://fed.example/ca.northport.pd/node/n1"), CM_OK);
    cr_assert_str_eq(out, "fed.example/ca.northport.pd/node/n1");
    const char *others[] = {"spiffe://fed.example/ca.northport.pd/gateway/n1",
                            "spiffe://fed.example/_/node/n1",
                            "spiffe://fed.example/_/gateway/",
                            "spiffe://fed.example/_/gateway/a/b",
                            "spiffe://fed.example/_/directory/d",
                            "spiffe://fed.example/ca.northport.pd/investigator/i",
                            "https://fed.example/_/gateway/gw-1",
                            "spiffe://",
                            ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect_eq(cm_checkpoint_origin(out, others[i]), CM_INVALID, "%s", others[i]);
    }
}

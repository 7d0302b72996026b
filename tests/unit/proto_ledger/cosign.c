#include "proto/ledger/cosign.h"
#include "proto/ledger/checkpoint.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define WITNESS_SPIFFE "spiffe://test.example/ca.northport.pd/node/n1"
#define WITNESS_NAME   "test.example/ca.northport.pd/node/n1"

enum { SIGNED_S = 1679315147 };

struct table {
    struct fixture fixture;
    struct cm_signer *witness;
    struct cm_key *key, *witness_key;
    struct cm_buf note, line;
};

static void set(struct table *t)
{
    struct cm_checkpoint checkpoint = {.origin = FIXTURE_ORIGIN, .size = 42};
    *t = (struct table){.line = {.len = 0}};
    fixture_open(&t->fixture);
    t->witness = fixture_signer(&t->fixture, WITNESS_SPIFFE);
    cr_assert_eq(cm_key_new(&t->key, cm_signer_spki(t->fixture.signer)), CM_OK);
    cr_assert_eq(cm_key_new(&t->witness_key, cm_signer_spki(t->witness)), CM_OK);
    cm_sha256_of(&checkpoint.root, cm_bytes_of("root"));
    cr_assert_eq(cm_checkpoint_sign(&t->note, &checkpoint, t->fixture.signer), CM_OK);
    cr_assert_eq(cm_cosign(&t->line, cm_buf_bytes(&t->note), SIGNED_S, t->witness), CM_OK);
}

static void clear(struct table *t)
{
    cm_buf_clear(&t->note);
    cm_buf_clear(&t->line);
    cm_key_free(t->key);
    cm_key_free(t->witness_key);
    cm_signer_unref(t->witness);
    fixture_close(&t->fixture);
}

static enum cm_status check(const struct table *t, const char *name, const struct cm_key *key)
{
    return cm_cosign_check(NULL, cm_buf_bytes(&t->line), cm_buf_bytes(&t->note), name, key, NULL);
}

Test(cosign, holds_for_its_checkpoint_name_and_key_alone)
{
    struct table t;
    int64_t time_s = 0;
    set(&t);
    cr_assert_eq(cm_cosign_check(&time_s, cm_buf_bytes(&t.line), cm_buf_bytes(&t.note),
                                 WITNESS_NAME, t.witness_key, NULL),
                 CM_OK);
    cr_expect_eq(time_s, SIGNED_S);
    cr_expect_eq(check(&t, WITNESS_NAME, t.key), CM_UNAUTHENTICATED);
    cr_expect_eq(check(&t, FIXTURE_ORIGIN, t.witness_key), CM_UNAUTHENTICATED);
    for (size_t i = 0; i < t.line.len; i++) {
        t.line.data[i] ^= 1;
        cr_expect_neq(check(&t, WITNESS_NAME, t.witness_key), CM_OK, "byte %zu", i);
        t.line.data[i] ^= 1;
    }
    struct cm_bytes text, lines;
    cr_assert_eq(cm_note_split(&text, &lines, cm_buf_bytes(&t.note)), CM_OK);
    for (size_t i = 0; i < text.len; i++) {
        t.note.data[i] ^= 1;
        cr_expect_neq(check(&t, WITNESS_NAME, t.witness_key), CM_OK, "byte %zu of the note", i);
        t.note.data[i] ^= 1;
    }
    clear(&t);
}

// What C2SP tlog-cosignature fixes, taken apart without our reader.
Test(cosign, layout)
{
    static const char type[] = "\xff"
                               "comity.v1/ecdsa-p256";
    struct table t;
    struct cm_digest id;
    struct cm_buf value = {0}, text = {0};
    set(&t);
    const char *space = strrchr((const char *)t.line.data, ' ');
    cr_assert_eq(strncmp((const char *)t.line.data, "\xe2\x80\x94 " WITNESS_NAME " ",
                         strlen(WITNESS_NAME) + 5),
                 0);
    const size_t at = (size_t)(space + 1 - (const char *)t.line.data);
    cr_assert_eq(cm_unbase64(&value, (struct cm_bytes){t.line.data + at, t.line.len - at - 1}),
                 CM_OK);
    const struct cm_bytes parts[] = {cm_bytes_of(WITNESS_NAME "\n"), cm_bytes_of(type),
                                     cm_signer_spki(t.witness)};
    cm_sha256(&id, parts, 3);
    cr_expect_arr_eq(value.data, id.b, 4);
    const uint8_t time[8] = {0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb};
    cr_expect_arr_eq(value.data + 4, time, 8);
    struct cm_bytes body, lines;
    cr_assert_eq(cm_note_split(&body, &lines, cm_buf_bytes(&t.note)), CM_OK);
    cr_assert_eq(cm_buf_printf(&text, "cosignature/v1\ntime %d\n%.*s", SIGNED_S, (int)body.len,
                               (const char *)body.data),
                 CM_OK);
    cr_expect_eq(cm_key_verify_der(t.witness_key, cm_buf_bytes(&text),
                                   (struct cm_bytes){value.data + 12, value.len - 12}),
                 CM_OK);
    cm_buf_clear(&value);
    cm_buf_clear(&text);
    clear(&t);
}

Test(cosign, added_once_found_again_and_bounded)
{
    struct table t;
    struct cm_checkpoint checkpoint;
    set(&t);
    cr_expect_eq(cm_cosign_find(NULL, cm_buf_bytes(&t.note), WITNESS_NAME, t.witness_key, NULL),
                 CM_NOT_FOUND);
    cr_assert_eq(cm_cosign_add(&t.note, cm_buf_bytes(&t.line)), CM_OK);
    const size_t len = t.note.len;
    cr_assert_eq(cm_cosign_add(&t.note, cm_buf_bytes(&t.line)), CM_OK);
    cr_expect_eq(t.note.len, len, "the same witness again");
    cr_expect_eq(cm_cosign_find(NULL, cm_buf_bytes(&t.note), WITNESS_NAME, t.witness_key, NULL),
                 CM_OK);
    cr_expect_eq(cm_checkpoint_open(&checkpoint, cm_buf_bytes(&t.note), t.key, NULL), CM_OK);
    enum cm_status status = CM_OK;
    unsigned added = 2; // the ledger's own and the first witness
    for (int i = 0; !status && i < 2 * CM_MAX_NOTE_SIGNATURES; i++) {
        char spiffe[80];
        snprintf(spiffe, sizeof spiffe, "spiffe://test.example/ca.northport.pd/node/m%d", i);
        struct cm_signer *other = fixture_signer(&t.fixture, spiffe);
        t.line.len = 0;
        cr_assert_eq(cm_cosign(&t.line, cm_buf_bytes(&t.note), SIGNED_S, other), CM_OK);
        status = cm_cosign_add(&t.note, cm_buf_bytes(&t.line));
        added += !status;
        cm_signer_unref(other);
    }
    cr_expect_eq(status, CM_EXHAUSTED);
    cr_expect_eq(added, CM_MAX_NOTE_SIGNATURES);
    cr_expect_leq(t.note.len, CM_MAX_CHECKPOINT);
    cr_expect_eq(cm_checkpoint_open(&checkpoint, cm_buf_bytes(&t.note), t.key, NULL), CM_OK,
                 "a full note still opens");
    clear(&t);
}

Test(cosign, form_is_strict)
{
    struct table t;
    set(&t);
    const char *lines[] = {"",
                           "\n",
                           "\xe2\x80\x94 a\n",
                           "\xe2\x80\x94 a b",
                           "- a b\n",
                           "\xe2\x80\x94 a b\n\xe2\x80\x94 a b\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_expect_eq(cm_cosign_check(NULL, cm_bytes_of(lines[i]), cm_buf_bytes(&t.note), "a",
                                     t.witness_key, NULL),
                     CM_INVALID, "%zu", i);
        cr_expect_eq(cm_cosign_add(&t.note, cm_bytes_of(lines[i])), CM_INVALID, "%zu", i);
    }
    cr_expect_eq(cm_cosign(&t.line, cm_bytes_of("no note"), SIGNED_S, t.witness), CM_INVALID);
    cr_expect_eq(cm_cosign(&t.line, cm_buf_bytes(&t.note), -1, t.witness), CM_INVALID);
    clear(&t);
}

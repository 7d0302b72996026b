#include "proto/ledger/cli/revealed.h"

#include "made.h"
#include "proto/ledger/cli/stream_proof.h"
#include "proto/ledger/vkey.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

enum { ARENA = 4 * 1024 * 1024, ALL = (1 << CM_LABEL_COUNT) - 1 };

static struct pki *pki;
static struct made made;
static struct cm_arena *arena;

static void begin(void)
{
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
    arena = cm_arena_new(ARENA);
}

static void end(void)
{
    made_close(&made);
    pki_free(pki);
    cm_arena_free(arena);
}

TestSuite(revealed, .init = begin, .fini = end);

// Of the second of three entries.
static json_t *reveal(unsigned labels, bool question)
{
    struct cm_buf vkey = {0}, note = {0};
    struct cm_inclusion inclusion;
    const struct cm_audit_record *record;
    json_t *json = NULL;
    struct cm_stream_proof *proof = cm_stream_proof_new(1, 3);
    for (unsigned i = 0; i < 3; i++) {
        made_asked(&made, &(struct made_question){.plate = "7XYZ987"});
    }
    struct cm_ledger_folder *folder = made_folder(&made);
    while (cm_ledger_folder_next(&record, folder, NULL) == CM_OK && record) {
        cm_stream_proof_add(proof, record->index, &record->leaf);
        if (record->index == 1) {
            json = cm_revealed_of(record, labels, question);
        }
    }
    const struct cm_log_state *state = cm_ledger_folder_state(folder);
    cr_assert_eq(cm_buf_add(&note, state->note.data, state->note.len), CM_OK);
    cr_assert_eq(cm_vkey_format(&vkey, made.origin, cm_signer_spki(made.signer)), CM_OK);
    cm_stream_proof_end(&inclusion, proof);
    cr_assert_eq(cm_revealed_prove(json, &inclusion, cm_buf_bytes(&note), cm_buf_bytes(&vkey)),
                 CM_OK);
    cm_stream_proof_free(proof);
    cm_ledger_folder_close(folder);
    cm_buf_clear(&note);
    cm_buf_clear(&vkey);
    return json;
}

static enum cm_status check(struct cm_revealed *out, const json_t *json, struct cm_error *error)
{
    return cm_revealed_check(out, arena, json, NULL, error);
}

Test(revealed, proves_what_was_asked_for_and_tells_nothing_else)
{
    struct cm_revealed revealed;
    struct cm_error error = {.text = ""};
    json_t *json = reveal(1u << CM_LABEL_PLATE | 1u << CM_LABEL_CASE, false);
    cr_assert_eq(check(&revealed, json, &error), CM_OK, "%s: %s", error.where, error.text);
    cr_expect_str_eq(revealed.values[CM_LABEL_PLATE], "7XYZ987");
    cr_expect_str_eq(revealed.values[CM_LABEL_CASE], "26-1234");
    cr_expect_null(revealed.values[CM_LABEL_REASON]);
    cr_expect_eq(revealed.index, 1);
    cr_expect_eq(revealed.size, 3);
    cr_expect_str_eq(revealed.origin, made.origin);
    char *text = json_dumps(json, 0);
    cr_expect_null(strstr(text, "witness statement"));
    cr_expect_null(strstr(text, "lee"));
    free(text);
    json_decref(json);
}

Test(revealed, with_the_question_its_signature_too)
{
    struct cm_revealed revealed;
    struct cm_error error = {.text = ""};
    json_t *json = reveal(ALL, true);
    cr_assert_eq(check(&revealed, json, &error), CM_OK, "%s: %s", error.where, error.text);
    cr_expect(revealed.question);
    cr_expect_str_eq(revealed.query.reason, "follow up on witness statement");
    json_decref(json);
}

static void expect_refused(const json_t *json, const char *where)
{
    struct cm_revealed revealed;
    struct cm_error error = {.text = ""};
    cr_expect_neq(check(&revealed, json, &error), CM_OK, "%s", where);
    cr_expect_str_eq(error.where, where, "%s: %s", error.where, error.text);
}

Test(revealed, another_value_key_or_place_is_refused)
{
    json_t *json = reveal(1u << CM_LABEL_PLATE, false);
    json_t *value = json_array_get(json_object_get(json, "values"), 0);
    json_t *copy = json_deep_copy(json);
    json_object_set_new(value, "value", json_string("7XYZ988"));
    expect_refused(json, "plate");
    json_object_set_new(value, "value", json_string("7XYZ987"));
    json_object_set_new(value, "label", json_string("reason"));
    expect_refused(json, "reason");
    json_decref(json);
    json = json_deep_copy(copy);
    json_object_set_new(json, "index", json_integer(2));
    expect_refused(json, "inclusion");
    json_object_set_new(json, "index", json_integer(-1));
    expect_refused(json, "inclusion");
    json_decref(json);
    json_decref(copy);
}

Test(revealed, another_key_than_the_ledgers_is_refused)
{
    struct cm_revealed revealed;
    struct cm_key *key;
    struct cm_error error = {.text = ""};
    json_t *json = reveal(1u << CM_LABEL_PLATE, false);
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(made.signer)), CM_OK);
    cr_expect_eq(cm_revealed_check(&revealed, arena, json, key, &error), CM_OK);
    cm_key_free(key);
    const struct pki_identity *other = pki_identity(pki, SOUTHGATE, CM_ROLE_NODE, "n1");
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(other->signer)), CM_OK);
    cr_expect_eq(cm_revealed_check(&revealed, arena, json, key, &error), CM_UNAUTHENTICATED);
    cm_key_free(key);
    json_decref(json);
}

Test(revealed, whatever_is_missing_or_malformed_is_refused)
{
    static const char *const members[] = {"format", "entry", "values",   "checkpoint",
                                          "vkey",   "index", "inclusion"};
    json_t *good = reveal(ALL, true);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct cm_revealed revealed;
        struct cm_error error = {.text = ""};
        json_t *json = json_deep_copy(good);
        json_object_del(json, members[i]);
        cr_expect_neq(check(&revealed, json, &error), CM_OK, "without %s", members[i]);
        json_object_set_new(json, members[i], json_string("!"));
        cr_expect_neq(check(&revealed, json, &error), CM_OK, "odd %s", members[i]);
        json_decref(json);
    }
    json_object_set_new(good, "question", json_string("AAAA"));
    expect_refused(good, "question");
    json_decref(good);
}

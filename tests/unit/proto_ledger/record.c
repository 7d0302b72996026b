#include "proto/ledger/record.h"
#include "proto/ledger/merkle.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <string.h>

// A ledger of two entries, the second proved.
struct proved {
    struct fixture f;
    struct cm_key *key;
    struct cm_arena *arena;
    struct cm_buf entry, note;
    struct cm_digest other;
    struct cm_record record;
};

static void sign(struct proved *p, const char *origin)
{
    struct cm_checkpoint head = {.size = 2};
    struct cm_digest leaves[2] = {p->other};

    cm_merkle_leaf(&leaves[1], cm_buf_bytes(&p->entry));
    cm_merkle_root_of(&head.root, leaves, 2);
    strncpy(head.origin, origin, CM_MAX_ORIGIN);
    p->note.len = 0;
    cr_assert_eq(cm_checkpoint_sign(&p->note, &head, p->f.signer), CM_OK);
    p->record.checkpoint = cm_buf_bytes(&p->note);
}

static void prove(struct proved *p)
{
    const struct cm_entry stop = {.kind = CM_ENTRY_STOP, .recorded_ms = 5, .text = "asked to"};

    memset(p, 0, sizeof *p);
    fixture_open(&p->f);
    p->arena = cm_arena_new(1 << 20);
    cr_assert_eq(cm_key_new(&p->key, cm_signer_spki(p->f.signer)), CM_OK);
    cr_assert_eq(cm_entry_encode(&p->entry, &stop), CM_OK);
    cm_merkle_leaf(&p->other, cm_bytes_of("another entry"));
    p->record = (struct cm_record){
        .entry = cm_buf_bytes(&p->entry),
        .inclusion = {.index = 1, .size = 2, .count = 1, .hashes = &p->other},
    };
    sign(p, FIXTURE_ORIGIN);
}

static void proved_clear(struct proved *p)
{
    cm_buf_clear(&p->entry);
    cm_buf_clear(&p->note);
    cm_arena_free(p->arena);
    cm_key_free(p->key);
    fixture_close(&p->f);
}

static enum cm_status opened(struct proved *p, const char *spiffe, const struct cm_key *key,
                             struct cm_error *error)
{
    struct cm_entry entry;
    struct cm_checkpoint head;
    enum cm_status status = cm_record_open(&entry, &head, p->arena, &p->record, spiffe, key, error);

    if (status == CM_OK) {
        cr_expect(entry.kind == CM_ENTRY_STOP && entry.recorded_ms == 5);
        cr_expect_eq(head.size, 2);
    }
    return status;
}

static void refused_at(struct proved *p, const char *where)
{
    struct cm_error error = {0};

    cr_expect_eq(opened(p, FIXTURE_SPIFFE, p->key, &error), CM_INVALID);
    cr_expect_str_eq(error.where, where);
}

Test(record, opens_what_is_proved)
{
    struct proved p;
    struct cm_error error = {0};

    prove(&p);
    cr_expect_eq(opened(&p, FIXTURE_SPIFFE, p.key, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    sign(&p, FIXTURE_ORIGIN "/epoch/2");
    cr_expect_eq(opened(&p, FIXTURE_SPIFFE, p.key, NULL), CM_OK, "a later epoch");
    proved_clear(&p);
}

Test(record, refuses_what_is_not)
{
    struct proved p;
    struct cm_signer *other;
    struct cm_key *wrong;

    prove(&p);
    other = fixture_signer(&p.f, FIXTURE_SPIFFE);
    cr_assert_eq(cm_key_new(&wrong, cm_signer_spki(other)), CM_OK);
    cr_expect_eq(opened(&p, FIXTURE_SPIFFE, wrong, NULL), CM_UNAUTHENTICATED, "another's key");
    cr_expect_eq(opened(&p, "spiffe://test.example/_/gateway/gw2", p.key, NULL), CM_INVALID,
                 "another's ledger");
    p.record.inclusion.index = 0;
    refused_at(&p, "inclusion");
    p.record.inclusion.index = 1;
    p.record.inclusion.size = 3;
    refused_at(&p, "inclusion");
    p.record.inclusion.index = 2; // the last of three has a path of the same form
    refused_at(&p, "inclusion");
    p.record.inclusion.index = 1;
    p.record.inclusion.size = 2;
    p.other.b[0] ^= 1;
    refused_at(&p, "inclusion");
    p.other.b[0] ^= 1;
    p.entry.data[p.entry.len - 1] ^= 1;
    refused_at(&p, "inclusion");
    p.entry.data[p.entry.len - 1] ^= 1;
    sign(&p, "test.example/gateway/gw11");
    refused_at(&p, "checkpoint");
    p.record.entry = cm_bytes_of("no entry");
    cr_expect_neq(opened(&p, FIXTURE_SPIFFE, p.key, NULL), CM_OK);
    cm_key_free(wrong);
    cm_signer_unref(other);
    proved_clear(&p);
}

Test(record, epoch_of_an_origin)
{
    cr_expect_eq(cm_origin_epoch("f/gateway/g", "f/gateway/g"), 1);
    cr_expect_eq(cm_origin_epoch("f/gateway/g/epoch/2", "f/gateway/g"), 2);
    cr_expect_eq(cm_origin_epoch("f/gateway/g/epoch/18446744073709551615", "f/gateway/g"),
                 UINT64_MAX);
    static const char *const strangers[] = {
        "",
        "f/gateway/",
        "f/gateway/gg",
        "f/gateway/g/",
        "f/gateway/g/epoch/",
        "f/gateway/g/epoch/0",
        "f/gateway/g/epoch/1",
        "f/gateway/g/epoch/02",
        "f/gateway/g/epoch/+2",
        "f/gateway/g/epoch/2/",
        "f/gateway/g/epoch/-2",
        "f/gateway/g/epoch/18446744073709551616",
        "f/gateway/g/epoch/2/epoch/3",
    };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        cr_expect_eq(cm_origin_epoch(strangers[i], "f/gateway/g"), 0, "%s", strangers[i]);
    }
}

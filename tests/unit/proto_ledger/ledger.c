#include "proto/ledger/ledger.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <sys/stat.h>

Test(ledger, an_empty_one_has_a_signed_head)
{
    struct fixture f;
    struct fixture_seen seen;
    fixture_open(&f);
    struct cm_ledger *ledger = fixture_ledger(&f, &seen);
    struct cm_tree_head *head = cm_ledger_head(ledger);
    struct cm_checkpoint opened;
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(f.signer)), CM_OK);
    cr_assert_eq(cm_checkpoint_open(&opened, head->note, key, NULL), CM_OK);
    cr_assert_eq(opened.size, 0);
    cr_assert_str_eq(opened.origin, FIXTURE_ORIGIN);
    cm_key_free(key);
    cm_ledger_close(ledger);
    struct stat facts;
    cr_assert_eq(stat(f.log, &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
    fixture_close(&f);
}

Test(ledger, entries_are_there_again_after_reopening)
{
    struct fixture f;
    struct fixture_seen seen;
    fixture_open(&f);
    fixture_fill(&f, 7);
    struct cm_ledger *ledger = fixture_ledger(&f, &seen);
    cr_assert_eq(seen.count, 7);
    cr_assert_str_eq(seen.last, "entry 6");
    struct cm_tree_head *old = cm_tree_head_ref(cm_ledger_head(ledger));
    cr_assert_eq(old->checkpoint.size, 7);
    struct one one;
    cr_assert_eq(fixture_append(&f, ledger, &one, "after"), CM_OK);
    cr_assert_eq(one.append.index, 7);
    fixture_check_proof(ledger, &one.append);
    struct cm_arena *arena = cm_arena_new(1 << 14);
    struct cm_consistency proof;
    cr_assert_eq(cm_ledger_prove_consistency(&proof, arena, ledger, 7, 8), CM_OK);
    cr_assert_eq(cm_merkle_check_consistency(&proof, &old->checkpoint.root,
                                             &one.append.head->checkpoint.root),
                 CM_OK);
    cm_arena_free(arena);
    cm_tree_head_unref(old);
    cm_tree_head_unref(one.append.head);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(ledger, what_waits_shares_a_checkpoint_and_close_completes_it)
{
    enum { COUNT = 50 };
    struct fixture f;
    struct fixture_seen seen;
    struct one ones[COUNT];
    fixture_open(&f);
    struct cm_ledger *ledger = fixture_ledger(&f, &seen);
    for (unsigned i = 0; i < COUNT; i++) {
        fixture_start(&ones[i], "one of many");
        ones[i].append.access = cm_bytes_of("sealed");
        cr_assert_eq(cm_ledger_append(ledger, &ones[i].append), CM_OK);
    }
    while (!ones[COUNT - 1].done) {
        pump_one(&f.pump);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert_eq(ones[i].append.status, CM_OK);
        cr_assert_eq(ones[i].append.index, i);
        fixture_check_proof(ledger, &ones[i].append);
        cm_tree_head_unref(ones[i].append.head);
    }
    struct one last;
    fixture_start(&last, "in flight at close");
    cr_assert_eq(cm_ledger_append(ledger, &last.append), CM_OK);
    cm_ledger_close(ledger);
    cr_assert(last.done);
    cr_assert_eq(last.append.status, CM_OK);
    cm_tree_head_unref(last.append.head);
    ledger = fixture_ledger(&f, &seen);
    cr_assert_eq(seen.count, COUNT + 1);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(ledger, bounds)
{
    struct fixture f;
    struct one first, second;
    fixture_open(&f);
    struct cm_ledger_options options = fixture_options(&f);
    struct cm_ledger *ledger;
    options.max_waiting = 1;
    cr_assert_eq(cm_ledger_open(&ledger, &options, NULL), CM_OK);
    static uint8_t large[CM_MAX_ENTRY + 1];
    fixture_start(&first, "");
    cr_assert_eq(cm_ledger_append(ledger, &first.append), CM_INVALID);
    first.append.entry = (struct cm_bytes){large, sizeof large};
    cr_assert_eq(cm_ledger_append(ledger, &first.append), CM_INVALID);
    first.append.entry.len--;
    cr_assert_eq(cm_ledger_append(ledger, &first.append), CM_OK);
    fixture_start(&second, "too many");
    cr_assert_eq(cm_ledger_append(ledger, &second.append), CM_EXHAUSTED);
    while (!first.done) {
        pump_one(&f.pump);
    }
    cr_assert_eq(first.append.status, CM_OK);
    cm_tree_head_unref(first.append.head);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(ledger, one_process_at_a_time_and_one_writer)
{
    struct fixture f;
    struct fixture_seen seen;
    fixture_open(&f);
    fixture_fill(&f, 2);
    struct cm_ledger *ledger = fixture_ledger(&f, &seen);
    cr_assert_eq(fixture_try(&f), CM_UNAVAILABLE);
    cm_ledger_close(ledger);
    // Another key of the same name, then the same key under another name's origin.
    struct cm_signer *own = f.signer;
    f.signer = fixture_signer(&f, FIXTURE_SPIFFE);
    cr_assert_eq(fixture_try(&f), CM_UNAUTHENTICATED);
    cm_signer_unref(f.signer);
    f.signer = fixture_signer(&f, "spiffe://test.example/ca.northport.pd/node/n1");
    cr_assert_eq(fixture_try(&f), CM_INVALID);
    cm_signer_unref(f.signer);
    f.signer = fixture_signer(&f, "spiffe://test.example/ca.northport.pd/investigator/i");
    cr_assert_eq(fixture_try(&f), CM_INVALID);
    cm_signer_unref(f.signer);
    f.signer = own;
    cr_assert_eq(fixture_try(&f), CM_OK);
    fixture_close(&f);
}

#include "proto/ledger/witness.h"

#include "proto/ledger/merkle.h"

#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BASE "valley.test/ca.northport.pd/node/n1"

enum { MOST = 64, HOUR_MS = 3600000 };

// A node, its ledger's entries (two histories), and somebody who judges it.
struct world {
    struct pki *pki;
    struct cm_trust *trust;
    const struct pki_identity *node, *admin;
    struct cm_signatory *signatory;
    struct cm_epoch_owner owner;
    struct cm_arena *arena;
    struct cm_merkle *trees[2];
};

static void set(struct world *w)
{
    *w = (struct world){.pki = pki_new()};
    pki_agency(w->pki, "ca.northport.pd");
    pki_agency(w->pki, "ca.southgate.pd");
    w->node = pki_identity(w->pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    w->admin = pki_identity(w->pki, "ca.northport.pd", CM_ROLE_ADMIN, "amin");
    (void)pki_identity(w->pki, "ca.southgate.pd", CM_ROLE_ADMIN, "other");
    w->trust = pki_trust(w->pki);
    cr_assert_eq(cm_trust_chain(&w->signatory, w->trust, w->node->chain, w->node->chain_count,
                                w->pki->now_ms, NULL),
                 CM_OK);
    w->owner = (struct cm_epoch_owner){cm_signatory_identity(w->signatory),
                                       cm_signatory_key(w->signatory)};
    w->arena = cm_arena_new((size_t)1 << 22);
    for (int history = 0; history < 2; history++) {
        cr_assert_eq(cm_merkle_new(&w->trees[history]), CM_OK);
        for (int i = 0; i < MOST; i++) {
            char entry[32];
            struct cm_digest leaf;
            // They part at 10.
            snprintf(entry, sizeof entry, "entry %d %d", i, i < 10 ? 0 : history);
            cm_merkle_leaf(&leaf, cm_bytes_of(entry));
            cr_assert_eq(cm_merkle_add(w->trees[history], &leaf), CM_OK);
        }
    }
}

static void clear(struct world *w)
{
    cm_merkle_free(w->trees[0]);
    cm_merkle_free(w->trees[1]);
    cm_arena_free(w->arena);
    cm_signatory_unref(w->signatory);
    cm_trust_unref(w->trust);
    pki_free(w->pki);
}

static struct cm_bytes note_of(struct world *w, const char *origin, int history, uint64_t size,
                               const struct cm_signer *signer)
{
    struct cm_checkpoint checkpoint = {.size = size};
    struct cm_buf note = {0};
    struct cm_bytes out;
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", origin);
    cr_assert_eq(cm_merkle_root(&checkpoint.root, w->trees[history], size), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, signer), CM_OK);
    cr_assert_eq(cm_arena_bytes(w->arena, &out, cm_buf_bytes(&note)), CM_OK);
    cm_buf_clear(&note);
    return out;
}

static struct cm_seen seen_at(struct world *w, uint64_t epoch, int history, uint64_t size)
{
    struct cm_seen seen = {.epoch = epoch, .size = size};
    cr_assert_eq(cm_merkle_root(&seen.root, w->trees[history], size), CM_OK);
    return seen;
}

static struct cm_witness_checkpoint offer(struct world *w, const char *origin, int history,
                                          uint64_t from, uint64_t size)
{
    struct cm_witness_checkpoint out = {
        .checkpoint = note_of(w, origin, history, size, w->node->signer),
        .consistency = {.old_size = from, .new_size = size},
    };
    if (from <= size) {
        cr_assert_eq(
            cm_merkle_consistency(&out.consistency, w->arena, w->trees[history], from, size),
            CM_OK);
    }
    return out;
}

static enum cm_status judge(struct world *w, const struct cm_seen *seen,
                            const struct cm_witness_checkpoint *offered,
                            enum cm_witness_finding finding)
{
    struct cm_witness_verdict verdict;
    const enum cm_status status =
        cm_witness_judge(&verdict, seen, offered, &w->owner, w->trust, w->pki->now_ms, NULL);
    cr_expect_eq(verdict.finding, finding, "finding %d", verdict.finding);
    return status;
}

Test(witness, what_grows_is_signed)
{
    struct world w;
    set(&w);
    struct cm_seen nothing = {.epoch = 0}, seen;
    struct cm_witness_checkpoint offered = offer(&w, BASE, 0, 0, 7);
    cr_expect_eq(judge(&w, &nothing, &offered, CM_WITNESS_NONE), CM_OK);
    for (uint64_t from = 1; from < 20; from++) {
        seen = seen_at(&w, 1, 0, from);
        for (uint64_t size = from; size < 20; size++) {
            offered = offer(&w, BASE, 0, from, size);
            cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_OK);
        }
    }
    clear(&w);
}

Test(witness, rollback_and_fork_are_found)
{
    struct world w;
    set(&w);
    struct cm_seen seen = seen_at(&w, 1, 0, 12);
    for (uint64_t size = 0; size < 12; size++) {
        struct cm_witness_checkpoint offered = offer(&w, BASE, 0, 12, size);
        cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_ROLLBACK), CM_STALE);
    }
    for (uint64_t size = 12; size < 20; size++) {
        struct cm_witness_checkpoint offered = offer(&w, BASE, 1, 12, size);
        cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_FORK), CM_STALE);
    }
    // Before they part nobody can know.
    seen = seen_at(&w, 1, 0, 9);
    struct cm_witness_checkpoint offered = offer(&w, BASE, 1, 9, 20);
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_OK);
    clear(&w);
}

Test(witness, what_is_malformed_is_no_finding)
{
    struct world w;
    set(&w);
    const struct cm_seen seen = seen_at(&w, 1, 0, 5);
    struct cm_witness_checkpoint offered = offer(&w, BASE, 0, 4, 8);
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_INVALID, "from another size");
    offered = offer(&w, "valley.test/ca.northport.pd/node/n2", 0, 5, 8);
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_INVALID, "another ledger");
    offered = offer(&w, BASE, 0, 5, 8);
    offered.checkpoint = note_of(&w, BASE, 0, 8, w.admin->signer);
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_UNAUTHENTICATED, "another key");
    offered.checkpoint = cm_bytes_of("no note");
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_INVALID);
    offered = offer(&w, BASE "/epoch/2", 0, 0, 8);
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_INVALID, "no statement");
    clear(&w);
}

// A statement for that epoch; cosigned NULL: none.
static void state(struct world *w, struct cm_envelope *out, uint64_t epoch,
                  const struct cm_bytes *cosigned, const struct cm_signer *signer)
{
    struct cm_buf payload = {0};
    struct cm_epoch_statement statement = {
        .origin = BASE,
        .epoch = epoch,
        .restored_size = 5,
        .restored_root = seen_at(w, 1, 0, 5).root,
        .cosigned = cosigned ? *cosigned : CM_BYTES_NONE,
        .signed_ms = w->pki->now_ms,
        .why = "the disk of the node was lost",
    };
    cr_assert_eq(cm_epoch_statement_encode(&payload, &statement), CM_OK);
    pki_sign(out, w->arena, CM_FAMILY_EPOCH, cm_buf_bytes(&payload), signer);
    cm_buf_clear(&payload);
}

Test(witness, a_new_epoch_needs_its_administrator_and_admits_what_was_seen)
{
    struct world w;
    set(&w);
    const struct cm_seen seen = seen_at(&w, 1, 0, 12);
    const struct cm_bytes same = note_of(&w, BASE, 0, 12, w.node->signer);
    const struct cm_bytes later = note_of(&w, BASE, 0, 15, w.node->signer);
    const struct cm_bytes earlier = note_of(&w, BASE, 0, 11, w.node->signer);
    const struct cm_bytes fork = note_of(&w, BASE, 1, 12, w.node->signer);
    const struct cm_bytes forged = note_of(&w, BASE, 0, 12, w.admin->signer);
    const struct cm_bytes own = note_of(&w, BASE "/epoch/2", 0, 12, w.node->signer);
    struct cm_signer *stranger = pki_signer(w.pki, "ca.southgate.pd", CM_ROLE_ADMIN, "other");
    const struct {
        const struct cm_bytes *cosigned;
        uint64_t epoch;
        const struct cm_signer *signer;
        enum cm_status status;
        enum cm_witness_finding finding;
    } cases[] = {
        {&same, 2, w.admin->signer, CM_OK, CM_WITNESS_EPOCH},
        {&later, 2, w.admin->signer, CM_OK, CM_WITNESS_EPOCH},
        {&earlier, 2, w.admin->signer, CM_STALE, CM_WITNESS_ROLLBACK},
        {NULL, 2, w.admin->signer, CM_STALE, CM_WITNESS_ROLLBACK},
        {&fork, 2, w.admin->signer, CM_STALE, CM_WITNESS_ROLLBACK},
        {&forged, 2, w.admin->signer, CM_UNAUTHENTICATED, CM_WITNESS_NONE},
        {&own, 2, w.admin->signer, CM_INVALID, CM_WITNESS_NONE},
        {&same, 3, w.admin->signer, CM_INVALID, CM_WITNESS_NONE},
        {&same, 2, w.node->signer, CM_FORBIDDEN, CM_WITNESS_NONE},
        {&same, 2, stranger, CM_FORBIDDEN, CM_WITNESS_NONE},
        {&same, 2, w.pki->directory_signer->signer, CM_FORBIDDEN, CM_WITNESS_NONE},
    };
    struct cm_witness_checkpoint offered = offer(&w, BASE "/epoch/2", 1, 0, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        state(&w, &offered.epoch, cases[i].epoch, cases[i].cosigned, cases[i].signer);
        struct cm_witness_verdict verdict;
        cr_expect_eq(
            cm_witness_judge(&verdict, &seen, &offered, &w.owner, w.trust, w.pki->now_ms, NULL),
            cases[i].status, "case %zu", i);
        cr_expect_eq(verdict.finding, cases[i].finding, "case %zu", i);
    }
    clear(&w);
}

Test(witness, no_epoch_of_the_future_and_no_way_back)
{
    struct world w;
    set(&w);
    const struct cm_seen seen = seen_at(&w, 1, 0, 12);
    const struct cm_bytes same = note_of(&w, BASE, 0, 12, w.node->signer);
    struct cm_witness_checkpoint offered = offer(&w, BASE "/epoch/2", 1, 0, 3);
    state(&w, &offered.epoch, 2, &same, w.admin->signer);
    struct cm_witness_verdict verdict;
    cr_expect_eq(
        cm_witness_judge(&verdict, &seen, &offered, &w.owner, w.trust, w.pki->now_ms - 60000, NULL),
        CM_STALE);
    // Once seen there is no way back.
    const struct cm_seen second = seen_at(&w, 2, 1, 3);
    struct cm_witness_checkpoint old = offer(&w, BASE, 0, 12, 20);
    cr_expect_eq(judge(&w, &second, &old, CM_WITNESS_ROLLBACK), CM_STALE);
    // It goes on without the statement being looked at again.
    offered = offer(&w, BASE "/epoch/2", 1, 3, 8);
    cr_expect_eq(judge(&w, &second, &offered, CM_WITNESS_NONE), CM_OK);
    clear(&w);
}

// Who was an administrator once puts a time before that ended.
Test(witness, a_statement_dated_back_by_a_revoked_administrator_is_refused)
{
    struct world w;
    set(&w);
    const struct cm_seen seen = seen_at(&w, 1, 0, 12);
    const struct cm_bytes same = note_of(&w, BASE, 0, 12, w.node->signer);
    struct cm_witness_checkpoint offered = offer(&w, BASE "/epoch/2", 1, 0, 3);
    w.pki->now_ms -= 2 * HOUR_MS; // before the list that names the signer
    state(&w, &offered.epoch, 2, &same, w.admin->signer);
    w.pki->now_ms += 2 * HOUR_MS;
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_EPOCH), CM_OK);
    cm_trust_unref(w.trust);
    pki_next(w.pki);
    pki_revoke(w.pki, "ca.northport.pd", w.admin, w.pki->now_ms - HOUR_MS);
    w.trust = pki_trust(w.pki);
    cr_expect_eq(judge(&w, &seen, &offered, CM_WITNESS_NONE), CM_UNAUTHENTICATED);
    // A gateway that is new finds ledgers whose administrators left since.
    const struct cm_seen nothing = {.epoch = 0};
    cr_expect_eq(judge(&w, &nothing, &offered, CM_WITNESS_EPOCH), CM_OK);
    clear(&w);
}

Test(witness, kept_by_key)
{
    struct world w;
    struct cm_seen seen;
    struct cm_buf note = {0};
    char folder[PKI_PATH + 16];
    set(&w);
    snprintf(folder, sizeof folder, "%s/witnessed", w.pki->dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(cm_witness_read(&seen, &note, folder, &w.owner, NULL), CM_OK);
    cr_expect(seen.epoch == 0 && note.len == 0);
    cr_assert_eq(
        cm_witness_keep(folder, w.owner.key, note_of(&w, BASE, 0, 6, w.node->signer), NULL), CM_OK);
    cr_assert_eq(
        cm_witness_keep(folder, w.owner.key, note_of(&w, BASE, 0, 9, w.node->signer), NULL), CM_OK);
    cr_assert_eq(cm_witness_read(&seen, &note, folder, &w.owner, NULL), CM_OK);
    const struct cm_seen expected = seen_at(&w, 1, 0, 9);
    cr_expect(seen.epoch == 1 && seen.size == 9 && cm_digest_equal(&seen.root, &expected.root));
    // A new name for the key doesn't make its past go away.
    struct cm_identity renamed = *w.owner.identity;
    snprintf(renamed.spiffe, sizeof renamed.spiffe, "spiffe://valley.test/ca.northport.pd/node/n2");
    const struct cm_epoch_owner other = {&renamed, w.owner.key};
    note.len = 0;
    cr_expect_eq(cm_witness_read(&seen, &note, folder, &other, NULL), CM_INVALID);
    cm_buf_clear(&note);
    clear(&w);
}

#include "proto/ledger/witnessed.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/ledger/cosign.h"

#include "fixture.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    struct fixture fixture;
    struct pki *pki;
    const struct pki_identity *witness, *second;
    struct cm_key *witness_key;
    struct cm_trust *trust;
    struct cm_signatory *signatory, *second_signatory;
    struct cm_ledger *ledger;
    struct cm_witnessed witnessed;
};

static enum cm_status submit(void *context, struct cm_job *job)
{
    (void)context;
    job->work(job);
    job->done(job);
    return CM_OK;
}

static void open_all(struct world *w)
{
    const struct cm_ledger_options options = fixture_options(&w->fixture);
    struct cm_error error = {.text = ""};
    cr_assert_eq(
        cm_witnessed_open(&w->witnessed, w->fixture.folder, w->fixture.signer, submit, w, &error),
        CM_OK, "%s", error.text);
    cr_assert_eq(cm_ledger_open(&w->ledger, &options, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_witnessed_check(&w->witnessed, w->ledger, &error), CM_OK, "%s", error.text);
}

static void close_all(struct world *w)
{
    cm_ledger_close(w->ledger);
    pump_drain(&w->fixture.pump);
    cm_witnessed_clear(&w->witnessed);
}

static void append(struct world *w, const char *entry)
{
    struct one one;
    cr_assert_eq(fixture_append(&w->fixture, w->ledger, &one, entry), CM_OK);
    cm_tree_head_unref(one.append.head);
}

static void set(struct world *w)
{
    *w = (struct world){.pki = pki_new()};
    pki_agency(w->pki, "ca.northport.pd");
    w->witness = pki_identity(w->pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    w->second = pki_identity(w->pki, "ca.northport.pd", CM_ROLE_NODE, "n2");
    cr_assert_eq(cm_key_new(&w->witness_key, cm_signer_spki(w->witness->signer)), CM_OK);
    w->trust = pki_trust(w->pki);
    cr_assert_eq(cm_trust_chain(&w->signatory, w->trust, w->witness->chain, w->witness->chain_count,
                                w->pki->now_ms, NULL),
                 CM_OK);
    cr_assert_eq(cm_trust_chain(&w->second_signatory, w->trust, w->second->chain,
                                w->second->chain_count, w->pki->now_ms, NULL),
                 CM_OK);
    fixture_open(&w->fixture);
    cm_log_set_level(CM_LOG_ERROR);
    open_all(w);
}

static void clear(struct world *w)
{
    char command[128];
    close_all(w);
    cm_key_free(w->witness_key);
    cm_signatory_unref(w->signatory);
    cm_signatory_unref(w->second_signatory);
    cm_trust_unref(w->trust);
    snprintf(command, sizeof command, "rm -r %s", w->fixture.folder);
    cr_assert_eq(system(command), 0);
    fixture_close(&w->fixture);
    pki_free(w->pki);
}

// The witness's answer about the newest head.
static enum cm_status cosigned_so(struct world *w, bool altered, int64_t time_s,
                                  const struct pki_identity *papers)
{
    struct cm_tree_head *head = cm_tree_head_ref(cm_ledger_head(w->ledger));
    struct cm_buf line = {0};
    cr_assert_eq(cm_cosign(&line, head->note, time_s, w->witness->signer), CM_OK);
    line.data[line.len - 3] ^= altered;
    const struct cm_cosignature answer = {.size = head->checkpoint.size,
                                          .line = cm_buf_bytes(&line),
                                          .chain_count = papers->chain_count,
                                          .chain = papers->chain};
    const enum cm_status status = cm_witnessed_take(&w->witnessed, head, &answer, w->signatory,
                                                    w->trust, w->pki->now_ms, NULL);
    cm_buf_clear(&line);
    cm_tree_head_unref(head);
    return status;
}

static enum cm_status cosigned(struct world *w, bool altered)
{
    return cosigned_so(w, altered, w->pki->now_ms / 1000, w->witness);
}

static struct cm_buf file(struct world *w, const char *name)
{
    char path[128];
    struct cm_buf out = {0};
    snprintf(path, sizeof path, "%s/%s", w->fixture.folder, name);
    const enum cm_status status = cm_file_read(&out, path, 65536, NULL);
    cr_assert(status == CM_OK || status == CM_NOT_FOUND);
    return out;
}

Test(witnessed, keeps_the_newest_with_the_lines_and_certificates_of_its_witnesses)
{
    struct world w;
    set(&w);
    append(&w, "one");
    cr_expect_eq(cosigned(&w, true), CM_UNAUTHENTICATED);
    struct cm_buf note = file(&w, CM_COSIGNED_FILE);
    cr_expect_eq(note.len, 0);
    cr_expect_eq(cosigned(&w, false), CM_OK);
    append(&w, "two");
    cr_expect_eq(cosigned(&w, false), CM_OK);
    note = file(&w, CM_COSIGNED_FILE);
    struct cm_checkpoint checkpoint;
    cr_assert_eq(cm_checkpoint_open(&checkpoint, cm_buf_bytes(&note), w.witnessed.key, NULL),
                 CM_OK);
    cr_expect_eq(checkpoint.size, 2);
    cr_expect_eq(cm_cosign_find(NULL, cm_buf_bytes(&note), "valley.test/ca.northport.pd/node/n1",
                                w.witness_key, NULL),
                 CM_OK);
    struct cm_buf chains = file(&w, CM_COSIGNERS_FILE);
    cr_assert_eq(cm_buf_add(&chains, "", 1), CM_OK);
    cr_expect(
        strstr((const char *)chains.data, "# valley.test/ca.northport.pd/node/n1\n-----BEGIN"));
    cm_buf_clear(&chains);
    cm_buf_clear(&note);
    clear(&w);
}

static bool has_certificates(struct world *w, const char *name)
{
    struct cm_buf chains = file(w, CM_COSIGNERS_FILE);
    cr_assert_eq(cm_buf_add(&chains, "", 1), CM_OK);
    const bool has = strstr((const char *)chains.data, name) != NULL;
    cm_buf_clear(&chains);
    return has;
}

// They are written before the note: a crash may leave the note before.
Test(witnessed, the_note_before_keeps_its_certificates)
{
    struct world w;
    set(&w);
    append(&w, "one");
    cr_expect_eq(cosigned(&w, false), CM_OK);
    struct cm_signatory *first = w.signatory;
    w.witness = w.second;
    w.signatory = w.second_signatory;
    append(&w, "two");
    cr_expect_eq(cosigned(&w, false), CM_OK);
    cr_expect(has_certificates(&w, "/n1\n") && has_certificates(&w, "/n2\n"));
    append(&w, "three");
    cr_expect_eq(cosigned(&w, false), CM_OK);
    cr_expect_not(has_certificates(&w, "/n1\n"));
    w.signatory = first;
    clear(&w);
}

// Copies of the log: what was, for what comes.
static void copy_log(struct world *w, const char *from, const char *to)
{
    char command[256];
    snprintf(command, sizeof command, "cp %s/%s %s/%s", w->fixture.folder, from, w->fixture.folder,
             to);
    cr_assert_eq(system(command), 0);
    fixture_unpublish(&w->fixture);
}

Test(witnessed, a_log_put_back_is_refuted_by_what_witnesses_signed_or_show)
{
    struct world w;
    set(&w);
    append(&w, "one");
    close_all(&w);
    copy_log(&w, "log", "old");
    open_all(&w);
    append(&w, "two");
    struct cm_buf shown = {0};
    const struct cm_bytes note = cm_ledger_head(w.ledger)->note;
    cr_assert_eq(cm_buf_add(&shown, note.data, note.len), CM_OK);
    cr_expect_eq(cm_witnessed_shown(&w.witnessed, w.ledger, cm_buf_bytes(&shown), NULL), CM_OK);
    cr_expect_not(cm_witnessed_refuted(&w.witnessed));
    close_all(&w);
    copy_log(&w, "log", "new");
    copy_log(&w, "old", "log");
    open_all(&w);
    cr_expect_not(cm_witnessed_refuted(&w.witnessed), "nobody has said so yet");
    append(&w, "another");
    append(&w, "and more");
    cr_expect_eq(cm_witnessed_shown(&w.witnessed, w.ledger, cm_buf_bytes(&shown), NULL), CM_STALE);
    cr_expect(cm_witnessed_refuted(&w.witnessed));
    close_all(&w);
    open_all(&w);
    cr_expect(cm_witnessed_refuted(&w.witnessed), "it is remembered");
    close_all(&w);
    copy_log(&w, "new", "log");
    open_all(&w);
    cr_expect_not(cm_witnessed_refuted(&w.witnessed), "the right log is back");
    cr_expect_eq(cosigned(&w, false), CM_OK);
    close_all(&w);
    copy_log(&w, "old", "log");
    open_all(&w);
    cr_expect(cm_witnessed_refuted(&w.witnessed), "its own folder shows it");
    cm_buf_clear(&shown);
    clear(&w);
}

Test(witnessed, a_lie_refutes_nothing)
{
    struct world w;
    set(&w);
    append(&w, "one");
    struct cm_checkpoint claim = {.origin = FIXTURE_ORIGIN, .size = 1000000000};
    struct cm_buf note = {0};
    cr_assert_eq(cm_checkpoint_sign(&note, &claim, w.witness->signer), CM_OK);
    cr_expect_eq(cm_witnessed_shown(&w.witnessed, w.ledger, cm_buf_bytes(&note), NULL),
                 CM_UNAUTHENTICATED);
    note.len = 0;
    snprintf(claim.origin, sizeof claim.origin, "test.example/gateway/gw2");
    cr_assert_eq(cm_checkpoint_sign(&note, &claim, w.fixture.signer), CM_OK);
    cr_expect_eq(cm_witnessed_shown(&w.witnessed, w.ledger, cm_buf_bytes(&note), NULL), CM_INVALID);
    cr_expect_eq(cm_witnessed_shown(&w.witnessed, w.ledger, cm_bytes_of("x"), NULL), CM_INVALID);
    cr_expect_not(cm_witnessed_refuted(&w.witnessed));
    cm_buf_clear(&note);
    clear(&w);
}

// What a witness says must hold for whoever reads the folder later, or it could spoil it.
Test(witnessed, certificates_and_times_that_nobody_could_believe_are_not_kept)
{
    struct world w;
    set(&w);
    append(&w, "one");
    const int64_t now_s = w.pki->now_ms / 1000;
    struct pki_identity papers = *w.witness;
    cr_expect_eq(cosigned_so(&w, false, now_s - 3600, &papers), CM_INVALID);
    cr_expect_eq(cosigned_so(&w, false, now_s + 3600, &papers), CM_INVALID);
    papers.chain[1] = papers.chain[0];
    cr_expect_eq(cosigned_so(&w, false, now_s, &papers), CM_UNAUTHENTICATED, "another CA");
    papers.chain_count = 1;
    cr_expect_eq(cosigned_so(&w, false, now_s, &papers), CM_UNAUTHENTICATED, "no CA");
    papers = *pki_leaf(
        w.pki, &(struct pki_leaf){.agency = "ca.northport.pd", .role = CM_ROLE_ADMIN, .name = "a"});
    cr_expect_eq(cosigned_so(&w, false, now_s, &papers), CM_UNAUTHENTICATED, "another's");
    struct cm_buf note = file(&w, CM_COSIGNED_FILE);
    cr_expect_eq(note.len, 0);
    cr_expect_eq(cosigned(&w, false), CM_OK);
    clear(&w);
}

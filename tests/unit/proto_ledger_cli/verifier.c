#include "proto/ledger/cli/verifier.h"

#include "made.h"
#include "proto/base/file.h"
#include "proto/codec/answer.h"
#include "proto/ledger/cosign.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pki *pki;
static struct made made;

static void begin(void)
{
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
}

static void end(void)
{
    made_close(&made);
    pki_free(pki);
}

TestSuite(verifier, .init = begin, .fini = end);

struct told {
    unsigned count;
    char first[640];
};

static void tell(void *context, const struct cm_problem *problem)
{
    struct told *told = context;
    if (told->count++ == 0) {
        snprintf(told->first, sizeof told->first, "%s: %s", problem->where, problem->text);
    }
}

// Whether nothing is wrong; damage that keeps it from being read counts too.
static bool holds(struct cm_verified *out, struct told *told,
                  const struct cm_verifier_options *given)
{
    struct cm_verified verified;
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    struct cm_verifier_options options = given ? *given : (struct cm_verifier_options){0};
    struct told mine = {.count = 0};
    options.problem = tell;
    options.context = &mine;
    enum cm_status status = cm_ledger_folder_open(&folder, made.folder, NULL, &error);
    if (status == CM_OK) {
        status = cm_verify(&verified, folder, &options, &error);
        cm_ledger_folder_close(folder);
    }
    if (status != CM_OK) {
        cr_assert(status == CM_INVALID || status == CM_UNAUTHENTICATED || status == CM_NOT_FOUND,
                  "%s: %s", error.where, error.text);
        mine.count++;
        snprintf(mine.first, sizeof mine.first, "%s: %s", error.where, error.text);
    } else {
        cr_assert_eq(verified.problems, mine.count);
        if (out) {
            *out = verified;
        }
    }
    if (told) {
        *told = mine;
    }
    return mine.count == 0;
}

static void expect_good(void)
{
    struct told told;
    cr_assert(holds(NULL, &told, NULL), "%s", told.first);
}

static void expect_bad(const char *why)
{
    struct told told;
    cr_expect_not(holds(NULL, &told, NULL), "not found: %s", why);
    cr_expect(strstr(told.first, why), "said \"%s\", not \"%s\"", told.first, why);
}

static const struct cm_entry start = {.kind = CM_ENTRY_START, .text = "0.1.0", .digest.b = {1}};

// Three entries under two checkpoints, published.
static void make_small(void)
{
    made_add(&made, &start, NULL);
    made_asked(&made, &(struct made_question){0});
    made_checkpoint(&made);
    made_asked(&made, &(struct made_question){.plate = "7XYZ987"});
    made_checkpoint(&made);
    made_write(&made);
    made_publish(&made);
}

Test(verifier, a_good_ledger_is_good)
{
    struct cm_verified v;
    struct told told;
    make_small();
    cr_assert(holds(&v, &told, NULL), "%s", told.first);
    cr_expect_str_eq(v.origin, made.origin);
    cr_expect_eq(v.entries, 3);
    cr_expect_eq(v.checkpoints, 2);
    cr_expect_eq(v.signatures, 2);
    cr_expect_eq(v.questions, 2);
    cr_expect_eq(v.clear[CM_CLEAR_OPEN], 2);
    cr_expect_eq(v.clear[CM_CLEAR_NONE], 1);
    cr_expect(v.published);
    cr_expect_not(v.vouched, "the folder's own key proves nothing");
    struct cm_trust *trust = pki_trust(pki);
    const struct cm_verifier_options options = {.trusts = &trust, .trust_count = 1};
    cr_assert(holds(&v, &told, &options), "%s", told.first);
    cr_expect(v.vouched);
    cm_trust_unref(trust);
}

// Frames of the log, so that whole ones can be moved about with checksums that hold.
struct frames {
    size_t count;
    struct cm_bytes list[32];
};

static struct frames frames_of(const struct cm_buf *log)
{
    struct frames frames = {.count = 0};
    for (size_t at = CM_LOG_MAGIC_SIZE; at < log->len;) {
        const uint8_t *p = log->data + at;
        const size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16;
        frames.list[frames.count++] = (struct cm_bytes){p, cm_frame_size(len)};
        at += cm_frame_size(len);
    }
    return frames;
}

static void write_frames(const struct frames *frames)
{
    char path[96];
    struct cm_buf log = {0};
    cr_assert_eq(cm_buf_add(&log, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE), CM_OK);
    for (size_t i = 0; i < frames->count; i++) {
        cr_assert_eq(cm_buf_add(&log, frames->list[i].data, frames->list[i].len), CM_OK);
    }
    snprintf(path, sizeof path, "%s/log", made.folder);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&log), 0600, NULL), CM_OK);
    cm_buf_clear(&log);
}

Test(verifier, a_question_that_was_taken_away_is_missed)
{
    make_small();
    struct frames frames = frames_of(&made.log);
    memmove(&frames.list[2], &frames.list[3], 4 * sizeof frames.list[0]);
    frames.count--;
    write_frames(&frames);
    expect_bad("what lay sealed beside it was taken away");
}

// The newest checkpoint with its entries, cut so that nothing looks torn.
static void cut_tail(void)
{
    struct frames frames = frames_of(&made.log);
    frames.count = 4;
    write_frames(&frames);
}

Test(verifier, a_cut_tail_is_found_by_what_was_published)
{
    make_small();
    cut_tail();
    cr_expect_not(holds(NULL, NULL, NULL));
}

Test(verifier, an_old_folder_is_found_by_what_others_kept)
{
    struct cm_verified v;
    struct told told;
    make_small();
    const struct frames frames = frames_of(&made.log);
    struct cm_buf note = {0};
    cr_assert_eq(cm_buf_add(&note, frames.list[6].data + CM_FRAME_HEAD,
                            frames.list[6].len - CM_FRAME_HEAD - CM_FRAME_TAIL),
                 CM_OK);
    const struct cm_bytes seen = cm_buf_bytes(&note);
    const struct cm_verifier_options options = {.seen = &seen, .seen_count = 1};
    cr_assert(holds(&v, &told, &options), "%s", told.first);
    cr_expect_eq(v.seen, 1);
    // As it all was before: log, tiles and checkpoint.
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s/tile %s/checkpoint", made.folder, made.folder);
    cr_assert_eq(system(command), 0);
    cut_tail();
    made_publish(&made);
    expect_good();
    cr_expect_not(holds(&v, &told, &options));
    cr_expect(strstr(told.first, "does not hold"), "%s", told.first);
    cm_buf_clear(&note);
}

Test(verifier, what_witnesses_signed_is_held_against_the_log)
{
    struct cm_verified v;
    struct told told;
    char path[96];
    struct cm_buf line = {0}, cosigned = {0}, pem = {0};
    const struct pki_identity *gateway = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    make_small();
    const struct frames frames = frames_of(&made.log);
    cr_assert_eq(cm_buf_add(&cosigned, frames.list[6].data + CM_FRAME_HEAD,
                            frames.list[6].len - CM_FRAME_HEAD - CM_FRAME_TAIL),
                 CM_OK);
    cr_assert_eq(cm_cosign(&line, cm_buf_bytes(&cosigned), 1795348800, gateway->signer), CM_OK);
    cr_assert_eq(cm_cosign_add(&cosigned, cm_buf_bytes(&line)), CM_OK);
    snprintf(path, sizeof path, "%s/cosigned", made.folder);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&cosigned), 0600, NULL), CM_OK);
    cr_assert_eq(cm_buf_printf(&pem, "# valley.test/gateway/gw-1\n"), CM_OK);
    cr_assert_eq(cm_file_read(&pem, gateway->chain_path, 1 << 16, NULL), CM_OK);
    snprintf(path, sizeof path, "%s/cosigners.pem", made.folder);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&pem), 0600, NULL), CM_OK);
    cr_assert(holds(&v, &told, NULL), "%s", told.first);
    cr_expect_eq(v.cosigned_size, 3);
    cr_expect_eq(v.cosigners, 1);
    cut_tail();
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s/tile %s/checkpoint", made.folder, made.folder);
    cr_assert_eq(system(command), 0);
    cr_expect_not(holds(&v, &told, NULL));
    cr_expect(strstr(told.first, "cosigned"), "%s", told.first);
    cm_buf_clear(&line);
    cm_buf_clear(&cosigned);
    cm_buf_clear(&pem);
}

Test(verifier, a_ledger_made_anew_with_another_key_is_found)
{
    struct told told;
    make_small();
    struct cm_trust *trust = pki_trust(pki);
    const struct cm_verifier_options by_directory = {.trusts = &trust, .trust_count = 1};
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(made.signer)), CM_OK);
    const struct cm_verifier_options by_key = {.key = key};
    struct cm_verified v;
    cr_assert(holds(&v, &told, &by_key), "%s", told.first);
    cr_expect(v.vouched);
    const struct pki_leaf forged = {.agency = NORTHPORT, .role = CM_ROLE_NODE, .name = "n1"};
    struct cm_signer *signer = cm_signer_ref(pki_leaf(pki, &forged)->signer);
    cm_signer_unref(made.signer);
    made.signer = signer;
    made.log.len = CM_LOG_MAGIC_SIZE;
    made.frontier = (struct cm_frontier){.size = 0};
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s/tile %s/checkpoint", made.folder, made.folder);
    cr_assert_eq(system(command), 0);
    cm_chain_places_free(made.places);
    made.places = cm_chain_places_new(4);
    make_small();
    expect_good(); // by its own word
    cr_expect_not(holds(NULL, &told, &by_directory));
    cr_expect(strstr(told.first, "no directory"), "%s", told.first);
    cr_expect_not(holds(NULL, &told, &by_key));
    cm_trust_unref(trust);
    cm_key_free(key);
}

Test(verifier, a_question_signed_by_somebody_else_is_found)
{
    // The keeper has the day's key and writes a question of its own, under the person's name.
    const struct made_question question = {0};
    const struct cm_query query = made_query(&made, &question);
    struct cm_access access = {.question = made_sign(&made, &query), .person = "", .text = ""};
    struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    access.question.signatures[0].sig[5] ^= 1;
    made_add(&made, &entry, &access);
    made_checkpoint(&made);
    made_write(&made);
    made_publish(&made);
    expect_bad("its signature does not hold");
}

// A question that a node let through under an approval.
static void make_approved(const char *by, const char *case_number, bool permitted)
{
    struct cm_query query = made_query(&made, &(struct made_question){0});
    query.approval = made_approval(&made, &query, by);
    query.case_number = case_number;
    struct cm_access access = {.question = made_sign(&made, &query), .person = "", .text = ""};
    struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    entry.permitted = permitted;
    entry.refusal = permitted ? 0 : CM_REFUSAL_INVALID;
    made_add(&made, &entry, &access);
    made_checkpoint(&made);
    made_write(&made);
    made_publish(&made);
}

Test(verifier, an_approval_that_holds_is_good)
{
    make_approved("sue", "26-1234", true);
    expect_good();
}

Test(verifier, an_approval_that_another_signed_is_found)
{
    make_approved("max", "26-1234", true);
    expect_bad("names another person than its certificate");
}

Test(verifier, an_approval_of_another_question_is_found)
{
    make_approved("sue", "26-9999", true);
    expect_bad("it is for another case");
}

Test(verifier, a_bad_approval_that_was_refused_is_as_it_must_be)
{
    make_approved("max", "26-9999", false);
    expect_good();
}

Test(verifier, a_signer_that_the_directory_does_not_know_is_found)
{
    struct told told;
    const struct pki_leaf stranger = {
        .agency = NORTHPORT, .role = CM_ROLE_INVESTIGATOR, .name = "lee", .issuer = SOUTHGATE};
    struct cm_query query = made_query(&made, &(struct made_question){0});
    const struct pki_identity *signer = pki_leaf(pki, &stranger);
    query.key_hash = *cm_signer_key_hash(signer->signer);
    struct cm_buf payload = {0};
    cr_assert_eq(cm_query_encode(&payload, &query, NULL), CM_OK);
    struct cm_access access = {.person = "", .text = ""};
    pki_sign(&access.question, made.arena, CM_FAMILY_QUERY, cm_buf_bytes(&payload), signer->signer);
    const struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    made_add(&made, &entry, &access);
    made_checkpoint(&made);
    made_write(&made);
    made_publish(&made);
    expect_good();
    struct cm_trust *trust = pki_trust(pki);
    const struct cm_verifier_options options = {.trusts = &trust, .trust_count = 1};
    cr_expect_not(holds(NULL, &told, &options));
    cr_expect(strstr(told.first, "question"), "%s", told.first);
    cm_trust_unref(trust);
    cm_buf_clear(&payload);
}

Test(verifier, erased_days_leave_all_proofs_standing)
{
    struct cm_verified v;
    struct told told;
    make_small();
    cr_assert_eq(cm_day_keys_erase(made.keys, cm_day_of(pki->now_ms) + 2, NULL, NULL), CM_OK);
    cr_assert(holds(&v, &told, NULL), "%s", told.first);
    cr_expect_eq(v.clear[CM_CLEAR_ERASED], 2);
    cr_expect_eq(v.signatures, 2);
    cr_expect_eq(v.questions, 0);
}

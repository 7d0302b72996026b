#include "tests/unit/gateway_client/receipt_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(receipt_replay, .init = receipt_set_up, .fini = world_tear_down, .timeout = 600);

static struct receipt_answer answer, other;
static bool same;

// Whether it is refused; what is not must show the same rows.
static bool is_refused(const struct receipt_answer *bent)
{
    struct cm_buf receipt = {0};
    receipt_write(&receipt, bent, true);
    enum cm_status status = receipt_judge(cm_buf_bytes(&receipt), &answer, &same, NULL);
    cm_buf_clear(&receipt);
    cr_assert(status != CM_OK || same, "other rows are shown");
    return status != CM_OK;
}

Test(receipt_replay, takes_what_was_received)
{
    for (int kind = 0; kind < RECEIPT_KINDS; kind++) {
        receipt_answer_of(&answer, (enum receipt_kind)kind);
        cr_expect_not(is_refused(&answer), "%d: %s: %s", kind, world_error.where, world_error.text);
    }
}

// Nobody but the investigator can alter it: each byte, each cut.
static void bend_bytes(struct cm_buf *receipt, size_t *bent)
{
    for (size_t i = 0; i < receipt->len; i++) {
        receipt->data[i] ^= (uint8_t)(1 << i % 8);
        enum cm_status status = receipt_judge(cm_buf_bytes(receipt), &answer, &same, NULL);
        cr_expect_neq(status, CM_OK, "byte %zu of %zu", i, receipt->len);
        receipt->data[i] ^= (uint8_t)(1 << i % 8);
        *bent += status != CM_OK;
    }
}

Test(receipt_replay, finds_every_byte_that_somebody_altered)
{
    size_t bent = 0;
    size_t cut = 0;
    for (int kind = 0; kind < RECEIPT_KINDS; kind++) {
        struct cm_buf receipt = {0};
        receipt_answer_of(&answer, (enum receipt_kind)kind);
        receipt_write(&receipt, &answer, true);
        bend_bytes(&receipt, &bent);
        for (size_t len = 0; len < receipt.len; len++) {
            const struct cm_bytes start = {receipt.data, len};
            cr_expect_neq(receipt_judge(start, &answer, &same, NULL), CM_OK, "cut at %zu", len);
            cut++;
        }
        cr_expect_eq(receipt_judge(cm_buf_bytes(&receipt), &answer, &same, NULL), CM_OK);
        cm_buf_clear(&receipt);
    }
    fprintf(stderr, "receipt: %zu bytes altered, %zu ends cut off: all found\n", bent, cut);
}

// Parts of the file in order: question, directory, gateway, messages.
static struct cm_bytes *part_of(struct receipt_answer *of, size_t part)
{
    struct cm_bytes *const head[] = {&of->question, &of->directory, &of->gateway};
    return part < 3 ? head[part] : &of->messages[part - 3];
}

// Nor can the investigator, who signs again whatever they did to it: progress alone, which nobody
// signs and which says nothing that the manifest does not, may be altered.
Test(receipt_replay, finds_every_byte_that_its_holder_altered)
{
    size_t bent = 0;
    size_t idle = 0;
    receipt_answer_of(&answer, RECEIPT_CUT);
    for (size_t part = 0; part < answer.count + 3; part++) {
        struct receipt_answer forged = answer;
        struct cm_bytes *bytes = part_of(&forged, part);
        uint8_t copy[16 * 1024];
        cr_assert_leq(bytes->len, sizeof copy);
        memcpy(copy, bytes->data, bytes->len);
        bytes->data = copy;
        // Each costs a directory's judgement: one in so many, the directory's own in
        // unit_proto_trust.
        for (size_t i = 0; i < bytes->len; i += part == 1 ? 64 : 8) {
            copy[i] ^= (uint8_t)(1 << i % 8);
            bool refused = is_refused(&forged);
            bool free = part >= 3 && answer.kinds[part - 3] == CM_LOOKUP_PROGRESS;
            cr_expect(refused || free, "byte %zu of part %zu", i, part);
            copy[i] ^= (uint8_t)(1 << i % 8);
            bent += refused;
            idle += !refused;
        }
    }
    fprintf(stderr, "receipt: %zu bytes altered and signed again: all found; %zu of progress\n",
            bent, idle);
}

static void drop(struct receipt_answer *from, size_t at)
{
    from->count--;
    memmove(&from->messages[at], &from->messages[at + 1],
            (from->count - at) * sizeof from->messages[0]);
    memmove(&from->kinds[at], &from->kinds[at + 1], (from->count - at) * sizeof from->kinds[0]);
}

static void insert(struct receipt_answer *into, size_t at, struct cm_bytes message)
{
    memmove(&into->messages[at + 1], &into->messages[at],
            (into->count - at) * sizeof into->messages[0]);
    into->messages[at] = message;
    into->count++;
}

// Bent by somebody without the investigator's key: the signature of the whole one beside it.
static bool is_found(const struct receipt_answer *bent)
{
    struct cm_buf whole = {0};
    struct cm_buf forged = {0};
    struct cm_receipt read;
    receipt_write(&whole, &answer, true);
    receipt_write(&forged, bent, false);
    cr_assert_eq(cm_receipt_read(&read, cm_buf_bytes(&whole), &world_error), CM_OK);
    cr_assert_eq(cm_buf_add(&forged, whole.data + read.content.len, whole.len - read.content.len),
                 CM_OK);
    enum cm_status status = receipt_judge(cm_buf_bytes(&forged), &answer, &same, NULL);
    cm_buf_clear(&whole);
    cm_buf_clear(&forged);
    return status != CM_OK;
}

static size_t tried, found, held;

static void try_both(const struct receipt_answer *bent, bool may_hold, const char *what, size_t at)
{
    tried++;
    found += is_found(bent);
    bool refused = is_refused(bent);
    cr_expect(refused || may_hold, "%s %zu", what, at);
    held += !refused;
}

// Of each other independent: progress, and what comes of two agencies. What its holder may reorder
// says the same.
static void bend_messages(void)
{
    for (size_t i = 0; i < answer.count; i++) {
        struct receipt_answer bent = answer;
        drop(&bent, i);
        try_both(&bent, answer.kinds[i] == CM_LOOKUP_PROGRESS, "dropped", i);
        for (size_t at = 0; at <= answer.count; at++) {
            bent = answer;
            insert(&bent, at, answer.messages[i]);
            try_both(&bent,
                     answer.kinds[i] == CM_LOOKUP_PROGRESS || answer.kinds[i] == CM_LOOKUP_REFUSAL,
                     "doubled", i);
        }
        for (size_t j = i + 1; j < answer.count; j++) {
            bent = answer;
            bent.messages[i] = answer.messages[j];
            bent.messages[j] = answer.messages[i];
            try_both(&bent, i > 0 && j + 1 < answer.count, "swapped", i);
        }
    }
}

Test(receipt_replay, finds_messages_that_are_gone_doubled_or_swapped)
{
    for (int kind = 0; kind < RECEIPT_KINDS; kind++) {
        receipt_answer_of(&answer, (enum receipt_kind)kind);
        bend_messages();
    }
    cr_expect_eq(found, tried);
    fprintf(stderr,
            "receipt: %zu of %zu with messages gone, doubled or swapped found; signed again by "
            "the holder %zu hold, with the same rows\n",
            found, tried, held);
}

Test(receipt_replay, finds_what_is_of_another_answer)
{
    size_t spliced = 0;
    for (int kind = 0; kind < RECEIPT_KINDS; kind++) {
        receipt_answer_of(&other, (enum receipt_kind)kind);
        receipt_answer_of(&answer, RECEIPT_PLAIN);
        for (size_t part = 0; part < answer.count + 3; part++) {
            for (size_t from = 3; from < other.count + 3; from++) {
                struct receipt_answer bent = answer;
                bool free = part >= 3 && answer.kinds[part - 3] == CM_LOOKUP_PROGRESS &&
                            other.kinds[from - 3] == CM_LOOKUP_PROGRESS;
                *part_of(&bent, part) = *part_of(&other, from);
                bool refused = is_refused(&bent);
                cr_expect(refused || free, "%zu by %zu", part, from);
                spliced += refused;
            }
        }
        struct receipt_answer bent = answer;
        bent.question = other.question;
        cr_expect(is_refused(&bent), "another question");
    }
    fprintf(stderr, "receipt: %zu parts replaced by another answer's: all found\n", spliced);
}

Test(receipt_replay, is_of_who_signed_the_question_alone)
{
    struct cm_buf receipt = {0};
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    receipt_write(&receipt, &answer, false);
    cr_expect_neq(receipt_judge(cm_buf_bytes(&receipt), &answer, &same, NULL), CM_OK, "unsigned");
    struct cm_signer *person = receipt_person;
    receipt_person = pki_signer(world_pki, NORTHPORT, CM_ROLE_SUPERVISOR, "okafor");
    cm_buf_clear(&receipt);
    receipt_write(&receipt, &answer, true);
    cr_expect_neq(receipt_judge(cm_buf_bytes(&receipt), &answer, &same, NULL), CM_OK);
    receipt_person = person;
    cm_buf_clear(&receipt);
}

// Signed and held against what is known today.
static enum cm_status judge_today(struct cm_trust **newest)
{
    struct cm_buf receipt = {0};
    receipt_write(&receipt, &answer, true);
    cm_trust_unref(*newest);
    *newest = pki_trust(world_pki);
    enum cm_status status = receipt_judge(cm_buf_bytes(&receipt), &answer, &same, *newest);
    cm_buf_clear(&receipt);
    return status;
}

Test(receipt_replay, holds_as_of_its_time)
{
    struct cm_trust *newest = NULL;
    const struct pki_identity *node = pki_identity(world_pki, NORTHPORT, CM_ROLE_NODE, "n");
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    cr_expect_eq(judge_today(&newest), CM_OK, "%s: %s", world_error.where, world_error.text);
    pki_next(world_pki);
    pki_find_agency(world_pki, SOUTHGATE)->active = false;
    pki_revoke(world_pki, NORTHPORT, node, world_pki->now_ms + 2000); // CRLs know seconds
    cr_expect_eq(judge_today(&newest), CM_OK, "%s: %s", world_error.where, world_error.text);
    cm_trust_unref(newest);
}

Test(receipt_replay, fails_when_a_key_was_found_to_be_lost_before)
{
    struct cm_trust *newest = NULL;
    const struct pki_identity *node = pki_identity(world_pki, NORTHPORT, CM_ROLE_NODE, "n");
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    pki_next(world_pki);
    pki_revoke(world_pki, NORTHPORT, node, world_pki->now_ms - 1000);
    cr_expect_eq(judge_today(&newest), CM_UNAUTHENTICATED);
    cm_trust_unref(newest);
}

Test(receipt_replay, fails_under_a_directory_of_another_line)
{
    struct cm_trust *newest = NULL;
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    world_pki->issued_ms++; // another directory of the same serial
    cr_expect_eq(judge_today(&newest), CM_STALE);
    world_pki->issued_ms--;
    pki_next(world_pki);
    world_pki->previous.b[0] ^= 1;
    cr_expect_eq(judge_today(&newest), CM_STALE);
    cm_trust_unref(newest);
}

Test(receipt_replay, needs_the_checkers_own_root)
{
    struct cm_buf receipt = {0};
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    receipt_write(&receipt, &answer, true);
    struct pki *ours = world_pki;
    world_pki = pki_new();
    cr_expect_neq(receipt_judge(cm_buf_bytes(&receipt), &answer, &same, NULL), CM_OK);
    pki_free(world_pki);
    world_pki = ours;
    cm_buf_clear(&receipt);
}

Test(receipt_replay, holds_the_gateways_and_the_nodes_words_against_the_question)
{
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    world_entry.recorded_ms += 100000; // past the question's time
    receipt_answer_of(&other, RECEIPT_PLAIN);
    answer = other;
    cr_expect(is_refused(&other), "recorded when the question had expired");
}

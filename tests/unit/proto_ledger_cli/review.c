#include "proto/ledger/cli/review.h"

#include "proto/codec/access.h"
#include "proto/ledger/cli/report.h"
#include "story.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct story story;
static struct cm_arena *arena;
static struct cm_trusts trusts;
static const struct cm_trusts none;

static void begin(void)
{
    const struct story_search search = {.rows = 2};
    story_open(&story);
    pki_identity(story.pki, NORTHPORT, CM_ROLE_AUDITOR, "vega");
    pki_identity(story.pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "lee");
    trusts = (struct cm_trusts){.count = 1, .list = {pki_trust(story.pki)}};
    arena = cm_arena_new((size_t)1 << 24);
    story_tell(&story, &search);
    story_tell(&story, &search);
}

static void end(void)
{
    cm_arena_free(arena);
    cm_trusts_clear(&trusts);
    story_close(&story);
}

TestSuite(review, .init = begin, .fini = end);

static struct cm_signer *someone(enum cm_role role)
{
    return pki_identity(story.pki, NORTHPORT, role, role == CM_ROLE_AUDITOR ? "vega" : "lee")
        ->signer;
}

// Of all that Northport's node recorded before to_ms.
static struct cm_review measured(int64_t to_ms)
{
    struct cm_review review = {.epoch = 1, .from = UINT64_MAX, .note = "all: looked at"};
    struct cm_ledger_folder *folder = made_folder(&story.north);
    const struct cm_audit_record *record;
    while (cm_ledger_folder_next(&record, folder, NULL) == CM_OK && record) {
        cr_assert_eq(cm_review_take(&review, arena, record, 0, to_ms), CM_OK);
    }
    cm_ledger_folder_close(folder);
    review.signed_ms = story.pki->now_ms;
    return review;
}

static struct cm_buf signed_by(const struct cm_review *review, enum cm_role role)
{
    struct cm_buf out = {0};
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_review_sign(&out, review, someone(role), &error), CM_OK, "%s", error.text);
    return out;
}

static enum cm_status opened(struct cm_review *out, struct cm_bytes bytes,
                             const struct cm_trusts *by)
{
    struct cm_envelope envelope;
    cr_assert_eq(cm_envelope_decode(&envelope, arena, bytes, NULL), CM_OK);
    return cm_review_open(out, arena, &envelope, by, NULL);
}

Test(review, says_what_was_looked_at)
{
    struct cm_review out;
    const struct cm_review review = measured(INT64_MAX);
    struct cm_buf bytes = signed_by(&review, CM_ROLE_AUDITOR);
    cr_assert_eq(opened(&out, cm_buf_bytes(&bytes), &trusts), CM_OK);
    cr_expect_eq(out.from, 0);
    cr_expect_eq(out.to, 3);
    cr_expect_eq(out.size, 3);
    cr_expect_eq(out.searches, 2);
    cr_expect(cm_digest_equal(&out.root, &review.root));
    cr_expect_str_eq(out.origin, story.north.origin);
    cr_expect_str_eq(out.note, "all: looked at");
    cr_expect_str_eq(out.person, "spiffe://valley.test/" NORTHPORT "/auditor/vega");
    cr_expect(out.checked);
    cm_buf_clear(&bytes);
}

Test(review, without_a_directory_says_that_nobody_checked_the_signer)
{
    struct cm_review out;
    const struct cm_review review = measured(INT64_MAX);
    struct cm_buf bytes = signed_by(&review, CM_ROLE_AUDITOR);
    cr_assert_eq(opened(&out, cm_buf_bytes(&bytes), &none), CM_OK);
    cr_expect_not(out.checked);
    cm_buf_clear(&bytes);
}

Test(review, only_auditors_review)
{
    struct cm_review out;
    const struct cm_review review = measured(INT64_MAX);
    struct cm_buf bytes = signed_by(&review, CM_ROLE_INVESTIGATOR);
    cr_expect_eq(opened(&out, cm_buf_bytes(&bytes), &trusts), CM_FORBIDDEN);
    cm_buf_clear(&bytes);
}

Test(review, an_altered_one_is_refused)
{
    struct cm_review out;
    const struct cm_review review = measured(INT64_MAX);
    struct cm_buf bytes = signed_by(&review, CM_ROLE_AUDITOR);
    uint8_t *at = memmem(bytes.data, bytes.len, "0-3 of", 6);
    cr_assert(at);
    at[2] = '2';
    cr_expect_eq(opened(&out, cm_buf_bytes(&bytes), &none), CM_UNAUTHENTICATED);
    cm_buf_clear(&bytes);
}

Test(review, reads_exactly_its_own_form)
{
    static const char *const others[] = {"",
                                         "--from 30d /var/lib/comity/node",
                                         "1 0-3 of 3 00 searches 2: x",
                                         "1 3-3 of 3 %s searches 2: x",
                                         "1 0-4 of 3 %s searches 2: x",
                                         "01 0-3 of 3 %s searches 2: x",
                                         "1 -0-3 of 3 %s searches 2: x"};
    char root[2 * CM_DIGEST_SIZE + 1];
    const struct cm_review review = measured(INT64_MAX);
    cm_hex(root, cm_bytes_digest(&review.root));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct cm_review out;
        struct cm_envelope envelope;
        struct cm_buf payload = {0};
        char arguments[256];
        snprintf(arguments, sizeof arguments, others[i], root);
        const struct cm_audit_request request = {.origin = story.north.origin,
                                                 .command = CM_REVIEW_COMMAND,
                                                 .arguments = arguments,
                                                 .signed_ms = story.pki->now_ms};
        cr_assert_eq(cm_audit_request_encode(&payload, &request), CM_OK);
        pki_sign(&envelope, arena, CM_FAMILY_AUDIT, cm_buf_bytes(&payload),
                 someone(CM_ROLE_AUDITOR));
        cr_expect_eq(cm_review_open(&out, arena, &envelope, &none, NULL), CM_NOT_FOUND, "%s",
                     arguments);
        cm_buf_clear(&payload);
    }
}

// A report over Northport's node with one review given.
static void report_with(struct cm_report *report, struct cm_review *review)
{
    const struct cm_report_options options = {
        .to_ms = INT64_MAX, .repeat = 99, .repeat_no_case = 99, .same_reason = 99, .serious = ""};
    struct cm_ledger_folder *folder;
    cr_assert_eq(cm_report_init(report, &options, NULL), CM_OK);
    if (review) {
        cm_report_add_review(report, review);
    }
    cr_assert_eq(cm_ledger_folder_open(&folder, story.north.folder, NULL, NULL), CM_OK);
    cr_assert_eq(cm_report_gather(report, folder, &trusts, NULL), CM_OK);
    cr_assert_eq(cm_report_finish(report, NULL), CM_OK);
    cm_ledger_folder_close(folder);
}

Test(review, the_report_says_what_is_left)
{
    struct cm_report report;
    // The second search's copy was recorded last.
    struct cm_review review = measured(story.north.now_ms - 2000);
    cr_assert_eq(review.to, 2);
    report_with(&report, &review);
    cr_expect_eq(report.counts.reviewed, 1);
    cr_expect_eq(report.counts.not_reviewed, 1);
    cr_expect_null(report.flags);
    cm_report_clear(&report);
}

Test(review, of_another_history_counts_for_nothing)
{
    struct cm_report report;
    struct cm_review review = measured(INT64_MAX);
    review.root.b[0] ^= 1;
    report_with(&report, &review);
    cr_expect_eq(report.counts.reviewed, 0);
    cr_assert(report.flags);
    cr_expect_eq(report.flags->kind, CM_FLAG_REVIEW);
    cm_report_clear(&report);
}

// The ledger was written anew, in other batches: at no checkpoint has it so many entries.
Test(review, of_a_size_that_was_never_signed_counts_for_nothing)
{
    struct cm_report report;
    struct cm_review review = measured(INT64_MAX);
    review.size++;
    report_with(&report, &review);
    cr_expect_eq(report.counts.reviewed, 0);
    cr_expect_eq(report.counts.not_reviewed, 2);
    cr_assert(report.flags);
    cr_expect_eq(report.flags->kind, CM_FLAG_REVIEW);
    cm_report_clear(&report);
}

// As the daemon records it.
static void record(const struct cm_review *review)
{
    struct cm_buf bytes = signed_by(review, CM_ROLE_AUDITOR);
    struct cm_access access = {.person = "spiffe://valley.test/" NORTHPORT "/auditor/vega",
                               .text = ""};
    struct cm_entry entry = {.kind = CM_ENTRY_AUDIT, .text = CM_REVIEW_COMMAND};
    cr_assert_eq(cm_envelope_decode(&access.request, story.north.arena, cm_buf_bytes(&bytes), NULL),
                 CM_OK);
    cm_sha256_of(&entry.digest, access.request.payload);
    made_add(&story.north, &entry, &access);
    made_checkpoint(&story.north);
    made_write(&story.north);
    cm_buf_clear(&bytes);
}

Test(review, in_the_ledger_itself_counts)
{
    struct cm_report report;
    const struct cm_review review = measured(INT64_MAX);
    record(&review);
    report_with(&report, NULL);
    cr_expect_eq(report.counts.reviewed, 2);
    cr_expect_eq(report.counts.not_reviewed, 0);
    cr_assert(report.reviews);
    cr_expect(report.reviews->checked);
    cr_expect_null(report.flags);
    cm_report_clear(&report);
}

Test(review, in_the_ledger_itself_of_another_history_counts_for_nothing)
{
    struct cm_report report;
    struct cm_review review = measured(INT64_MAX);
    review.root.b[0] ^= 1;
    record(&review);
    report_with(&report, NULL);
    cr_expect_eq(report.counts.reviewed, 0);
    cr_assert(report.flags);
    cr_expect_eq(report.flags->kind, CM_FLAG_REVIEW);
    cm_report_clear(&report);
}

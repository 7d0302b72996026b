#include "gateway/client/approvals.h"

#include "gateway/client/approve.h"
#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_arena *arena;
static const struct pki_identity *rivera, *sue;
static char folder[PATH_MAX];
static struct cm_error error;

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    pki_agency(pki, "ca.southgate.pd");
    rivera = pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "rivera");
    sue = pki_identity(pki, "ca.northport.pd", CM_ROLE_SUPERVISOR, "sue");
    trust = pki_trust(pki);
    arena = cm_arena_new(256 * 1024);
    snprintf(folder, sizeof folder, "%s/approvals", pki->dir);
    cr_assert_eq(mkdir(folder, 0770), 0);
    cr_assert_eq(chmod(folder, 0770), 0);
}

static void tear_down(void)
{
    cm_arena_free(arena);
    cm_trust_unref(trust);
    pki_free(pki);
}

TestSuite(approvals, .init = set_up, .fini = tear_down);

static struct cm_approval_request request(void)
{
    struct cm_approval_request out = {
        .federation = "valley.test",
        .plate = "8ABC123",
        .purpose = "homicide",
        .case_number = "26-1234",
        .reason = "seen near the scene twice",
        .from_ms = pki->now_ms - 7 * (int64_t)PKI_DAY_MS,
        .asked_ms = pki->now_ms,
    };
    snprintf(out.requester, sizeof out.requester, "%s", rivera->spiffe);
    return out;
}

static struct cm_query query(void)
{
    return (struct cm_query){
        .federation = "valley.test",
        .signer = rivera->spiffe,
        .key_hash = *cm_signer_key_hash(rivera->signer),
        .action = CM_ACTION_LOOKUP,
        .plate = {"8ABC123", ""},
        .window = {pki->now_ms - 7 * (int64_t)PKI_DAY_MS, pki->now_ms},
        .purpose = "homicide",
        .case_number = "26-1234",
        .reason = "seen near the scene twice",
    };
}

static void put(const char *id, const struct cm_approval_request *of, const struct cm_signer *by,
                int64_t issued_ms, mode_t mode)
{
    char path[PATH_MAX];
    struct cm_buf envelope = {0};
    cr_assert_eq(cm_approve_make(&envelope, of, by, 1, issued_ms, issued_ms + 3600000, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cr_assert_eq(cm_approvals_path(path, sizeof path, folder, id, "approval", &error), CM_OK);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&envelope), mode, &error), CM_OK);
    cm_buf_clear(&envelope);
}

// The approval found for the query, "" for none.
static const char *found(struct cm_query with, int64_t now_ms)
{
    static char id[CM_APPROVAL_ID];
    struct cm_approvals approvals;
    struct cm_approval approval;
    cr_assert_eq(cm_approvals_open(&approvals, folder, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_approvals_find(id, &approval, &with, &approvals, arena, trust, now_ms), CM_OK);
    cr_expect_eq(with.approval.family == CM_FAMILY_APPROVAL, id[0] != '\0');
    cm_approvals_clear(&approvals);
    return id;
}

Test(approvals, finds_the_last_one_of_this_very_query)
{
    struct cm_approval_request of = request();
    cr_expect_str_eq(found(query(), pki->now_ms), "", "an empty folder");
    put("00000000aa", &of, sue->signer, pki->now_ms - 2000, 0640);
    put("00000000ab", &of, sue->signer, pki->now_ms - 1000, 0640);
    put("00000000ac", &of, sue->signer, pki->now_ms - 3000, 0640);
    cr_expect_str_eq(found(query(), pki->now_ms), "00000000ab");
    cr_expect_str_eq(found(query(), pki->now_ms + 3600000), "", "all are over");
}

Test(approvals, leaves_those_of_another_query_alone)
{
    struct cm_approval_request of = request();
    put("00000000aa", &of, sue->signer, pki->now_ms, 0640);
    struct cm_query other = query();
    other.plate.plate = "8ABC124";
    cr_expect_str_eq(found(other, pki->now_ms), "");
    other = query();
    other.purpose = "kidnapping";
    cr_expect_str_eq(found(other, pki->now_ms), "");
    other = query();
    other.case_number = "26-1235";
    cr_expect_str_eq(found(other, pki->now_ms), "");
    other = query();
    other.window.from_ms--;
    cr_expect_str_eq(found(other, pki->now_ms), "");
    other = query();
    other.signer = "spiffe://valley.test/ca.northport.pd/investigator/diaz";
    cr_expect_str_eq(found(other, pki->now_ms), "");
}

Test(approvals, believes_no_other_signer)
{
    struct cm_approval_request of = request();
    put("00000000aa", &of, pki_signer(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "diaz"),
        pki->now_ms, 0640);
    put("00000000ab", &of, pki_signer(pki, "ca.southgate.pd", CM_ROLE_SUPERVISOR, "marks"),
        pki->now_ms, 0640);
    put("00000000ac", &of, pki_signer(pki, "ca.northport.pd", CM_ROLE_SUPERVISOR, "rivera"),
        pki->now_ms, 0640);
    cr_expect_str_eq(found(query(), pki->now_ms), "");
}

Test(approvals, reads_nothing_that_everybody_may)
{
    struct cm_approvals approvals;
    struct cm_approval_request of = request();
    put("00000000aa", &of, sue->signer, pki->now_ms, 0644);
    cr_expect_str_eq(found(query(), pki->now_ms), "");
    cr_assert_eq(chmod(folder, 0771), 0);
    cr_expect_eq(cm_approvals_open(&approvals, folder, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.hint, "chmod o-rwx"));
}

Test(approvals, lists_each_id_once_and_no_other_file)
{
    static const char *const names[] = {
        "00000000ab.request", "00000000ab.approval",   "00000000aa.request", "00000000AA.request",
        "0000000aa.request",  "00000000ad.request.x1", "notes.txt"};
    struct cm_approvals approvals;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        cr_assert_eq(cm_file_write(path, cm_bytes_of("{}"), 0640, &error), CM_OK);
    }
    cr_assert_eq(cm_approvals_open(&approvals, folder, &error), CM_OK);
    cr_assert_eq(approvals.count, 2);
    cr_expect_str_eq(approvals.ids[0], "00000000aa");
    cr_expect_str_eq(approvals.ids[1], "00000000ab");
    cm_approvals_clear(&approvals);
}

Test(approvals, are_printed_with_what_became_of_them)
{
    struct cm_approvals approvals;
    struct cm_approval_request of = request();
    struct cm_buf text = {0};
    char path[PATH_MAX + 32];
    char *out = NULL;
    size_t len = 0;
    put("00000000aa", &of, sue->signer, pki->now_ms - 2000, 0640);
    put("00000000ab", &of, sue->signer, pki->now_ms - 7200000, 0640);
    put("00000000ac", &of, pki_signer(pki, "ca.northport.pd", CM_ROLE_SUPERVISOR, "rivera"),
        pki->now_ms, 0640);
    cr_assert_eq(cm_approval_request_encode(&text, &of), CM_OK);
    snprintf(path, sizeof path, "%s/00000000ad.request", folder);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&text), 0640, &error), CM_OK);
    cr_assert_eq(cm_approvals_open(&approvals, folder, &error), CM_OK);
    FILE *stream = open_memstream(&out, &len);
    cr_assert_eq(cm_approve_print(stream, &approvals, trust, pki->now_ms), CM_OK);
    fclose(stream);
    cr_expect_not_null(strstr(out, "00000000aa  approved  rivera"), "%s", out);
    cr_expect_not_null(strstr(out, "00000000ab  expired   rivera"), "%s", out);
    cr_expect_not_null(strstr(out, "00000000ac  void      rivera"), "%s", out);
    cr_expect_not_null(strstr(out, "00000000ad  waits     rivera"), "%s", out);
    cr_expect_not_null(strstr(out, "by sue, 1 use"), "%s", out);
    free(out);
    cm_buf_clear(&text);
    cm_approvals_clear(&approvals);
}

// What this supervisor's signing comes to; words: of the refusal, NULL when it may be signed.
static void expect(struct cm_approval_request of, const struct pki_identity *by, const char *words)
{
    struct cm_identity identity;
    cr_assert_eq(cm_identity_parse(&identity, cm_bytes_of(by->spiffe), &error), CM_OK);
    error = (struct cm_error){.text = ""};
    enum cm_status status = cm_approve_check(&of, &identity, cm_trust_directory(trust), &error);
    cr_expect_eq(status == CM_OK, words == NULL, "%s: %s", words != NULL ? words : "", error.text);
    cr_expect(words == NULL || strstr(error.text, words) != NULL, "%s: %s", words, error.text);
}

Test(approvals, are_given_by_another_supervisor_of_the_same_agency)
{
    expect(request(), sue, NULL);
    expect(request(), rivera, "only a supervisor");
    expect(request(), pki_identity(pki, "ca.northport.pd", CM_ROLE_SUPERVISOR, "rivera"),
           "nobody approves what they ask themselves");
    expect(request(), pki_identity(pki, "ca.southgate.pd", CM_ROLE_SUPERVISOR, "marks"),
           "another agency");
}

Test(approvals, are_given_for_what_could_be_asked)
{
    struct cm_approval_request of = request();
    snprintf(of.purpose, sizeof of.purpose, "sport");
    expect(of, sue, "purpose");
    of = request();
    of.case_number[0] = '\0';
    expect(of, sue, "case number");
    snprintf(of.purpose, sizeof of.purpose, "amber-alert");
    expect(of, sue, NULL);
    of = request();
    snprintf(of.reason, sizeof of.reason, "test");
    expect(of, sue, "");
    of = request();
    snprintf(of.federation, sizeof of.federation, "hill.test");
    expect(of, sue, "another federation");
}

Test(approvals, of_a_plate_that_is_none_are_not_made)
{
    struct cm_buf envelope = {0};
    struct cm_approval_request of = request();
    snprintf(of.plate, sizeof of.plate, "8abc-123");
    cr_expect_eq(
        cm_approve_make(&envelope, &of, sue->signer, 1, pki->now_ms, pki->now_ms + 3600000, &error),
        CM_INVALID);
    of = request();
    cr_expect_eq(cm_approve_make(&envelope, &of, sue->signer, 1, pki->now_ms,
                                 pki->now_ms + 25 * 3600000, &error),
                 CM_INVALID, "longer than a day");
    cr_expect_eq(envelope.len, 0);
    cm_buf_clear(&envelope);
}

Test(approvals, are_shown_without_control_characters)
{
    struct cm_approval_request of = request();
    char *out = NULL;
    size_t len = 0;
    snprintf(of.reason, sizeof of.reason, "seen \x1b[2Knear the scene");
    FILE *stream = open_memstream(&out, &len);
    cm_approve_show(stream, &of);
    fclose(stream);
    cr_expect_null(strchr(out, '\x1b'));
    cr_expect_not_null(strstr(out, "rivera, investigator of ca.northport.pd, asks to search:"),
                       "%s", out);
    cr_expect_not_null(strstr(out, "8ABC123, of any state"), "%s", out);
    cr_expect_not_null(strstr(out, "to the approval's end"), "%s", out);
    cr_expect_not_null(strstr(out, "26-1234"), "%s", out);
    free(out);
}

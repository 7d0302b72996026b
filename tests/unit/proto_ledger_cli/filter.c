#include "proto/ledger/cli/filter.h"

#include "made.h"
#include "proto/base/when.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

TestSuite(filter, .init = begin, .fini = end);

struct given {
    int key;
    const char *value;
};

static enum cm_status make(struct cm_filter **out, const struct given *given, size_t count,
                           struct cm_error *error)
{
    static struct cm_cli_args args;
    args.given_count = count;
    for (size_t i = 0; i < count; i++) {
        args.given[i].key = given[i].key;
        args.given[i].value = given[i].value;
    }
    return cm_filter_of(out, &args, error);
}

struct counts {
    unsigned says[CM_FILTER_UNKNOWN + 1];
};

static struct counts judge(const struct given *given, size_t count)
{
    struct counts counts = {.says = {0}};
    struct cm_filter *filter;
    struct cm_ledger_folder *folder;
    const struct cm_audit_record *record;
    struct cm_error error = {.text = ""};
    cr_assert_eq(make(&filter, given, count, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_ledger_folder_open(&folder, made.folder, NULL, &error), CM_OK);
    while (cm_ledger_folder_next(&record, folder, &error) == CM_OK && record) {
        enum cm_filter_says says;
        cr_assert_eq(cm_filter_judge(&says, filter, record), CM_OK);
        counts.says[says]++;
    }
    cm_ledger_folder_close(folder);
    cm_filter_free(filter);
    return counts;
}

static unsigned fits(int key, const char *value)
{
    const struct given given = {key, value};
    return judge(&given, 1).says[CM_FILTER_YES];
}

// 0 start; 1 asked by lee, 2 its release; 3 asked by kim of milltown; 4 an admin's act.
static void make_ledger(void)
{
    const struct cm_query query = made_query(&made, &(struct made_question){.plate = "7XYZ987"});
    struct cm_access access = {.question = made_sign(&made, &query), .person = "", .text = ""};
    struct cm_access act = {.person = "spiffe://valley.test/ca.northport.pd/admin/max",
                            .text = "a partner asked for it"};
    struct cm_entry node = made_entry(&access.question, CM_ENTRY_NODE);
    struct cm_entry release = made_entry(&access.question, CM_ENTRY_RELEASE);
    release.release = CM_RELEASE_COMPLETE;
    release.attempt = 1;
    release.committed = false;
    made.now_ms = pki->now_ms - 4000;
    made_add(&made, &(struct cm_entry){.kind = CM_ENTRY_START, .text = "1", .digest.b = {1}}, NULL);
    made_add(&made, &node, &access);
    made_add(&made, &release, NULL);
    made_asked(&made, &(struct made_question){
                          .agency = MILLTOWN, .person = "kim", .purpose = "stolen-vehicle"});
    made_add(&made,
             &(struct cm_entry){.kind = CM_ENTRY_SHARING,
                                .agency = SOUTHGATE,
                                .permitted = true,
                                .overlay_revision = 1},
             &act);
    made_checkpoint(&made);
    made_write(&made);
}

Test(filter, each_option_says_what_fits)
{
    char hex[2 * CM_DIGEST_SIZE + 1];
    char when[CM_WHEN_SIZE];
    struct cm_query query;
    struct cm_digest digest;
    make_ledger();
    cr_expect_eq(judge(NULL, 0).says[CM_FILTER_YES], 5);
    cr_expect_eq(fits('k', "node"), 2);
    cr_expect_eq(fits('k', "sharing"), 1);
    cr_expect_eq(fits('p', "7xyz-987"), 2, "the question and what was released for it");
    cr_expect_eq(fits('p', "8ABC123"), 1);
    cr_expect_eq(fits('p', "8ABC12"), 0);
    cr_expect_eq(fits('w', "investigator/lee"), 2);
    cr_expect_eq(fits('w', "ee"), 0);
    cr_expect_eq(fits('w', "spiffe://valley.test/ca.northport.pd/admin/max"), 1);
    cr_expect_eq(fits('u', "stolen-vehicle"), 1);
    cr_expect_eq(fits('a', MILLTOWN), 1);
    cr_expect_eq(fits('a', NORTHPORT), 3, "its person asked, its administrator acted");
    cr_expect_eq(fits('a', SOUTHGATE), 1, "the switch is about it");
    cr_expect_eq(fits('g', "gw-1"), 3);
    cr_expect_eq(fits('g', "gw-2"), 0);
    cr_expect_eq(fits('o', "permitted"), 2);
    cr_expect_eq(fits('o', "complete"), 1);
    cm_when_utc(when, pki->now_ms - 1000);
    cr_expect_eq(fits('f', when), 2);
    cr_expect_eq(fits('t', when), 3);
    made.questions = 0; // the first question once more
    made.now_ms = pki->now_ms;
    query = made_query(&made, &(struct made_question){.plate = "7XYZ987"});
    const struct cm_envelope asked = made_sign(&made, &query);
    cm_sha256_of(&digest, asked.payload);
    cm_hex(hex, cm_bytes_digest(&digest));
    hex[12] = '\0';
    cr_expect_eq(fits('q', hex), 2);
    cr_expect_eq(fits('q', "01000000"), 2, "by its id; 2 others begin otherwise");
}

Test(filter, options_must_all_fit)
{
    make_ledger();
    const struct given both[] = {{'p', "7XYZ987"}, {'k', "release"}};
    cr_expect_eq(judge(both, 2).says[CM_FILTER_YES], 1);
    const struct given none[] = {{'p', "7XYZ987"}, {'a', MILLTOWN}};
    cr_expect_eq(judge(none, 2).says[CM_FILTER_YES], 0);
    const struct given either[] = {{'k', "start"}, {'k', "release"}};
    cr_expect_eq(judge(either, 2).says[CM_FILTER_YES], 2, "of kinds, any");
}

Test(filter, what_was_erased_is_unknown_and_not_passed_over)
{
    make_ledger();
    cr_assert_eq(cm_day_keys_erase(made.keys, cm_day_of(pki->now_ms) + 2, NULL, NULL), CM_OK);
    const struct given plate = {'p', "7XYZ987"};
    const struct counts counts = judge(&plate, 1);
    cr_expect_eq(counts.says[CM_FILTER_YES], 0);
    cr_expect_eq(counts.says[CM_FILTER_UNKNOWN], 2);
    const struct given person = {'w', "admin/max"};
    cr_expect_eq(judge(&person, 1).says[CM_FILTER_UNKNOWN], 3, "who acted is erased too");
    const struct given about = {'a', SOUTHGATE};
    cr_expect_eq(judge(&about, 1).says[CM_FILTER_YES], 1, "the entry itself says that");
}

Test(filter, malformed_options_are_named)
{
    const struct {
        struct given given;
        const char *where;
    } wrong[] = {{{'k', "queries"}, "--kind"},
                 {{'p', "---"}, "--plate"},
                 {{'p', "1234567890123"}, "--plate"},
                 {{'q', "xyz"}, "--query"},
                 {{'f', "yesterday"}, "--from"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct cm_filter *filter;
        struct cm_error error = {.text = ""};
        cr_expect_eq(make(&filter, &wrong[i].given, 1, &error), CM_INVALID);
        cr_expect_str_eq(error.where, wrong[i].where);
    }
}

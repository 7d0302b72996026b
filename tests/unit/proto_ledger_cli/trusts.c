#include "proto/ledger/cli/trusts.h"

#include "made.h"

#include <criterion/criterion.h>

static struct pki *pki;
static struct cm_cli_args args;

static void begin(void)
{
    pki = made_federation();
    args.given_count = 0;
}

static void end(void)
{
    pki_free(pki);
}

TestSuite(trusts, .init = begin, .fini = end);

static void give(int key, const char *value)
{
    args.given[args.given_count].key = key;
    args.given[args.given_count++].value = value;
}

Test(trusts, none_is_fine_and_a_directory_needs_its_root)
{
    struct cm_trusts trusts;
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_trusts_load(&trusts, &args, &error), CM_OK);
    cr_expect_eq(trusts.count, 0);
    give('D', pki_bundle_file(pki));
    cr_expect_eq(cm_trusts_load(&trusts, &args, &error), CM_INVALID);
    give('R', pki->root_path);
    cr_assert_eq(cm_trusts_load(&trusts, &args, &error), CM_OK, "%s", error.text);
    cr_expect_eq(trusts.count, 1);
    cm_trusts_clear(&trusts);
}

Test(trusts, a_directory_that_is_over_is_judged_as_of_its_time)
{
    struct cm_trusts trusts;
    struct cm_error error = {.text = ""};
    pki->issued_ms = pki->now_ms - PKI_DAY_MS / 12;
    pki->expires_ms = pki->now_ms - PKI_DAY_MS / 24;
    give('D', pki_bundle_file(pki));
    give('R', pki->root_path);
    cr_assert_eq(cm_trusts_load(&trusts, &args, &error), CM_OK, "%s: %s", error.where, error.text);
    cr_expect_eq(cm_trust_directory(trusts.list[0])->agency_count, 3);
    cm_trusts_clear(&trusts);
}

Test(trusts, another_federations_root_vouches_for_nothing)
{
    struct cm_trusts trusts;
    struct cm_error error = {.text = ""};
    struct pki *other = made_federation();
    give('D', pki_bundle_file(pki));
    give('R', other->root_path);
    cr_expect_neq(cm_trusts_load(&trusts, &args, &error), CM_OK);
    cr_expect_eq(trusts.count, 0);
    pki_free(other);
}

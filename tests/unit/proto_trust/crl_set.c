#include "proto/trust/crl_set.h"

#include "support.h"
#include "tests/support/pki_x509.h"

TestSuite(crl_set, .init = trust_setup, .fini = trust_teardown);

static const struct cm_digest *refused; // this issuer is not accepted, when set

static bool accepts(void *context, const struct cm_digest *hash)
{
    (void)context;
    bool known = cm_digest_equal(hash, &pki->root->pin);
    for (size_t i = 0; i < pki->agency_count; i++) {
        known = known || cm_digest_equal(hash, &pki->agencies[i]->ca->pin);
    }
    return known && (refused == NULL || !cm_digest_equal(hash, refused));
}

// A set of the given agencies' CRLs as they stand.
static struct cm_crl_set make(const struct cm_crl_set *seen, const char *const *agencies,
                              size_t count)
{
    struct cm_bytes ders[8];
    for (size_t i = 0; i < count; i++) {
        struct cm_buf der = {0};
        pki_crl(pki, agencies[i], &der);
        cr_assert_eq(cm_arena_bytes(arena, &ders[i], cm_buf_bytes(&der)), CM_OK);
        cm_buf_clear(&der);
    }
    struct cm_crl_source source = {.ders = ders,
                                   .count = count,
                                   .seen = seen,
                                   .accepts = accepts,
                                   .root = &pki->root->pin,
                                   .now_ms = pki->now_ms};
    struct cm_crl_set set;
    cr_assert_eq(cm_crl_set_init(&set, &source), CM_OK);
    return set;
}

#define MAKE(seen, ...)                                                                            \
    make(seen, (const char *const[]){__VA_ARGS__},                                                 \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static uint64_t number(const struct cm_crl_set *set, const char *agency)
{
    const struct cm_crl *crl = cm_crl_set_find(set, &pki_find_agency(pki, agency)->ca->pin);
    return crl != NULL ? crl->number : 0;
}

Test(crl_set, the_highest_number_of_each_issuer_stands)
{
    pki_find_agency(pki, NORTHPORT)->crl_number = 5;
    pki_find_agency(pki, SOUTHGATE)->crl_number = 7;
    struct cm_crl_set first = MAKE(NULL, NORTHPORT, SOUTHGATE);
    cr_expect_eq(number(&first, NORTHPORT), 5);
    cr_expect_eq(number(&first, SOUTHGATE), 7);
    cr_expect_eq(number(&first, MILLTOWN), 0);

    pki_find_agency(pki, NORTHPORT)->crl_number = 6;
    pki_find_agency(pki, SOUTHGATE)->crl_number = 6; // rolled back
    struct cm_crl_set second = MAKE(&first, NORTHPORT, SOUTHGATE, MILLTOWN);
    cr_expect_eq(second.count, 3);
    cr_expect_eq(number(&second, NORTHPORT), 6);
    cr_expect_eq(number(&second, SOUTHGATE), 7);

    struct cm_crl_set third = make(&second, NULL, 0); // left out by a relay
    cr_expect_eq(third.count, 3);
    cr_expect_eq(number(&third, NORTHPORT), 6);
    cm_crl_set_clear(&first);
    cm_crl_set_clear(&second);
    cm_crl_set_clear(&third);
}

Test(crl_set, of_two_with_one_number_the_one_seen_first_stands)
{
    struct cm_crl_set first = MAKE(NULL, NORTHPORT);
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    agency->crl_next_ms -= 1000;
    struct cm_crl_set second = MAKE(&first, NORTHPORT);
    cr_expect_eq(second.count, 1);
    cr_expect_eq(second.crls[0], first.crls[0]);
    cm_crl_set_clear(&first);
    cm_crl_set_clear(&second);
}

Test(crl_set, a_list_that_lives_more_than_a_day_is_left_out_but_for_the_roots)
{
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    agency->crl_next_ms = agency->crl_this_ms + PKI_DAY_MS;
    struct cm_crl_set set = MAKE(NULL, NORTHPORT, "_");
    cr_expect_eq(set.count, 2);
    cr_expect_not_null(cm_crl_set_find(&set, &pki->root->pin));
    cm_crl_set_clear(&set);
    agency->crl_next_ms += 1000;
    set = MAKE(NULL, NORTHPORT);
    cr_expect_eq(set.count, 0);
    cm_crl_set_clear(&set);
}

Test(crl_set, what_does_not_verify_is_left_out_and_harms_no_other)
{
    pki_find_agency(pki, NORTHPORT)->crl_forged = true;
    pki_find_agency(pki, NORTHPORT)->crl_number = UINT64_MAX;
    struct cm_crl_set set = MAKE(NULL, NORTHPORT, SOUTHGATE);
    cr_expect_eq(set.count, 1);
    cr_expect_eq(number(&set, SOUTHGATE), 1);
    cm_crl_set_clear(&set);
}

Test(crl_set, an_issuer_that_is_pinned_no_more_is_dropped)
{
    struct cm_crl_set first = MAKE(NULL, NORTHPORT, SOUTHGATE);
    refused = &pki_find_agency(pki, NORTHPORT)->ca->pin;
    struct cm_crl_set second = make(&first, NULL, 0);
    cr_expect_eq(second.count, 1);
    cr_expect_eq(number(&second, SOUTHGATE), 1);
    cm_crl_set_clear(&first);
    cm_crl_set_clear(&second);
}

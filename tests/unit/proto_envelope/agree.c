#include "proto/envelope/agree.h"

#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <string.h>

Test(agree, both_sides_come_to_one_secret_that_is_never_the_same_twice)
{
    struct pki *pki = pki_new();
    uint8_t ours[CM_AGREED_SIZE], theirs[CM_AGREED_SIZE], again[CM_AGREED_SIZE];
    uint8_t fresh[CM_SPKI_SIZE], other[CM_SPKI_SIZE];
    pki_agency(pki, "ca.northport.pd");
    struct cm_signer *signer = pki_signer(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "rivera");
    cr_assert_eq(cm_agree_fresh(ours, fresh, cm_signer_spki(signer)), CM_OK);
    cr_assert_eq(cm_signer_agree(theirs, signer, (struct cm_bytes){fresh, sizeof fresh}), CM_OK);
    cr_expect_arr_eq(ours, theirs, sizeof ours);
    cr_assert_eq(cm_agree_fresh(again, other, cm_signer_spki(signer)), CM_OK);
    cr_expect_neq(memcmp(ours, again, sizeof ours), 0);
    pki_free(pki);
}

Test(agree, takes_no_point_off_the_curve_and_no_other_key)
{
    struct pki *pki = pki_new();
    uint8_t out[CM_AGREED_SIZE];
    uint8_t spki[CM_SPKI_SIZE];
    uint8_t fresh[CM_SPKI_SIZE];
    pki_agency(pki, "ca.northport.pd");
    struct cm_signer *signer = pki_signer(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "rivera");
    memcpy(spki, cm_signer_spki(signer).data, sizeof spki);
    spki[sizeof spki - 1] ^= 1;
    cr_expect_eq(cm_signer_agree(out, signer, (struct cm_bytes){spki, sizeof spki}), CM_INVALID);
    cr_expect_eq(cm_agree_fresh(out, fresh, (struct cm_bytes){spki, sizeof spki}), CM_INVALID);
    spki[sizeof spki - 1] ^= 1;
    cr_expect_eq(cm_signer_agree(out, signer, (struct cm_bytes){spki, sizeof spki - 1}),
                 CM_INVALID);
    pki_free(pki);
}

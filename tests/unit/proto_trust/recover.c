#include "proto/trust/recover.h"

#include "support.h"

TestSuite(recover, .init = trust_setup, .fini = trust_teardown);

Test(recover, finds_the_key_among_the_candidates)
{
    const struct cm_signer *signer = pki_signer(pki, NORTHPORT, CM_ROLE_NODE, "n1");
    for (int i = 0; i < 64; i++) {
        struct cm_bytes data = {(const uint8_t *)&i, sizeof(i)};
        struct cm_buf sig = {0};
        struct cm_digest digest;
        cm_sha256_of(&digest, data);
        cr_assert_eq(cm_signer_der(&sig, signer, data), CM_OK);
        uint8_t keys[CM_RECOVER_MAX][CM_SPKI_SIZE];
        size_t count = cm_recover(keys, &digest, cm_buf_bytes(&sig));
        size_t found = 0;
        for (size_t k = 0; k < count; k++) {
            found +=
                cm_bytes_equal((struct cm_bytes){keys[k], CM_SPKI_SIZE}, cm_signer_spki(signer));
        }
        cr_expect_eq(found, 1);
        cm_buf_clear(&sig);
    }
}

Test(recover, gives_nothing_for_what_is_no_signature)
{
    uint8_t keys[CM_RECOVER_MAX][CM_SPKI_SIZE];
    struct cm_digest digest = {{1}};
    static const uint8_t zeros[] = {0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00};
    cr_expect_eq(cm_recover(keys, &digest, (struct cm_bytes){zeros, sizeof(zeros)}), 0);
    cr_expect_eq(cm_recover(keys, &digest, cm_bytes_of("garbage")), 0);
    cr_expect_eq(cm_recover(keys, &digest, CM_BYTES_NONE), 0);
}

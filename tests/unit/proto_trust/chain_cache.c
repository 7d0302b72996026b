#include "proto/trust/chain_cache.h"

#include "support.h"

TestSuite(chain_cache, .init = trust_setup, .fini = trust_teardown);

Test(chain_cache, gives_back_what_was_put_and_the_newer_displaces)
{
    struct cm_trust *trust = pki_trust(pki);
    const struct pki_identity *a = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "a");
    struct cm_signatory *signatory;
    cr_assert_eq(cm_trust_chain(&signatory, trust, a->chain, a->chain_count, pki->now_ms, NULL),
                 CM_OK);
    struct cm_chain_cache *cache;
    cr_assert_eq(cm_chain_cache_new(&cache), CM_OK);
    struct cm_digest key;
    cm_chain_cache_key(&key, a->chain, a->chain_count);
    cr_expect_null(cm_chain_cache_find(cache, &key));
    cm_chain_cache_put(cache, &key, signatory);
    cm_chain_cache_put(cache, &key, signatory);
    struct cm_signatory *found = cm_chain_cache_find(cache, &key);
    cr_expect_eq(found, signatory);
    cm_signatory_unref(found);
    struct cm_digest beside = key; // the same place, another chain
    beside.b[31] ^= 1;
    cr_expect_null(cm_chain_cache_find(cache, &beside));
    cm_chain_cache_put(cache, &beside, signatory);
    cr_expect_null(cm_chain_cache_find(cache, &key));
    cm_chain_cache_free(cache);
    cm_signatory_unref(signatory);
    cm_trust_unref(trust);
}

Test(chain_cache, the_key_tells_chains_apart)
{
    const struct cm_bytes one[] = {cm_bytes_of("ab"), cm_bytes_of("c")};
    const struct cm_bytes two[] = {cm_bytes_of("a"), cm_bytes_of("bc")};
    struct cm_digest a;
    struct cm_digest b;
    cm_chain_cache_key(&a, one, 2);
    cm_chain_cache_key(&b, two, 2);
    cr_expect_not(cm_digest_equal(&a, &b));
    cm_chain_cache_key(&b, one, 1);
    cr_expect_not(cm_digest_equal(&a, &b));
}

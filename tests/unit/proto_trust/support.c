#include "support.h"

struct pki *pki;
struct cm_arena *arena;

void trust_setup(void)
{
    pki = pki_new();
    arena = cm_arena_new(1 << 22);
    pki_agency(pki, NORTHPORT);
    pki_agency(pki, SOUTHGATE);
    pki_agency(pki, MILLTOWN);
}

void trust_teardown(void)
{
    cm_arena_free(arena);
    pki_free(pki);
}

enum cm_status trust_load(struct cm_trust **out, const struct cm_trust *older,
                          struct cm_error *error)
{
    struct cm_buf bundle = {0};
    pki_bundle(pki, &bundle);
    enum cm_status status =
        cm_trust_new(out, pki_root(pki), cm_buf_bytes(&bundle), older, pki->now_ms, error);
    cr_expect_eq(*out != NULL, status == CM_OK);
    cm_buf_clear(&bundle);
    return status;
}

enum cm_status trust_judge(struct cm_trust *trust, const struct pki_identity *identity,
                           struct cm_error *error)
{
    struct cm_signatory *signatory;
    enum cm_status status = cm_trust_chain(&signatory, trust, identity->chain,
                                           identity->chain_count, pki->now_ms, error);
    cr_expect_eq(signatory != NULL, status == CM_OK);
    cm_signatory_unref(signatory);
    return status;
}

enum cm_status trust_judge_now(const struct pki_identity *identity, struct cm_error *error)
{
    struct cm_trust *trust = pki_trust(pki);
    enum cm_status status = trust_judge(trust, identity, error);
    cm_trust_unref(trust);
    return status;
}

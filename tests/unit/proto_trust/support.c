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

const struct pki_identity *trust_alice(void)
{
    return pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "alice");
}

struct cm_query trust_query(void)
{
    const struct pki_identity *alice = trust_alice();
    return (struct cm_query){
        .query_id = {1, 2, 3},
        .blind = {4, 5, 6},
        .issued_ms = pki->now_ms - 1000,
        .expires_ms = pki->now_ms + 59000,
        .federation = "valley.test",
        .gateway = "gw-1",
        .signer = alice->spiffe,
        .key_hash = *cm_signer_key_hash(alice->signer),
        .action = CM_ACTION_LOOKUP,
        .plate = {"8ABC123", "CA"},
        .window = {pki->now_ms - 7LL * PKI_DAY_MS, pki->now_ms},
        .purpose = "homicide",
        .case_number = "26-1234",
        .reason = "follow up on witness statement",
        .on_behalf_of = "",
        .court_order = "",
        .limit = 1000,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = 10000,
    };
}

struct cm_approval trust_approval(const struct cm_query *query)
{
    return pki_approval(query, pki_identity(pki, NORTHPORT, CM_ROLE_SUPERVISOR, "sue"),
                        pki->now_ms);
}

struct cm_envelope trust_sign_query(const struct cm_query *query, const struct cm_signer *signer)
{
    struct cm_envelope envelope;
    struct cm_buf payload = {0};
    struct cm_error error = {0};
    cr_assert_eq(cm_query_encode(&payload, query, &error), CM_OK, "%s %s", error.where, error.text);
    pki_sign(&envelope, arena, CM_FAMILY_QUERY, cm_buf_bytes(&payload), signer);
    cm_buf_clear(&payload);
    return envelope;
}

struct cm_envelope trust_sign_approval(const struct cm_approval *approval,
                                       const struct cm_signer *signer)
{
    struct cm_envelope envelope;
    struct cm_buf payload = {0};
    struct cm_error error = {0};
    cr_assert_eq(cm_approval_encode(&payload, approval, &error), CM_OK, "%s %s", error.where,
                 error.text);
    pki_sign(&envelope, arena, CM_FAMILY_APPROVAL, cm_buf_bytes(&payload), signer);
    cm_buf_clear(&payload);
    return envelope;
}

#include "proto/trust/approval_check.h"

#include "proto/trust/query_check.h"
#include "support.h"

TestSuite(approval_check, .init = trust_setup, .fini = trust_teardown);

static const struct pki_identity *sue(void)
{
    return pki_identity(pki, NORTHPORT, CM_ROLE_SUPERVISOR, "sue");
}

// The whole check of a query that carries this approval; words: in the reason, NULL when it holds.
static void expect_at(struct cm_query query, const struct cm_envelope *approval, int64_t now_ms,
                      const char *words)
{
    query.approval = *approval;
    struct cm_envelope envelope = trust_sign_query(&query, trust_alice()->signer);
    struct cm_query_expectation expected = {
        .gateway = "gw-1", .actions = 1u << CM_ACTION_LOOKUP, .now_ms = now_ms};
    struct cm_trust *trust = pki_trust(pki);
    struct cm_checked_query checked;
    struct cm_error error = {0};
    enum cm_status status = cm_query_check(&checked, arena, trust, &envelope, &expected, &error);
    if (words == NULL) {
        cr_expect_eq(status, CM_OK, "%s: %s", error.where, error.text);
        cr_expect_neq(checked.evidence & 1u << CM_EVIDENCE_SUPERVISOR, 0);
        struct cm_digest digest;
        cm_sha256_of(&digest, approval->payload);
        cr_expect(cm_digest_equal(&digest, &checked.approval_digest));
        cr_expect_eq(checked.approval.uses, 1);
    } else {
        cr_expect_eq(status, CM_INVALID, "%s", words);
        cr_expect_str_eq(error.where, "evidence.approval", "%s", error.text);
        cr_expect_not_null(strstr(error.text, words), "%s", error.text);
    }
    cm_checked_query_clear(&checked);
    cm_trust_unref(trust);
}

static void expect(struct cm_approval approval, const char *words)
{
    struct cm_envelope envelope = trust_sign_approval(&approval, sue()->signer);
    expect_at(trust_query(), &envelope, pki->now_ms, words);
}

Test(approval_check, one_of_this_very_query_holds)
{
    struct cm_query query = trust_query();
    struct cm_approval approval = trust_approval(&query);
    expect(approval, NULL);
    approval.window.from_ms -= 1000; // a wider window contains the query's
    approval.window.to_ms += 1000;
    expect(approval, NULL);
}

Test(approval_check, one_of_anything_else_does_not)
{
    struct cm_query query = trust_query();
    struct cm_approval approval = trust_approval(&query);
    approval.federation = "hills.test";
    expect(approval, "another federation");
    approval = trust_approval(&query);
    approval.requester = "spiffe://valley.test/" NORTHPORT "/investigator/bob";
    expect(approval, "another requester");
    approval = trust_approval(&query);
    approval.plate.plate = "8ABC124";
    expect(approval, "another question");
    approval = trust_approval(&query);
    approval.plate.state = "";
    expect(approval, "another question");
    approval = trust_approval(&query);
    approval.purpose = "kidnapping";
    expect(approval, "another purpose");
    approval = trust_approval(&query);
    approval.case_number = "26-1235";
    expect(approval, "another case");
    approval = trust_approval(&query);
    approval.window.from_ms++;
    expect(approval, "beyond its window");
    approval = trust_approval(&query);
    approval.window.to_ms--;
    expect(approval, "beyond its window");
    approval = trust_approval(&query);
    approval.supervisor = "spiffe://valley.test/" NORTHPORT "/supervisor/sam";
    expect(approval, "names another supervisor");
}

Test(approval_check, its_time_is_now)
{
    struct cm_query query = trust_query();
    struct cm_approval approval = trust_approval(&query);
    approval.issued_ms = pki->now_ms + CM_SKEW_MS + 1;
    approval.expires_ms = approval.issued_ms + 1000;
    expect(approval, "future");
    approval.issued_ms = pki->now_ms - 3600000;
    approval.expires_ms = pki->now_ms - CM_SKEW_MS;
    expect(approval, "expired");
}

Test(approval_check, its_signature_holds)
{
    struct cm_query query = trust_query();
    struct cm_approval approval = trust_approval(&query);
    struct cm_envelope envelope = trust_sign_approval(&approval, sue()->signer);
    envelope.signatures[0].sig[3] ^= 1;
    expect_at(query, &envelope, pki->now_ms, "does not hold");
    envelope = trust_sign_approval(&approval, sue()->signer);
    envelope.signatures[0].chain_count = 0;
    expect_at(query, &envelope, pki->now_ms, "no certificates");
    pki_revoke(pki, NORTHPORT, sue(), pki->now_ms - 1000);
    expect(approval, "revoked");
}

Test(approval_check, the_role_is_supervisor)
{
    const struct pki_identity *bob = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "bob");
    struct cm_query query = trust_query();
    struct cm_approval approval = trust_approval(&query);
    approval.supervisor = bob->spiffe;
    struct cm_envelope envelope = trust_sign_approval(&approval, bob->signer);
    expect_at(query, &envelope, pki->now_ms, "may not sign");
}

Test(approval_check, it_is_of_another_person_and_key_of_the_same_agency)
{
    struct cm_query query = trust_query();
    struct cm_approval approval = trust_approval(&query);
    const struct pki_identity *foreign = pki_identity(pki, SOUTHGATE, CM_ROLE_SUPERVISOR, "sue");
    approval.supervisor = foreign->spiffe;
    struct cm_envelope envelope = trust_sign_approval(&approval, foreign->signer);
    expect_at(query, &envelope, pki->now_ms, "another agency");

    // alice, who is a supervisor too
    const struct pki_identity *herself = pki_identity(pki, NORTHPORT, CM_ROLE_SUPERVISOR, "alice");
    approval.supervisor = herself->spiffe;
    envelope = trust_sign_approval(&approval, herself->signer);
    expect_at(query, &envelope, pki->now_ms, "is the requester");

    // another name for alice's key
    const struct pki_identity *alias =
        pki_leaf(pki, &(struct pki_leaf){.agency = NORTHPORT,
                                         .role = CM_ROLE_SUPERVISOR,
                                         .name = "sam",
                                         .key_path = trust_alice()->key_path});
    approval.supervisor = alias->spiffe;
    envelope = trust_sign_approval(&approval, alias->signer);
    expect_at(query, &envelope, pki->now_ms, "is the requester");
}

#include "proto/trust/query_check.h"

#include "support.h"

TestSuite(query_check, .init = trust_setup, .fini = trust_teardown);

enum { SERVED = 1u << CM_ACTION_LOOKUP };

static struct cm_query_expectation expectation(void)
{
    return (struct cm_query_expectation){
        .gateway = "gw-1", .actions = SERVED, .now_ms = pki->now_ms};
}

static enum cm_status check_as(const struct cm_envelope *envelope,
                               const struct cm_query_expectation *expected, struct cm_error *error)
{
    struct cm_trust *trust = pki_trust(pki);
    struct cm_checked_query checked;
    enum cm_status status = cm_query_check(&checked, arena, trust, envelope, expected, error);
    cr_expect_eq(checked.signer != NULL, status == CM_OK);
    struct cm_digest digest;
    cm_sha256_of(&digest, envelope->payload);
    cr_expect(cm_digest_equal(&digest, &checked.digest));
    cm_checked_query_clear(&checked);
    cm_trust_unref(trust);
    return status;
}

static void expect(const struct cm_envelope *envelope, enum cm_status status, const char *where)
{
    struct cm_query_expectation expected = expectation();
    struct cm_error error = {0};
    cr_expect_eq(check_as(envelope, &expected, &error), status, "%s: %s", error.where, error.text);
    cr_expect_str_eq(error.where, where, "%s: %s", error.where, error.text);
}

static void expect_query(const struct cm_query *query, enum cm_status status, const char *where)
{
    struct cm_envelope envelope = trust_sign_query(query, trust_alice()->signer);
    expect(&envelope, status, where);
}

Test(query_check, a_good_query_is_taken_with_what_was_verified)
{
    struct cm_query query = trust_query();
    query.attested = true;
    query.attestation.b[0] = 1;
    query.court_order = "sc-26-77";
    struct cm_envelope envelope = trust_sign_query(&query, trust_alice()->signer);
    struct cm_query_expectation expected = expectation();
    struct cm_trust *trust = pki_trust(pki);
    struct cm_checked_query checked;
    struct cm_error error = {0};
    cr_assert_eq(cm_query_check(&checked, arena, trust, &envelope, &expected, &error), CM_OK,
                 "%s: %s", error.where, error.text);
    cr_expect_not(checked.is_reach);
    cr_expect_str_eq(checked.query.plate.plate, "8ABC123");
    cr_expect_eq(checked.evidence, 1u << CM_EVIDENCE_CASE | 1u << CM_EVIDENCE_ATTESTATION |
                                       1u << CM_EVIDENCE_COURT_ORDER);
    cr_expect_str_eq(cm_signatory_identity(checked.signer)->name, "alice");
    struct cm_digest key;
    cm_query_replay_key(&key, &query);
    cr_expect(cm_digest_equal(&key, &checked.replay_key));
    cm_checked_query_clear(&checked);
    cm_trust_unref(trust);
}

static struct cm_envelope sign_reach(struct cm_query *reach)
{
    struct cm_envelope envelope;
    struct cm_buf payload = {0};
    struct cm_error error = {0};
    cr_assert_eq(cm_reach_encode(&payload, reach, &error), CM_OK, "%s %s", error.where, error.text);
    pki_sign(&envelope, arena, CM_FAMILY_REACH, cm_buf_bytes(&payload), trust_alice()->signer);
    cm_buf_clear(&payload);
    return envelope;
}

static struct cm_query reach(void)
{
    struct cm_query query = trust_query();
    memset(query.blind, 0, sizeof(query.blind));
    query.plate = (struct cm_plate_selector){NULL, ""};
    query.reason = "";
    query.limit = 0;
    query.order = CM_ORDER_NONE;
    return query;
}

Test(query_check, a_reach_claims_evidence_but_for_a_case_it_does_not_name)
{
    struct cm_query query = reach();
    query.purpose = "amber-alert";
    query.case_number = "";
    query.evidence_kinds = 1u << CM_EVIDENCE_CASE | 1u << CM_EVIDENCE_SUPERVISOR;
    struct cm_envelope envelope = sign_reach(&query);
    struct cm_query_expectation expected = expectation();
    struct cm_trust *trust = pki_trust(pki);
    struct cm_checked_query checked;
    cr_assert_eq(cm_query_check(&checked, arena, trust, &envelope, &expected, NULL), CM_OK);
    cr_expect(checked.is_reach);
    cr_expect_eq(checked.evidence, 1u << CM_EVIDENCE_SUPERVISOR);
    cm_checked_query_clear(&checked);
    cm_trust_unref(trust);
}

// WIRE.md's table, a test a row.

Test(query_check, row_1_form_is_invalid)
{
    struct cm_envelope envelope;
    pki_sign(&envelope, arena, CM_FAMILY_QUERY, cm_bytes_of("garbage"), trust_alice()->signer);
    struct cm_query_expectation expected = expectation();
    cr_expect_eq(check_as(&envelope, &expected, NULL), CM_INVALID);
    pki_sign(&envelope, arena, CM_FAMILY_MANIFEST, cm_bytes_of("x"), trust_alice()->signer);
    expect(&envelope, CM_INVALID, "payload_type");
}

Test(query_check, row_1_each_field_by_the_directory)
{
    struct cm_query query = trust_query();
    query.purpose = "curiosity";
    expect_query(&query, CM_INVALID, "purpose");

    static const char *const unknown[] = {"ca.lakeside.pd"};
    query = trust_query();
    query.agencies = unknown;
    query.agency_count = 1;
    expect_query(&query, CM_INVALID, "agencies");
    static const char *const named[] = {MILLTOWN};
    query.agencies = named;
    expect_query(&query, CM_OK, "");
    pki_find_agency(pki, MILLTOWN)->active = false;
    expect_query(&query, CM_INVALID, "agencies");

    query = trust_query();
    query.on_behalf_of = "ca.lakeside.pd";
    expect_query(&query, CM_INVALID, "on_behalf_of");
    query.on_behalf_of = SOUTHGATE;
    expect_query(&query, CM_OK, "");

    query = trust_query();
    query.window.from_ms = pki->now_ms + CM_SKEW_MS + 1;
    query.window.to_ms = query.window.from_ms + 1000;
    expect_query(&query, CM_INVALID, "window.from_ms");
    query.window.from_ms = pki->now_ms + CM_SKEW_MS;
    expect_query(&query, CM_OK, "");
}

Test(query_check, row_1_the_case_number)
{
    struct cm_query query = trust_query();
    query.case_number = "";
    expect_query(&query, CM_INVALID, "case_number");
    query.purpose = "amber-alert";
    expect_query(&query, CM_OK, "");
    query = trust_query();
    pki_find_agency(pki, NORTHPORT)->case_pattern = "99-9999";
    expect_query(&query, CM_OK, "");
    query.case_number = "case";
    expect_query(&query, CM_INVALID, "case_number");
    query.purpose = "amber-alert"; // optional isn't arbitrary
    expect_query(&query, CM_INVALID, "case_number");
}

Test(query_check, row_2_chain_crl_and_signature)
{
    struct cm_query query = trust_query();
    struct cm_envelope envelope = trust_sign_query(&query, trust_alice()->signer);
    envelope.signatures[0].sig[0] ^= 1;
    expect(&envelope, CM_UNAUTHENTICATED, "signatures");
    envelope = trust_sign_query(&query, trust_alice()->signer);
    envelope.signatures[0].chain_count = 0;
    expect(&envelope, CM_UNAUTHENTICATED, "chain");
    pki_revoke(pki, NORTHPORT, trust_alice(), pki->now_ms - 1000);
    expect_query(&query, CM_UNAUTHENTICATED, "chain");
}

Test(query_check, row_2_the_signer_is_whom_the_query_names)
{
    const struct pki_identity *bob = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "bob");
    struct cm_query query = trust_query();
    struct cm_envelope envelope = trust_sign_query(&query, bob->signer);
    expect(&envelope, CM_UNAUTHENTICATED, "signer");
    query.signer = bob->spiffe; // the name, not the key
    envelope = trust_sign_query(&query, bob->signer);
    expect(&envelope, CM_UNAUTHENTICATED, "signer");
    query = trust_query();
    query.key_hash = *cm_signer_key_hash(bob->signer); // the key, not the name
    envelope = trust_sign_query(&query, bob->signer);
    expect(&envelope, CM_UNAUTHENTICATED, "signer");
}

Test(query_check, row_3_the_role)
{
    const struct pki_identity *auditor = pki_identity(pki, NORTHPORT, CM_ROLE_AUDITOR, "audra");
    struct cm_query query = trust_query();
    query.signer = auditor->spiffe;
    query.key_hash = *cm_signer_key_hash(auditor->signer);
    struct cm_envelope envelope = trust_sign_query(&query, auditor->signer);
    expect(&envelope, CM_FORBIDDEN, "signatures");
}

Test(query_check, row_3_the_caller_is_the_signer)
{
    struct cm_query query = trust_query();
    struct cm_envelope envelope = trust_sign_query(&query, trust_alice()->signer);
    struct cm_query_expectation expected = expectation();
    struct cm_identity caller;
    struct cm_error error = {0};
    cr_assert_eq(cm_identity_parse(&caller, cm_bytes_of(trust_alice()->spiffe), NULL), CM_OK);
    expected.caller = &caller;
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_OK);
    const char *others[] = {"spiffe://valley.test/" NORTHPORT "/investigator/bob",
                            "spiffe://valley.test/" SOUTHGATE "/investigator/alice"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(cm_identity_parse(&caller, cm_bytes_of(others[i]), NULL), CM_OK);
        cr_expect_eq(check_as(&envelope, &expected, &error), CM_FORBIDDEN);
        cr_expect_str_eq(error.where, "signer");
    }
}

Test(query_check, row_4_freshness_federation_and_gateway)
{
    struct cm_query query = trust_query();
    query.issued_ms = pki->now_ms + CM_SKEW_MS;
    expect_query(&query, CM_OK, "");
    query.issued_ms++;
    expect_query(&query, CM_STALE, "issued_ms");
    query.issued_ms = pki->now_ms - 60000;
    query.expires_ms = pki->now_ms - CM_SKEW_MS + 1;
    expect_query(&query, CM_OK, "");
    query.expires_ms--;
    expect_query(&query, CM_STALE, "expires_ms");
    query = trust_query();
    query.federation = "hills.test";
    expect_query(&query, CM_STALE, "federation");
    query = trust_query();
    query.gateway = "gw-2";
    expect_query(&query, CM_STALE, "gateway");
}

Test(query_check, row_5_the_action)
{
    struct cm_query query = reach();
    query.action = CM_ACTION_FUZZY;
    struct cm_envelope envelope = sign_reach(&query);
    expect(&envelope, CM_NOT_SERVED, "action");
    query.action = CM_ACTION_LOOKUP;
    envelope = sign_reach(&query);
    expect(&envelope, CM_OK, "");
}

Test(query_check, of_several_faults_the_earlier_row_answers)
{
    const struct pki_identity *auditor = pki_identity(pki, NORTHPORT, CM_ROLE_AUDITOR, "audra");
    struct cm_query_expectation expected = expectation();
    struct cm_identity caller;
    struct cm_error error = {0};
    cr_assert_eq(
        cm_identity_parse(&caller,
                          cm_bytes_of("spiffe://valley.test/" NORTHPORT "/investigator/bob"), NULL),
        CM_OK);
    expected.caller = &caller;
    expected.actions = 0;
    struct cm_query query = trust_query();
    query.purpose = "curiosity";
    query.gateway = "gw-2";
    query.signer = auditor->spiffe;
    query.key_hash = *cm_signer_key_hash(auditor->signer);
    struct cm_envelope envelope = trust_sign_query(&query, auditor->signer);
    envelope.signatures[0].sig[0] ^= 1;
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_INVALID);
    query.purpose = "homicide";
    envelope = trust_sign_query(&query, auditor->signer);
    envelope.signatures[0].sig[0] ^= 1;
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_UNAUTHENTICATED);
    envelope = trust_sign_query(&query, auditor->signer);
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_FORBIDDEN);
    query.signer = trust_alice()->spiffe;
    query.key_hash = *cm_signer_key_hash(trust_alice()->signer);
    envelope = trust_sign_query(&query, trust_alice()->signer);
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_FORBIDDEN);
    expected.caller = NULL;
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_STALE);
    expected.gateway = "gw-2";
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_NOT_SERVED);
    expected.actions = SERVED;
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_OK);
}

Test(query_check, a_supervisor_may_ask_too)
{
    const struct pki_identity *sue = pki_identity(pki, NORTHPORT, CM_ROLE_SUPERVISOR, "sue");
    struct cm_query query = trust_query();
    query.signer = sue->spiffe;
    query.key_hash = *cm_signer_key_hash(sue->signer);
    struct cm_envelope envelope = trust_sign_query(&query, sue->signer);
    expect(&envelope, CM_OK, "");
}

Test(query_check, errors_tell_neither_plate_nor_reason_nor_name)
{
    struct cm_query query = trust_query();
    query.case_number = "secret-case";
    pki_find_agency(pki, NORTHPORT)->case_pattern = "99-9999";
    struct cm_envelope envelope = trust_sign_query(&query, trust_alice()->signer);
    struct cm_query_expectation expected = expectation();
    struct cm_error error = {0};
    cr_expect_eq(check_as(&envelope, &expected, &error), CM_INVALID);
    char all[600];
    cm_error_format(all, sizeof(all), &error);
    cr_expect_null(strstr(all, "8ABC123"));
    cr_expect_null(strstr(all, "secret-case"));
    cr_expect_null(strstr(all, "witness"));
    cr_expect_null(strstr(all, "alice"));
}

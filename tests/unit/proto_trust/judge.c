#include "proto/trust/snapshot.h"

#include "support.h"

TestSuite(judge, .init = trust_setup, .fini = trust_teardown);

static const struct pki_identity *alice(void)
{
    return pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "alice");
}

static enum cm_status chain_at(const struct pki_identity *identity, int64_t as_of_ms,
                               struct cm_error *error)
{
    struct cm_trust *trust = pki_trust(pki);
    struct cm_signatory *signatory;
    enum cm_status status =
        cm_trust_chain(&signatory, trust, identity->chain, identity->chain_count, as_of_ms, error);
    cm_signatory_unref(signatory);
    cm_trust_unref(trust);
    return status;
}

Test(judge, a_verified_leaf_has_its_name_and_key)
{
    struct cm_trust *trust = pki_trust(pki);
    struct cm_signatory *first;
    struct cm_signatory *again;
    cr_assert_eq(cm_trust_chain(&first, trust, alice()->chain, 2, pki->now_ms, NULL), CM_OK);
    const struct cm_identity *identity = cm_signatory_identity(first);
    cr_expect_str_eq(identity->spiffe, alice()->spiffe);
    cr_expect(cm_digest_equal(&identity->key_hash, cm_signer_key_hash(alice()->signer)));
    cr_expect(cm_digest_equal(cm_key_hash(cm_signatory_key(first)), &identity->key_hash));
    cr_assert_eq(cm_trust_chain(&again, trust, alice()->chain, 2, pki->now_ms, NULL), CM_OK);
    cr_expect_eq(first, again, "from the cache");
    cm_signatory_unref(first);
    cm_signatory_unref(again);
    cm_trust_unref(trust);
}

Test(judge, dates_are_judged_at_each_use_even_of_a_cached_chain)
{
    const struct pki_identity *brief =
        pki_leaf(pki, &(struct pki_leaf){.agency = NORTHPORT,
                                         .role = CM_ROLE_INVESTIGATOR,
                                         .name = "brief",
                                         .not_before_ms = pki->now_ms - 1000,
                                         .not_after_ms = pki->now_ms + 4000});
    struct cm_trust *trust = pki_trust(pki);
    struct cm_signatory *out;
    cr_assert_eq(cm_trust_chain(&out, trust, brief->chain, 2, pki->now_ms, NULL), CM_OK);
    cm_signatory_unref(out);
    EXPECT_REFUSED(cm_trust_chain(&out, trust, brief->chain, 2, pki->now_ms + 5000, error),
                   "expired");
    EXPECT_REFUSED(cm_trust_chain(&out, trust, brief->chain, 2, pki->now_ms - 2000, error),
                   "not valid yet");
    EXPECT_REFUSED(cm_trust_chain(&out, trust, brief->chain, 0, pki->now_ms, error), "1 to 3");
    cm_trust_unref(trust);
}

Test(judge, the_whole_path_is_within_its_dates)
{
    const struct pki_identity *early =
        pki_leaf(pki, &(struct pki_leaf){.agency = NORTHPORT,
                                         .role = CM_ROLE_INVESTIGATOR,
                                         .name = "early",
                                         .not_before_ms = pki->now_ms - 4LL * PKI_DAY_MS});
    struct cm_error error = {0};
    cr_expect_eq(chain_at(early, pki->now_ms - 3LL * PKI_DAY_MS / 2, &error), CM_UNAUTHENTICATED);
    cr_expect_str_eq(error.where, "chain[1]");
    cr_expect_eq(chain_at(early, pki->now_ms - PKI_DAY_MS * 3LL, &error), CM_UNAUTHENTICATED);
    cr_expect_str_eq(error.where, "root");
}

Test(judge, the_agency_is_an_active_member_with_a_pinned_ca)
{
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    cr_expect_eq(trust_judge_now(alice(), NULL), CM_OK);
    agency->active = false;
    EXPECT_REFUSED(trust_judge_now(alice(), error), "active member");
    agency->active = true;
    agency->ca_unpinned = true;
    EXPECT_REFUSED(trust_judge_now(alice(), error), "pin this CA");
    agency->ca_unpinned = false;
    const struct pki_identity *before = alice();
    pki_new_ca(pki, agency, NULL, NULL);
    EXPECT_REFUSED(trust_judge_now(before, error), "pin this CA");
}

Test(judge, a_name_that_the_directory_lacks_is_refused)
{
    const struct pki_identity *leaf = alice();
    struct cm_trust *trust = pki_trust(pki);
    struct pki_agency *late = pki_agency(pki, "ca.lakeside.pd");
    (void)late;
    const struct pki_identity *stranger =
        pki_identity(pki, "ca.lakeside.pd", CM_ROLE_INVESTIGATOR, "zoe");
    EXPECT_REFUSED(trust_judge(trust, stranger, error), "active member");
    cr_expect_eq(trust_judge(trust, leaf, NULL), CM_OK);
    cm_trust_unref(trust);
}

Test(judge, a_crl_is_there_fresh_and_silent)
{
    struct pki_agency *agency = pki_find_agency(pki, NORTHPORT);
    agency->crl_absent = true;
    EXPECT_REFUSED(trust_judge_now(alice(), error), "no revocation list");
    agency->crl_absent = false;
    agency->crl_forged = true;
    EXPECT_REFUSED(trust_judge_now(alice(), error), "no revocation list");
    agency->crl_forged = false;
    agency->crl_misnamed = true;
    EXPECT_REFUSED(trust_judge_now(alice(), error), "no revocation list");
    agency->crl_misnamed = false;
    EXPECT_REFUSED(chain_at(alice(), agency->crl_next_ms, error), "stale");
    cr_expect_eq(chain_at(alice(), agency->crl_next_ms - 1, NULL), CM_OK);
    pki_revoke(pki, NORTHPORT, alice(), pki->now_ms - 7200000);
    EXPECT_REFUSED(trust_judge_now(alice(), error), "revoked");
    const struct pki_identity *bob = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "bob");
    cr_expect_eq(trust_judge_now(bob, NULL), CM_OK);
    cr_expect_eq(chain_at(alice(), pki->now_ms - 7201000, NULL), CM_OK,
                 "what was signed before is judged as of then");
}

Test(judge, a_nodes_key_is_pinned)
{
    const struct pki_identity *node = pki_identity(pki, NORTHPORT, CM_ROLE_NODE, "n1");
    cr_expect_eq(trust_judge_now(node, NULL), CM_OK);
    const struct pki_identity *unpinned =
        pki_leaf(pki, &(struct pki_leaf){.agency = NORTHPORT, .role = CM_ROLE_NODE, .name = "n1"});
    EXPECT_REFUSED(trust_judge_now(unpinned, error), "pin this node's key");
    pki_pin_node(pki, SOUTHGATE, unpinned);
    EXPECT_REFUSED(trust_judge_now(unpinned, error), "pin this node's key");
}

Test(judge, a_gateways_key_is_pinned_and_its_name_listed)
{
    cr_expect_eq(trust_judge_now(pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1"), NULL), CM_OK);
    EXPECT_REFUSED(trust_judge_now(pki_leaf(pki, &(struct pki_leaf){.agency = "_",
                                                                    .role = CM_ROLE_GATEWAY,
                                                                    .name = "gw-1"}),
                                   error),
                   "pin this key");
    EXPECT_REFUSED(trust_judge_now(pki_leaf(pki, &(struct pki_leaf){.agency = "_",
                                                                    .role = CM_ROLE_GATEWAY,
                                                                    .name = "gw-9"}),
                                   error),
                   "pin this key");
}

Test(judge, the_roots_crl_is_honoured_when_there_is_one)
{
    const struct pki_identity *gateway = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    pki->root_crl = true;
    cr_expect_eq(trust_judge_now(gateway, NULL), CM_OK);
    pki_revoke(pki, "_", gateway, 0);
    EXPECT_REFUSED(trust_judge_now(gateway, error), "root has revoked");
    cr_expect_eq(trust_judge_now(alice(), NULL), CM_OK);
}

Test(judge, in_an_expired_directory_gateways_alone_are_known)
{
    pki->expires_ms = pki->now_ms + 60000;
    EXPECT_REFUSED(chain_at(alice(), pki->expires_ms, error), "directory has expired");
    cr_expect_eq(chain_at(alice(), pki->expires_ms - 1, NULL), CM_OK);
    cr_expect_eq(chain_at(pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1"), pki->expires_ms, NULL),
                 CM_OK);
}

// cm_trust_verify
static enum cm_status verify(const struct cm_envelope *envelope, struct cm_signatory *known,
                             struct cm_error *error)
{
    struct cm_trust *trust = pki_trust(pki);
    struct cm_signatory *signatories[2];
    enum cm_status status =
        cm_trust_verify(signatories, trust, envelope, known, pki->now_ms, error);
    cr_expect_eq(signatories[0] != NULL, status == CM_OK);
    cm_signatory_unref(signatories[0]);
    cm_signatory_unref(signatories[1]);
    cm_trust_unref(trust);
    return status;
}

static struct cm_envelope sign(enum cm_family family, const struct cm_signer *signer)
{
    struct cm_envelope envelope;
    pki_sign(&envelope, arena, family, cm_bytes_of("payload"), signer);
    return envelope;
}

Test(judge, an_envelope_holds_as_it_was_signed)
{
    struct cm_envelope envelope = sign(CM_FAMILY_QUERY, alice()->signer);
    cr_expect_eq(verify(&envelope, NULL, NULL), CM_OK);
    struct cm_envelope forged = envelope;
    forged.payload = cm_bytes_of("Payload");
    EXPECT_REFUSED(verify(&forged, NULL, error), "does not hold");
    forged = envelope;
    forged.family = CM_FAMILY_REACH;
    EXPECT_REFUSED(verify(&forged, NULL, error), "does not hold");
    const struct pki_identity *bob = pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "bob");
    forged = envelope;
    memcpy(forged.signatures[0].chain, bob->chain, 2 * sizeof(bob->chain[0]));
    EXPECT_REFUSED(verify(&forged, NULL, error), "does not hold");
    forged.signatures[0].keyid = *cm_signer_key_hash(bob->signer);
    EXPECT_REFUSED(verify(&forged, NULL, error), "does not hold");
    forged = envelope;
    forged.signature_count = 0;
    cr_expect_eq(verify(&forged, NULL, NULL), CM_INVALID);
    forged.signature_count = 2;
    cr_expect_eq(verify(&forged, NULL, NULL), CM_INVALID);
}

Test(judge, each_family_has_its_roles)
{
    static const enum cm_role members[] = {CM_ROLE_INVESTIGATOR, CM_ROLE_SUPERVISOR,
                                           CM_ROLE_NODE,         CM_ROLE_SENSOR,
                                           CM_ROLE_ADMIN,        CM_ROLE_AUDITOR};
    for (int family = CM_FAMILY_QUERY; family < CM_FAMILY_COUNT; family++) {
        unsigned allowed = cm_family_facts((enum cm_family)family)->signer_roles;
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
            struct cm_envelope envelope =
                sign((enum cm_family)family, pki_signer(pki, NORTHPORT, members[i], "someone"));
            cr_expect_eq(verify(&envelope, NULL, NULL),
                         (allowed & (1u << members[i])) != 0 ? CM_OK : CM_FORBIDDEN, "%d %s",
                         family, cm_role_name(members[i]));
        }
        struct cm_envelope envelope =
            sign((enum cm_family)family, pki_signer(pki, "_", CM_ROLE_GATEWAY, "gw-1"));
        cr_expect_eq(verify(&envelope, NULL, NULL),
                     (allowed & (1u << CM_ROLE_GATEWAY)) != 0 ? CM_OK : CM_FORBIDDEN);
    }
}

static struct cm_envelope cosign(const struct cm_signer *first, const struct cm_signer *second)
{
    struct cm_envelope one = sign(CM_FAMILY_RULESET, first);
    struct cm_envelope both;
    struct cm_buf out = {0};
    struct cm_bytes kept;
    cr_assert_eq(cm_dsse_cosign(&out, &one, second), CM_OK);
    cr_assert_eq(cm_arena_bytes(arena, &kept, cm_buf_bytes(&out)), CM_OK);
    cr_assert_eq(cm_envelope_decode(&both, arena, kept, NULL), CM_OK);
    cm_buf_clear(&out);
    return both;
}

Test(judge, two_signatures_are_two_people_with_a_key_each)
{
    const struct pki_identity *ann = pki_identity(pki, NORTHPORT, CM_ROLE_ADMIN, "ann");
    const struct pki_identity *ben = pki_identity(pki, NORTHPORT, CM_ROLE_ADMIN, "ben");
    struct cm_envelope both = cosign(ann->signer, ben->signer);
    cr_expect_eq(verify(&both, NULL, NULL), CM_OK);
    // One person with two keys.
    const struct pki_identity *spare = pki_leaf(
        pki, &(struct pki_leaf){.agency = NORTHPORT, .role = CM_ROLE_ADMIN, .name = "ann"});
    both = cosign(ann->signer, spare->signer);
    cr_expect_eq(verify(&both, NULL, NULL), CM_FORBIDDEN);
    // One key under two names.
    const struct pki_identity *alias = pki_leaf(pki, &(struct pki_leaf){.agency = NORTHPORT,
                                                                        .role = CM_ROLE_ADMIN,
                                                                        .name = "anna",
                                                                        .key_path = ann->key_path});
    both = cosign(ann->signer, ben->signer);
    memcpy(both.signatures[1].chain, alias->chain, 2 * sizeof(alias->chain[0]));
    both.signatures[1].keyid = both.signatures[0].keyid;
    memcpy(both.signatures[1].sig, both.signatures[0].sig, CM_SIGNATURE_SIZE);
    cr_expect_eq(verify(&both, NULL, NULL), CM_FORBIDDEN);
    // The second does not hold.
    both = cosign(ann->signer, ben->signer);
    both.signatures[1].sig[5] ^= 1;
    EXPECT_REFUSED(verify(&both, NULL, error), "does not hold");
}

Test(judge, without_a_chain_the_known_signer_alone_counts_and_is_judged_again)
{
    const struct pki_identity *node = pki_identity(pki, NORTHPORT, CM_ROLE_NODE, "n1");
    struct cm_envelope envelope = sign(CM_FAMILY_HEADER, node->signer);
    struct cm_trust *trust = pki_trust(pki);
    struct cm_signatory *known;
    struct cm_signatory *other;
    const struct pki_identity *second = pki_identity(pki, NORTHPORT, CM_ROLE_NODE, "n2");
    cr_assert_eq(cm_trust_chain(&known, trust, node->chain, 2, pki->now_ms, NULL), CM_OK);
    cm_trust_unref(trust);
    trust = pki_trust(pki);
    cr_assert_eq(cm_trust_chain(&other, trust, second->chain, 2, pki->now_ms, NULL), CM_OK);
    envelope.signatures[0].chain_count = 0;
    cr_expect_eq(verify(&envelope, known, NULL), CM_OK);
    EXPECT_REFUSED(verify(&envelope, NULL, error), "not known");
    EXPECT_REFUSED(verify(&envelope, other, error), "not known");
    pki_revoke(pki, NORTHPORT, node, pki->now_ms - 1000);
    EXPECT_REFUSED(verify(&envelope, known, error), "revoked");
    cm_signatory_unref(known);
    cm_signatory_unref(other);
    cm_trust_unref(trust);
}

Test(judge, tells_since_when_a_certificate_is_revoked)
{
    const struct pki_identity *gateway = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    struct cm_trust *before = pki_trust(pki);
    struct cm_signatory *person;
    struct cm_signatory *machine;
    int64_t since_ms;
    cr_assert_eq(cm_trust_chain(&person, before, alice()->chain, 2, pki->now_ms, NULL), CM_OK);
    cr_assert_eq(cm_trust_chain(&machine, before, gateway->chain, 1, pki->now_ms, NULL), CM_OK);
    cr_expect_not(cm_trust_revoked(&since_ms, before, person));
    cr_expect_not(cm_trust_revoked(&since_ms, before, machine));
    pki_next(pki);
    pki_revoke(pki, NORTHPORT, alice(), pki->now_ms - 5000);
    pki->root_crl = true;
    pki_revoke(pki, "_", gateway, pki->now_ms);
    struct cm_trust *after = pki_trust(pki);
    cr_assert(cm_trust_revoked(&since_ms, after, person));
    cr_expect_eq(since_ms, pki->now_ms - 5000);
    cr_expect(cm_trust_revoked(&since_ms, after, machine), "by the root's list");
    cm_signatory_unref(person);
    cm_signatory_unref(machine);
    cm_trust_unref(before);
    cm_trust_unref(after);
}

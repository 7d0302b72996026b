#include "proto/codec/family.h"

#include "proto/codec/bounds.h"

#include <criterion/criterion.h>

Test(family, table_is_whole)
{
    for (int i = 1; i < CM_FAMILY_COUNT; i++) {
        const struct cm_family_facts *facts = cm_family_facts((enum cm_family)i);

        cr_assert_not_null(facts);
        cr_expect_eq((int)cm_family_of_type(cm_bytes_of(facts->payload_type)), i);
        cr_expect_neq(facts->signer_roles, 0);
        cr_expect_eq(facts->max_signatures, i == CM_FAMILY_RULESET ? 2 : 1);
        cr_expect_leq(facts->max_payload, facts->max_envelope);
    }
    cr_expect_null(cm_family_facts(CM_FAMILY_NONE));
    cr_expect_null(cm_family_facts(CM_FAMILY_COUNT));
    cr_expect_eq(cm_family_of_type(cm_bytes_of("application/vnd.comity.query.v2")), CM_FAMILY_NONE);
    cr_expect_eq(cm_family_facts(CM_FAMILY_QUERY)->max_envelope, CM_MAX_ENVELOPE);
}

Test(family, only_people_sign_queries_and_only_gateways_manifests)
{
    cr_expect_eq(cm_family_facts(CM_FAMILY_QUERY)->signer_roles,
                 1u << CM_ROLE_INVESTIGATOR | 1u << CM_ROLE_SUPERVISOR);
    cr_expect_eq(cm_family_facts(CM_FAMILY_RECEIPT)->signer_roles,
                 1u << CM_ROLE_INVESTIGATOR | 1u << CM_ROLE_SUPERVISOR);
    cr_expect_eq(cm_family_facts(CM_FAMILY_APPROVAL)->signer_roles, 1u << CM_ROLE_SUPERVISOR);
    cr_expect_eq(cm_family_facts(CM_FAMILY_RULESET)->signer_roles, 1u << CM_ROLE_ADMIN);
    cr_expect_eq(cm_family_facts(CM_FAMILY_ORDERS)->signer_roles, 1u << CM_ROLE_ADMIN);
    cr_expect_eq(cm_family_facts(CM_FAMILY_OVERLAY)->signer_roles, 1u << CM_ROLE_NODE);
    cr_expect_eq(cm_family_facts(CM_FAMILY_HEADER)->signer_roles, 1u << CM_ROLE_NODE);
    cr_expect_eq(cm_family_facts(CM_FAMILY_MANIFEST)->signer_roles, 1u << CM_ROLE_GATEWAY);
    cr_expect_eq(cm_family_facts(CM_FAMILY_AUDIT)->signer_roles, 1u << CM_ROLE_AUDITOR);
    cr_expect_eq(cm_family_facts(CM_FAMILY_EPOCH)->signer_roles,
                 1u << CM_ROLE_ADMIN | 1u << CM_ROLE_DIRECTORY);
    cr_expect_eq(cm_family_facts(CM_FAMILY_DIRECTORY)->signer_roles, 1u << CM_ROLE_DIRECTORY);
}

Test(family, roles)
{
    for (int i = CM_ROLE_INVESTIGATOR; i <= CM_ROLE_DIRECTORY; i++) {
        cr_expect_eq((int)cm_role_of(cm_bytes_of(cm_role_name((enum cm_role)i))), i);
    }
    cr_expect_eq(cm_role_of(cm_bytes_of("none")), CM_ROLE_NONE);
    cr_expect_eq(cm_role_of(cm_bytes_of("root")), CM_ROLE_NONE);
}

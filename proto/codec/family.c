#include "proto/codec/family.h"

#include "proto/codec/bounds.h"
#include "proto/codec/form.h"

#define ROLE(name)   (1u << CM_ROLE_##name)
#define TYPE(family) "application/vnd.comity." family ".v1"

static const struct cm_family_facts families[CM_FAMILY_COUNT] = {
    [CM_FAMILY_QUERY] = {"query", TYPE("query"), ROLE(INVESTIGATOR) | ROLE(SUPERVISOR), 1,
                         CM_MAX_PAYLOAD, CM_MAX_ENVELOPE},
    [CM_FAMILY_REACH] = {"reach", TYPE("reach"), ROLE(INVESTIGATOR) | ROLE(SUPERVISOR), 1,
                         CM_MAX_PAYLOAD, CM_MAX_ENVELOPE},
    [CM_FAMILY_APPROVAL] = {"approval", TYPE("approval"), ROLE(SUPERVISOR), 1, CM_MAX_APPROVAL,
                            CM_MAX_APPROVAL},
    [CM_FAMILY_RULESET] = {"ruleset", TYPE("ruleset"), ROLE(ADMIN), 2, CM_MAX_RULESET,
                           CM_MAX_RULESET + 2 * CM_MAX_ATTACHMENTS},
    [CM_FAMILY_OVERLAY] = {"overlay", TYPE("overlay"), ROLE(NODE), 1, CM_MAX_RULESET,
                           CM_MAX_RULESET + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_DIRECTORY] = {"directory", TYPE("directory"), ROLE(DIRECTORY), 1, CM_MAX_DIRECTORY,
                             CM_MAX_DIRECTORY + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_HEADER] = {"header", TYPE("header"), ROLE(NODE), 1, CM_MAX_HEADER,
                          CM_MAX_HEADER + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_REFUSAL] = {"refusal", TYPE("refusal"), ROLE(NODE), 1, CM_MAX_REFUSAL,
                           CM_MAX_REFUSAL + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_MANIFEST] = {"manifest", TYPE("manifest"), ROLE(GATEWAY), 1, CM_MAX_MANIFEST,
                            CM_MAX_MANIFEST + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_ORDERS] = {"orders", TYPE("orders"), ROLE(ADMIN), 1, CM_MAX_ORDERS_PAYLOAD,
                          CM_MAX_ORDERS_PAYLOAD + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_EPOCH] = {"epoch", TYPE("epoch"), ROLE(ADMIN) | ROLE(DIRECTORY), 1,
                         CM_MAX_EPOCH_STATEMENT, CM_MAX_EPOCH_STATEMENT + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_AUDIT] = {"audit", TYPE("audit"), ROLE(AUDITOR), 1, CM_MAX_AUDIT_REQUEST,
                         CM_MAX_AUDIT_REQUEST + CM_MAX_ATTACHMENTS},
    [CM_FAMILY_RECEIPT] = {"receipt", TYPE("receipt"), ROLE(INVESTIGATOR) | ROLE(SUPERVISOR), 1,
                           CM_MAX_RECEIPT_SEAL, CM_MAX_RECEIPT_SEAL + CM_MAX_ATTACHMENTS},
};

static const char *const roles[] = {
    [CM_ROLE_NONE] = "none",
    [CM_ROLE_INVESTIGATOR] = "investigator",
    [CM_ROLE_SUPERVISOR] = "supervisor",
    [CM_ROLE_NODE] = "node",
    [CM_ROLE_SENSOR] = "sensor",
    [CM_ROLE_ADMIN] = "admin",
    [CM_ROLE_AUDITOR] = "auditor",
    [CM_ROLE_GATEWAY] = "gateway",
    [CM_ROLE_DIRECTORY] = "directory",
};

enum { ROLE_COUNT = sizeof roles / sizeof roles[0] };

const struct cm_family_facts *cm_family_facts(enum cm_family family)
{
    if ((int)family <= CM_FAMILY_NONE || family >= CM_FAMILY_COUNT) {
        return NULL;
    }
    return &families[family];
}

enum cm_family cm_family_of_type(struct cm_bytes payload_type)
{
    for (int i = CM_FAMILY_NONE + 1; i < CM_FAMILY_COUNT; i++) {
        if (cm_bytes_equal(cm_bytes_of(families[i].payload_type), payload_type)) {
            return (enum cm_family)i;
        }
    }
    return CM_FAMILY_NONE;
}

const char *cm_role_name(enum cm_role role)
{
    return (unsigned)role < ROLE_COUNT ? roles[role] : roles[CM_ROLE_NONE];
}

enum cm_role cm_role_of(struct cm_bytes name)
{
    return (enum cm_role)cm_form_word(roles, ROLE_COUNT, name);
}

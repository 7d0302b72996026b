#include "gateway/client/desk.h"

#include "gateway/client/approvals.h"
#include "gateway/client/kept_case.h"
#include "proto/base/cli.h"
#include "proto/base/when.h"

void cm_desk_recall(struct cm_asking *asking, const struct cm_settings *settings)
{
    static struct cm_kept_case kept;
    struct cm_error error;
    char until[CM_WHEN_SIZE];
    enum cm_status status =
        cm_kept_case_read(&kept, settings->folder, cm_wall_ms(cm_clock_system()), &error);
    if (status == CM_OK) {
        if (cm_kept_case_apply(asking, &kept, settings->identity.spiffe)) {
            cm_cli_say("case %s, for %s, as kept until %s", asking->case_number, asking->purpose,
                       cm_when_local(until, kept.since_ms + CM_KEPT_CASE_MS));
        }
    } else if (status != CM_NOT_FOUND) {
        cm_cli_error(&error);
    }
    cm_wipe(&kept, sizeof kept);
}

void cm_desk_approval(struct cm_asking *asking, const struct cm_settings *settings,
                      struct cm_trust *trust)
{
    struct cm_approvals approvals;
    struct cm_approval approval;
    struct cm_identity supervisor;
    struct cm_error error;
    char found[CM_APPROVAL_ID];
    char until[CM_WHEN_SIZE];
    struct cm_query *query = &asking->query;
    if (asking->is_reach || settings->approvals == NULL ||
        query->approval.family != CM_FAMILY_NONE) {
        return;
    }
    if (cm_approvals_open(&approvals, settings->approvals, &error) != CM_OK) {
        cm_cli_error(&error);
        return;
    }
    query->federation = cm_trust_directory(trust)->federation;
    query->signer = settings->identity.spiffe;
    query->key_hash = settings->identity.key_hash;
    if (cm_approvals_find(found, &approval, query, &approvals, asking->arena, trust,
                          cm_wall_ms(cm_clock_system())) == CM_OK &&
        found[0] != '\0' &&
        cm_identity_parse(&supervisor, cm_bytes_of(approval.supervisor), NULL) == CM_OK) {
        cm_cli_say("approval %s, by %s, until %s, for %u use%s at each agency", found,
                   supervisor.name, cm_when_local(until, approval.expires_ms), approval.uses,
                   approval.uses == 1 ? "" : "s");
    }
    cm_approvals_clear(&approvals);
}

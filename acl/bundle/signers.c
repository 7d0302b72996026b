#include "acl/bundle/signers.h"

#include <string.h>

enum cm_status cm_rules_signers(struct cm_trust *trust, const struct cm_envelope *envelope,
                                const char *agency, int64_t as_of_ms, struct cm_error *error)
{
    struct cm_signatory *signers[2] = {NULL, NULL};
    enum cm_status status = cm_trust_verify(signers, trust, envelope, NULL, as_of_ms, error);
    for (size_t i = 0; i < 2; i++) {
        if (status == CM_OK && signers[i] != NULL &&
            strcmp(cm_signatory_identity(signers[i])->agency, agency) != 0) {
            status = cm_fail(error, CM_FORBIDDEN, agency, "rules signed by another agency's key");
        }
    }
    cm_signatory_unref(signers[0]);
    cm_signatory_unref(signers[1]);
    return status;
}

// The commands of comity approve. Main thread.
#ifndef CM_CLIENT_APPROVE_H
#define CM_CLIENT_APPROVE_H

#include "gateway/client/approvals.h"

#include <stdio.h>

int cm_approve_request(int argc, char **argv);
int cm_approve_list(int argc, char **argv);
int cm_approve_sign(int argc, char **argv);

// Whether this supervisor may approve what is asked: another person of the same agency and
// federation, a purpose and case number that the directory knows, a reason that is one.
enum cm_status cm_approve_check(const struct cm_approval_request *request,
                                const struct cm_identity *supervisor,
                                const struct cm_directory *directory,
                                struct cm_error *error) CM_MUST_CHECK;
// A signed approval of it.
enum cm_status cm_approve_make(struct cm_buf *envelope, const struct cm_approval_request *request,
                               const struct cm_signer *supervisor, uint32_t uses, int64_t now_ms,
                               int64_t expires_ms, struct cm_error *error) CM_MUST_CHECK;
// What is asked, in words for a terminal.
void cm_approve_show(FILE *out, const struct cm_approval_request *request);
// One line a request or approval, those asked or signed last first.
enum cm_status cm_approve_print(FILE *out, const struct cm_approvals *approvals,
                                struct cm_trust *trust, int64_t now_ms) CM_MUST_CHECK;

#endif

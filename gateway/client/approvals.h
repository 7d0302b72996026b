// A folder in which investigators leave requests and supervisors their approvals: ID.request beside
// ID.approval. Reads nothing that everybody may read or write. Main thread.
#ifndef CM_CLIENT_APPROVALS_H
#define CM_CLIENT_APPROVALS_H

#include "gateway/client/approval_request.h"
#include "gateway/client/settings.h"

enum { CM_APPROVAL_ID = 11, CM_MAX_APPROVALS = 4096 }; // an id's size; entries looked at

struct cm_approvals {
    const char *folder;
    size_t count;
    char (*ids)[CM_APPROVAL_ID]; // ascending; each has a request, an approval or both
};

// CM_INVALID when others may look into it, or it isn't a folder.
enum cm_status cm_approvals_open(struct cm_approvals *out, const char *folder,
                                 struct cm_error *error) CM_MUST_CHECK;
void cm_approvals_clear(struct cm_approvals *approvals);

// CM_NOT_FOUND when there is none; CM_INVALID when everybody may read or write it.
enum cm_status cm_approvals_request(struct cm_approval_request *out, const char *path,
                                    struct cm_error *error) CM_MUST_CHECK;
// envelope and out borrow from the arena.
enum cm_status cm_approvals_read(struct cm_approval *out, struct cm_envelope *envelope,
                                 struct cm_arena *arena, const char *path,
                                 struct cm_error *error) CM_MUST_CHECK;
// "folder/id.request", "folder/id.approval". CM_INVALID when too long.
enum cm_status cm_approvals_path(char *out, size_t size, const char *folder, const char *id,
                                 const char *suffix, struct cm_error *error) CM_MUST_CHECK;
// Whether text could be an id.
bool cm_approvals_is_id(const char *text);
// Whether its signature holds at now_ms, and of whom.
enum cm_status cm_approvals_verify(const struct cm_approval *approval,
                                   const struct cm_envelope *envelope, struct cm_trust *trust,
                                   int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;

// The approval of this very query that was issued last. query lacks but its gateway and what is
// made when it is signed. found is "" when there is none; else query->approval is set, and out is
// it; both borrow from the arena.
enum cm_status cm_approvals_find(char found[CM_APPROVAL_ID], struct cm_approval *out,
                                 struct cm_query *query, const struct cm_approvals *approvals,
                                 struct cm_arena *arena, struct cm_trust *trust,
                                 int64_t now_ms) CM_MUST_CHECK;

#endif

// Who may be asked, decided for all nodes of a federation at once: for every node a byte per agency
// says which of the node's profiles is that agency's, so that a request reads one row of bytes and
// judges each distinct profile once. A change rewrites one node's bytes. 10,000 agencies and as
// many nodes take 100 MB. Loop thread.
#ifndef CM_ACL_INDEX_H
#define CM_ACL_INDEX_H

#include "acl/decide.h"
#include "acl/profiles.h"

struct cm_index;

// directory: the current one; borrowed until the next or until the index is freed.
enum cm_status cm_index_new(struct cm_index **out,
                            const struct cm_directory *directory) CM_MUST_CHECK;
void cm_index_free(struct cm_index *index);
// What stands now at the rules' own node, in place of what stood there; overlay may be NULL. Takes
// references. A node past bounds that real rules stay far from is OPEN. CM_MEMORY: nothing has
// changed, and the old rules must not count any more: the caller gives the index up.
enum cm_status cm_index_put(struct cm_index *index, struct cm_rules *rules,
                            struct cm_rules *overlay) CM_MUST_CHECK;
void cm_index_remove(struct cm_index *index, const char *agency);
// Another directory: every node is OPEN until its turn comes. CM_MEMORY: the index is of no more
// use.
enum cm_status cm_index_retrust(struct cm_index *index,
                                const struct cm_directory *directory) CM_MUST_CHECK;
// So many nodes' turn; true while more are left.
bool cm_index_step(struct cm_index *index, unsigned nodes);
const struct cm_directory *cm_index_directory(const struct cm_index *index);

// verdicts: one for each agency of the directory, in its order, each an enum cm_verdict. PERMITTED
// exactly where cm_view_any of cm_rules_view is true, HIDDEN where it isn't but a rule decides
// (cm_view_deciding_rule), limits taken as free; DENIED also for agencies without rules.
void cm_index_decide(struct cm_index *index, const struct cm_request *request, uint8_t *verdicts);

struct cm_index_size {
    size_t nodes;
    size_t open;     // nodes whose rules are past the bounds
    size_t profiles; // distinct
    size_t bytes;    // all that the index holds, the rules themselves left out
};

void cm_index_measure(const struct cm_index *index, struct cm_index_size *out);

#endif

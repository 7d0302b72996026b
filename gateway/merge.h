// One query's merge: a batch held per node, rows taken in key order up to the limit, batches handed
// on whole or cut. It knows nothing of time or outcomes. Pure; owner's thread.
#ifndef CM_GATEWAY_MERGE_H
#define CM_GATEWAY_MERGE_H

#include "proto/codec/answer.h"

struct cm_merge;

enum cm_merge_kind {
    CM_MERGE_IDLE = 0, // some node must hold its next batch, or be dropped, before anything moves
    CM_MERGE_BATCH,    // hand on node's batch; rows beyond `rows` are withheld
    CM_MERGE_UNMERGED, // hand on the header alone: none of its rows was merged
    CM_MERGE_DONE,
};

struct cm_merge_step {
    enum cm_merge_kind kind;
    size_t node;
    uint32_t rows; // merged of the batch that is handed on
    bool more;     // the node's next batch may be read now
};

// Nodes 0 to count - 1, each expected to send. ordered false: batches pass as they come.
// Lives in arena.
enum cm_status cm_merge_new(struct cm_merge **out, struct cm_arena *arena, size_t count,
                            uint64_t limit, bool ordered) CM_MUST_CHECK;
// node holds a verified batch, borrowed until the step that hands it on. Ignored (false) unless the
// merge waits for this node.
bool cm_merge_hold(struct cm_merge *merge, size_t node, const struct cm_batch *batch, bool final);
// node sends no more; what it holds is cut where the merge stands.
void cm_merge_drop(struct cm_merge *merge, size_t node);
// The same, but nothing of what it holds is handed on, not even what was merged already. Where
// others were cut at the limit for such rows, fewer than the limit go out: still the first of all
// others.
void cm_merge_discard(struct cm_merge *merge, size_t node);
// What to hand on next. Call only when it can be handed on.
struct cm_merge_step cm_merge_next(struct cm_merge *merge);

uint64_t cm_merge_rows(const struct cm_merge *merge);
// The merge can't move before node holds a batch.
bool cm_merge_waits(const struct cm_merge *merge, size_t node);
// A batch of node is still to be handed on, also after a drop.
bool cm_merge_holds(const struct cm_merge *merge, size_t node);
// The limit was reached and left rows out, or may have.
bool cm_merge_cut(const struct cm_merge *merge);
// The limit left rows of node out, or may have.
bool cm_merge_cut_node(const struct cm_merge *merge, size_t node);

#endif

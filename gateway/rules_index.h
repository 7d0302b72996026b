// One index over the rules of all agencies, in step with what stands; after a new directory it is
// made anew bit by bit, between other events. Loop thread.
#ifndef CM_GATEWAY_RULES_INDEX_H
#define CM_GATEWAY_RULES_INDEX_H

#include "acl/index.h"
#include "gateway/ports.h"
#include "proto/rpc/loop.h"

struct cm_party;

struct cm_rules_index {
    struct cm_loop *loop;
    struct cm_trust *trust; // whose directory the index is of
    struct cm_index *index; // NULL: memory ran out, and the rules themselves are asked
    struct cm_timer timer;  // while nodes wait for their turn
};

enum cm_status cm_rules_index_init(struct cm_rules_index *rules, struct cm_loop *loop,
                                   struct cm_trust *trust) CM_MUST_CHECK;
void cm_rules_index_clear(struct cm_rules_index *rules);
// What stands at the party's desk is another.
void cm_rules_index_changed(struct cm_rules_index *rules, const struct cm_party *party);
void cm_rules_index_retrust(struct cm_rules_index *rules, struct cm_trust *trust);
// As ports.h has it.
bool cm_rules_index_decide(const struct cm_rules_index *rules, const struct cm_directory *directory,
                           const struct cm_request *request, uint8_t *verdicts);

#endif

// Two random states of one agency's rules, and every point of their small domain.
#ifndef CM_TESTS_ACL_STATES_H
#define CM_TESTS_ACL_STATES_H

#include "acl/diff.h"
#include "generate.h"

struct state {
    struct federation then, now;
    struct cm_buf text, overlay_text;
    struct cm_rules *rules, *overlay; // overlay: may be NULL
};

// after: a change of that one (an edit, another directory, an overlay), or NULL for any state.
void state_init(struct state *out, struct generator *generator, const struct state *after);
void state_clear(struct state *state);
struct cm_side side_of(const struct state *state);
struct cm_rules *rules_of(const char *text, const struct cm_directory *directory, bool overlay);

// How much of each limited permit is used up, of one kind of use.
enum spending { SPENT_NONE, SPENT_ALL, SPENT_PER_AGENCY, SPENT_TO_TWO, SPENDINGS };
// What a row shows under that state; old is a state without rules when NULL.
struct cm_view *view_of(struct cm_arena *arena, const struct cm_side *side,
                        const struct cm_request *request, enum spending spending);
bool allowed(struct cm_allowance allowance, enum spending spending);

// Of the changes for that request and camera, those a diff has.
enum { MOST_CHANGES_AT = 64 };
struct changes_at {
    size_t count;
    const struct cm_change *list[MOST_CHANGES_AT];
};
void changes_at(struct changes_at *out, const struct cm_diff *diff,
                const struct cm_request *request, const char *camera);
// The line that names the field and age, or NULL; fails the test when two do.
const struct cm_change_line *line_at(const struct changes_at *changes, unsigned field,
                                     int64_t age_s);

// A request that a diff from NOON_MS on speaks of; index below request_count: every one there is.
extern const unsigned request_count;
void nth_request(unsigned index, struct cm_request *out);

#endif

// The decision for one query under one agency's rules: which ages, sites and fields are visible.
// Pure; any thread. Views live in the caller's arena and borrow from the rules.
#ifndef CM_ACL_DECIDE_H
#define CM_ACL_DECIDE_H

#include "acl/rules.h"

struct cm_request {
    const char *agency;       // the asker's
    enum cm_role role;        // INVESTIGATOR or SUPERVISOR
    const char *on_behalf_of; // "" for none
    enum cm_action action;
    const char *purpose;
    unsigned evidence; // bits 1u << enum cm_evidence that are verified (or, at a gateway, claimed)
    int64_t now_ms;
    struct cm_window window;
    cm_fields fields; // 0: all
};

// A permit with a limit that covers a point of the request, and what its count is kept under.
struct cm_charge {
    struct cm_digest rule; // survives edits of layout
    bool per_agency;       // else per investigator
    uint64_t per_day;
    unsigned permit; // index of the permit in the rules
};

struct cm_view;

// The first clause for which a rule does not cover a request.
enum cm_miss {
    CM_MISS_NONE = 0, // it covers some of its points
    CM_MISS_WHO,
    CM_MISS_ACTION,
    CM_MISS_PURPOSE,
    CM_MISS_DATE,
    CM_MISS_EVIDENCE, // a permit's is missing, a forbid's lifts it
    CM_MISS_AGE,
};

// What one rule did for a request: for people who ask why.
struct cm_reason {
    const char *where; // "file:line"; borrowed from the rules
    bool permit;
    enum cm_miss miss;
};

// Limits that the request would be charged to, forbids ignored. CM_MEMORY past the arena's cap.
enum cm_status cm_rules_charges(const struct cm_charge **out, size_t *count, struct cm_arena *arena,
                                const struct cm_rules *rules, const struct cm_directory *directory,
                                const struct cm_request *request) CM_MUST_CHECK;

// spent: for each charge, whether it is used up; NULL: none is (the gateway's decision).
// rules: the administrator's set; overlay: forbids, or NULL; directory: the current one, in whose
// eyes members, kinds and states count only where the set's own directory agrees.
enum cm_status cm_rules_view(struct cm_view **out, struct cm_arena *arena,
                             const struct cm_rules *rules, const struct cm_rules *overlay,
                             const struct cm_directory *directory, const struct cm_request *request,
                             const struct cm_charge *charges, const bool *spent,
                             size_t charge_count) CM_MUST_CHECK;

// Some row of the window may be visible.
bool cm_view_any(const struct cm_view *view);
// Bit 0 (the row) and the fields visible, of those asked, of a row by camera ("" for none) of that
// age, seconds. 0: not visible. For a filter on a field that isn't asked, make the view with fields
// 0.
cm_fields cm_view_row(const struct cm_view *view, const char *camera, int64_t age_s);
// The largest age, seconds, at which any row can be visible, INT64_MAX without bound; -1: none.
int64_t cm_view_max_age_s(const struct cm_view *view);
// Fields visible in no row of the window, of those asked.
cm_fields cm_view_withheld(const struct cm_view *view);
// Whether some rows of the window may be hidden whole by site (a flag, no count).
bool cm_view_hides_rows(const struct cm_view *view);
// "file:line" of a permit that covers the request, "" when none does.
const char *cm_view_deciding_rule(const struct cm_view *view);

// Age in whole seconds, floored, never below 0.
int64_t cm_age_s(int64_t now_ms, int64_t captured_ms);
// Every rule with what it did, permits first, in the order of the files; judged for request->agency
// alone.
enum cm_status cm_rules_reasons(const struct cm_reason **out, size_t *count, struct cm_arena *arena,
                                const struct cm_rules *rules, const struct cm_directory *directory,
                                const struct cm_request *request) CM_MUST_CHECK;

#endif

// One rule set with points, decided by our own code and by Cedar's.
#ifndef CM_TESTS_CONFORMANCE_CEDAR_TRIAL_H
#define CM_TESTS_CONFORMANCE_CEDAR_TRIAL_H

#include "engine.h"
#include "generate.h"

#include "acl/export_cedar.h"

enum { POINTS = 100 };

struct question {
    struct point point;
    size_t spent_count;
    struct cm_digest spent[MOST_LIMITED]; // permits whose limit is used up
};

// Rules, compiled and exported.
struct sheet {
    struct ruleset ruleset;
    struct cm_rules *rules;
    struct cm_cedar cedar;
};

struct trial {
    size_t sheet_count;     // 1 or 2
    struct sheet sheets[2]; // the administrator's, the node's own overlay
    struct federation then;
    struct federation later;
    const struct cm_directory *now; // then's or later's
    size_t count;
    struct question questions[POINTS];
    bool ours[POINTS];
    bool theirs[POINTS];
};

// Rules, directories and points from a seed, with our answers. Exits when our code fails.
void trial_generate(struct trial *trial, uint64_t seed);
void trial_clear(struct trial *trial);
// Compiles, decides and exports what the trial's texts and questions are now. False when the rules
// have errors, which are printed if asked.
bool trial_decide(struct trial *trial, bool print);
// Fills theirs. damaged: policies to ask with instead of the export of the administrator's rules.
// False when the engine met a problem, which is printed.
bool trial_ask(struct trial *trial, struct engine *engine, const char *damaged);
// The first point with two answers, count for none.
size_t trial_difference(const struct trial *trial);
// Leaves only that point, and of the rules what it takes for the answers to differ.
void trial_shrink(struct trial *trial, struct engine *engine, size_t point);
void trial_print(const struct trial *trial, size_t point);

#endif

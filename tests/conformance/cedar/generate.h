// Random rule files over the whole language, directories before and after changes, and points at
// the borders of both, from a seed.
#ifndef CM_TESTS_CONFORMANCE_CEDAR_GENERATE_H
#define CM_TESTS_CONFORMANCE_CEDAR_GENERATE_H

#include "acl/decide.h"

enum { MOST_AGENCIES = 12, MOST_PURPOSES = 8, FILE_COUNT = 4, MOST_LIMITED = 16 };

struct federation {
    struct cm_agency agencies[MOST_AGENCIES];
    struct cm_purpose purposes[MOST_PURPOSES];
    struct cm_directory directory;
};

// A main file, two beside it and a statute pack, one statement a line.
struct ruleset {
    struct cm_rule_file files[FILE_COUNT];
    struct cm_buf texts[FILE_COUNT];
};

struct point {
    struct cm_request request; // whose window holds just the age
    const char *camera;
    int64_t age_s;
    unsigned field; // 0: the row itself
};

struct random {
    uint64_t state;
};

unsigned pick(struct random *random, unsigned count);
// before: the directory that the rules were signed under, now after changes; NULL: that one itself.
void generate_federation(struct random *random, struct federation *out,
                         const struct federation *before);
// overlay: as the node's own key signs them, without permits.
void generate_rules(struct random *random, struct ruleset *out, bool overlay);
void ruleset_clear(struct ruleset *ruleset);
void generate_point(struct random *random, struct point *out);
// The point with one of its coordinates drawn again.
void generate_neighbour(struct random *random, struct point *point);

#endif

// Random rules, directories and requests over a small domain, from a seed.
#ifndef CM_TESTS_ACL_GENERATE_H
#define CM_TESTS_ACL_GENERATE_H

#include "acl/decide.h"

struct generator {
    uint64_t state;
};

enum { MOST_AGENCIES = 10, MOST_PURPOSES = 6, MOST_LIMITS = 16 };

struct federation {
    struct cm_agency agencies[MOST_AGENCIES];
    struct cm_purpose purposes[MOST_PURPOSES];
    struct cm_directory directory;
};

unsigned pick(struct generator *generator, unsigned count);
// One of those signed with, or that one after random changes.
void generate_federation(struct generator *generator, struct federation *out,
                         const struct federation *before);
// One statement, without the line's end; limit: the number a permit's limit gets, 0: none.
void generate_permit(struct generator *generator, struct cm_buf *out, unsigned limit);
void generate_forbid(struct generator *generator, struct cm_buf *out);
// A whole file that compiles with retired_ok. At most MOST_LIMITS - 1 permits with limits 1, 2, ….
void generate_rules(struct generator *generator, struct cm_buf *out, bool overlay);
void generate_request(struct generator *generator, struct cm_request *out);
const char *generate_camera(struct generator *generator);
int64_t generate_age(struct generator *generator);

// All cameras and all ages at which anything can change.
extern const char *const every_camera[];
extern const size_t every_camera_count;
extern const int64_t every_age[];
extern const size_t every_age_count;

#endif

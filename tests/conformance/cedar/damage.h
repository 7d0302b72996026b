// That the comparison can fail: policies with one condition left out must get other answers.
#ifndef CM_TESTS_CONFORMANCE_CEDAR_DAMAGE_H
#define CM_TESTS_CONFORMANCE_CEDAR_DAMAGE_H

#include "engine.h"

#include <stdint.h>

// EXIT_SUCCESS when each sort of condition was missed by some point.
int damage_check(struct engine *engine, uint64_t seed);

#endif

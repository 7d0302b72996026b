// A made-up population of vehicles: the same number is the same vehicle for the same seed. Any
// likeness of a plate to a real one is chance. Pure; one thread.
#ifndef CM_DEMO_VEHICLE_H
#define CM_DEMO_VEHICLE_H

#include "deploy/demo_data/dice.h"

enum { CM_DEMO_PLATE_SIZE = 9, CM_DEMO_VEHICLES = 60000 };

struct cm_demo_vehicle {
    char plate[CM_DEMO_PLATE_SIZE];
    char state[3];
    const char *make, *model, *body, *colour;
    unsigned year;
};

void cm_demo_vehicle(struct cm_demo_vehicle *out, uint64_t seed, uint32_t number);
// What a camera made of it: mostly the plate, at times with one character taken for another.
// Returns the confidence.
double cm_demo_read(char out[CM_DEMO_PLATE_SIZE], const char *plate, struct cm_dice *dice);

#endif

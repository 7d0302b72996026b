// The five fictional agencies that keep detections (the sixth of the demo only asks), and the
// plates with a story. Tables; any thread.
#ifndef CM_DEMO_AGENCY_H
#define CM_DEMO_AGENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cm_demo_camera {
    const char *id, *site;
    double latitude, longitude;
    unsigned heading; // degrees
};

struct cm_demo_agency {
    const char *id;
    const char *prefix; // of its event ids
    unsigned share;     // of 100 rows
    unsigned days;      // it looks back
    bool expires;       // each row does, after `days`
    bool sees_vehicles; // make, model, colour
    bool keeps_images;
    const char *plate_style; // where its cameras put a mark: "" or the mark after the 4th character
    size_t camera_count;
    const struct cm_demo_camera *cameras;
};

// A vehicle that was where it is told to have been: the demo asks for it.
struct cm_demo_sighting {
    const char *plate, *state;
    const char *agency;
    unsigned camera; // index
    unsigned minutes_ago;
};

enum { CM_DEMO_AGENCIES = 5 };
extern const struct cm_demo_agency cm_demo_agencies[CM_DEMO_AGENCIES];
extern const struct cm_demo_sighting cm_demo_sightings[];
extern const size_t cm_demo_sighting_count;

#endif

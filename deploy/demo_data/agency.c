#include "deploy/demo_data/agency.h"

// A valley that is on no map: Northport and Milltown are cities in Alder County, Dry Fork lies over
// the state line.
static const struct cm_demo_camera northport[] = {
    {"cam-01", "Main St at 1st Ave", 38.6012, -121.9021, 0},
    {"cam-02", "Main St at 9th Ave", 38.6098, -121.9019, 180},
    {"cam-03", "Northport Bridge", 38.6151, -121.8890, 95},
    {"cam-04", "Highway 12 on-ramp", 38.5934, -121.9142, 270},
    {"cam-05", "Highway 12 off-ramp", 38.5929, -121.9150, 90},
    {"cam-06", "Civic Center garage", 38.6043, -121.9003, 45},
    {"cam-07", "Harbor Dr gate", 38.6181, -121.8951, 10},
    {"cam-08", "Harbor Dr pier 4", 38.6202, -121.8938, 190},
    {"cam-09", "Orchard Rd", 38.5871, -121.8842, 120},
    {"cam-10", "Station Sq", 38.6027, -121.8969, 300},
    {"car-21", "patrol", 38.6050, -121.9000, 0},
    {"car-22", "patrol", 38.5990, -121.8930, 0},
};

static const struct cm_demo_camera milltown[] = {
    {"mt-1", "Mill Rd", 38.4721, -121.7720, 0},
    {"mt-2", "Old Mill Sq", 38.4699, -121.7703, 90},
    {"mt-3", "County Line Rd", 38.4802, -121.7901, 270},
    {"mt-4", "School Ln", 38.4668, -121.7655, 180},
};

static const struct cm_demo_camera alder[] = {
    {"so-101", "Highway 12 mile 14", 38.5502, -121.8520, 90},
    {"so-102", "Highway 12 mile 31", 38.5530, -121.5481, 90},
    {"so-103", "Route 7 south", 38.4300, -121.8011, 180},
    {"so-104", "Route 7 north", 38.6902, -121.8231, 0},
    {"so-105", "Lake Alder", 38.7211, -121.7544, 220},
    {"so-106", "Pine Flat", 38.6455, -121.6402, 140},
    {"so-car-9", "patrol", 38.5700, -121.7500, 0},
};

static const struct cm_demo_camera dryfork[] = {
    {"df-a", "State Line Rd eastbound", 39.0203, -119.9412, 85},
    {"df-b", "State Line Rd westbound", 39.0207, -119.9420, 265},
    {"df-c", "Casino Way", 39.0311, -119.9203, 30},
    {"df-d", "Airport Rd", 39.0405, -119.9052, 150},
};

static const struct cm_demo_camera plaza[] = {
    {"lot-north", "Harborview Plaza, north lot", 38.6112, -121.9122, 20},
    {"lot-south", "Harborview Plaza, south lot", 38.6091, -121.9125, 200},
    {"garage", "Harborview Plaza, garage", 38.6101, -121.9116, 110},
    {"staff", "Harborview Plaza, staff entrance", 38.6095, -121.9108, 340},
};

#define CM_LIST(cameras) sizeof(cameras) / sizeof *(cameras), cameras

const struct cm_demo_agency cm_demo_agencies[CM_DEMO_AGENCIES] = {
    {"ca.northport.pd", "np", 38, 120, false, true, true, "", CM_LIST(northport)},
    {"ca.milltown.pd", "mt", 10, 90, false, false, false, "", CM_LIST(milltown)},
    {"ca.alder.so", "al", 24, 180, false, true, true, "", CM_LIST(alder)},
    {"nv.dryfork.pd", "df", 14, 60, false, false, true, " ", CM_LIST(dryfork)},
    {"ca.harborview.plaza", "hv", 14, 30, true, true, false, "-", CM_LIST(plaza)},
};

enum { HOUR = 60, DAY = 24 * 60 };

// 8KLM492: a wanted car, from the valley over the state line; parts of it are older than 7 and than
// 30 days. 7TRK815: a stolen pickup that stays in the county and in Milltown, which never shares.
// 512H88: a visitor from Nevada, once read without its state. 6PLZ031: seen at the plaza alone.
const struct cm_demo_sighting cm_demo_sightings[] = {
    {"8KLM492", "CA", "ca.northport.pd", 3, 2 * HOUR + 11},
    {"8KLM492", "CA", "ca.northport.pd", 6, 2 * HOUR + 40},
    {"8KLM492", "CA", "ca.harborview.plaza", 0, 3 * HOUR + 5},
    {"8KLM492", "CA", "ca.harborview.plaza", 3, 3 * HOUR + 52},
    {"8KLM492", "CA", "ca.alder.so", 0, 5 * HOUR + 17},
    {"8KLM492", "CA", "nv.dryfork.pd", 1, 1 * DAY + 4 * HOUR},
    {"8KLM492", "CA", "ca.milltown.pd", 1, 2 * DAY + 9 * HOUR},
    {"8KLM492", "CA", "ca.alder.so", 3, 4 * DAY + 21},
    {"8KLM492", "CA", "ca.northport.pd", 0, 9 * DAY + 3 * HOUR},
    {"8KLM492", "CA", "ca.alder.so", 2, 12 * DAY + 33},
    {"8KLM492", "CA", "nv.dryfork.pd", 0, 12 * DAY + 6 * HOUR},
    {"8KLM492", "CA", "ca.northport.pd", 7, 27 * DAY + 7 * HOUR},
    {"8KLM492", "CA", "ca.alder.so", 1, 41 * DAY + 2 * HOUR},
    {"8KLM492", "CA", "ca.northport.pd", 9, 66 * DAY + 5 * HOUR},
    {"7TRK815", "CA", "ca.northport.pd", 4, 6 * HOUR + 3},
    {"7TRK815", "CA", "ca.milltown.pd", 0, 7 * HOUR + 44},
    {"7TRK815", "CA", "ca.alder.so", 5, 1 * DAY + 2 * HOUR},
    {"7TRK815", "CA", "ca.milltown.pd", 2, 1 * DAY + 9 * HOUR},
    {"7TRK815", "CA", "ca.alder.so", 6, 3 * DAY + 1 * HOUR},
    {"512H88", "NV", "nv.dryfork.pd", 2, 5 * HOUR + 29},
    {"512H88", "NV", "nv.dryfork.pd", 1, 8 * HOUR + 1},
    {"512H88", "", "ca.alder.so", 4, 10 * HOUR + 50},
    {"512H88", "NV", "ca.northport.pd", 2, 11 * HOUR + 35},
    {"6PLZ031", "CA", "ca.harborview.plaza", 1, 1 * HOUR + 12},
    {"6PLZ031", "CA", "ca.harborview.plaza", 2, 1 * DAY + 1 * HOUR},
    {"6PLZ031", "CA", "ca.harborview.plaza", 3, 20 * DAY + 4 * HOUR},
};

const size_t cm_demo_sighting_count = sizeof cm_demo_sightings / sizeof *cm_demo_sightings;

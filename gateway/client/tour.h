// From the command line to an exit code: settings, prompts, then one gateway after the other until
// one answers. Main thread.
#ifndef CM_CLIENT_TOUR_H
#define CM_CLIENT_TOUR_H

#include "gateway/client/call.h"

struct cm_tour {
    bool is_reach;
    enum cm_status (*call)(struct cm_call_result *result, const struct cm_call_options *options);
    // Prints the end of an answer that holds; returns the exit code.
    int (*finish)(const struct cm_call_result *result, const struct cm_call_options *options);
};

// Asks one gateway after the other until one answers, says what came of each that did not, and
// returns the exit code. A question that two gateways recorded goes to no third.
int cm_tour_visit(const struct cm_tour *tour, struct cm_call_options *options,
                  const char *const *gateways, size_t count);

// The program's exit code.
int cm_tour_run(const struct cm_tour *tour, int argc, char **argv);

#endif

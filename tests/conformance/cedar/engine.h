// The official Cedar engine in a Node.js process beside: a JSON object a line there, one back.
#ifndef CM_TESTS_CONFORMANCE_CEDAR_ENGINE_H
#define CM_TESTS_CONFORMANCE_CEDAR_ENGINE_H

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

struct engine {
    pid_t pid;
    FILE *to;
    FILE *from;
};

// Exits with a message when it can't be started.
void engine_start(struct engine *engine);
// Takes the question; exits with a message when no answer comes.
json_t *engine_ask(struct engine *engine, json_t *question);
void engine_stop(struct engine *engine);

#endif

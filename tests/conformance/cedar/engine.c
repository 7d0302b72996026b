#include "engine.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "conformance_cedar: %s\n", what);
    exit(EXIT_FAILURE);
}

void engine_start(struct engine *engine)
{
    int to[2];
    int from[2];
    if (access(CM_CEDAR_PACKAGE, R_OK) != 0) {
        die("the engine is not installed: run npm install --prefix tests");
    }
    if (pipe(to) != 0 || pipe(from) != 0) {
        die("no pipes");
    }
    signal(SIGPIPE, SIG_IGN);
    engine->pid = fork();
    if (engine->pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        execlp("node", "node", "--no-turbo-inline-js-wasm-calls", CM_CEDAR_FOLDER "/ask.mjs",
               (char *)NULL);
        perror("node");
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    engine->to = fdopen(to[1], "w");
    engine->from = fdopen(from[0], "r");
    if (engine->pid < 0 || engine->to == NULL || engine->from == NULL) {
        die("the engine can't be started");
    }
}

json_t *engine_ask(struct engine *engine, json_t *question)
{
    if (question == NULL || json_dumpf(question, engine->to, JSON_COMPACT) != 0 ||
        fputc('\n', engine->to) == EOF || fflush(engine->to) != 0) {
        die("the engine took no question");
    }
    json_decref(question);
    json_t *answer = json_loadf(engine->from, JSON_DISABLE_EOF_CHECK, NULL);
    if (answer == NULL) {
        die("the engine gave no answer");
    }
    return answer;
}

void engine_stop(struct engine *engine)
{
    fclose(engine->to);
    fclose(engine->from);
    waitpid(engine->pid, NULL, 0);
}

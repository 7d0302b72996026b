#include "nodes/cli/data.h"
#include "nodes/cli/node.h"
#include "proto/base/clock.h"
#include "proto/ledger/day_keys.h"

#include <poll.h>
#include <string.h>

enum { DONE_MS = 10000, LOOK_EVERY_MS = 50 };

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {"before", 'b', "DATE", 0, "what was recorded before that day, as 2026-01-31; UTC", 0},
    {"reason", 'r', "TEXT", 0, "why; asked for on a terminal", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    NULL,
    "Destroys for good, before `[audit] keep` does, who asked what and why: the keys of these "
    "days' "
    "access records.\v"
    "The ledger's entries stay, and so do its proofs; nobody can read clear values in them any "
    "more. Today's can't be erased. Recorded.",
    NULL,
    0,
    0};

static enum cm_status read_date(const char *text, struct cm_error *error)
{
    uint32_t day = 0;
    if (text == NULL || cm_day_parse(&day, text) != CM_OK) {
        cm_fail(error, CM_INVALID, "--before", "is no date");
        cm_error_hint(error, "--before 2026-01-31");
        return CM_INVALID;
    }
    return day <= cm_day_of(cm_wall_ms(cm_clock_system()))
               ? CM_OK
               : cm_fail(error, CM_INVALID, "--before", "is after today");
}

// The node's word that all before date are gone; false when it doesn't come.
static bool wait_until_done(const struct cm_node_data *data, const char *date)
{
    const struct cm_clock *clock = cm_clock_system();
    const int64_t end_ms = cm_mono_ms(clock) + DONE_MS;
    struct cm_error error = {0};
    json_t *status = NULL;
    while (cm_node_ask(&status, data, "look", &error) == CM_OK) {
        const char *before =
            json_string_value(json_object_get(json_object_get(status, "ledger"), "erased_before"));
        bool done = before != NULL && strcmp(before, date) >= 0;
        json_decref(status);
        if (done) {
            printf("access records before %s: nobody can read them any more\n", date);
            return true;
        }
        if (cm_mono_ms(clock) > end_ms) {
            cm_cli_say("they are not erased yet: see the node's log");
            return false;
        }
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    if (error.status == CM_UNAVAILABLE) {
        puts("the node does not run: they are erased as soon as it starts");
        return true;
    }
    cm_cli_error(&error);
    return false;
}

int cm_node_erase(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_node_data data;
    char reason[513];
    char what[64];
    struct cm_error error = {0};
    cm_cli_parse(&args, &usage, argc, argv);
    const char *date = cm_cli_get(&args, 'b');
    enum cm_status status = read_date(date, &error);
    if (status == CM_OK) {
        status = cm_node_data_open(&data, &args, true, &error);
    }
    if (status != CM_OK) {
        return cm_cli_fail(&error);
    }
    snprintf(what, sizeof what, "erase before %.16s", date);
    status = cm_node_reason(reason, &args, &error);
    if (status == CM_OK) {
        status = cm_node_say(&data, what, reason, &error);
    }
    bool done = false;
    if (status != CM_OK) {
        cm_cli_error(&error);
    } else {
        done = wait_until_done(&data, date);
    }
    cm_node_data_close(&data);
    return done ? CM_EXIT_OK : CM_EXIT_FAILED;
}

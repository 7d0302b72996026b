#include "nodes/cli/data.h"
#include "nodes/cli/node.h"
#include "proto/base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {"reason", 'r', "TEXT", 0, "why; asked for on a terminal", 0},
    {0},
};

static const struct cm_cli_usage detach_usage = {
    options,
    NULL,
    "Takes the node off the wire: it leaves every gateway, also after a restart, until `comity "
    "node attach`.\v"
    "Manifests count its agency as detached. Queries under way end. The node goes on running: "
    "retention, its ledger and `comity node status` work. Recorded.",
    NULL,
    0,
    0};

static const struct cm_cli_usage attach_usage = {
    options, NULL, "Puts the node back on the wire after `comity node detach`. Recorded.",
    NULL,    0,    0};

static enum cm_status set(const char *path, bool detached, struct cm_error *error)
{
    if (detached) {
        return cm_file_write(path, cm_bytes_of("comity node attach ends this\n"), 0600, error);
    }
    return unlink(path) == 0 || errno == ENOENT
               ? CM_OK
               : cm_fail(error, CM_IO, path, "can't be removed: %s", strerror(errno));
}

// Whether it counts, or will.
static bool tell(const struct cm_node_data *data, bool detached)
{
    struct cm_error error = {0};
    json_t *node = NULL;
    enum cm_status status = cm_node_ask(&node, data, "look", &error);
    bool counts = json_is_true(json_object_get(node, "detached")) == detached;
    json_decref(node);
    if (status == CM_UNAVAILABLE) {
        puts("the node does not run: it counts as soon as it starts");
        return true;
    }
    if (status != CM_OK) {
        cm_cli_error(&error);
    } else if (!counts) {
        cm_cli_say("the node runs, but has not done it: see its log");
    }
    return status == CM_OK && counts;
}

static int run(const struct cm_cli_args *args, bool detached)
{
    struct cm_node_data data;
    char reason[513];
    char path[sizeof data.rules + 32];
    struct cm_error error = {0};
    enum cm_status status = cm_node_data_open(&data, args, true, &error);
    if (status != CM_OK) {
        return cm_cli_fail(&error);
    }
    snprintf(path, sizeof path, "%s/" CM_DETACHED_FILE, data.rules);
    if ((access(path, F_OK) == 0) == detached) {
        printf("it is %s already\n", detached ? "detached" : "attached");
        cm_node_data_close(&data);
        return CM_EXIT_OK;
    }
    status = cm_node_reason(reason, args, &error);
    if (status == CM_OK) {
        status = cm_node_say(&data, detached ? "detach" : "attach", reason, &error);
    }
    if (status == CM_OK) {
        status = set(path, detached, &error);
    }
    bool counts = false;
    if (status == CM_OK) {
        puts(detached ? "detached: no gateway is dialled" : "attached: gateways are dialled again");
        counts = tell(&data, detached);
    } else {
        cm_cli_error(&error);
    }
    cm_node_data_close(&data);
    return counts ? CM_EXIT_OK : CM_EXIT_FAILED;
}

int cm_node_detach(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &detach_usage, argc, argv);
    return run(&args, true);
}

int cm_node_attach(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &attach_usage, argc, argv);
    return run(&args, false);
}

// The folder of the agency's own node, as its operators' commands see it: whose it is, what its
// node says, and what goes into its journal. Main thread.
#ifndef CM_NODES_CLI_DATA_H
#define CM_NODES_CLI_DATA_H

#include "nodes/noded.h"
#include "proto/base/bytes.h"
#include "proto/base/cli_args.h"

#include <jansson.h>

enum { CM_EXIT_NOT_RUNNING = 3 };

struct cm_node_data {
    struct cm_noded_config config;
    char rules[4096]; // folder
    int lock;         // -1: not held
};

// By the configuration that -c names. As root, goes on as the folder's owner: what it writes must
// be the node's. lock: no other such command changes anything meanwhile.
enum cm_status cm_node_data_open(struct cm_node_data *out, const struct cm_cli_args *args,
                                 bool lock, struct cm_error *error) CM_MUST_CHECK;
void cm_node_data_close(struct cm_node_data *data);

// -r, or what a terminal is asked for.
enum cm_status cm_node_reason(char out[513], const struct cm_cli_args *args,
                              struct cm_error *error) CM_MUST_CHECK;
// Into the journal, with who runs this command.
enum cm_status cm_node_say(const struct cm_node_data *data, const char *what, const char *reason,
                           struct cm_error *error) CM_MUST_CHECK;

// What the node answers to word; NULL and CM_UNAVAILABLE when none runs.
enum cm_status cm_node_ask(json_t **out, const struct cm_node_data *data, const char *word,
                           struct cm_error *error) CM_MUST_CHECK;
// Has the node look at its files, and says since when what was changed counts. False: it does not.
bool cm_node_tell(const struct cm_node_data *data, int64_t began_ms);

#endif

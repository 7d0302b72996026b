// The subcommands of `comity node`: argv[0] is the name so far. Main thread.
#ifndef CM_NODES_CLI_NODE_H
#define CM_NODES_CLI_NODE_H

int cm_node_ingest(int argc, char **argv);

#endif

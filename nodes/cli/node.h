// The subcommands of `comity node`: argv[0] is the name so far. Main thread.
#ifndef CM_NODES_CLI_NODE_H
#define CM_NODES_CLI_NODE_H

int cm_node_status(int argc, char **argv);
int cm_node_share(int argc, char **argv);
int cm_node_detach(int argc, char **argv);
int cm_node_attach(int argc, char **argv);
int cm_node_ingest(int argc, char **argv);
int cm_node_erase(int argc, char **argv);
int cm_node_order(int argc, char **argv);
int cm_node_backup(int argc, char **argv);
int cm_node_recover(int argc, char **argv);

#endif

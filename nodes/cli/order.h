// The commands of comity node order. Main thread.
#ifndef CM_NODES_CLI_ORDER_H
#define CM_NODES_CLI_ORDER_H

int cm_node_order_add(int argc, char **argv);
int cm_node_order_list(int argc, char **argv);
int cm_node_order_end(int argc, char **argv);
int cm_node_order_renew(int argc, char **argv);

#endif

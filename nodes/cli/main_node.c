#include "nodes/cli/node.h"
#include "proto/base/cli.h"

static const struct cm_command commands[] = {
    {"status", "say how the running node is", cm_node_status},
    {"share", "switch sharing off at once, and on again", cm_node_share},
    {"detach", "take the node off the wire", cm_node_detach},
    {"attach", "put it back on the wire", cm_node_attach},
    {"ingest", "store the detections of a CSV file", cm_node_ingest},
    {"erase", "destroy who asked what, before a day", cm_node_erase},
    {"order", "register court orders, end them", cm_node_order},
    {"backup", "copy what the node keeps", cm_node_backup},
    {"recover", "let a restored ledger go on, as a new epoch", cm_node_recover},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity node", argc, argv);
    return cm_cli_dispatch(commands, "Works on an agency's own node and its detections.", argc,
                           argv);
}

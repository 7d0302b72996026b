#include "gateway/cli/gateway.h"
#include "proto/base/cli.h"

static const struct cm_command commands[] = {
    {"backup", "copy what the gateway keeps", cm_gateway_backup},
    {"recover", "let a restored ledger go on, as a new epoch", cm_gateway_recover},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity gateway", argc, argv);
    return cm_cli_dispatch(commands, "Works on a gateway's own folder.", argc, argv);
}

#include "proto/trust/cli/directory.h"

static const struct cm_command commands[] = {
    {"init", "begin a federation's directory", cm_directory_cli_init},
    {"add", "add an agency", cm_directory_cli_add},
    {"set", "change what it says of an agency", cm_directory_cli_set},
    {"retire", "make an agency inactive for good", cm_directory_cli_retire},
    {"gateway", "add, set or remove a gateway", cm_directory_cli_gateway},
    {"purpose", "add, set or remove a purpose", cm_directory_cli_purpose},
    {"show", "say what a directory holds, signed or not", cm_directory_cli_show},
    {"sign", "sign it as the bundle that all parties accept", cm_directory_cli_sign},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity directory", argc, argv);
    return cm_cli_dispatch(commands,
                           "Edits and signs the directory: which agencies, purposes and gateways a "
                           "federation has, and whose keys they are.",
                           argc, argv);
}

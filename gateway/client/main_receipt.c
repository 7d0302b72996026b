#include "gateway/client/receipt_desk.h"
#include "proto/base/cli.h"

static const struct cm_command commands[] = {
    {"list", "which answers of the last 24 hours are kept", cm_receipt_list},
    {"save", "save one of them as a receipt, in the clear", cm_receipt_save},
    {"check", "verify a receipt, offline, and print it", cm_receipt_check},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity receipt", argc, argv);
    return cm_cli_dispatch(commands, "Keeps answers as evidence, and verifies them later.", argc,
                           argv);
}

#include "gateway/client/case_desk.h"
#include "proto/base/cli.h"

static const struct cm_command commands[] = {
    {"use", "keep a case's number, purpose and reason for 8 hours", cm_case_use},
    {"show", "which case is kept, and until when", cm_case_show},
    {"end", "forget it", cm_case_end},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity case", argc, argv);
    return cm_cli_dispatch(commands, "Keeps the case that you work on at hand.", argc, argv);
}

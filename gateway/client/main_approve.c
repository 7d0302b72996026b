#include "gateway/client/approve.h"
#include "proto/base/cli.h"

static const struct cm_command commands[] = {
    {"request", "ask a supervisor to approve a search", cm_approve_request},
    {"list", "what waits, and what was approved", cm_approve_list},
    {"sign", "see what is asked, and approve it", cm_approve_sign},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity approve", argc, argv);
    return cm_cli_dispatch(commands, "Asks for a supervisor's approval of a search, and gives it.",
                           argc, argv);
}

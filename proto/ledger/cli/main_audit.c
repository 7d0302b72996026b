#include "proto/base/cli.h"
#include "proto/ledger/cli/audit.h"
#include "proto/ledger/cli/audit_more.h"

static const struct cm_command commands[] = {
    {"verify", "whether a ledger is whole, signed and as it was", cm_audit_verify},
    {"show", "what a ledger recorded", cm_audit_show},
    {"report", "who searched what and why; what stands out", cm_audit_report},
    {"compare", "two parties' ledgers held against each other", cm_audit_compare},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity audit", argc, argv);
    return cm_cli_dispatch(commands, "Verifies ledgers and reports from them. Changes nothing.",
                           argc, argv);
}

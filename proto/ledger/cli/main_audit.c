#include "proto/base/cli.h"
#include "proto/ledger/cli/audit.h"
#include "proto/ledger/cli/audit_more.h"

static const struct cm_command commands[] = {
    {"verify", "whether a ledger is whole, signed and as it was", cm_audit_verify},
    {"show", "what a ledger recorded", cm_audit_show},
    {"reveal", "prove an entry's clear values to somebody else", cm_audit_reveal},
    {"export", "copy a ledger once it is verified", cm_audit_export},
    {"report", "who searched what and why; what stands out", cm_audit_report},
    {"subject", "what was asked about one plate", cm_audit_subject},
    {"review", "sign that you looked at a period", cm_audit_review},
    {"compare", "two parties' ledgers held against each other", cm_audit_compare},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity audit", argc, argv);
    return cm_cli_dispatch(commands, "Verifies ledgers and reports from them. Changes nothing.",
                           argc, argv);
}

#include "acl/cli/apply.h"
#include "acl/cli/check.h"
#include "acl/cli/diff.h"
#include "acl/cli/explain.h"
#include "acl/cli/export.h"
#include "acl/cli/fmt.h"
#include "acl/cli/pending.h"
#include "acl/cli/test.h"
#include "acl/cli/who.h"
#include "proto/base/cli.h"

static const struct cm_command commands[] = {
    {"check", "errors and warnings of a rule file", cm_acl_check},
    {"fmt", "one layout for a rule file", cm_acl_fmt},
    {"explain", "what one requester would see, and why", cm_acl_explain},
    {"test", "expectations that you keep beside the rules", cm_acl_test},
    {"who", "the sharing matrix: who sees what", cm_acl_who},
    {"diff", "what each agency gains and loses", cm_acl_diff},
    {"pending", "what waits for a signature, and why", cm_acl_pending},
    {"apply", "sign the rules that shall count", cm_acl_apply},
    {"export", "the rules in the language of Cedar", cm_acl_export},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity acl", argc, argv);
    return cm_cli_dispatch(commands, "Check, explain, compare and sign an agency's rules.", argc,
                           argv);
}

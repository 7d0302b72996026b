#include "gateway/cli/gateway.h"
#include "gateway/gatewayd.h"
#include "proto/ledger/cli/keeper.h"

static const struct argp_option backup_options[] = {
    {"config", 'c', "FILE", 0, "the gateway's configuration: default /etc/comity/gatewayd.ini", 0},
    {0},
};

static const struct cm_cli_usage backup_usage = {
    .options = backup_options,
    .words = "FOLDER",
    .about =
        "Copy what the gateway keeps, but its key, to a new folder.\v"
        "The gateway may run. The copy holds its ledger up to a checkpoint, and what it needs to "
        "go on from there.\n\nExit codes: 0 done; 1 not; 2 usage.",
    .least_words = 1,
    .most_words = 1,
};

static const struct argp_option recover_options[] = {
    {"config", 'c', "FILE", 0, "the gateway's configuration: default /etc/comity/gatewayd.ini", 0},
    {"key", 'k', "FILE", 0, "the directory signer's key", 1},
    {"chain", 'C', "FILE", 0, "the directory signer's certificate", 1},
    {"passphrase-file", 'P', "FILE", 0, "the key's passphrase", 1},
    {"why", 'w', "TEXT", 0, "what happened, for all who look at this ledger", 2},
    {"cosigned", 'o', "FILE", 0, "the newest checkpoint of this ledger that a node has", 2},
    {"yes", 'y', NULL, 0, "do not ask", 2},
    {0},
};

static const struct cm_cli_usage recover_usage = {
    .options = recover_options,
    .words = "",
    .about = "Let the ledger of a gateway that was restored from a backup go on, as a new epoch.\v"
             "Start the restored gateway once: nodes then show what they saw, or give their "
             "checkpoint by --cosigned. Stop it, run this, start it.\n\n"
             "Exit codes: 0 done; 1 not; 2 usage.",
    .required = "kCw",
};

static int run(const struct cm_cli_args *args,
               int (*what)(const struct cm_keeper *keeper, const struct cm_cli_args *args))
{
    struct cm_gatewayd_config config;
    struct cm_error error = {0};
    const char *path = cm_cli_get(args, 'c');
    if (cm_gatewayd_config_load(&config, path != NULL ? path : "/etc/comity/gatewayd.ini",
                                &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    const struct cm_keeper keeper = {
        .data = config.data, .key = config.key, .chain = config.chain, .root = config.root};
    const int code = what(&keeper, args);
    cm_gatewayd_config_clear(&config);
    return code;
}

int cm_gateway_backup(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &backup_usage, argc, argv);
    return run(&args, cm_keeper_backup);
}

int cm_gateway_recover(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &recover_usage, argc, argv);
    return run(&args, cm_keeper_recover);
}

#include "nodes/cli/node.h"
#include "nodes/noded.h"
#include "nodes/store/sqlite_claims.h"
#include "proto/ledger/cli/keeper.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const struct argp_option backup_options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {0},
};

static const struct cm_cli_usage backup_usage = {
    .options = backup_options,
    .words = "FOLDER",
    .about = "Copy what the node keeps, but its detections and its key, to a new folder.\v"
             "The node may run. The copy holds its ledger up to a checkpoint, and what it needs to "
             "go on from there.\n\nExit codes: 0 done; 1 not; 2 usage.",
    .least_words = 1,
    .most_words = 1,
};

static const struct argp_option recover_options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {"key", 'k', "FILE", 0, "your administrator's key", 1},
    {"chain", 'C', "FILE", 0, "your certificate and your agency's CA", 1},
    {"passphrase-file", 'P', "FILE", 0, "your key's passphrase", 1},
    {"why", 'w', "TEXT", 0, "what happened, for all who look at this ledger", 2},
    {"cosigned", 'o', "FILE", 0, "the newest checkpoint of this ledger that a gateway has", 2},
    {"yes", 'y', NULL, 0, "do not ask", 2},
    {0},
};

static const struct cm_cli_usage recover_usage = {
    .options = recover_options,
    .words = "",
    .about = "Let the ledger of a node that was restored from a backup go on, as a new epoch.\v"
             "Start the restored node once: its gateways then show what they saw, or give their "
             "checkpoint by --cosigned. Stop it, run this, start it.\n\n"
             "Exit codes: 0 done; 1 not; 2 usage.",
    .required = "kCw",
};

static int run(const struct cm_cli_args *args,
               int (*what)(const struct cm_keeper *keeper, const struct cm_cli_args *args))
{
    static const char sqlite[] = "sqlite:";
    struct cm_noded_config config;
    struct cm_error error = {0};
    const char *path = cm_cli_get(args, 'c');
    if (cm_noded_config_load(&config, path != NULL ? path : "/etc/comity/noded.ini", &error) !=
        CM_OK) {
        return cm_cli_fail(&error);
    }
    const bool file = strncmp(config.store, sqlite, sizeof sqlite - 1) == 0;
    const char *store = file ? config.store + sizeof sqlite - 1 : NULL;
    char claims[PATH_MAX];
    if (file &&
        snprintf(claims, sizeof claims, "%s" CM_STORE_CLAIMS, store) >= (int)sizeof claims) {
        cm_noded_config_clear(&config);
        cm_fail(&error, CM_INVALID, "store", "the path is too long");
        return cm_cli_fail(&error);
    }
    const struct cm_keeper keeper = {
        .data = config.data,
        .key = config.key,
        .chain = config.chain,
        .root = config.root,
        .store = store,
        .database = file ? claims : NULL,
        .copy = cm_sqlite_claims_copy,
    };
    const int code = what(&keeper, args);
    cm_noded_config_clear(&config);
    return code;
}

int cm_node_backup(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &backup_usage, argc, argv);
    return run(&args, cm_keeper_backup);
}

int cm_node_recover(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &recover_usage, argc, argv);
    return run(&args, cm_keeper_recover);
}

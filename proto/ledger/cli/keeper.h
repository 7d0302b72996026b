// What `comity node` and `comity gateway` share of keeping a ledger: backup, and recovery from one.
// Main thread.
#ifndef CM_LEDGER_CLI_KEEPER_H
#define CM_LEDGER_CLI_KEEPER_H

#include "proto/base/cli_args.h"

// Of the daemon's configuration, borrowed.
struct cm_keeper {
    const char *data, *key, *chain, *root;
    const char *store; // a file that a backup leaves out; NULL: none
    // A database that can't be copied as a file is, NULL for none; copy makes one to a new file as
    // of one moment, CM_NOT_FOUND when it isn't there.
    const char *database;
    enum cm_status (*copy)(const char *database, const char *to, struct cm_error *error);
};

// A word: the new folder. As root it goes on as the data folder's owner.
int cm_keeper_backup(const struct cm_keeper *keeper, const struct cm_cli_args *args);
// Options: 'k' the key of who answers for it, 'C' chain, 'P' passphrase file, 'w' why, 'o' a
// checkpoint that a witness has, 'y' without asking.
int cm_keeper_recover(const struct cm_keeper *keeper, const struct cm_cli_args *args);

#endif

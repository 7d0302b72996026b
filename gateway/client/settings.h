// Where the federation, the identity and the gateways are: /etc/comity/client.ini, and over it
// ~/.config/comity/client.ini. Loaded once at start; everything else borrows from it. One thread.
#ifndef CM_CLIENT_SETTINGS_H
#define CM_CLIENT_SETTINGS_H

#include "proto/envelope/signer.h"
#include "proto/rpc/channel.h"
#include "proto/trust/directory_store.h"

enum { CM_MAX_CLIENT_GATEWAYS = 16 };

struct cm_settings {
    struct cm_tls_files tls; // the person's key and chain, the federation's root
    struct cm_directory_store *store;
    struct cm_signer *signer;
    struct cm_identity identity;
    char *passphrase; // of the key, or NULL; wiped on clear
    size_t gateway_count;
    const char
        *gateways[CM_MAX_CLIENT_GATEWAYS]; // names in the order to try; none: the directory's
    const char *approvals;                 // the folder of requests and approvals, or NULL
    char *folder;                          // of the person's state; owned
    struct cm_config *files[2];            // private: the person's, the machine's
    const char *file;                      // private: instead of both, or NULL
};

// file: instead of both, or NULL. Asks for the key's passphrase where it needs one and there is a
// terminal.
enum cm_status cm_settings_load(struct cm_settings *out, const char *file,
                                const char *passphrase_file, struct cm_error *error) CM_MUST_CHECK;
// The same without the key, for what signs nothing: signer is NULL, the identity that of the
// chain's leaf, and nobody is asked for a passphrase.
enum cm_status cm_settings_load_unsigned(struct cm_settings *out, const char *file,
                                         struct cm_error *error) CM_MUST_CHECK;
void cm_settings_clear(struct cm_settings *settings);

#endif

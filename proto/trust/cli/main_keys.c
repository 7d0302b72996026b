#include "proto/trust/cli/keys.h"

static const struct cm_command commands[] = {
    {"root", "make a federation's root", cm_keys_root},
    {"ca", "make an agency's CA, and the request that the root signs", cm_keys_ca},
    {"request", "make a key where it is used, and the request for its certificate",
     cm_keys_request},
    {"sign", "sign a request whose fingerprint you were told", cm_keys_sign},
    {"revoke", "take a certificate back", cm_keys_revoke},
    {"crl", "issue a CA's revocation list", cm_keys_crl},
    {"show", "say what a certificate, request or list holds", cm_keys_show},
    {"pin", "print the digest of a public key that the directory pins", cm_keys_pin},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    cm_cli_start("comity keys", argc, argv);
    return cm_cli_dispatch(commands,
                           "Makes keys where they are used, and the certificates and revocation "
                           "lists that say whose they are. A private key never travels.",
                           argc, argv);
}

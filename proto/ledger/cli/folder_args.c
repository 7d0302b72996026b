#include "proto/ledger/cli/folder_args.h"

#include <string.h>

void cm_audit_arguments(char out[CM_MAX_ACCESS_TEXT + 1], int argc, char **argv)
{
    static const char more[] = "…";
    size_t len = 0;
    for (int i = 1; i < argc; i++) {
        const size_t word = strlen(argv[i]);
        if (len + word + 1 + sizeof more > CM_MAX_ACCESS_TEXT) {
            memcpy(out + len, more, sizeof more - 1);
            len += sizeof more - 1;
            break;
        }
        if (i > 1) {
            out[len++] = ' ';
        }
        memcpy(out + len, argv[i], word);
        len += word;
    }
    out[len] = '\0';
}

enum cm_status cm_audit_folder_open(struct cm_ledger_folder **out, const char *path,
                                    const struct cm_cli_args *args, const char *arguments,
                                    struct cm_error *error)
{
    const char *name = strrchr(cm_cli_name(), ' ');
    const struct cm_audit_credentials credentials = {.certificate = cm_cli_get(args, 'C'),
                                                     .key = cm_cli_get(args, 'K'),
                                                     .passphrase_file = cm_cli_get(args, 'F'),
                                                     .command = name ? name + 1 : cm_cli_name(),
                                                     .arguments = arguments};
    if ((credentials.certificate != NULL) != (credentials.key != NULL)) {
        return cm_fail(error, CM_INVALID, "--chain", "goes with --key, and --key with it");
    }
    return cm_ledger_folder_open(out, path, credentials.certificate ? &credentials : NULL, error);
}

void cm_audit_hide(const struct cm_cli_args *args, int key)
{
    const char *value;
    for (size_t i = 0; (value = cm_cli_nth(args, key, i)) != NULL; i++) {
        cm_wipe((char *)(uintptr_t)value, strlen(value));
    }
}

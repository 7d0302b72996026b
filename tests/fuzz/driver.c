// Runs a harness once on each file of the folders given, in place of libFuzzer; its options are
// taken and ignored. Exits 1 when a folder can't be read or holds nothing.
#include "harness.h"

#include "proto/base/file.h"

#include <dirent.h>
#include <stdio.h>

static int run_file(const char *folder, const char *name)
{
    struct cm_buf bytes = {0};
    char path[4096];
    int ok;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ok = cm_file_read(&bytes, path, 64 << 20, NULL) == CM_OK;
    if (ok) {
        LLVMFuzzerTestOneInput(bytes.data, bytes.len);
    } else {
        fprintf(stderr, "%s: can't be read\n", path);
    }
    cm_buf_clear(&bytes);
    return ok;
}

static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int files = 0;
    int ok = 1;

    if (!dir) {
        fprintf(stderr, "%s: can't be read\n", folder);
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        ok &= run_file(folder, entry->d_name);
        files++;
    }
    closedir(dir);
    if (files == 0) {
        fprintf(stderr, "%s: holds no corpus\n", folder);
    }
    return ok && files > 0;
}

int main(int argc, char **argv)
{
    int ok = 1;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            ok &= run_folder(argv[i]);
        }
    }
    return ok ? 0 : 1;
}

// Does to a ledger's folder what its daemon does once today is older than it keeps access records.
// outlive LEDGER   The daemon is down.
#include "proto/base/clock.h"
#include "proto/ledger/day_keys.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct cm_day_keys *keys = NULL;
    struct cm_error error = {.text = ""};
    size_t count = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: outlive LEDGER\n");
        return 2;
    }
    enum cm_status status = cm_day_keys_open(&keys, argv[1], &error);
    if (!status) {
        const uint32_t today = cm_day_of(cm_wall_ms(cm_clock_system()));
        status = cm_day_keys_erase(keys, today + 2, &count, &error);
    }
    cm_day_keys_free(keys);
    if (status || count == 0) {
        fprintf(stderr, "outlive: %s\n", status ? error.text : "there was no key");
        return 1;
    }
    return 0;
}

#include "nodes/copies_seen.h"

#include <criterion/criterion.h>

static struct cm_copies_seen seen;

static struct cm_entry copy(const char *gateway, uint64_t index, uint8_t question)
{
    struct cm_entry entry = {.kind = CM_ENTRY_COPY, .gateway = gateway, .gateway_index = index};
    entry.digest.b[0] = question;
    return entry;
}

static void clear(void)
{
    cm_copies_seen_clear(&seen);
}

TestSuite(copies_seen, .fini = clear);

Test(copies_seen, knows_what_was_added_and_nothing_else)
{
    const struct cm_entry first = copy("gw-1", 7, 1);
    cr_assert_not(cm_copies_seen_has(&seen, &first));
    cr_assert_eq(cm_copies_seen_add(&seen, &first), CM_OK);
    cr_assert(cm_copies_seen_has(&seen, &first));
    const struct cm_entry others[] = {copy("gw-2", 7, 1), copy("gw-1", 8, 1), copy("gw-1", 7, 2)};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_not(cm_copies_seen_has(&seen, &others[i]), "%zu", i);
    }
}

Test(copies_seen, counts_each_once_however_many)
{
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 20000; i++) {
            const struct cm_entry entry = copy("gw-1", i, 0);
            cr_assert_eq(cm_copies_seen_add(&seen, &entry), CM_OK);
        }
        cr_assert_eq(seen.count, 20000);
    }
    cr_assert_lt(seen.count, seen.room);
    for (uint64_t i = 0; i < 20000; i++) {
        const struct cm_entry entry = copy("gw-1", i, 0);
        cr_assert(cm_copies_seen_has(&seen, &entry));
    }
}

// What searches.c and searches_gather.c share. Main thread.
#ifndef CM_LEDGER_CLI_SEARCHES_INTERNAL_H
#define CM_LEDGER_CLI_SEARCHES_INTERNAL_H

#include "proto/ledger/cli/searches.h"

struct cm_searches {
    struct cm_arena *arena;
    struct cm_arena *scratch; // of one entry
    void *by_digest;          // tsearch(3) of struct cm_search
    void *words;              // tsearch(3), see cm_searches_word
    size_t count;
    struct cm_search **list;
    struct cm_source *sources;
};

// The search of that digest, made when there is none; NULL when out of memory.
struct cm_search *cm_searches_make(struct cm_searches *searches, const struct cm_digest *digest);

#endif

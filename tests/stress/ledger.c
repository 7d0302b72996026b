// The ledger's two threads at full speed: always many appends in flight, each proved when it is
// done, closed with some under way, and opened again.
#include "proto/ledger/ledger.h"
#include "tests/support/pki.h"
#include "tests/support/pump.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 4, APPENDS = 4000, IN_FLIGHT = 200 };

static void must(bool holds, const char *what)
{
    if (holds) {
        return;
    }
    fprintf(stderr, "stress_ledger: %s\n", what);
    abort();
}

struct state {
    struct cm_ledger *ledger;
    struct cm_arena *arena;
    unsigned in_flight;
    uint64_t done, replayed;
};

struct one {
    struct state *state;
    struct cm_append append;
    uint8_t entry[512];
};

static void done(struct cm_append *append)
{
    struct one *one = CM_CONTAINER(append, struct one, append);
    struct state *state = one->state;
    struct cm_inclusion proof;
    struct cm_digest leaf;
    must(append->status == CM_OK, "an append failed");
    must(append->index == state->done, "appends are done in order");
    cm_arena_reset(state->arena);
    must(cm_ledger_prove_inclusion(&proof, state->arena, state->ledger, append->index,
                                   append->head->checkpoint.size) == CM_OK,
         "no proof");
    cm_merkle_leaf(&leaf, append->entry);
    must(cm_merkle_check_inclusion(&proof, &leaf, &append->head->checkpoint.root) == CM_OK,
         "a proof does not hold");
    cm_tree_head_unref(append->head);
    state->in_flight--;
    state->done++;
    free(one);
}

static void start(struct state *state, unsigned *seed)
{
    struct one *one = calloc(1, sizeof *one);
    must(one, "out of memory");
    one->state = state;
    const size_t len = 1 + (size_t)rand_r(seed) % sizeof one->entry;
    for (size_t i = 0; i < len; i++) {
        one->entry[i] = (uint8_t)rand_r(seed);
    }
    one->append = (struct cm_append){.entry = {one->entry, len}, .done = done};
    if (rand_r(seed) % 4 == 0) {
        one->append.access = one->append.entry;
    }
    must(cm_ledger_append(state->ledger, &one->append) == CM_OK, "an append was refused");
    state->in_flight++;
}

static enum cm_status replay(void *context, const struct cm_log_item *item)
{
    struct state *state = context;
    must(item->entry.len > 0 && item->index == state->replayed++, "entries are replayed in order");
    return CM_OK;
}

static void run_round(struct state *state, struct pump *pump, const char *folder,
                      struct cm_signer *signer, unsigned *seed)
{
    struct cm_ledger_options options = {.folder = folder,
                                        .signer = signer,
                                        .poster = &pump->poster,
                                        .max_waiting = IN_FLIGHT,
                                        .replay = replay,
                                        .context = state};
    struct cm_error error = {.text = ""};
    state->replayed = 0;
    must(cm_ledger_open(&state->ledger, &options, &error) == CM_OK, error.text);
    must(state->replayed == state->done, "what was acknowledged is there");
    const uint64_t end = state->done + APPENDS;
    while (state->done + state->in_flight < end) {
        while (state->in_flight < IN_FLIGHT && state->done + state->in_flight < end) {
            start(state, seed);
        }
        pump_one(pump);
    }
    cm_ledger_close(state->ledger);
    pump_drain(pump);
    must(state->done == end && state->in_flight == 0, "closing completes what is under way");
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts;
    (void)type;
    (void)where;
    return remove(path);
}

int main(void)
{
    struct pki *pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    struct cm_signer *signer = pki_signer(pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    struct pump pump;
    struct state state = {.arena = cm_arena_new(1 << 16)};
    unsigned seed = 20251122;
    char folder[] = "/tmp/cm-stress-XXXXXX";
    must(mkdtemp(folder), "no folder");
    pump_init(&pump);
    for (unsigned round = 0; round < ROUNDS; round++) {
        run_round(&state, &pump, folder, signer, &seed);
    }
    must(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "the folder stays");
    cm_arena_free(state.arena);
    pki_free(pki);
    return 0;
}

// What the ledger's tests share: a folder that goes away, a signer, a poster that is pumped.
#ifndef CM_TESTS_LEDGER_FIXTURE_H
#define CM_TESTS_LEDGER_FIXTURE_H

#include "proto/ledger/ledger_io.h"
#include "tests/support/pump.h"

#define FIXTURE_SPIFFE "spiffe://test.example/_/gateway/gw1"
#define FIXTURE_ORIGIN "test.example/gateway/gw1"

struct fixture {
    char folder[64];
    char log[80];
    struct cm_signer *signer;
    struct pump pump;
};

void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
// A signer with a fresh key and a self-signed certificate of that name.
struct cm_signer *fixture_signer(const struct fixture *fixture, const char *spiffe);
struct cm_ledger_options fixture_options(struct fixture *fixture);

// One append, waited for.
struct one {
    struct cm_append append;
    bool done;
};
enum cm_status fixture_append(struct fixture *fixture, struct cm_ledger *ledger, struct one *one,
                              const char *entry);
void fixture_start(struct one *one, const char *entry);

// A file, or a folder with all that is in it.
void fixture_remove(const char *path);
// Takes away what was made from the log, so that another log may take its place.
void fixture_unpublish(const struct fixture *fixture);
// A whole file, and one that is overwritten.
struct cm_buf fixture_read(const char *path);
void fixture_write(const char *path, const uint8_t *data, size_t len);
// The entries that a start replays.
struct fixture_seen {
    uint64_t count;
    char last[64];
};

// Opens the ledger, which must hold; seen: what it replayed.
struct cm_ledger *fixture_ledger(struct fixture *f, struct fixture_seen *seen);
// Opens and closes it.
enum cm_status fixture_try(struct fixture *f);
// Opens it and records "entry 0" and so on, each with a checkpoint of its own.
void fixture_fill(struct fixture *f, unsigned count);
// Inclusion of what was appended, in its head.
void fixture_check_proof(const struct cm_ledger *ledger, const struct cm_append *append);
// One append, waited for, its head let go.
enum cm_status fixture_append_text(struct fixture *f, struct cm_ledger *ledger, const char *entry,
                                   bool essential);

#endif

// An empty store for one test, of the kind the environment asks for: PostgreSQL where
// CM_TEST_POSTGRES holds a conninfo, else SQLite in a temporary folder.
#ifndef CM_TESTS_CONFORMANCE_STORE_FIXTURE_H
#define CM_TESTS_CONFORMANCE_STORE_FIXTURE_H

#include "nodes/store/store.h"

#define OWNER "ca.northport.pd"

extern struct cm_store *store;
extern struct cm_arena *arena;

void fixture_open(void);
void fixture_close(void);
// Closes the store and opens it anew, as a restart does.
void fixture_reopen(void);
// A second store on the same data, as another process has it; NULL where only one may be.
struct cm_store *fixture_second(void);
bool fixture_on_postgres(void);

// Strings are kept until the test ends.
const char *text(const char *format, ...) CM_PRINTF(1, 2);
// Only what each row must have.
struct cm_stored plain_row(const char *event_id, int64_t at_ms, const char *plate);
// Every group and every value.
struct cm_stored full_row(const char *event_id, int64_t at_ms, const char *plate);
// Expects that all of them are accepted.
void put(const struct cm_stored *rows, size_t count);
// The event ids found, newest first, with commas between, in pages of `page`.
const char *ids(const char *plate, const char *state, int64_t from_ms, int64_t to_ms, size_t page);
uint64_t rows_stored(void);

#endif

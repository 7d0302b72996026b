// The keys of a ledger's access records: folder "keys", a file of 32 random bytes per UTC day, and
// "erased", the day before which they are gone for good. In memory they lie in pages that are
// locked and left out of core files. open, prepare and erase block: start-up or a worker. All
// calls lock by themselves; any thread.
#ifndef CM_LEDGER_DAY_KEYS_H
#define CM_LEDGER_DAY_KEYS_H

#include "proto/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CM_DAY_KEY_SIZE = 32, CM_DAY_KEY_MAX = 40000, CM_DAY_TEXT = 11 };
#define CM_DAY_KEYS_FOLDER "keys"
#define CM_DAY_KEYS_ERASED "erased"
#define CM_DAY_LENGTH_MS   INT64_C(86400000)

struct cm_day_keys;

// Days are counted from 1970-01-01 UTC; 0 for times before.
uint32_t cm_day_of(int64_t utc_ms);
int64_t cm_day_begins_ms(uint32_t day);
// "2026-11-22".
void cm_day_format(char out[CM_DAY_TEXT], uint32_t day);
// Exactly such a date. CM_INVALID.
enum cm_status cm_day_parse(uint32_t *out, const char *text) CM_MUST_CHECK;

// Of the ledger in folder, for the one process that writes it: the folder "keys" is made when
// missing, an erasure that a crash cut short is ended, and what a crash left of a key that nobody
// used is removed. CM_INVALID: a file there is no key.
enum cm_status cm_day_keys_open(struct cm_day_keys **out, const char *folder,
                                struct cm_error *error) CM_MUST_CHECK;
// The same without changing anything, for tools. No folder "keys": no keys.
enum cm_status cm_day_keys_open_read(struct cm_day_keys **out, const char *folder,
                                     struct cm_error *error) CM_MUST_CHECK;
// In memory alone: keys that a running node or gateway handed over.
enum cm_status cm_day_keys_new(struct cm_day_keys **out) CM_MUST_CHECK;
enum cm_status cm_day_keys_add(struct cm_day_keys *keys, uint32_t day,
                               const uint8_t key[CM_DAY_KEY_SIZE]) CM_MUST_CHECK;
void cm_day_keys_set_erased(struct cm_day_keys *keys, uint32_t before_day);
// Wipes them.
void cm_day_keys_free(struct cm_day_keys *keys);

// Makes the keys of now's day and the next durable where they are missing: at start, daily, and
// after a clock step. CM_STALE: the clock stands before a day whose key was erased.
enum cm_status cm_day_keys_prepare(struct cm_day_keys *keys, int64_t now_ms,
                                   struct cm_error *error) CM_MUST_CHECK;
// CM_NOT_FOUND: erased, or never made. Never blocks on a file. Wipe out after use.
enum cm_status cm_day_keys_get(uint8_t out[CM_DAY_KEY_SIZE], struct cm_day_keys *keys,
                               uint32_t day) CM_MUST_CHECK;
// Destroys the keys of all days before that one: overwritten, unlinked, wiped; none is ever made
// for them again. *count (may be NULL): how many there were. On CM_IO some are left: call again.
enum cm_status cm_day_keys_erase(struct cm_day_keys *keys, uint32_t before_day, size_t *count,
                                 struct cm_error *error) CM_MUST_CHECK;

// Keys of days before this one were erased; 0: none ever.
uint32_t cm_day_keys_erased_before(struct cm_day_keys *keys);
size_t cm_day_keys_count(struct cm_day_keys *keys);
// The index-th day that has a key, ascending; index below the count.
uint32_t cm_day_keys_day(struct cm_day_keys *keys, size_t index);
// False: the system would not lock their pages (RLIMIT_MEMLOCK), they may reach swap.
bool cm_day_keys_locked(struct cm_day_keys *keys);

#endif

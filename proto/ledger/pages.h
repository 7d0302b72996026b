// A whole tree's hashes in memory that is bounded: in pages of 256 leaves of a level, which are
// tiles with the nodes above them. Pages whose tile is published are read back, and held against
// the hash above them, when they are needed again. One thread at a time.
#ifndef CM_LEDGER_PAGES_H
#define CM_LEDGER_PAGES_H

#include "proto/ledger/merkle.h"

enum { CM_PAGES_RESIDENT = 256 }; // of those that could be read back; of 16 KiB

struct cm_pages;

// folder: the ledger's, with the tiles, borrowed.
enum cm_status cm_pages_new(struct cm_pages **out, int folder) CM_MUST_CHECK;
void cm_pages_free(struct cm_pages *pages);
// CM_MEMORY; the tree is then as before.
enum cm_status cm_pages_add(struct cm_pages *pages, const struct cm_digest *leaf) CM_MUST_CHECK;
// The whole tiles of the first size leaves are in the folder. A smaller size than before is
// ignored.
void cm_pages_published(struct cm_pages *pages, uint64_t size);
// Gives hashes until pages are freed; its size is as of now. CM_IO, and logged, when a tile can't
// be read or doesn't fit the hash above it; CM_MEMORY.
struct cm_hash_source cm_pages_source(struct cm_pages *pages);
// Pages in memory, for tests and metrics.
size_t cm_pages_count(const struct cm_pages *pages);

#endif

// A gateway and two nodes that are honest until a test bends one message, and the book that follows
// them. One world a test.
#ifndef CM_TESTS_BOOK_WORLD_H
#define CM_TESTS_BOOK_WORLD_H

#include "gateway/client/book.h"
#include "proto/ledger/node_record.h"
#include "tests/support/pki.h"

#define NORTHPORT "ca.northport.pd"
#define SOUTHGATE "ca.southgate.pd"
#define MILLTOWN  "ca.milltown.pd" // active, not asked

enum { LIMIT = 6, MAX_OUT = 64 };

struct node {
    const char *agency;
    struct cm_signer *signer;
    struct cm_digest previous;
    uint64_t rows;
    bool shown; // its record came
};

extern struct pki *world_pki;
extern struct cm_arena *world_arena;
extern struct cm_trust *world_trust;
extern struct cm_signatory *world_gateway;
extern struct cm_signer *world_gateway_signer;
extern struct cm_book *world_book;
extern struct cm_digest world_query_digest;
extern struct cm_digest world_key_hash;
extern struct cm_error world_error;
extern struct node world_north, world_south;
extern struct cm_entry world_entry; // what the gateway records, but for the digest
extern struct cm_accepted world_accepted;
extern struct cm_account world_accounts[2];
extern struct cm_manifest world_manifest;
extern int64_t world_out[MAX_OUT]; // times of the rows shown
extern size_t world_out_count;
extern const int64_t world_north_times[3];
extern const int64_t world_south_times[2];
// How a node lies about a row's owner or time; whether it says that it stopped at a limit.
extern const char *world_row_owner;
extern int64_t world_row_later_ms;
extern bool world_node_stopped;

void world_set_up(void);
void world_tear_down(void);
void world_collect(void *context, const struct cm_detection *detection);
// The gateway's entry for a query, alone in its tree.
void world_record(struct cm_accepted *into, const struct cm_digest *digest,
                  struct cm_signer *signer);
// Begins the book again.
void world_begin(enum cm_order order);
struct cm_row world_row_of(const struct node *node, int64_t captured_at_ms);
// node's next batch, of reads at these times; the last `cut` of them withheld.
struct cm_batch world_batch_of(struct node *node, const int64_t *times, size_t count, bool final,
                               size_t cut);
// The ask that both nodes got; a record of it, shown by the gateway or honestly of node.
void world_node_ask(struct cm_node_ask *ask, enum cm_refusal_code refusal);
enum cm_status world_show(const char *agency, const struct cm_record *record);
void world_show_of(struct node *node, struct cm_account *account, enum cm_refusal_code refusal);
enum cm_status world_give(const struct cm_batch *batch);
// An honest batch, taken and entered into the gateway's account.
void world_answer(struct node *node, struct cm_account *account, const int64_t *times, size_t count,
                  bool final, size_t cut);
void world_answer_all(void);
extern enum cm_refusal_code world_refusal_code;
// A refusal that the node signs, of that code; NULL digest: its usual rules.
enum cm_status world_refuse(struct node *node, const struct cm_digest *rules);
enum cm_status world_end_by(struct cm_signer *signer);
enum cm_status world_end(void);

#endif

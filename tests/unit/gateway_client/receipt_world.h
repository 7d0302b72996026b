// Answers of an honest gateway to a question that somebody signed, message by message, and the
// receipts made of them, whole or bent. One world a test.
#ifndef CM_TESTS_RECEIPT_WORLD_H
#define CM_TESTS_RECEIPT_WORLD_H

#include "gateway/client/receipt_replay.h"
#include "tests/unit/gateway_client/book_world.h"

enum receipt_kind {
    RECEIPT_PLAIN,   // both answer
    RECEIPT_REFUSED, // one refuses
    RECEIPT_CUT,     // the limit cuts a batch and leaves another out whole
    RECEIPT_KINDS,
};

enum { MAX_MESSAGES = 16 };

struct receipt_answer {
    struct cm_bytes question;
    struct cm_bytes directory;
    struct cm_bytes gateway;
    size_t count;
    enum cm_lookup_kind kinds[MAX_MESSAGES];
    struct cm_bytes messages[MAX_MESSAGES];
    int64_t rows[LIMIT]; // times of those that it shows
    size_t row_count;
};

extern struct cm_signer *receipt_person;

void receipt_set_up(void);
// Another at each call, each to a question of its own.
void receipt_answer_of(struct receipt_answer *out, enum receipt_kind kind);
// Unsaved; saved: with the person's signature.
void receipt_write(struct cm_buf *out, const struct receipt_answer *answer, bool saved);
// What check comes to under the world's root; *same: it shows the answer's rows. newest may be
// NULL.
enum cm_status receipt_judge(struct cm_bytes receipt, const struct receipt_answer *answer,
                             bool *same, const struct cm_trust *newest);

#endif

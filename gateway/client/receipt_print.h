// What a replayed receipt says, for people: what holds, line by line; and the exhibit, plain text
// of 80 columns that reads as well on paper. Names and texts of others are made harmless first.
// Main thread.
#ifndef CM_CLIENT_RECEIPT_PRINT_H
#define CM_CLIENT_RECEIPT_PRINT_H

#include "gateway/client/receipt_replay.h"

#include <stdio.h>

// "holds: ..." for all that was reached, also when the rest does not hold.
void cm_receipt_print_holds(FILE *out, const struct cm_replay *replay);
// "not known: ...": what no file can tell.
void cm_receipt_print_unknown(FILE *out, const struct cm_replay *replay);

// The exhibit, of a receipt that holds: what comes before the rows, each row (number from 1), what
// comes after. digest: of the file.
void cm_exhibit_begin(FILE *out, const struct cm_replay *replay, const struct cm_digest *digest);
void cm_exhibit_row(FILE *out, uint64_t number, const struct cm_detection *row);
void cm_exhibit_end(FILE *out, const struct cm_replay *replay, int64_t now_ms);

#endif

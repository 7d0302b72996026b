// Who finds that a folder was tampered with: `comity audit verify` by itself with the key and the
// directory from outside, else the witness that saw its newest checkpoint, else whoever kept a
// checkpoint that he was shown. One thread.
#ifndef CM_TESTS_TAMPER_JUDGE_H
#define CM_TESTS_TAMPER_JUDGE_H

#include "whole.h"

struct tally {
    const char *sort;
    unsigned made, verify, witness, kept, nobody;
};

// Whether verify finds nothing wrong; *why (may be NULL): the first thing that it does.
bool judge_verifies(const struct whole *whole, bool with_kept, char why[640]);
// Whether the witness would sign what a daemon in that folder offers it.
bool judge_witness_signs(const struct whole *whole);
// Counts one change of the folder; the first few that nobody finds are told in full.
void judge(struct tally *tally, const struct whole *whole, const char *format, ...) CM_PRINTF(3, 4);
// Prints the line of the table; fails the test unless all were found and there was at least one.
void judge_end(const struct tally *tally);

#endif

// A federation of three agencies and what its tests ask of it.
#ifndef CM_TESTS_TRUST_SUPPORT_H
#define CM_TESTS_TRUST_SUPPORT_H

#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <string.h>

#define NORTHPORT "ca.northport.pd"
#define SOUTHGATE "ca.southgate.pd"
#define MILLTOWN  "ca.milltown.pd"

extern struct pki *pki;
extern struct cm_arena *arena;

void trust_setup(void);
void trust_teardown(void);

// cm_trust_new of the federation as it stands; *out NULL unless CM_OK.
enum cm_status trust_load(struct cm_trust **out, const struct cm_trust *older,
                          struct cm_error *error);
// cm_trust_chain of identity at pki->now_ms, released again.
enum cm_status trust_judge(struct cm_trust *trust, const struct pki_identity *identity,
                           struct cm_error *error);
// The same with a snapshot made of the federation as it stands.
enum cm_status trust_judge_now(const struct pki_identity *identity, struct cm_error *error);

// Refused as unauthenticated, for a reason that holds the words.
#define EXPECT_REFUSED(call, words)                                                                \
    do {                                                                                           \
        struct cm_error error_ = {0};                                                              \
        struct cm_error *error = &error_;                                                          \
        cr_expect_eq((call), CM_UNAUTHENTICATED, "%s", error_.text);                               \
        cr_expect_not_null(strstr(error_.text, (words)), "%s: %s", error_.where, error_.text);     \
    } while (0)

#endif

// A federation of three agencies and what its tests ask of it.
#ifndef CM_TESTS_TRUST_SUPPORT_H
#define CM_TESTS_TRUST_SUPPORT_H

#include "tests/support/pki.h"

#include "proto/codec/query.h"

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

// A good lookup of alice's at Northport, at gw-1, now, with a case; its strings are static.
struct cm_query trust_query(void);
// Her supervisor's approval of it, an hour old.
struct cm_approval trust_approval(const struct cm_query *query);
// Encoded and signed.
struct cm_envelope trust_sign_query(const struct cm_query *query, const struct cm_signer *signer);
struct cm_envelope trust_sign_approval(const struct cm_approval *approval,
                                       const struct cm_signer *signer);
const struct pki_identity *trust_alice(void);

// Refused as unauthenticated, for a reason that holds the words.
#define EXPECT_REFUSED(call, words)                                                                \
    do {                                                                                           \
        struct cm_error error_ = {0};                                                              \
        struct cm_error *error = &error_;                                                          \
        cr_expect_eq((call), CM_UNAUTHENTICATED, "%s", error_.text);                               \
        cr_expect_not_null(strstr(error_.text, (words)), "%s: %s", error_.where, error_.text);     \
    } while (0)

#endif

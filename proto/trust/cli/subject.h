// Whom a certificate is for, read from its SPIFFE name: a federation's root, an agency's CA, or a
// leaf; and what that decides: who issues it, for how long, whether its key wants a passphrase.
// Plain values; any thread.
#ifndef CM_TRUST_CLI_SUBJECT_H
#define CM_TRUST_CLI_SUBJECT_H

#include "proto/trust/identity.h"

enum cm_subject_level { CM_SUBJECT_NONE = 0, CM_SUBJECT_ROOT, CM_SUBJECT_CA, CM_SUBJECT_LEAF };

struct cm_subject {
    enum cm_subject_level level;
    char federation[CM_MAX_ID + 1];
    char agency[CM_MAX_ID + 1]; // "" for a root
    enum cm_role role;          // leaves
    char name[CM_MAX_ID + 1];   // leaves
    char spiffe[4 * CM_MAX_ID];
};

// FEDERATION, FEDERATION/AGENCY or FEDERATION/AGENCY/ROLE/NAME, with or without spiffe:// before.
enum cm_status cm_subject_parse(struct cm_subject *out, const char *text,
                                struct cm_error *error) CM_MUST_CHECK;
// A root issues its agencies' CAs, gateways and directory signers; a CA its own agency's leaves.
bool cm_subject_issues(const struct cm_subject *issuer, const struct cm_subject *subject);
// People's keys and CAs' have one; daemons' keys don't.
bool cm_subject_wants_passphrase(const struct cm_subject *subject);
// "federation root", "agency CA", "investigator", ...
const char *cm_subject_what(const struct cm_subject *subject);
// Days that a certificate is valid when nobody says.
int cm_subject_days(const struct cm_subject *subject);

#endif

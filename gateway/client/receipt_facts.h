// Private to the replay: what it notes of a receipt once it held, for those who read the result.
// Everything is copied into the replay's arena. One thread.
#ifndef CM_CLIENT_RECEIPT_FACTS_H
#define CM_CLIENT_RECEIPT_FACTS_H

#include "gateway/client/receipt_replay.h"

// Each certificate once. signatory: a reference is taken; may be NULL.
enum cm_status cm_facts_paper(struct cm_replay *replay, const char *whose, struct cm_bytes der,
                              struct cm_signatory *signatory, struct cm_error *error) CM_MUST_CHECK;
// The root's and the directory signer's certificates.
enum cm_status cm_facts_directory(struct cm_replay *replay, struct cm_bytes root,
                                  struct cm_bytes bundle, struct cm_error *error) CM_MUST_CHECK;
// The investigator's, and the supervisor's where the question carries an approval.
enum cm_status cm_facts_question(struct cm_replay *replay, const struct cm_envelope *question,
                                 struct cm_error *error) CM_MUST_CHECK;
// A message that the book took.
enum cm_status cm_facts_response(struct cm_replay *replay,
                                 const struct cm_lookup_response *response,
                                 struct cm_error *error) CM_MUST_CHECK;

#endif

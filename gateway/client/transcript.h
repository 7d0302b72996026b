// What a lookup receives, kept as it comes for a receipt: streamed, sealed, into the folder of
// answers. It is there under its query's id once kept, and not at all before. A fault ends the
// keeping, never the lookup. One thread.
#ifndef CM_CLIENT_TRANSCRIPT_H
#define CM_CLIENT_TRANSCRIPT_H

#include "gateway/client/receipt.h"
#include "gateway/client/transcript_folder.h"

struct cm_transcript;

struct cm_transcript_head {
    struct cm_bytes question;  // the envelope, as sent
    struct cm_bytes directory; // the bundle that the answer is judged by
    struct cm_bytes gateway;   // the certificate it showed, DER
    struct cm_bytes owner;     // SubjectPublicKeyInfo of whom it is kept for
};

// answers: stays the caller's, outlives it.
enum cm_status cm_transcript_new(struct cm_transcript **out, struct cm_answers *answers,
                                 const struct cm_transcript_head *head,
                                 struct cm_error *error) CM_MUST_CHECK;
// A LookupResponse. What goes wrong is said by keep.
void cm_transcript_add(struct cm_transcript *transcript, struct cm_bytes response);

struct cm_kept {
    char id[CM_ANSWER_ID_SIZE];
    size_t removed; // older answers that made room
};
// Ends it: durable under its id, then freed. On an error nothing is left of it.
enum cm_status cm_transcript_keep(struct cm_transcript *transcript, struct cm_kept *out,
                                  struct cm_error *error) CM_MUST_CHECK;
// Leaves nothing. NULL is fine.
void cm_transcript_drop(struct cm_transcript *transcript);

#endif

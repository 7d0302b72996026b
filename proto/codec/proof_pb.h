// Private to the codecs: RFC 6962 proofs, and entries proved by them, inside other messages.
#ifndef CM_CODEC_PROOF_PB_H
#define CM_CODEC_PROOF_PB_H

#include "proto/codec/entry.h"
#include "proto/codec/form.h"

#include "comity/v1/ledger.pb-c.h"

// in NULL fails the form.
void cm_form_inclusion(struct cm_form *form, struct cm_inclusion *out,
                       const Comity__V1__InclusionProof *in);
void cm_form_inclusion_check(struct cm_form *form, const struct cm_inclusion *in);
Comity__V1__InclusionProof *cm_form_out_inclusion(struct cm_form *form,
                                                  const struct cm_inclusion *in);

// NULL stands for zero sizes.
void cm_form_consistency(struct cm_form *form, struct cm_consistency *out,
                         const Comity__V1__ConsistencyProof *in);
void cm_form_consistency_check(struct cm_form *form, const struct cm_consistency *in);
Comity__V1__ConsistencyProof *cm_form_out_consistency(struct cm_form *form,
                                                      const struct cm_consistency *in);

// in NULL stands for a record without entry.
void cm_form_record(struct cm_form *form, const char *field, struct cm_record *out,
                    const Comity__V1__Record *in);
void cm_form_record_check(struct cm_form *form, const char *field, const struct cm_record *in);
Comity__V1__Record *cm_form_out_record(struct cm_form *form, const char *field,
                                       const struct cm_record *in);

#endif

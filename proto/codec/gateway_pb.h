// Private to the codecs: what the gateway's streams share.
#ifndef CM_CODEC_GATEWAY_PB_H
#define CM_CODEC_GATEWAY_PB_H

#include "proto/codec/answer_pb.h"
#include "proto/codec/gateway.h"

#include "comity/v1/gateway.pb-c.h"

void cm_form_part(struct cm_form *form, struct cm_directory_part *out,
                  const Comity__V1__DirectoryPart *in);
Comity__V1__DirectoryPart *cm_form_out_part(struct cm_form *form,
                                            const struct cm_directory_part *in);
// An envelope in scratch; NULL for family NONE.
Comity__V1__Envelope *cm_form_new_envelope(struct cm_form *form, const char *field,
                                           const struct cm_envelope *in, unsigned families);

void cm_form_witness(struct cm_form *form, struct cm_witness_checkpoint *out,
                     const Comity__V1__WitnessCheckpoint *in);
Comity__V1__WitnessCheckpoint *cm_form_out_witness(struct cm_form *form,
                                                   const struct cm_witness_checkpoint *in);
void cm_form_cosignature(struct cm_form *form, struct cm_cosignature *out,
                         const Comity__V1__Cosignature *in);
Comity__V1__Cosignature *cm_form_out_cosignature(struct cm_form *form,
                                                 const struct cm_cosignature *in);
void cm_form_copy(struct cm_form *form, struct cm_copy *out, const Comity__V1__Copy *in);
Comity__V1__Copy *cm_form_out_copy(struct cm_form *form, const struct cm_copy *in);

#endif

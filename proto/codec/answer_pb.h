// Private to the codecs: a batch inside another message, either way.
#ifndef CM_CODEC_ANSWER_PB_H
#define CM_CODEC_ANSWER_PB_H

#include "proto/codec/answer.h"
#include "proto/codec/envelope_pb.h"

#include "comity/v1/answer.pb-c.h"

void cm_form_batch(struct cm_form *form, struct cm_batch *out, const Comity__V1__Batch *in);
void cm_form_batch_check(struct cm_form *form, const struct cm_batch *batch);
Comity__V1__Batch *cm_form_out_batch(struct cm_form *form, const struct cm_batch *in);

#endif

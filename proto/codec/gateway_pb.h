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
// Packs message, unless the form failed, and frees the scratch.
enum cm_status cm_form_finish(struct cm_form *form, struct cm_buf *out,
                              const ProtobufCMessage *message, size_t max) CM_MUST_CHECK;

#endif

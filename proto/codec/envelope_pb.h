// Private to the codecs: an envelope inside another message, either way.
#ifndef CM_CODEC_ENVELOPE_PB_H
#define CM_CODEC_ENVELOPE_PB_H

#include "proto/codec/envelope.h"
#include "proto/codec/form.h"

#include "comity/v1/envelope.pb-c.h"

struct cm_envelope_pb {
    Comity__V1__Envelope envelope;
    Comity__V1__Signature signature[2];
    Comity__V1__Signature *signatures[2];
    ProtobufCBinaryData chain[2][CM_MAX_CHAIN];
};

// in NULL fails the form; families: bits 1u << enum cm_family that may stand here.
void cm_form_envelope(struct cm_form *form, const char *field, struct cm_envelope *out,
                      const Comity__V1__Envelope *in, unsigned families);
// The same checks, of a value.
void cm_form_envelope_check(struct cm_form *form, const char *field, const struct cm_envelope *in,
                            unsigned families);
// The message of in, checked; it borrows from pb and in.
Comity__V1__Envelope *cm_form_out_envelope(struct cm_form *form, const char *field,
                                           struct cm_envelope_pb *pb, const struct cm_envelope *in,
                                           unsigned families);

#endif

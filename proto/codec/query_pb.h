// Private to the codecs: the parts that queries, approvals, headers and manifests share.
#ifndef CM_CODEC_QUERY_PB_H
#define CM_CODEC_QUERY_PB_H

#include "proto/codec/form.h"
#include "proto/codec/query.h"

#include "comity/v1/query.pb-c.h"

// Strictly ascending values to a mask.
void cm_form_fields(struct cm_form *form, const char *field, cm_fields *out,
                    const Comity__V1__Field *in, size_t count);
// The inverse, into out[CM_FIELD_COUNT]; how many.
size_t cm_form_out_fields(Comity__V1__Field *out, cm_fields in);
void cm_form_fields_check(struct cm_form *form, const char *field, cm_fields in);

// Everything of the header's "form only".
void cm_form_query_check(struct cm_form *form, const struct cm_query *query, bool reach);
void cm_form_approval_check(struct cm_form *form, const struct cm_approval *approval);

#endif

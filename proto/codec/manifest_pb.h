// Private to the codecs: counts per outcome, as manifests and reach responses carry them.
#ifndef CM_CODEC_MANIFEST_PB_H
#define CM_CODEC_MANIFEST_PB_H

#include "proto/codec/form.h"
#include "proto/codec/manifest.h"

#include "comity/v1/manifest.pb-c.h"

// Strictly ascending by outcome, none of them zero.
void cm_form_counts(struct cm_form *form, uint32_t out[CM_OUTCOME_COUNT],
                    Comity__V1__OutcomeCount **in, size_t count);
Comity__V1__OutcomeCount **cm_form_out_counts(struct cm_form *form, size_t *count,
                                              const uint32_t in[CM_OUTCOME_COUNT]);
// None, or some outcome.
void cm_form_outcome(struct cm_form *form, const char *field, int outcome, bool none_allowed);

#endif

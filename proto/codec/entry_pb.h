// Private to the codecs: what an entry's members must be, whichever way it goes.
#ifndef CM_CODEC_ENTRY_PB_H
#define CM_CODEC_ENTRY_PB_H

#include "proto/codec/entry.h"
#include "proto/codec/form.h"

void cm_form_entry_check(struct cm_form *form, const struct cm_entry *entry);

#endif

// The one URI subject alternative name of a certificate. The only header of this folder that knows
// OpenSSL's types. Pure; any thread.
#ifndef CM_ENVELOPE_SAN_H
#define CM_ENVELOPE_SAN_H

#include "proto/base/status.h"

#include <openssl/x509.h>
#include <stddef.h>

// CM_NOT_FOUND without a URI, CM_INVALID with several, an unreadable one, or one that doesn't fit.
enum cm_status cm_san_uri(char *out, size_t size, const X509 *certificate) CM_MUST_CHECK;

#endif

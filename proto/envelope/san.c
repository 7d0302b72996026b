#include "proto/envelope/san.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

static bool copy_uri(char *out, size_t size, const ASN1_STRING *text)
{
    const unsigned char *data = ASN1_STRING_get0_data(text);
    int len = ASN1_STRING_length(text);
    if (len <= 0 || (size_t)len >= size || memchr(data, 0, (size_t)len) != NULL) {
        return false;
    }
    memcpy(out, data, (size_t)len);
    out[len] = 0;
    return true;
}

enum cm_status cm_san_uri(char *out, size_t size, const X509 *certificate)
{
    out[0] = 0;
    int critical = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    if (names == NULL) {
        ERR_clear_error();
        return critical == -1 ? CM_NOT_FOUND : CM_INVALID;
    }
    enum cm_status status = CM_NOT_FOUND;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI) {
            continue;
        }
        if (status != CM_NOT_FOUND || !copy_uri(out, size, name->d.uniformResourceIdentifier)) {
            status = CM_INVALID;
            break;
        }
        status = CM_OK;
    }
    GENERAL_NAMES_free(names);
    if (status != CM_OK) {
        out[0] = 0;
    }
    return status;
}

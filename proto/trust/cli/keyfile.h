// Private P-256 keys in files: made, written once, read, and the pin of their public half.
// Any thread.
#ifndef CM_TRUST_CLI_KEYFILE_H
#define CM_TRUST_CLI_KEYFILE_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

#include <openssl/evp.h>

enum { CM_KEYFILE_MAX = 16 * 1024 };

enum cm_status cm_keyfile_new(EVP_PKEY **out, struct cm_error *error) CM_MUST_CHECK;
// PKCS#8 PEM, mode 600, CM_INVALID over an existing file; encrypted unless passphrase is NULL.
enum cm_status cm_keyfile_save(const char *path, EVP_PKEY *key, const char *passphrase,
                               struct cm_error *error) CM_MUST_CHECK;
// passphrase may be NULL. CM_UNAUTHENTICATED when it doesn't open the key.
enum cm_status cm_keyfile_load(EVP_PKEY **out, const char *path, const char *passphrase,
                               struct cm_error *error) CM_MUST_CHECK;
// SHA-256 of the SubjectPublicKeyInfo; CM_INVALID unless the key is P-256. where is for the error.
enum cm_status cm_keyfile_pin(struct cm_digest *out, EVP_PKEY *key, const char *where,
                              struct cm_error *error) CM_MUST_CHECK;

// OpenSSL's password callback that never asks: userdata is a passphrase or NULL.
int cm_keyfile_passphrase(char *out, int size, int writing, void *userdata);
// CM_INTERNAL with OpenSSL's newest reason; clears its error queue.
enum cm_status cm_keyfile_openssl(struct cm_error *error, const char *where, const char *what);

#endif

#include "proto/trust/cli/keyfile.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[32];
static char path[64];

static void make(void)
{
    snprintf(folder, sizeof folder, "/tmp/comity-key-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.key", folder);
}

static void clean(void)
{
    unlink(path);
    cr_expect_eq(rmdir(folder), 0, "something was left behind");
}

TestSuite(keyfile, .init = make, .fini = clean);

Test(keyfile, saved_and_loaded_it_is_the_same_key)
{
    static char passphrase[] = "correct horse";
    for (int encrypted = 0; encrypted < 2; encrypted++) {
        EVP_PKEY *key = NULL, *again = NULL;
        struct stat facts;
        struct cm_digest pin, pin_again;
        const char *with = encrypted ? passphrase : NULL;
        cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
        cr_assert_eq(cm_keyfile_save(path, key, with, NULL), CM_OK);
        cr_assert_eq(stat(path, &facts), 0);
        cr_expect_eq(facts.st_mode & 0777, 0600);
        cr_assert_eq(cm_keyfile_load(&again, path, with, NULL), CM_OK);
        cr_expect_eq(EVP_PKEY_eq(key, again), 1);
        cr_expect_eq(cm_keyfile_pin(&pin, key, "key", NULL), CM_OK);
        cr_expect_eq(cm_keyfile_pin(&pin_again, again, "key", NULL), CM_OK);
        cr_expect(cm_digest_equal(&pin, &pin_again));
        EVP_PKEY_free(key);
        EVP_PKEY_free(again);
        unlink(path);
    }
}

Test(keyfile, a_key_opens_with_its_passphrase_alone)
{
    EVP_PKEY *key = NULL, *again = NULL;
    cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
    cr_assert_eq(cm_keyfile_save(path, key, "correct horse", NULL), CM_OK);
    cr_expect_eq(cm_keyfile_load(&again, path, "correct hors", NULL), CM_UNAUTHENTICATED);
    cr_expect_eq(cm_keyfile_load(&again, path, NULL, NULL), CM_UNAUTHENTICATED);
    cr_expect_null(again);
    EVP_PKEY_free(key);
}

Test(keyfile, a_key_is_never_overwritten)
{
    EVP_PKEY *key = NULL, *other = NULL, *again = NULL;
    struct cm_error error = {0};
    cr_assert_eq(cm_keyfile_new(&key, NULL), CM_OK);
    cr_assert_eq(cm_keyfile_new(&other, NULL), CM_OK);
    cr_assert_eq(cm_keyfile_save(path, key, NULL, NULL), CM_OK);
    cr_expect_eq(cm_keyfile_save(path, other, NULL, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.hint, "never overwritten"));
    cr_assert_eq(cm_keyfile_load(&again, path, NULL, NULL), CM_OK);
    cr_expect_eq(EVP_PKEY_eq(key, again), 1);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(again);
}

Test(keyfile, other_keys_and_other_files_are_refused)
{
    EVP_PKEY *large = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048), *loaded = NULL;
    struct cm_digest pin;
    cr_expect_eq(cm_keyfile_pin(&pin, large, "key", NULL), CM_INVALID);
    cr_expect_eq(cm_keyfile_pin(&pin, rsa, "key", NULL), CM_INVALID);
    cr_assert_eq(cm_keyfile_save(path, large, NULL, NULL), CM_OK);
    cr_expect_eq(cm_keyfile_load(&loaded, path, NULL, NULL), CM_INVALID);
    cr_expect_null(loaded);
    cr_assert_eq(cm_file_write(path, cm_bytes_of("-----BEGIN PRIVATE KEY-----\n"), 0600, NULL),
                 CM_OK);
    cr_expect_eq(cm_keyfile_load(&loaded, path, NULL, NULL), CM_UNAUTHENTICATED);
    EVP_PKEY_free(large);
    EVP_PKEY_free(rsa);
}

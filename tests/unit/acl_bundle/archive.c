#include "acl/bundle/archive.h"

#include "proto/base/file.h"
#include "proto/codec/ruleset.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"

static struct pki *pki;
static char folder[PKI_PATH + 8];

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, OWNER);
    snprintf(folder, sizeof folder, "%s/rules", pki->dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
}

static void tear_down(void)
{
    pki_free(pki);
}

TestSuite(archive, .init = set_up, .fini = tear_down);

static const char *in_folder(const char *format, unsigned long serial)
{
    static char path[PKI_PATH + 96];
    char name[64];
    snprintf(name, sizeof name, format, serial);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static bool kept(unsigned long serial)
{
    return access(in_folder("directory-%lu", serial), F_OK) == 0;
}

static void keep(void)
{
    struct cm_trust *trust = pki_trust(pki);
    cr_assert_eq(cm_archive_keep(folder, trust, NULL), CM_OK);
    cm_trust_unref(trust);
}

// A rule set of the folder that names that directory.
static void name_directory(uint64_t serial)
{
    static const struct cm_rule_file file = {"rules", {(const uint8_t *)"rules 1\n", 8}};
    const struct cm_ruleset set = {
        .federation = pki->federation,
        .agency = OWNER,
        .sequence = 1,
        .directory_serial = serial,
        .signed_ms = pki->now_ms,
        .language = 1,
        .main = "rules",
        .file_count = 1,
        .files = &file,
    };
    struct cm_error error = {0};
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    cr_assert_eq(cm_ruleset_encode(&payload, &set, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_dsse_sign(&envelope, CM_FAMILY_RULESET, cm_buf_bytes(&payload),
                              pki_signer(pki, OWNER, CM_ROLE_ADMIN, "admin"), true),
                 CM_OK);
    cr_assert_eq(cm_file_write(in_folder(OWNER ".ruleset", 0), cm_buf_bytes(&envelope), 0600, NULL),
                 CM_OK);
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
}

Test(archive, keeps_the_newest_and_what_a_set_names)
{
    name_directory(2);
    for (int i = 0; i < 12; i++) {
        keep();
        pki_next(pki);
    }
    cr_expect_not(kept(1));
    cr_expect(kept(2), "a set names it");
    cr_expect_not(kept(3));
    cr_expect_not(kept(4));
    for (unsigned long serial = 5; serial <= 12; serial++) {
        cr_expect(kept(serial), "%lu", serial);
    }
    name_directory(12);
    keep();
    cr_expect_not(kept(2), "no set names it any more");
}

Test(archive, removes_nothing_when_a_set_cannot_be_read)
{
    cr_assert_eq(cm_file_write(in_folder(OWNER ".ruleset", 0), cm_bytes_of("damaged"), 0600, NULL),
                 CM_OK);
    for (int i = 0; i < 10; i++) {
        keep();
        pki_next(pki);
    }
    cr_expect(kept(1));
}

Test(archive, a_kept_directory_is_found_by_the_roots_word_and_holds_no_crl)
{
    struct cm_trust *first = pki_trust(pki);
    struct cm_buf file = {0};
    struct cm_error error = {0};
    keep();
    pki_next(pki);
    struct cm_trust *second = pki_trust(pki);
    struct cm_trust *found = NULL;
    cr_assert_eq(cm_archive_find(&found, folder, second, 1, &error), CM_OK, "%s", error.text);
    cr_expect(
        cm_digest_equal(&cm_trust_directory(found)->digest, &cm_trust_directory(first)->digest));
    cr_assert_eq(cm_file_read(&file, in_folder("directory-%lu", 1), 1 << 20, NULL), CM_OK);
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_directory_bundle bundle;
    cr_assert_eq(cm_directory_bundle_decode(&bundle, arena, cm_buf_bytes(&file), NULL), CM_OK);
    cr_expect_eq(bundle.crl_count, 0);
    file.data[file.len / 2] ^= 1;
    cr_assert_eq(cm_file_write(in_folder("directory-%lu", 1), cm_buf_bytes(&file), 0600, NULL),
                 CM_OK);
    cm_trust_unref(found);
    cr_expect_neq(cm_archive_find(&found, folder, second, 1, &error), CM_OK);
    cm_trust_unref(first);
    cm_trust_unref(second);
    cm_arena_free(arena);
    cm_buf_clear(&file);
}

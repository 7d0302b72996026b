#include "gateway/client/settings.h"

#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct pki *pki;
static const struct pki_identity *rivera;
static char path[PATH_MAX];
static struct cm_error error;

static void write_ini(const char *without)
{
    FILE *ini = fopen(path, "w");
    cr_assert_not_null(ini);
    fprintf(ini, "[federation]\nroot = %s\ndirectory = %s\n", pki->root_path, pki_bundle_file(pki));
    fprintf(ini, "[identity]\nchain = %s\n", rivera->chain_path);
    if (strcmp(without, "key") != 0) {
        fprintf(ini, "key = %s\n", rivera->key_path);
    }
    fprintf(ini, "[gateways]\nname = gw-2\nname = gw-1\n[state]\nfolder = %s/state\n", pki->dir);
    fclose(ini);
}

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    rivera = pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "rivera");
    snprintf(path, sizeof path, "%s/client.ini", pki->dir);
    cr_assert_eq(chmod(rivera->key_path, 0600), 0);
    write_ini("");
}

static void tear_down(void)
{
    pki_free(pki);
}

TestSuite(settings, .init = set_up, .fini = tear_down);

Test(settings, knows_who_asks_and_whom)
{
    struct cm_settings settings;
    cr_assert_eq(cm_settings_load(&settings, path, NULL, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cr_expect_str_eq(settings.identity.agency, "ca.northport.pd");
    cr_assert_eq(settings.gateway_count, 2);
    cr_expect_str_eq(settings.gateways[0], "gw-2", "in the order to try");
    cr_expect_eq(cm_directory_store_serial(settings.store), pki->serial);
    cm_settings_clear(&settings);
}

Test(settings, refuses_a_key_that_others_may_use)
{
    static const mode_t modes[] = {0644, 0640, 0602};
    struct cm_settings settings;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(chmod(rivera->key_path, modes[i]), 0);
        cr_expect_eq(cm_settings_load(&settings, path, NULL, &error), CM_INVALID, "mode %o",
                     modes[i]);
        cr_expect_not_null(strstr(error.hint, "chmod 600"), "%s", error.hint);
    }
}

Test(settings, names_the_file_where_something_is_missing)
{
    struct cm_settings settings;
    write_ini("key");
    cr_expect_eq(cm_settings_load(&settings, path, NULL, &error), CM_INVALID);
    cr_expect(strncmp(error.where, path, sizeof error.where - 1) == 0, "%s", error.where);
    cr_expect_not_null(strstr(error.text, "\"key\" in [identity]"), "%s", error.text);
}

Test(settings, tells_who_asks_without_opening_the_key)
{
    struct cm_settings settings;
    cr_assert_eq(remove(rivera->key_path), 0);
    cr_assert_eq(cm_settings_load_unsigned(&settings, path, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cr_expect_str_eq(settings.identity.spiffe, rivera->spiffe);
    cr_expect_null(settings.signer);
    cm_settings_clear(&settings);
}

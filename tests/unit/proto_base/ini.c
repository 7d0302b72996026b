#include "proto/base/ini.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
    struct cm_config *file;
    const char *name, *note;
    unsigned workers, port;
};

static enum cm_status load(struct settings *out, const char *text, struct cm_error *error)
{
    char path[] = "/tmp/comity-ini-XXXXXX";
    const struct cm_ini_text texts[] = {
        {"node", "name", true, &out->name},
        {"node", "note", false, &out->note},
        {"gateways", "gateway", false, NULL},
    };
    const struct cm_ini_number numbers[] = {
        {"node", "workers", &out->workers, 2, 1, 64},
        {"node", "port", &out->port, 0, 0, 65535},
    };
    const struct cm_ini ini = {3, texts, 2, numbers};
    const int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    *out = (struct settings){.name = NULL};
    *error = (struct cm_error){.text = ""};
    const enum cm_status status = cm_ini_load(&out->file, path, &ini, error);
    unlink(path);
    return status;
}

Test(ini, fills_what_is_set_and_the_rest_with_what_it_falls_back_to)
{
    struct settings settings;
    struct cm_error error;
    cr_assert_eq(load(&settings,
                      "[node]\nname = n1\nport = 65535\n"
                      "[gateways]\ngateway = a\ngateway = b\n",
                      &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cr_expect_str_eq(settings.name, "n1");
    cr_expect_null(settings.note);
    cr_expect_eq(settings.workers, 2);
    cr_expect_eq(settings.port, 65535);
    cr_expect_str_eq(cm_config_nth(settings.file, "gateways", "gateway", 1), "b");
    cm_config_free(settings.file);
}

Test(ini, says_what_is_wrong)
{
    static const struct {
        const char *text, *what;
    } wrong[] = {
        {"[node]\nworkers = 3\n", "\"name\" in [node] is missing"},
        {"[node]\nname = n1\nworkers = 0\n", "\"workers\" in [node]"},
        {"[node]\nname = n1\nport = 65536\n", "\"port\" in [node]"},
        {"[node]\nname = n1\nworkers = many\n", "\"workers\" in [node]"},
        {"[node]\nname = n1\nplates = all\n", "unknown key \"plates\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct settings settings;
        struct cm_error error;
        cr_expect_eq(load(&settings, wrong[i].text, &error), CM_INVALID, "%zu", i);
        cr_expect_null(settings.file);
        cr_expect_null(settings.name);
        cr_expect(strstr(error.text, wrong[i].what), "%s", error.text);
        cr_expect_gt(strlen(error.where), 0);
    }
}

Test(ini, more_settings_than_it_has_room_for_are_no_overrun)
{
    static const struct cm_ini_text none;
    struct cm_error error;
    struct cm_config *config;
    const struct cm_ini ini = {CM_MAX_SETTINGS + 1, &none, 0, NULL};
    cr_expect_eq(cm_ini_load(&config, "/dev/null", &ini, &error), CM_INTERNAL);
}

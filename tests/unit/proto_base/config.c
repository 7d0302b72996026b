#include "proto/base/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cm_config_key keys[] = {
    {"node", "agency", true},
    {"node", "workers", false},
    {"gateways", "address", false},
    {NULL, NULL, false},
};

static enum cm_status load(struct cm_config **out, const char *text, struct cm_error *error)
{
    char path[] = "/tmp/comity-config-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    enum cm_status status = cm_config_load(out, path, keys, error);
    unlink(path);
    return status;
}

Test(config, reads_values_lists_and_numbers)
{
    struct cm_config *config;
    struct cm_error error;
    cr_assert_eq(load(&config,
                      "[node]\nagency = ca.northport.pd\nworkers = 3\n"
                      "[gateways]\naddress = a:1\naddress = b:2\n",
                      &error),
                 CM_OK);
    cr_expect_str_eq(cm_config_get(config, "node", "agency", ""), "ca.northport.pd");
    cr_expect_str_eq(cm_config_nth(config, "gateways", "address", 1), "b:2");
    cr_expect_null(cm_config_nth(config, "gateways", "address", 2));
    long long workers;
    cr_expect_eq(cm_config_number(&workers, config, "node", "workers", 2, 1, 64, &error), CM_OK);
    cr_expect_eq(workers, 3);
    cr_expect_eq(cm_config_number(&workers, config, "node", "workers", 2, 4, 64, &error),
                 CM_INVALID);
    cm_config_free(config);
}

Test(config, names_line_and_key_of_what_it_refuses)
{
    static const struct {
        const char *text;
        const char *line;
        const char *what;
    } cases[] = {
        {"[node]\nagency = x\nworker = 3\n", ":3", "unknown key \"worker\" in [node]"},
        {"[node]\nagency = x\nnonsense\n", ":3", "not a [section]"},
        {"[node]\nworkers = 3\n", "", "\"agency\" in [node] is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cm_config *config;
        struct cm_error error;
        cr_assert_eq(load(&config, cases[i].text, &error), CM_INVALID);
        cr_expect_not_null(strstr(error.where, cases[i].line), "%s", error.where);
        cr_expect_not_null(strstr(error.text, cases[i].what), "%s", error.text);
    }
    struct cm_config *config;
    struct cm_error error;
    cr_expect_eq(cm_config_load(&config, "/nonexistent/x.ini", keys, &error), CM_NOT_FOUND);
}

#include "nodes/noded.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE                                                                                       \
    "[node]\nagency = ca.northport.pd\ndata = /d\nkey = /k\nchain = /c\nroot = /r\n"               \
    "directory = /b\n[store]\nwhere = none\n"

static enum cm_status load(struct cm_noded_config *config, const char *text, struct cm_error *error)
{
    char path[] = "/tmp/cm-noded-XXXXXX";
    const int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    *error = (struct cm_error){.text = ""};
    const enum cm_status status = cm_noded_config_load(config, path, error);
    unlink(path);
    return status;
}

Test(noded_config, the_example_holds_and_its_comments_tell_the_defaults)
{
    struct cm_noded_config config;
    struct cm_error error;
    cr_assert_eq(cm_noded_config_load(&config, CM_SOURCE "/deploy/examples/noded.ini", &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cr_assert_str_eq(config.agency, "ca.northport.pd");
    cr_assert_eq(config.workers, 2);
    cr_assert_eq(config.connections, 4);
    cr_assert_eq(config.retain_every_ms, 60000);
    cr_assert_eq(config.drain_ms, 10000);
    cr_assert_eq(config.gateway_count, 0);
    cr_assert_eq(config.keep_days, 2 * 366);
    cm_noded_config_clear(&config);
}

Test(noded_config, gateways_by_name_and_address)
{
    struct cm_noded_config config;
    struct cm_error error;
    cr_assert_eq(load(&config,
                      BASE "[gateways]\ngateway = gw-1 127.0.0.1:7443\n"
                           "gateway = gw-2   gateway.example:7443\n",
                      &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cr_assert_eq(config.gateway_count, 2);
    cr_assert_str_eq(config.gateways[0], "gw-1");
    cr_assert_str_eq(config.addresses[0], "127.0.0.1:7443");
    cr_assert_str_eq(config.gateways[1], "gw-2");
    cr_assert_str_eq(config.addresses[1], "gateway.example:7443");
    cm_noded_config_clear(&config);
}

Test(noded_config, says_what_is_wrong)
{
    static const char *const wrong[] = {
        "",
        BASE "[gateways]\ngateway = gw-1\n",
        BASE "[limits]\nwaiting = 0\n",
        BASE "[limits]\nwaiting = many\n",
        BASE "[node]\nworkers = 65\n",
        BASE "[node]\nplates = all\n",
        BASE "[audit]\nkeep = 0d\n",
        BASE "[audit]\nkeep = forever\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct cm_noded_config config;
        struct cm_error error;
        cr_expect_eq(load(&config, wrong[i], &error), CM_INVALID, "%zu", i);
        cr_expect_gt(strlen(error.where), 0);
        cr_expect_gt(strlen(error.text), 0);
    }
}

Test(noded_config, without_a_store_it_keeps_copies_alone)
{
    struct cm_noded_config config;
    struct cm_error error;
    cr_assert_eq(load(&config,
                      "[node]\nagency = ca.northport.pd\ndata = /d\nkey = /k\nchain = /c\n"
                      "root = /r\ndirectory = /b\n[audit]\nkeep = 400d\n",
                      &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cr_assert_str_eq(config.store, CM_NO_STORE);
    cr_assert_eq(config.keep_days, 400);
    cm_noded_config_clear(&config);
}

Test(noded_config, its_digest_is_that_of_the_file)
{
    struct cm_noded_config config;
    struct cm_error error;
    struct cm_digest digest;
    cm_sha256_of(&digest, cm_bytes_of(BASE));
    cr_assert_eq(load(&config, BASE, &error), CM_OK);
    cr_assert(cm_digest_equal(&config.digest, &digest));
    cm_noded_config_clear(&config);
}

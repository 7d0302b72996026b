#include "exported.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct cm_digest keys[] = {{{1}}, {{2}}};

Test(export_cedar_entities, groups_hold_agencies_and_groups_once)
{
    struct cm_cedar cedar = exported("group a = @b, us.customs, us.customs\n"
                                     "group b = ca.gone.pd, ca.milltown.pd",
                                     &valley);
    check_has(&cedar.entities, "{\"uid\":{\"type\":\"Group\",\"id\":\"b\"},\"attrs\":{},"
                               "\"parents\":[{\"type\":\"Group\",\"id\":\"a\"}]}");
    check_has(&cedar.entities, "\"id\":\"us.customs\"},\"attrs\":{\"kind\":\"federal\",\"state\":"
                               "\"\",\"member\":true},\"parents\":[{\"type\":\"Group\",\"id\":"
                               "\"a\"}]}");
    check_lacks(&cedar.entities, "ca.gone.pd");
    cm_cedar_clear(&cedar);
}

Test(export_cedar_entities, a_camera_is_in_all_its_sites)
{
    struct cm_cedar cedar = exported("site s = cam-1, cam-2\nsite t = cam-2", &valley);
    check_has(&cedar.entities, "{\"uid\":{\"type\":\"Camera\",\"id\":\"cam-2\"},\"attrs\":{},"
                               "\"parents\":[{\"type\":\"Site\",\"id\":\"s\"},"
                               "{\"type\":\"Site\",\"id\":\"t\"}]}");
    cm_cedar_clear(&cedar);
}

Test(export_cedar_entities, members_are_active_then_and_now_with_the_same_keys)
{
    struct cm_agency agencies[16];
    struct cm_directory later = valley;
    for (size_t i = 0; i < valley.agency_count; i++) {
        agencies[i] = valley.agencies[i];
        agencies[i].active = true; // ca.oldtown.pd wasn't
    }
    agencies[0].active = false;
    agencies[1].ca_pins = keys;
    agencies[1].ca_pin_count = 2;
    later.agencies = agencies;
    static const char *const out[] = {"ca.milltown.pd", "ca.northport.pd", "ca.oldtown.pd"};
    struct cm_cedar cedar = exported("", &later);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        char text[128];
        snprintf(text, sizeof text,
                 "\"id\":\"%s\"},\"attrs\":{\"kind\":\"local\",\"state\":\"CA\",\"member\":false}",
                 out[i]);
        check_has(&cedar.entities, text);
    }
    check_has(&cedar.entities, "\"id\":\"ca.southgate.pd\"},\"attrs\":{\"kind\":\"local\","
                               "\"state\":\"CA\",\"member\":true}");
    cm_cedar_clear(&cedar);
}

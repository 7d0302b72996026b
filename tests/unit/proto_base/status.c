#include "proto/base/status.h"

#include <criterion/criterion.h>

// The table of WIRE.md, "Checks".
Test(status, answers_with_the_codes_of_the_wire)
{
    static const struct {
        enum cm_status status;
        int code;
    } table[] = {
        {CM_OK, 0},        {CM_INVALID, 3},   {CM_UNAUTHENTICATED, 16},
        {CM_FORBIDDEN, 7}, {CM_STALE, 9},     {CM_NOT_SERVED, 12},
        {CM_REPLAYED, 6},  {CM_EXHAUSTED, 8}, {CM_UNAVAILABLE, 14},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cr_expect_eq(cm_status_to_grpc(table[i].status), table[i].code, "%s",
                     cm_status_name(table[i].status));
        cr_expect_eq(cm_status_from_grpc(table[i].code), table[i].status);
    }
}

Test(status, takes_an_unknown_code_as_unavailable)
{
    cr_expect_eq(cm_status_from_grpc(15), CM_UNAVAILABLE);
    cr_expect_eq(cm_status_from_grpc(-1), CM_UNAVAILABLE);
    cr_expect_str_eq(cm_status_name((enum cm_status)99), "unknown");
    cr_expect_eq(cm_status_to_grpc((enum cm_status)99), 13);
}

#include "proto/base/plain.h"

#include <criterion/criterion.h>

Test(plain, keeps_a_terminal_safe_from_other_agencies)
{
    char out[64];
    cr_expect_str_eq(cm_plain(out, sizeof out, "a\033[2Jb\nc"), "a?[2Jb?c");
    cr_expect_str_eq(cm_plain(out, sizeof out, "x\u202egnp"), "x?gnp");
    cr_expect_str_eq(cm_plain(out, sizeof out, "ok\xff\xc3"), "ok??");
    cr_expect_str_eq(cm_plain(out, 5, "Zürich"), "Zür");
    cr_expect_str_eq(cm_plain(out, 3, "Zürich"), "Z");
}

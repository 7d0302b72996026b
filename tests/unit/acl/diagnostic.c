#include "acl/diagnostic.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct cm_rule_file file_with(const char *text)
{
    return (struct cm_rule_file){.path = "a.rules", .text = cm_bytes_of(text)};
}

Test(diagnostic, columns_count_code_points)
{
    struct cm_rule_file file = file_with("x\n\xc3\xa9\xe2\x82\xac word\r\ny");
    struct cm_place place = {.file = &file, .line = 2, .offset = 8, .len = 4};
    struct cm_diagnostics list = {0};
    struct cm_buf out = {0};
    cm_diagnostics_add(&list, CM_SEVERITY_WARNING, &place, NULL, "odd");
    cr_expect_eq(list.list[0].column, 4);
    cr_assert(cm_diagnostics_print(&out, &list) == CM_OK);
    cr_assert(cm_buf_add(&out, "", 1) == CM_OK);
    cr_expect_str_eq((const char *)out.data, "a.rules:2:4: warning: odd\n"
                                             "    \xc3\xa9\xe2\x82\xac word\n"
                                             "       ^^^^\n");
    cm_diagnostics_clear(&list);
    cm_buf_clear(&out);
}

Test(diagnostic, a_long_line_is_cut_around_the_caret)
{
    char text[1001];
    memset(text, 'a', 1000);
    text[1000] = '\0';
    text[499] = 'X';
    struct cm_rule_file file = file_with(text);
    struct cm_place place = {.file = &file, .line = 1, .offset = 499, .len = 1};
    struct cm_diagnostics list = {0};
    struct cm_buf out = {0};
    cm_diagnostics_add(&list, CM_SEVERITY_ERROR, &place, "do", "odd");
    cr_assert_eq(strlen(list.list[0].source), CM_DIAGNOSTIC_COLUMNS);
    cr_expect_eq(list.list[0].source[list.list[0].column - list.list[0].source_from], 'X');
    cr_assert(cm_diagnostics_print(&out, &list) == CM_OK);
    size_t width = 0;
    for (size_t i = 0; i < out.len; i++) {
        width = out.data[i] == '\n' ? 0 : width + 1;
        cr_assert_leq(width, 80);
    }
    cm_diagnostics_clear(&list);
    cm_buf_clear(&out);
}

Test(diagnostic, nothing_that_moves_a_terminal_is_printed)
{
    struct cm_rule_file file = file_with("a\x1b[2J\xe2\x80\xae z");
    struct cm_place place = {.file = &file, .line = 1, .offset = 9, .len = 1};
    struct cm_diagnostics list = {0};
    cm_diagnostics_add(&list, CM_SEVERITY_ERROR, &place, NULL, "odd");
    cr_expect_str_eq(list.list[0].source, "a?[2J? z");
    cm_diagnostics_clear(&list);
}

Test(diagnostic, past_the_bound_they_are_counted)
{
    struct cm_rule_file file = file_with("a");
    struct cm_place place = {.file = &file, .line = 1, .len = 1};
    struct cm_diagnostics list = {0};
    struct cm_buf out = {0};
    for (int i = 0; i < CM_MAX_DIAGNOSTICS + 5; i++) {
        cm_diagnostics_add(&list, CM_SEVERITY_ERROR, &place, NULL, "odd");
    }
    cr_expect_eq(list.count, CM_MAX_DIAGNOSTICS);
    cr_expect_eq(list.errors, CM_MAX_DIAGNOSTICS + 5);
    cr_assert(cm_diagnostics_print(&out, &list) == CM_OK);
    cr_expect(memcmp(out.data + out.len - 11, "and 5 more\n", 11) == 0);
    cm_diagnostics_clear(&list);
    cm_buf_clear(&out);
}

Test(diagnostic, main_file_comes_first_then_by_place)
{
    struct cm_rule_file main_file = file_with("abc\ndef");
    struct cm_rule_file other = file_with("abc");
    main_file.path = "z.rules";
    struct cm_place places[] = {{&other, 1, 0, 1}, {&main_file, 2, 5, 1}, {&main_file, 2, 4, 1}};
    struct cm_diagnostics list = {0};
    for (size_t i = 0; i < 3; i++) {
        cm_diagnostics_add(&list, CM_SEVERITY_ERROR, &places[i], NULL, "odd");
    }
    cm_diagnostics_sort(&list, "z.rules");
    cr_expect_str_eq(list.list[0].file, "z.rules");
    cr_expect_eq(list.list[0].column, 1);
    cr_expect_eq(list.list[1].column, 2);
    cr_expect_str_eq(list.list[2].file, "a.rules");
    cm_diagnostics_clear(&list);
}

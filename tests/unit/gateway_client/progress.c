#include "gateway/client/progress.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *const agencies[] = {
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j",
};

static char *text;
static size_t len;
static FILE *terminal;

static struct cm_progress_view *view_of(size_t count)
{
    struct cm_progress_view *view;
    terminal = open_memstream(&text, &len);
    cr_assert_eq(cm_progress_new(&view, terminal, agencies, count), CM_OK);
    return view;
}

static void tear_down(void)
{
    if (terminal != NULL) {
        fclose(terminal);
    }
    free(text);
}

TestSuite(progress, .fini = tear_down);

Test(progress, erases_just_what_it_drew_from_the_start_of_the_line)
{
    struct cm_progress_view *view = view_of(3);
    cm_progress_draw(view);
    cm_progress_erase(view);
    cr_expect_not_null(strstr(text, "\r\033[3A\033[J"), "%s", text);
    size_t once = len;
    cm_progress_erase(view);
    cr_expect_eq(len, once, "nothing is there any more");
    cm_progress_free(view);
}

Test(progress, shows_those_awaited_first_and_counts_the_rest)
{
    const struct cm_progress ended = {.agency = "a", .outcome = CM_OUTCOME_ANSWERED, .rows = 1};
    struct cm_progress_view *view = view_of(10);
    cm_progress_note(view, &ended);
    cm_progress_draw(view);
    cr_expect_null(strstr(text, "answered"), "eight are awaited before it: %s", text);
    cr_expect_not_null(strstr(text, "1 of 10 agencies have ended\n"), "%s", text);
    cm_progress_erase(view);
    cr_expect_not_null(strstr(text, "\033[9A"), "%s", text);
    cm_progress_free(view);
}

Test(progress, is_silent_without_a_terminal)
{
    struct cm_progress_view *view;
    cr_assert_eq(cm_progress_new(&view, NULL, agencies, 2), CM_OK);
    cm_progress_draw(view);
    cm_progress_erase(view);
    cm_progress_free(view);
}

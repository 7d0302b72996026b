#include "proto/base/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// What cm_log wrote to standard error while emit ran.
static void capture(char *out, size_t size, void (*emit)(void))
{
    int ends[2];
    int before = dup(STDERR_FILENO);
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    emit();
    dup2(before, STDERR_FILENO);
    close(ends[1]);
    ssize_t len = read(ends[0], out, size - 1);
    out[len > 0 ? len : 0] = '\0';
    close(ends[0]);
    close(before);
}

static void emit_hostile(void)
{
    cm_log(CM_LOG_WARNING, "peer-refused", "agency=%s", "ca.x\n2026 error forged");
}

Test(log, keeps_one_event_on_one_line)
{
    char line[2048];
    capture(line, sizeof line, emit_hostile);
    regex_t form;
    cr_assert_eq(regcomp(&form,
                         "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z warning peer-refused "
                         "agency=ca\\.x\\?2026 error forged\n$",
                         REG_EXTENDED),
                 0);
    cr_expect_eq(regexec(&form, line, 0, NULL, 0), 0, "%s", line);
    regfree(&form);
}

static void emit_debug(void)
{
    cm_log(CM_LOG_DEBUG, "detail", NULL);
}

static void emit_endless(void)
{
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cm_log(CM_LOG_INFO, "long", "%s", text);
}

Test(log, drops_what_is_below_its_level_and_cuts_what_is_long)
{
    char line[8000];
    capture(line, sizeof line, emit_debug);
    cr_expect_str_empty(line);
    cm_log_set_level(CM_LOG_DEBUG);
    capture(line, sizeof line, emit_debug);
    cr_expect_not_null(strstr(line, " debug detail\n"));
    capture(line, sizeof line, emit_endless);
    cr_expect_leq(strlen(line), 1024);
    cr_expect_eq(line[strlen(line) - 1], '\n');
}

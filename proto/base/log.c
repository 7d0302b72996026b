#include "proto/base/log.h"

#include "proto/base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINE = 1024 };

static atomic_int least = CM_LOG_INFO;

void cm_log_set_level(enum cm_log_level level)
{
    atomic_store(&least, (int)level);
}

static size_t add_time(char *line, size_t size)
{
    int64_t now = cm_wall_ms(cm_clock_system());
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
    return len + (size_t)snprintf(line + len, size - len, ".%03dZ", (int)(now % 1000));
}

// One event stays one line, whatever a peer's text held.
static void escape_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

void cm_log(enum cm_log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"", "debug", "info", "warning", "error"};
    if ((int)level < atomic_load(&least)) {
        return;
    }
    char line[MAX_LINE];
    size_t len = add_time(line, sizeof line);
    len += (size_t)snprintf(line + len, sizeof line - len, " %s %.64s", names[level], event);
    if (format != NULL) {
        line[len++] = ' ';
        va_list args;
        va_start(args, format);
        vsnprintf(line + len, sizeof line - len - 1, format, args);
        va_end(args);
    }
    escape_controls(line);
    len = strlen(line);
    line[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

#include "proto/base/when.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, MAX_DIGITS = 6 };

static const struct {
    const char *suffix;
    int64_t seconds;
} spans[] = {
    {"m", MINUTE},
    {"min", MINUTE},
    {"h", HOUR},
    {"d", DAY},
    {"w", 7 * DAY},
    {"mo", 30 * (int64_t)DAY},
    {"y", 365 * (int64_t)DAY},
};

static bool parse_span(int64_t *out, const char *text, int64_t now_ms)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > MAX_DIGITS) {
        return false;
    }
    int64_t number = strtoll(text, NULL, 10);
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        if (strcmp(text + digits, spans[i].suffix) == 0) {
            int64_t back = number * spans[i].seconds * 1000;
            *out = back < now_ms ? now_ms - back : 0;
            return number > 0;
        }
    }
    return false;
}

// "Z", "+hh:mm" or "-hh:mm" to the end of text; seconds east of UTC.
static bool parse_offset(const char *text, int *east)
{
    if (strcmp(text, "Z") == 0) {
        *east = 0;
        return true;
    }
    static const char form[] = "+dd:dd";
    for (size_t i = 0; i < sizeof form; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        bool sign = text[i] == '+' || text[i] == '-';
        if ((form[i] == 'd' && !digit) || (form[i] == '+' && !sign) ||
            (form[i] != 'd' && form[i] != '+' && text[i] != form[i])) {
            return false;
        }
    }
    int hours = (text[1] - '0') * 10 + (text[2] - '0');
    int minutes = (text[4] - '0') * 10 + (text[5] - '0');
    *east = (text[0] == '-' ? -1 : 1) * (hours * HOUR + minutes * MINUTE);
    return hours <= 14 && minutes < 60;
}

static bool same_day(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday;
}

// A real calendar date: what timegm has to correct was none.
static bool real_date(struct tm date)
{
    struct tm corrected = date;
    timegm(&corrected);
    return same_day(&date, &corrected);
}

// ".123" after seconds, as answers are printed; what is finer than milliseconds is cut off.
static const char *parse_fraction(int64_t *ms, const char *text)
{
    size_t digits = *text == '.' ? strspn(text + 1, "0123456789") : 0;
    *ms = 0;
    if (digits == 0 || digits > 9) {
        return text;
    }
    for (size_t i = 1; i <= 3; i++) {
        *ms = *ms * 10 + (i <= digits ? text[i] - '0' : 0);
    }
    return text + 1 + digits;
}

static bool parse_date(int64_t *out, const char *text)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
                                        "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm date = {.tm_isdst = -1};
        const char *rest = strptime(text, forms[i], &date);
        int64_t ms = 0;
        int east;
        if (rest == NULL || !real_date(date)) {
            continue;
        }
        if (strstr(forms[i], "%S") != NULL) {
            rest = parse_fraction(&ms, rest);
        }
        if (*rest == '\0') {
            *out = (int64_t)mktime(&date) * 1000 + ms;
            return true;
        }
        if (i < 4 && parse_offset(rest, &east)) {
            date.tm_isdst = 0;
            *out = ((int64_t)timegm(&date) - east) * 1000 + ms;
            return true;
        }
    }
    return false;
}

enum cm_status cm_when_parse(int64_t *out, const char *text, int64_t now_ms, const char *where,
                             struct cm_error *error)
{
    if (parse_span(out, text, now_ms) || (parse_date(out, text) && *out >= 0)) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, where, "is not a time");
    cm_error_hint(error, "write 30d, 12h, 2026-11-01 or 2026-11-01T08:30");
    return CM_INVALID;
}

char *cm_when_local(char out[CM_WHEN_SIZE], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm local;
    char digits[8];
    size_t len = 0;
    if (localtime_r(&seconds, &local) != NULL) {
        len = strftime(out, CM_WHEN_SIZE, "%Y-%m-%d %H:%M:%S", &local);
        strftime(digits, sizeof digits, "%z", &local);
        snprintf(out + len, CM_WHEN_SIZE - len, "%.3s:%.2s", digits, digits + 3);
    } else {
        snprintf(out, CM_WHEN_SIZE, "?");
    }
    return out;
}

char *cm_when_utc(char out[CM_WHEN_SIZE], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL) {
        size_t len = strftime(out, CM_WHEN_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(out + len, CM_WHEN_SIZE - len, ".%03dZ", (int)(ms % 1000));
    } else {
        snprintf(out, CM_WHEN_SIZE, "?");
    }
    return out;
}

char *cm_when_span(char out[CM_WHEN_SIZE], int64_t ms)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"day", DAY}, {"hour", HOUR}, {"minute", MINUTE}, {"second", 1}};
    // A minute of slack: a window of 30 days stays "30 days" whatever the clock did since it was
    // asked for.
    int64_t seconds = ms / 1000;
    int64_t slack = seconds >= HOUR - MINUTE ? MINUTE : 0;
    seconds += slack;
    size_t i = 0;
    while (i < 3 && seconds < units[i].seconds) {
        i++;
    }
    int64_t number = seconds / units[i].seconds;
    snprintf(out, CM_WHEN_SIZE, "%" PRId64 " %s%s", number, units[i].name, number == 1 ? "" : "s");
    return out;
}

#include "acl/value.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t cm_value_unit_s(const char *word)
{
    static const struct {
        const char *one, *many;
        int64_t seconds;
    } units[] = {
        {"minute", "minutes", 60},         {"hour", "hours", 3600},
        {"day", "days", CM_DAY_S},         {"month", "months", 30 * CM_DAY_S},
        {"year", "years", 365 * CM_DAY_S},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(word, units[i].one) == 0 || strcmp(word, units[i].many) == 0) {
            return units[i].seconds;
        }
    }
    return 0;
}

bool cm_value_number(const char *word, int64_t max, int64_t *out)
{
    int64_t value = 0;
    for (const char *c = word; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || value > (max - (*c - '0')) / 10) {
            return false;
        }
        value = value * 10 + (*c - '0');
    }
    *out = value;
    return value >= 1;
}

bool cm_value_date(const char *word, int64_t *out_ms)
{
    static const char shape[] = "9999-99-99";
    for (size_t i = 0; i < sizeof shape; i++) {
        bool digit = word[i] >= '0' && word[i] <= '9';
        if (shape[i] == '9' ? !digit : word[i] != shape[i]) {
            return false;
        }
    }
    struct tm day = {
        .tm_year = (word[0] - '0') * 1000 + (word[1] - '0') * 100 + (word[2] - '0') * 10 +
                   (word[3] - '0') - 1900,
        .tm_mon = (word[5] - '0') * 10 + (word[6] - '0') - 1,
        .tm_mday = (word[8] - '0') * 10 + (word[9] - '0'),
    };
    struct tm asked = day;
    time_t seconds = timegm(&day);
    // timegm turns an impossible day into another: then it isn't real.
    if (day.tm_year != asked.tm_year || day.tm_mon != asked.tm_mon ||
        day.tm_mday != asked.tm_mday) {
        return false;
    }
    *out_ms = (int64_t)seconds * 1000;
    return true;
}

void cm_value_duration_format(char out[CM_DURATION_SIZE], int64_t seconds)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {
        {"year", 365 * CM_DAY_S}, {"day", CM_DAY_S}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    size_t unit = 0;
    while (seconds == 0 || seconds % units[unit].seconds != 0) {
        unit++;
        if (units[unit].seconds == 1) {
            break;
        }
    }
    int64_t count = seconds / units[unit].seconds;
    snprintf(out, CM_DURATION_SIZE, "%lld %s%s", (long long)count, units[unit].name,
             count == 1 ? "" : "s");
}

void cm_value_date_format(char *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm day;
    if (gmtime_r(&seconds, &day) == NULL || strftime(out, 11, "%Y-%m-%d", &day) == 0) {
        snprintf(out, 11, "?");
    }
}

// Durations and dates as rules write them. Pure; any thread.
#ifndef CM_ACL_VALUE_H
#define CM_ACL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#define CM_DAY_S          ((int64_t)86400)
#define CM_MAX_DURATION_S (CM_DAY_S * 365 * 100)

// Seconds in a "day" or "days", 0 when the word is no unit. A month is 30 days, a year 365.
int64_t cm_value_unit_s(const char *word);
// Decimal digits only, 1 to max.
bool cm_value_number(const char *word, int64_t max, int64_t *out);
// A real YYYY-MM-DD; *out is its midnight UTC in milliseconds.
bool cm_value_date(const char *word, int64_t *out_ms);
// "30 days", in the largest unit of years, days, hours, minutes, seconds that fits; as rules write
// it when it is whole minutes.
enum { CM_DURATION_SIZE = 32 };
void cm_value_duration_format(char out[CM_DURATION_SIZE], int64_t seconds);
// "2027-01-01" into out[11].
void cm_value_date_format(char *out, int64_t ms);

#endif

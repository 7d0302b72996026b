#include "nodes/ingest/values.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t ms_looks_like_seconds = 100000000000; // March 1973

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

enum cm_status cm_csv_whole(uint64_t *out, struct cm_bytes text, uint64_t most)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]) || value > UINT64_MAX / 10 - 1) {
            return CM_INVALID;
        }
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return text.len > 0 && value <= most ? CM_OK : CM_INVALID;
}

// The next part of *text: `digits` digits and then `end`, unless that is 0.
static bool take_part(int *out, struct cm_bytes *text, size_t digits, char end)
{
    uint64_t value = 0;
    size_t len = digits + (end != '\0');
    if (text->len < len || (end != '\0' && text->data[digits] != (uint8_t)end) ||
        cm_csv_whole(&value, (struct cm_bytes){text->data, digits}, 9999) != CM_OK) {
        return false;
    }
    *out = (int)value;
    text->data += len;
    text->len -= len;
    return true;
}

static int take_fraction(struct cm_bytes *text)
{
    int ms = 0, scale = 100;
    if (text->len < 2 || text->data[0] != '.' || !is_digit(text->data[1])) {
        return 0;
    }
    text->data++;
    text->len--;
    for (; text->len > 0 && is_digit(*text->data); text->data++, text->len--) {
        ms += (*text->data - '0') * scale;
        scale /= 10;
    }
    return ms;
}

// Seconds east of UTC.
static bool take_offset(int *seconds, struct cm_bytes text)
{
    int hours = 0, minutes = 0;
    *seconds = 0;
    if (text.len == 1 && (*text.data == 'Z' || *text.data == 'z')) {
        return true;
    }
    if (text.len != 6 || (*text.data != '+' && *text.data != '-')) {
        return false;
    }
    int sign = *text.data == '-' ? -1 : 1;
    text.data++;
    text.len--;
    if (!take_part(&hours, &text, 2, ':') || !take_part(&minutes, &text, 2, '\0')) {
        return false;
    }
    *seconds = sign * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

// RFC 3339, section 5.6.
static enum cm_status rfc3339(int64_t *ms, struct cm_bytes text, const char **why)
{
    struct tm t = {0};
    int offset = 0;
    *why = "is no time: RFC 3339 with an offset, or milliseconds since 1970";
    if (!take_part(&t.tm_year, &text, 4, '-') || !take_part(&t.tm_mon, &text, 2, '-') ||
        !take_part(&t.tm_mday, &text, 2, '\0') || text.len == 0 ||
        strchr("Tt ", *text.data) == NULL || *text.data == '\0') {
        return CM_INVALID;
    }
    text.data++;
    text.len--;
    if (!take_part(&t.tm_hour, &text, 2, ':') || !take_part(&t.tm_min, &text, 2, ':') ||
        !take_part(&t.tm_sec, &text, 2, '\0') || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60) {
        return CM_INVALID;
    }
    int fraction = take_fraction(&text);
    if (!take_offset(&offset, text)) {
        *why = "has no offset from UTC: end it with Z or, say, -08:00";
        return CM_INVALID;
    }
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    struct tm asked = t;
    int64_t seconds = timegm(&t);
    if (t.tm_sec == asked.tm_sec && (t.tm_mday != asked.tm_mday || t.tm_mon != asked.tm_mon)) {
        *why = "is no day of the calendar";
        return CM_INVALID;
    }
    *ms = (seconds - offset) * 1000 + fraction;
    return CM_OK;
}

enum cm_status cm_csv_time(int64_t *ms, struct cm_bytes text, const char **why)
{
    uint64_t whole = 0;
    if (cm_csv_whole(&whole, text, INT64_MAX) != CM_OK) {
        return rfc3339(ms, text, why);
    }
    *ms = (int64_t)whole;
    if (*ms < ms_looks_like_seconds) {
        *why = "looks like seconds: milliseconds since 1970 are wanted";
        return CM_INVALID;
    }
    return CM_OK;
}

enum cm_status cm_csv_number(double *out, struct cm_bytes text)
{
    char copy[64];
    char *end = NULL;
    if (text.len == 0 || text.len >= sizeof copy) {
        return CM_INVALID;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "0123456789.eE+-") != text.len || copy[0] == '+') {
        return CM_INVALID;
    }
    *out = strtod(copy, &end);
    return end == copy + text.len ? CM_OK : CM_INVALID;
}

static enum cm_status take_candidate(struct cm_candidate *out, struct cm_bytes text,
                                     struct cm_arena *arena)
{
    char plate[CM_MAX_PLATE + 1];
    const uint8_t *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
    if (colon == NULL) {
        return CM_INVALID;
    }
    size_t len = (size_t)(colon - text.data);
    enum cm_status status =
        cm_csv_number(&out->confidence, (struct cm_bytes){colon + 1, text.len - len - 1});
    if (status == CM_OK) {
        status = cm_plate_normalise(plate, (struct cm_bytes){text.data, len});
    }
    if (status != CM_OK) {
        return status;
    }
    out->plate = cm_arena_string(arena, cm_bytes_of(plate));
    return out->plate != NULL ? CM_OK : CM_MEMORY;
}

enum cm_status cm_csv_candidates(struct cm_detection *out, struct cm_bytes text,
                                 struct cm_arena *arena)
{
    struct cm_candidate *list = cm_arena_array(arena, CM_MAX_CANDIDATES, sizeof *list);
    size_t count = 0;
    if (list == NULL) {
        return CM_MEMORY;
    }
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, ';', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        if (count == CM_MAX_CANDIDATES) {
            return CM_INVALID;
        }
        enum cm_status status =
            take_candidate(&list[count++], (struct cm_bytes){text.data, len}, arena);
        if (status != CM_OK) {
            return status;
        }
        len += end != NULL;
        text.data += len;
        text.len -= len;
    }
    out->candidates = list;
    out->candidate_count = count;
    return CM_OK;
}

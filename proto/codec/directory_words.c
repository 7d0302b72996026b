#include "proto/codec/directory.h"

#include "proto/codec/form.h"

#include <string.h>

static const char *const kinds[CM_KIND_COUNT] = {
    [CM_KIND_NONE] = "none",       [CM_KIND_LOCAL] = "local",
    [CM_KIND_SHERIFF] = "sheriff", [CM_KIND_STATE] = "state",
    [CM_KIND_CAMPUS] = "campus",   [CM_KIND_PROSECUTOR] = "prosecutor",
    [CM_KIND_FEDERAL] = "federal", [CM_KIND_PRIVATE] = "private",
    [CM_KIND_OTHER] = "other",
};

// The 50 states, DC and the territories with a postal code of their own.
static const char states[] = "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA "
                             "MD ME MI MN MO MP MS MT NC ND NE NH NJ NM NV NY OH OK OR PA PR RI "
                             "SC SD TN TX UT VA VI VT WA WI WV WY";

enum { STAR_MOST = 16 };

const char *cm_kind_name(enum cm_kind kind)
{
    return kinds[(unsigned)kind < CM_KIND_COUNT ? kind : CM_KIND_NONE];
}

enum cm_kind cm_kind_of(struct cm_bytes name)
{
    return (enum cm_kind)cm_form_word(kinds, CM_KIND_COUNT, name);
}

bool cm_state_known(struct cm_bytes state)
{
    for (size_t i = 0; state.len == 2 && i + 2 < sizeof states; i += 3) {
        if (memcmp(states + i, state.data, 2) == 0) {
            return true;
        }
    }
    return false;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool fits_one(char pattern, char c)
{
    if (pattern == '9') {
        return digit(c);
    }
    if (pattern == 'A') {
        return letter(c);
    }
    return pattern == c;
}

// One step over every position that the pattern so far can end at.
static void step(bool *ends, char pattern, const char *text, size_t len)
{
    bool next[CM_MAX_CASE + 1] = {false};

    for (size_t i = 0; i <= len; i++) {
        if (!ends[i]) {
            continue;
        }
        if (pattern != '*') {
            if (i < len && fits_one(pattern, text[i])) {
                next[i + 1] = true;
            }
            continue;
        }
        next[i] = true;
        for (size_t k = i; k < len && k < i + STAR_MOST && (digit(text[k]) || letter(text[k]));
             k++) {
            next[k + 1] = true;
        }
    }
    memcpy(ends, next, sizeof next);
}

bool cm_case_fits(const char *pattern, const char *case_number)
{
    bool ends[CM_MAX_CASE + 1] = {true};
    size_t len = strnlen(case_number, CM_MAX_CASE + 1);

    if (len == 0 || len > CM_MAX_CASE) {
        return false;
    }
    if (pattern[0] == '\0') {
        return true;
    }
    for (const char *p = pattern; *p != '\0'; p++) {
        step(ends, *p, case_number, len);
    }
    return ends[len];
}

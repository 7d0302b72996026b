#include "proto/codec/query.h"

#include "proto/codec/form.h"

#include <stdio.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

enum { WORDS = 3, MEANINGFUL = 2 };

// Words that say nothing about why, alone or among themselves. Lower case.
static const char *const placeholders[] = {
    "abc",
    "asdf",
    "asd",
    "blah",
    "case",
    "check",
    "checking",
    "dummy",
    "foo",
    "bar",
    "baz",
    "inv",
    "invest",
    "inves",
    "investigate",
    "investigation",
    "investigations",
    "investigative",
    "le",
    "misc",
    "n/a",
    "na",
    "nil",
    "no",
    "none",
    "null",
    "official",
    "other",
    "patrol",
    "plate",
    "police",
    "query",
    "qwe",
    "qwer",
    "qwerty",
    "reason",
    "search",
    "stuff",
    "tbd",
    "test",
    "testing",
    "tests",
    "unknown",
    "use",
    "wip",
    "work",
    "zxcv",
};

struct words {
    size_t distinct;
    size_t meaningful;
    size_t used;
    char seen[4 * CM_MAX_REASON]; // each distinct word between line feeds
};

// Letters, digits and what joins them inside a word.
static bool joins(ucs4_t c)
{
    return uc_is_alnum(c) || c == '\'' || c == '-' || c == '/' || c == '_' || c == 0x2019;
}

static bool placeholder(const char *word)
{
    for (size_t i = 0; i < sizeof placeholders / sizeof placeholders[0]; i++) {
        if (strcmp(word, placeholders[i]) == 0) {
            return true;
        }
    }
    return false;
}

// The next word of *at in lower case, into out; false at the end. letters: how many different
// letters it has, up to 2.
static bool next_word(const uint8_t **at, char *out, unsigned *letters)
{
    const uint8_t *p = *at;
    const uint8_t *next;
    size_t len = 0;
    ucs4_t first = 0;
    ucs4_t c;

    for (next = u8_next(&c, p); next && !joins(c); next = u8_next(&c, p)) {
        p = next;
    }
    *letters = 0;
    for (; next && joins(c); next = u8_next(&c, p)) {
        uint8_t lower[6];
        ucs4_t small = uc_tolower(c);
        int n = u8_uctomb(lower, small, sizeof lower);

        // Lower case can be longer in UTF-8; what does not fit makes no difference.
        if (n > 0 && len + (size_t)n <= CM_MAX_REASON) {
            memcpy(out + len, lower, (size_t)n);
            len += (size_t)n;
        }
        if (uc_is_alpha(small) && small != first && *letters < 2) {
            first = small;
            ++*letters;
        }
        p = next;
    }
    out[len] = '\0';
    *at = p;
    return len > 0;
}

static bool is_plate(const char *word, const char *plate)
{
    char normal[CM_MAX_PLATE + 1];

    return plate && cm_plate_normalise(normal, cm_bytes_of(word)) == CM_OK &&
           strcmp(normal, plate) == 0;
}

static void count(struct words *words, const char *word, unsigned letters)
{
    char line[CM_MAX_REASON + 3];
    int len = snprintf(line, sizeof line, "\n%s\n", word);

    if (strstr(words->seen, line) || words->used + (size_t)len >= sizeof words->seen) {
        return;
    }
    memcpy(words->seen + words->used, line, (size_t)len + 1);
    words->used += (size_t)len;
    words->distinct++;
    if (letters == 2 && !placeholder(word)) {
        words->meaningful++;
    }
}

enum cm_status cm_reason_check(const char *reason, const char *plate, struct cm_error *error)
{
    const uint8_t *at = (const uint8_t *)reason;
    struct words words = {0};
    char word[CM_MAX_REASON + 1];
    unsigned letters;
    enum cm_status status;
    struct cm_form form = {.error = error};

    cm_form_text(&form, "reason", reason, 0, CM_MAX_REASON);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    while (next_word(&at, word, &letters)) {
        if (letters > 0 && !is_plate(word, plate)) {
            count(&words, word, letters);
        }
    }
    if (words.distinct >= WORDS && words.meaningful >= MEANINGFUL) {
        return CM_OK;
    }
    status = cm_fail(error, CM_INVALID, "reason",
                     words.distinct < WORDS ? "has fewer than three different words"
                                            : "is a placeholder");
    cm_error_hint(error, "say in a few words what happened and what you look for");
    return status;
}

enum cm_status cm_plate_normalise(char *out, struct cm_bytes plate)
{
    size_t len = 0;
    size_t at = 0;

    while (at < plate.len) {
        ucs4_t c;
        int used = u8_mbtoucr(&c, plate.data + at, plate.len - at);

        if (used <= 0) {
            return CM_INVALID;
        }
        at += (size_t)used;
        if (c >= 'a' && c <= 'z') {
            c -= 'a' - 'A';
        }
        if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            if (len == CM_MAX_PLATE) {
                return CM_INVALID;
            }
            out[len++] = (char)c;
        } else if (uc_is_alnum(c)) {
            return CM_INVALID;
        }
    }
    out[len] = '\0';
    return len > 0 ? CM_OK : CM_INVALID;
}

#include "acl/nearest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t cm_nearest_distance(const char *a, const char *b, size_t limit)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    size_t apart = a_len > b_len ? a_len - b_len : b_len - a_len;
    if (a_len > CM_MAX_ID || b_len > CM_MAX_ID || apart > limit) {
        return limit + 1;
    }
    size_t rows[3][CM_MAX_ID + 1];
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        size_t row_least = i;
        for (size_t j = 1; j <= b_len; j++) {
            bool same = folded(a[i - 1]) == folded(b[j - 1]);
            row[j] = least(above[j - 1] + !same, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1])) {
                row[j] = least(row[j], two_above[j - 2] + 1);
            }
            row_least = least(row_least, row[j]);
        }
        if (row_least > limit) {
            return limit + 1;
        }
    }
    return least(rows[a_len % 3][b_len], limit + 1);
}

// What people write who know other programs, and the word that this language has for it.
static const struct {
    const char *word, *meant;
} others[] = {
    {"allow", "permit"},
    {"grant", "permit"},
    {"share", "permit"},
    {"deny", "forbid"},
    {"block", "forbid"},
    {"refuse", "forbid"},
    {"prohibit", "forbid"},
    {"disallow", "forbid"},
    {"reject", "forbid"},
    {"everyone", "anyone"},
    {"everybody", "anyone"},
    {"anybody", "anyone"},
    {"us", "self"},
    {"ourselves", "self"},
    {"except", "not"},
    {"no", "not"},
    {"search", "lookup"},
    {"find", "lookup"},
    {"query", "lookup"},
    {"read", "lookup"},
    {"exact", "lookup"},
    {"similar", "fuzzy"},
    {"wildcard", "partial"},
    {"photo", "image"},
    {"photos", "image"},
    {"picture", "image"},
    {"alert", "watch"},
    {"hotlist", "watch"},
    {"location", "place"},
    {"position", "place"},
    {"gps", "place"},
    {"where", "place"},
    {"direction", "heading"},
    {"car", "vehicle"},
    {"make", "vehicle"},
    {"model", "vehicle"},
    {"everything", "all"},
    {"everything", "any"},
    {"anything", "any"},
    {"every", "any"},
    {"last", "back"},
    {"past", "back"},
    {"within", "back"},
    {"age", "back"},
    {"older", "beyond"},
    {"expires", "until"},
    {"ends", "until"},
    {"to-date", "until"},
    {"starts", "from"},
    {"since", "from"},
    {"keep", "retain"},
    {"delete", "retain"},
    {"retention", "retain"},
    {"purpose", "for"},
    {"because", "for"},
    {"needs", "require"},
    {"with", "require"},
    {"requires", "require"},
    {"quota", "limit"},
    {"comment", "note"},
    {"agency", "node"},
    {"import", "include"},
    {"list", "group"},
    {"police", "local"},
    {"city", "local"},
    {"municipal", "local"},
    {"county", "sheriff"},
    {"university", "campus"},
    {"college", "campus"},
    {"fbi", "federal"},
    {"company", "private"},
    {"officer", "investigator"},
    {"detective", "investigator"},
    {"analyst", "investigator"},
    {"sergeant", "supervisor"},
    {"manager", "supervisor"},
    {"warrant", "court-order"},
    {"subpoena", "court-order"},
    {"case-number", "case"},
};

static bool is_meant(const char *word, const char *name)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(others[i].meant, name) == 0 && strcasecmp(others[i].word, word) == 0) {
            return true;
        }
    }
    return false;
}

void cm_nearest_init(struct cm_nearest *nearest, const char *word)
{
    size_t len = strlen(word);
    *nearest = (struct cm_nearest){.word = word, .limit = len < 3 ? 0 : len < 6 ? 1 : len / 3};
    if (nearest->limit > 3) {
        nearest->limit = 3;
    }
    nearest->limit++;
}

void cm_nearest_offer(struct cm_nearest *nearest, const char *prefix, const char *name)
{
    if (nearest->limit == 0) {
        return;
    }
    size_t distance = is_meant(nearest->word, name)
                          ? 0
                          : cm_nearest_distance(nearest->word, name, nearest->limit - 1);
    if (distance < nearest->limit) {
        nearest->limit = distance;
        snprintf(nearest->best, sizeof nearest->best, "%s%s", prefix, name);
    }
}

const char *cm_nearest_hint(const struct cm_nearest *nearest, char *out, size_t size,
                            const char *fallback)
{
    if (nearest->best[0] == '\0') {
        snprintf(out, size, "%s", fallback);
    } else {
        snprintf(out, size, "did you mean %s?", nearest->best);
    }
    return out;
}

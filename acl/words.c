#include "acl/ast.h"

#include <string.h>

static const char *const statements[CM_STATEMENT_COUNT] = {
    [CM_STATEMENT_RULES] = "rules",     [CM_STATEMENT_NODE] = "node",
    [CM_STATEMENT_INCLUDE] = "include", [CM_STATEMENT_GROUP] = "group",
    [CM_STATEMENT_SITE] = "site",       [CM_STATEMENT_PERMIT] = "permit",
    [CM_STATEMENT_FORBID] = "forbid",   [CM_STATEMENT_RETAIN] = "retain",
    [CM_STATEMENT_SHARING] = "sharing", [CM_STATEMENT_DISCLOSE] = "disclose",
};

static const char *const clauses[CM_CLAUSE_COUNT] = {
    [CM_CLAUSE_TO] = "to",           [CM_CLAUSE_FOR] = "for",       [CM_CLAUSE_BACK] = "back",
    [CM_CLAUSE_BEYOND] = "beyond",   [CM_CLAUSE_AT] = "at",         [CM_CLAUSE_SEE] = "see",
    [CM_CLAUSE_REQUIRE] = "require", [CM_CLAUSE_UNLESS] = "unless", [CM_CLAUSE_FROM] = "from",
    [CM_CLAUSE_UNTIL] = "until",     [CM_CLAUSE_LIMIT] = "limit",   [CM_CLAUSE_NOTE] = "note",
};

enum { LONGEST = sizeof "disclose" - 1 };

// Most words of a file are agencies' ids, longer than any keyword.
static unsigned find(const char *const *words, unsigned count, const char *word)
{
    if (strnlen(word, LONGEST + 1) > LONGEST) {
        return 0;
    }
    for (unsigned i = 1; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return 0;
}

enum cm_statement cm_statement_of(const char *word)
{
    return (enum cm_statement)find(statements, CM_STATEMENT_COUNT, word);
}

const char *cm_statement_word(enum cm_statement statement)
{
    return statements[statement];
}

enum cm_clause_kind cm_clause_of(const char *word)
{
    return (enum cm_clause_kind)find(clauses, CM_CLAUSE_COUNT, word);
}

const char *cm_clause_word(enum cm_clause_kind clause)
{
    return clauses[clause];
}

bool cm_word_reserved(const char *word)
{
    static const char *const others[] = {NULL, "not", "self", "anyone", "any", "all"};
    return cm_statement_of(word) != CM_STATEMENT_NONE || cm_clause_of(word) != CM_CLAUSE_NONE ||
           find(others, sizeof others / sizeof *others, word) != 0;
}

bool cm_word_is_name(const char *word)
{
    bool letter = (*word >= 'a' && *word <= 'z') || (*word >= 'A' && *word <= 'Z');
    return letter && strchr(word, '.') == NULL;
}

bool cm_word_is_id(const char *word)
{
    return strchr(word, '.') != NULL;
}

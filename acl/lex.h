// Rule text into tokens, one at a time: words, @words, "text", and , = : /
// Reports what can't be a token and goes on behind it. Embedded in its parser; one thread.
#ifndef CM_ACL_LEX_H
#define CM_ACL_LEX_H

#include "acl/diagnostic.h"
#include "proto/base/arena.h"

enum cm_token_kind {
    CM_TOKEN_END = 1,
    CM_TOKEN_WORD,
    CM_TOKEN_GROUP, // @word
    CM_TOKEN_TEXT,  // "text"
    CM_TOKEN_COMMA,
    CM_TOKEN_EQUALS,
    CM_TOKEN_COLON,
    CM_TOKEN_SLASH,
};

struct cm_token {
    enum cm_token_kind kind;
    const char *text; // words, groups without @, text unescaped; in the arena; else ""
    struct cm_place place;
};

struct cm_lexer {
    const struct cm_rule_file *file;
    size_t at;
    uint32_t line;
    struct cm_arena *arena;
    struct cm_diagnostics *diagnostics;
    size_t bad_until; // the end of the last byte that was no UTF-8
    bool failed;      // out of memory: only END follows
};

void cm_lexer_init(struct cm_lexer *lexer, const struct cm_rule_file *file, struct cm_arena *arena,
                   struct cm_diagnostics *diagnostics);
struct cm_token cm_lexer_next(struct cm_lexer *lexer);

#endif

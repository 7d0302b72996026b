// One rule file into the tree: the parser's inside, shared by parse*.c only.
// On the caller's stack; one thread.
#ifndef CM_ACL_PARSE_H
#define CM_ACL_PARSE_H

#include "acl/ast.h"

struct cm_parser {
    struct cm_lexer lexer;
    struct cm_token now;
    struct cm_token next;
    uint32_t line_before; // of the token before now
    struct cm_ast *ast;
    const struct cm_rules_source *source;
    struct cm_arena *arena;
    struct cm_diagnostics *diagnostics;
    bool main;
};

// What a list may hold, for its messages and for noticing a forgotten comma.
struct cm_list_spec {
    const char *noun; // "a purpose"
    const char *hint; // what may stand there, or NULL
    const char *and;  // what to do about `and` or `or` in it, or NULL for a comma
    bool outside;     // of a rule: clause words don't end it
    unsigned kinds;   // bits 1u << enum cm_token_kind
    bool (*known)(const struct cm_parser *parser, const struct cm_token *token);
};

enum cm_status cm_parse_file(struct cm_ast *ast, struct cm_arena *arena,
                             const struct cm_rules_source *source, const struct cm_rule_file *file,
                             struct cm_diagnostics *diagnostics) CM_MUST_CHECK;

void cm_parser_advance(struct cm_parser *parser);
void cm_parser_error(struct cm_parser *parser, const struct cm_place *place, const char *hint,
                     const char *format, ...) CM_PRINTF(4, 5);
// From the arena; NULL ends the parse with CM_MEMORY.
void *cm_parser_take(struct cm_parser *parser, size_t size);
bool cm_parser_at(const struct cm_parser *parser, const char *word);
// At a clause or statement word or the end.
bool cm_parser_at_clause(const struct cm_parser *parser);
bool cm_parser_at_statement(const struct cm_parser *parser);
void cm_parser_skip_statement(struct cm_parser *parser);
// A word that fits nowhere, with the nearest statement or clause word.
void cm_parser_unknown(struct cm_parser *parser, bool clauses);
// `and` or `or`, which people write between terms and items: reported and passed.
bool cm_parser_skip_and(struct cm_parser *parser, const char *hint);
// A colon or = that people write after a word: reported and passed.
void cm_parser_pass_sign(struct cm_parser *parser, const char *word);
// What is left on that line of a clause that was reported.
void cm_parser_skip_line(struct cm_parser *parser, uint32_t line);
// Whether a statement or clause word is near enough to have been meant.
bool cm_parser_near_keyword(const struct cm_token *token);

// Items up to the first that no comma follows. opener: the word whose list it is.
void cm_parse_list(struct cm_parser *parser, struct cm_list *list, const struct cm_list_spec *spec,
                   const struct cm_place *opener);
void cm_parser_append(struct cm_parser *parser, struct cm_list *list);
// "30 days" at the cursor; 0 when it is wrong (reported).
int64_t cm_parse_duration(struct cm_parser *parser, const struct cm_place *opener);

void cm_parse_rule(struct cm_parser *parser, const struct cm_token *opener);
// false: the rest of the rule makes no sense.
bool cm_parse_who(struct cm_parser *parser, struct cm_rule *rule);
void cm_parse_clause(struct cm_parser *parser, struct cm_rule *rule);
// The values of a `to`, `for`, `require` or `see` as in a permit; clause->place is the opener's.
void cm_parse_values(struct cm_parser *parser, struct cm_clause *clause, enum cm_clause_kind kind);
struct cm_rule *cm_parser_add_rule(struct cm_parser *parser, enum cm_statement statement);
struct cm_term *cm_parser_add_term(struct cm_parser *parser, struct cm_rule *rule,
                                   enum cm_term_kind kind);

#endif

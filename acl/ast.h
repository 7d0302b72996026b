// Rule files as written: statements, clauses, terms, each with its place. Built by the parser in an
// arena, read by compile, lint and the tools; immutable then.
#ifndef CM_ACL_AST_H
#define CM_ACL_AST_H

#include "acl/lex.h"
#include "acl/rules.h"

enum cm_statement {
    CM_STATEMENT_NONE = 0,
    CM_STATEMENT_RULES,
    CM_STATEMENT_NODE,
    CM_STATEMENT_INCLUDE,
    CM_STATEMENT_GROUP,
    CM_STATEMENT_SITE,
    CM_STATEMENT_PERMIT,
    CM_STATEMENT_FORBID,
    CM_STATEMENT_RETAIN,
    CM_STATEMENT_SHARING,
    CM_STATEMENT_DISCLOSE,
    CM_STATEMENT_COUNT,
};

enum cm_clause_kind {
    CM_CLAUSE_NONE = 0,
    CM_CLAUSE_TO,
    CM_CLAUSE_FOR,
    CM_CLAUSE_BACK,
    CM_CLAUSE_BEYOND,
    CM_CLAUSE_AT,
    CM_CLAUSE_SEE,
    CM_CLAUSE_REQUIRE,
    CM_CLAUSE_UNLESS,
    CM_CLAUSE_FROM,
    CM_CLAUSE_UNTIL,
    CM_CLAUSE_LIMIT,
    CM_CLAUSE_NOTE,
    CM_CLAUSE_COUNT,
};

enum cm_term_kind {
    CM_TERM_NONE = 0,
    CM_TERM_AGENCIES, // ids and @groups
    CM_TERM_KIND,
    CM_TERM_STATE,
    CM_TERM_ROLE,
    CM_TERM_SELF,
    CM_TERM_ANYONE,
};

struct cm_item {
    const char *text;        // a group's without its @
    enum cm_token_kind kind; // WORD, GROUP or TEXT
    struct cm_place place;
    struct cm_item *next;
};

struct cm_list {
    struct cm_item *first;
    struct cm_item *last;
    size_t count;
};

struct cm_term {
    enum cm_term_kind kind;
    bool negated;
    unsigned mask; // KIND and ROLE: bits 1u << value
    struct cm_list items;
    struct cm_place place;
    struct cm_term *next;
};

struct cm_clause {
    bool present;
    bool whole;           // `any` or `all`
    unsigned mask;        // to, see, require, unless: bits 1u << value; `see plate` is none
    struct cm_list items; // for: purposes; at: sites; to, see, require, unless: as written
    int64_t number;       // back, beyond: seconds; from, until: ms; limit: queries a day
    bool per_agency;      // limit
    const char *text;     // note
    struct cm_place place;
};

// A permit or forbid; `retain` and `sharing off` are the forbids that they mean.
struct cm_rule {
    enum cm_statement statement; // PERMIT, FORBID, RETAIN or SHARING
    struct cm_place place;       // its first word
    struct cm_term *terms, *last_term;
    struct cm_clause clauses[CM_CLAUSE_COUNT];
    struct cm_rule *next;
};

struct cm_definition {
    enum cm_statement statement; // GROUP or SITE
    const char *name;
    struct cm_place place; // the name's
    struct cm_list items;
    size_t order; // among all files' definitions
    struct cm_definition *next;
};

struct cm_inclusion {
    const struct cm_rule_file *from;
    const char *name;
    struct cm_place place;
    const struct cm_rule_file *to; // NULL until found
    struct cm_inclusion *next;
};

struct cm_ast {
    const struct cm_rule_file *main;
    const char *node; // NULL when missing
    struct cm_place node_place;
    bool node_reported; // what is wrong with it was said
    bool discloses;
    int64_t retain_s; // the least; INT64_MAX without one
    struct cm_rule *rules, *last_rule;
    size_t rule_count;
    struct cm_definition *definitions, *last_definition;
    size_t definition_count;
    struct cm_inclusion *inclusions, *last_inclusion;
    size_t inclusion_count;
};

enum cm_statement cm_statement_of(const char *word);
const char *cm_statement_word(enum cm_statement statement);
enum cm_clause_kind cm_clause_of(const char *word);
const char *cm_clause_word(enum cm_clause_kind clause);
// A statement or clause word, or one of not, self, anyone, any, all.
bool cm_word_reserved(const char *word);
// Begins with a letter, then letters, digits, - and _.
bool cm_word_is_name(const char *word);
// Contains a dot, as agency ids do.
bool cm_word_is_id(const char *word);

// Whether something stands in a statute pack: an included file whose name has no dot.
bool cm_in_pack(const struct cm_ast *ast, const struct cm_place *place);

// Parses source's main file and all that it includes. CM_MEMORY; what is wrong goes to diagnostics.
enum cm_status cm_ast_load(struct cm_ast *ast, struct cm_arena *arena,
                           const struct cm_rules_source *source,
                           struct cm_diagnostics *diagnostics) CM_MUST_CHECK;

#endif

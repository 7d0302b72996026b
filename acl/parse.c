#include "acl/parse.h"

#include "acl/nearest.h"
#include "acl/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_INCLUDES = 256 };

void cm_parser_advance(struct cm_parser *parser)
{
    parser->line_before = parser->now.place.line;
    parser->now = parser->next;
    parser->next = cm_lexer_next(&parser->lexer);
}

void cm_parser_error(struct cm_parser *parser, const struct cm_place *place, const char *hint,
                     const char *format, ...)
{
    char text[sizeof parser->diagnostics->list->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cm_diagnostics_add(parser->diagnostics, CM_SEVERITY_ERROR, place, hint, "%s", text);
}

void *cm_parser_take(struct cm_parser *parser, size_t size)
{
    void *out = cm_arena_alloc(parser->arena, size);
    if (out == NULL) {
        parser->lexer.failed = true;
        parser->now.kind = CM_TOKEN_END;
        parser->next.kind = CM_TOKEN_END;
    }
    return out;
}

bool cm_parser_at(const struct cm_parser *parser, const char *word)
{
    return parser->now.kind == CM_TOKEN_WORD && strcmp(parser->now.text, word) == 0;
}

bool cm_parser_at_statement(const struct cm_parser *parser)
{
    return parser->now.kind == CM_TOKEN_END ||
           (parser->now.kind == CM_TOKEN_WORD &&
            cm_statement_of(parser->now.text) != CM_STATEMENT_NONE);
}

bool cm_parser_at_clause(const struct cm_parser *parser)
{
    return cm_parser_at_statement(parser) ||
           (parser->now.kind == CM_TOKEN_WORD && cm_clause_of(parser->now.text) != CM_CLAUSE_NONE);
}

void cm_parser_skip_statement(struct cm_parser *parser)
{
    while (!cm_parser_at_statement(parser)) {
        cm_parser_advance(parser);
    }
}

bool cm_parser_skip_and(struct cm_parser *parser, const char *hint)
{
    if (!cm_parser_at(parser, "and") && !cm_parser_at(parser, "or")) {
        return false;
    }
    cm_parser_error(parser, &parser->now.place, hint, "`%s` is no word of the language",
                    parser->now.text);
    cm_parser_advance(parser);
    return true;
}

void cm_parser_skip_line(struct cm_parser *parser, uint32_t line)
{
    while (!cm_parser_at_clause(parser) && parser->now.place.line == line) {
        cm_parser_advance(parser);
    }
}

static void offer_keywords(struct cm_nearest *nearest, bool clauses)
{
    for (enum cm_statement s = CM_STATEMENT_RULES; s < CM_STATEMENT_COUNT; s++) {
        cm_nearest_offer(nearest, "", cm_statement_word(s));
    }
    for (enum cm_clause_kind c = CM_CLAUSE_TO; clauses && c < CM_CLAUSE_COUNT; c++) {
        cm_nearest_offer(nearest, "", cm_clause_word(c));
    }
}

bool cm_parser_near_keyword(const struct cm_token *token)
{
    struct cm_nearest nearest;
    cm_nearest_init(&nearest, token->text);
    offer_keywords(&nearest, true);
    return nearest.best[0] != '\0';
}

void cm_parser_unknown(struct cm_parser *parser, bool clauses)
{
    static const char *const signs[] = {[CM_TOKEN_COMMA] = ",",
                                        [CM_TOKEN_EQUALS] = "=",
                                        [CM_TOKEN_COLON] = ":",
                                        [CM_TOKEN_SLASH] = "/"};
    const struct cm_token *token = &parser->now;
    char hint[128] = "";
    if (token->kind == CM_TOKEN_WORD) {
        struct cm_nearest nearest;
        cm_nearest_init(&nearest, token->text);
        offer_keywords(&nearest, clauses);
        cm_nearest_hint(&nearest, hint, sizeof hint,
                        clauses ? "here a clause (to, for, back, ...) or a statement begins"
                                : "here a statement (permit, forbid, group, ...) begins");
        cm_parser_error(parser, &token->place, hint, "unknown word %.60s", token->text);
    } else if (token->kind == CM_TOKEN_GROUP) {
        cm_parser_error(parser, &token->place, "who is asked for stands first in a rule",
                        "@%.60s can't stand here", token->text);
    } else if (token->kind == CM_TOKEN_TEXT) {
        cm_parser_error(parser, &token->place, "text follows `note` or `include`",
                        "text can't stand here");
    } else if (token->kind != CM_TOKEN_END) {
        const char *fallback = token->kind == CM_TOKEN_SLASH ? "a comment begins with #" : NULL;
        cm_parser_error(parser, &token->place, fallback, "a stray %s", signs[token->kind]);
    }
}

// The one that belongs there is taken by parse_version.
static void parse_rules(struct cm_parser *parser, const struct cm_token *opener)
{
    cm_parser_error(parser, &opener->place, NULL, "`rules` stands once, first in its file");
    cm_parser_skip_statement(parser);
}

void cm_parser_pass_sign(struct cm_parser *parser, const char *word)
{
    bool colon = parser->now.kind == CM_TOKEN_COLON;
    if (colon || parser->now.kind == CM_TOKEN_EQUALS) {
        cm_parser_error(parser, &parser->now.place, "leave it out", "a stray %s after `%s`",
                        colon ? ":" : "=", word);
        cm_parser_advance(parser);
    }
}

static void parse_node(struct cm_parser *parser, const struct cm_token *opener)
{
    cm_parser_pass_sign(parser, "node");
    struct cm_token id = parser->now;
    parser->ast->node_reported |= parser->main;
    if (id.kind != CM_TOKEN_WORD || cm_word_reserved(id.text) || !cm_word_is_id(id.text)) {
        cm_parser_error(parser, &opener->place, "write: node ca.northport.pd",
                        "`node` names no agency");
        cm_parser_skip_statement(parser);
        return;
    }
    cm_parser_advance(parser);
    if (!parser->main) {
        cm_parser_error(parser, &opener->place, "leave it out here",
                        "`node` stands in the main file only");
    } else if (parser->ast->node != NULL) {
        cm_parser_error(parser, &opener->place, NULL, "`node` stands once; line %u has it",
                        (unsigned)parser->ast->node_place.line);
    } else {
        parser->ast->node = id.text;
        parser->ast->node_place = id.place;
    }
}

static void parse_include(struct cm_parser *parser, const struct cm_token *opener)
{
    struct cm_token name = parser->now;
    bool word = name.kind == CM_TOKEN_WORD && !cm_word_reserved(name.text);
    if (word) {
        cm_parser_error(parser, &name.place, "write the name in quotes",
                        "`include` takes a quoted name");
    }
    if (!word && name.kind != CM_TOKEN_TEXT) {
        cm_parser_error(parser, &opener->place, "write: include \"us-ca\"",
                        "`include` names nothing");
        return;
    }
    cm_parser_advance(parser);
    if (name.text[0] == '\0' || strpbrk(name.text, "/\\") != NULL || name.text[0] == '.') {
        cm_parser_error(parser, &name.place, "a pack's name, or a file beside this one",
                        "this can't be included");
        return;
    }
    struct cm_inclusion *inclusion = cm_parser_take(parser, sizeof *inclusion);
    if (inclusion == NULL) {
        return;
    }
    *inclusion =
        (struct cm_inclusion){.from = parser->lexer.file, .name = name.text, .place = name.place};
    struct cm_ast *ast = parser->ast;
    if (++ast->inclusion_count == MOST_INCLUDES + 1) {
        cm_parser_error(parser, &opener->place, NULL, "more than %d includes", MOST_INCLUDES);
    }
    if (ast->inclusion_count > MOST_INCLUDES) {
        return;
    }
    *(ast->last_inclusion == NULL ? &ast->inclusions : &ast->last_inclusion->next) = inclusion;
    ast->last_inclusion = inclusion;
}

static bool known_agency(const struct cm_parser *parser, const struct cm_token *token)
{
    (void)parser;
    return token->kind == CM_TOKEN_GROUP ||
           (token->kind == CM_TOKEN_WORD && cm_word_is_id(token->text));
}

// Another camera of the line, unless it looks like the next statement's first word.
static bool known_camera(const struct cm_parser *parser, const struct cm_token *token)
{
    return token->kind == CM_TOKEN_TEXT ||
           (token->kind == CM_TOKEN_WORD && token->place.line == parser->line_before &&
            !cm_word_reserved(token->text) && !cm_parser_near_keyword(token));
}

static bool definition_name(struct cm_parser *parser, const struct cm_token *opener,
                            struct cm_token *name)
{
    *name = parser->now;
    if (name->kind == CM_TOKEN_GROUP) {
        cm_parser_error(parser, &name->place, "the @ stands only where the group is used",
                        "a group is declared without @");
    } else if (name->kind != CM_TOKEN_WORD || cm_statement_of(name->text) != CM_STATEMENT_NONE) {
        cm_parser_error(parser, &opener->place, NULL, "`%s` has no name", opener->text);
        return false;
    }
    cm_parser_advance(parser);
    if (name->kind == CM_TOKEN_WORD && cm_word_reserved(name->text)) {
        cm_parser_error(parser, &name->place, "choose another name",
                        "`%s` is a word of the language", name->text);
    } else if (!cm_word_is_name(name->text)) {
        cm_parser_error(parser, &name->place,
                        "a name begins with a letter, then letters, digits, - and _",
                        "%.60s can't be a name", name->text);
    }
    if (parser->now.kind == CM_TOKEN_EQUALS) {
        cm_parser_advance(parser);
        return true;
    }
    if (parser->next.kind == CM_TOKEN_EQUALS) {
        cm_parser_error(parser, &parser->now.place, "join its words with -", "a name is one word");
        cm_parser_advance(parser);
        cm_parser_advance(parser);
        return true;
    }
    char hint[128];
    snprintf(hint, sizeof hint, "write: %s %.60s = ...", opener->text, name->text);
    cm_parser_error(parser, &name->place, hint, "after the name of a %s a = is missing",
                    opener->text);
    if (parser->now.kind == CM_TOKEN_COLON) {
        cm_parser_advance(parser);
        return true;
    }
    return !cm_parser_at_clause(parser);
}

static void check_items(struct cm_parser *parser, const struct cm_list *items, bool site)
{
    for (const struct cm_item *item = items->first; item != NULL; item = item->next) {
        if (item->text[0] == '\0') {
            cm_parser_error(parser, &item->place, NULL, "a camera needs a name");
        }
        if (item->kind != CM_TOKEN_WORD) {
            continue;
        }
        if (cm_word_reserved(item->text)) {
            cm_parser_error(parser, &item->place, site ? "quote a camera of that name" : NULL,
                            "`%s` can't stand in a %s", item->text, site ? "site" : "group");
        } else if (site && !cm_word_is_name(item->text)) {
            cm_parser_error(parser, &item->place, "write it in quotes",
                            "this camera's name is no plain name");
        }
    }
}

static void parse_definition(struct cm_parser *parser, const struct cm_token *opener)
{
    static const struct cm_list_spec group = {.noun = "an agency",
                                              .hint =
                                                  "its id, such as ca.southgate.pd, or a @group",
                                              .outside = true,
                                              .kinds = 1u << CM_TOKEN_WORD | 1u << CM_TOKEN_GROUP,
                                              .known = known_agency};
    static const struct cm_list_spec site = {.noun = "a camera",
                                             .hint = NULL,
                                             .outside = true,
                                             .kinds = 1u << CM_TOKEN_WORD | 1u << CM_TOKEN_TEXT,
                                             .known = known_camera};
    struct cm_token name;
    if (!definition_name(parser, opener, &name)) {
        cm_parser_skip_statement(parser);
        return;
    }
    struct cm_definition *definition = cm_parser_take(parser, sizeof *definition);
    if (definition == NULL) {
        return;
    }
    *definition = (struct cm_definition){.statement = cm_statement_of(opener->text),
                                         .name = name.text,
                                         .place = name.place,
                                         .order = parser->ast->definition_count};
    bool is_site = definition->statement == CM_STATEMENT_SITE;
    if (is_site || !cm_parser_at_statement(parser)) {
        cm_parse_list(parser, &definition->items, is_site ? &site : &group, &opener->place);
    }
    check_items(parser, &definition->items, is_site);
    struct cm_ast *ast = parser->ast;
    *(ast->last_definition == NULL ? &ast->definitions : &ast->last_definition->next) = definition;
    ast->last_definition = definition;
    ast->definition_count++;
}

static void parse_retain(struct cm_parser *parser, const struct cm_token *opener)
{
    int64_t seconds = cm_parse_duration(parser, &opener->place);
    if (seconds == 0) {
        return;
    }
    struct cm_rule *rule = cm_parser_add_rule(parser, CM_STATEMENT_RETAIN);
    if (rule == NULL || cm_parser_add_term(parser, rule, CM_TERM_ANYONE) == NULL) {
        return;
    }
    rule->place = opener->place;
    rule->clauses[CM_CLAUSE_BEYOND] =
        (struct cm_clause){.present = true, .number = seconds, .place = opener->place};
    if (seconds < parser->ast->retain_s) {
        parser->ast->retain_s = seconds;
    }
}

static bool parse_switch(struct cm_parser *parser, const struct cm_token *opener, const char *word)
{
    if (!cm_parser_at(parser, word)) {
        char hint[64];
        snprintf(hint, sizeof hint, "write: %s %s, or leave the line out", opener->text, word);
        cm_parser_error(parser, &opener->place, hint, "`%s` is followed by `%s` only", opener->text,
                        word);
        cm_parser_skip_statement(parser);
        return false;
    }
    cm_parser_advance(parser);
    return true;
}

static void parse_sharing(struct cm_parser *parser, const struct cm_token *opener)
{
    if (!parse_switch(parser, opener, "off")) {
        return;
    }
    struct cm_rule *rule = cm_parser_add_rule(parser, CM_STATEMENT_SHARING);
    struct cm_term *term = rule == NULL ? NULL : cm_parser_add_term(parser, rule, CM_TERM_SELF);
    if (term != NULL) {
        rule->place = opener->place;
        term->negated = true;
    }
}

static void parse_disclose(struct cm_parser *parser, const struct cm_token *opener)
{
    if (parse_switch(parser, opener, "denial")) {
        parser->ast->discloses = true;
    }
}

static void parse_statement(struct cm_parser *parser, enum cm_statement statement)
{
    static const struct {
        void (*parse)(struct cm_parser *, const struct cm_token *);
        bool included; // may stand in an included file
        bool overlay;
    } table[CM_STATEMENT_COUNT] = {
        [CM_STATEMENT_RULES] = {parse_rules, true, true},
        [CM_STATEMENT_NODE] = {parse_node, true, true},
        [CM_STATEMENT_INCLUDE] = {parse_include, true, true},
        [CM_STATEMENT_GROUP] = {parse_definition, true, true},
        [CM_STATEMENT_SITE] = {parse_definition, true, true},
        [CM_STATEMENT_PERMIT] = {cm_parse_rule, false, false},
        [CM_STATEMENT_FORBID] = {cm_parse_rule, true, true},
        [CM_STATEMENT_RETAIN] = {parse_retain, true, true},
        [CM_STATEMENT_SHARING] = {parse_sharing, false, true},
        [CM_STATEMENT_DISCLOSE] = {parse_disclose, false, false},
    };
    struct cm_token opener = parser->now;
    if (!parser->main && !table[statement].included) {
        cm_parser_error(parser, &opener.place, "it stands in the main file",
                        "an included file can't hold `%s`: it may only forbid", opener.text);
    } else if (parser->source->overlay && !table[statement].overlay) {
        cm_parser_error(parser, &opener.place, "an administrator signs that",
                        "the node's own overlay can't hold `%s`: it may only forbid", opener.text);
    }
    cm_parser_advance(parser);
    if (table[statement].parse != NULL) {
        table[statement].parse(parser, &opener);
    }
}

// Every file begins with `rules 1`.
static void parse_version(struct cm_parser *parser)
{
    struct cm_place place = parser->now.place;
    if (!cm_parser_at(parser, "rules")) {
        cm_parser_error(parser, &place, "begin the file with: rules 1",
                        "the file does not begin with `rules 1`");
        return;
    }
    cm_parser_advance(parser);
    if (cm_parser_at(parser, "1")) {
        cm_parser_advance(parser);
        return;
    }
    bool word = parser->now.kind == CM_TOKEN_WORD && !cm_word_reserved(parser->now.text);
    cm_parser_error(parser, word ? &parser->now.place : &place, "write: rules 1",
                    "this program knows version 1 of the rule language only");
    if (word) {
        cm_parser_advance(parser);
    }
}

// As some editors save "Unicode": every second byte is zero. All of it would be wrong.
static bool is_utf16(struct cm_bytes text)
{
    return text.len >= 2 && ((text.data[0] == 0xff && text.data[1] == 0xfe) ||
                             (text.data[0] == 0xfe && text.data[1] == 0xff) || text.data[0] == 0 ||
                             text.data[1] == 0);
}

enum cm_status cm_parse_file(struct cm_ast *ast, struct cm_arena *arena,
                             const struct cm_rules_source *source, const struct cm_rule_file *file,
                             struct cm_diagnostics *diagnostics)
{
    struct cm_parser parser = {.ast = ast,
                               .source = source,
                               .arena = arena,
                               .diagnostics = diagnostics,
                               .main = file == ast->main};
    if (is_utf16(file->text)) {
        struct cm_place place = {.file = file, .line = 1};
        cm_parser_error(&parser, &place, "save it as UTF-8, in some editors \"Unicode (UTF-8)\"",
                        "this file is not UTF-8 but UTF-16, or no text at all");
        ast->node_reported = parser.main;
        return CM_OK;
    }
    cm_lexer_init(&parser.lexer, file, arena, diagnostics);
    parser.now = cm_lexer_next(&parser.lexer);
    parser.next = cm_lexer_next(&parser.lexer);
    parse_version(&parser);
    while (parser.now.kind != CM_TOKEN_END && ast->rule_count <= CM_MAX_RULES) {
        enum cm_statement statement =
            parser.now.kind == CM_TOKEN_WORD ? cm_statement_of(parser.now.text) : CM_STATEMENT_NONE;
        if (statement != CM_STATEMENT_NONE) {
            parse_statement(&parser, statement);
            continue;
        }
        if (parser.now.kind == CM_TOKEN_WORD && cm_clause_of(parser.now.text) != CM_CLAUSE_NONE) {
            cm_parser_error(&parser, &parser.now.place, "it belongs to a permit or forbid",
                            "`%s` stands in no rule", parser.now.text);
        } else {
            cm_parser_unknown(&parser, false);
        }
        cm_parser_advance(&parser);
        cm_parser_skip_statement(&parser);
    }
    return parser.lexer.failed ? CM_MEMORY : CM_OK;
}

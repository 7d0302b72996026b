#include "acl/nearest.h"
#include "acl/parse.h"

#include <stdio.h>
#include <string.h>

struct prefix {
    const char *word;
    enum cm_term_kind kind;
    const char *noun;
    unsigned count;
    const char *(*name)(unsigned value); // NULL: not enumerable
    const char *hint;
};

static const char *kind_name(unsigned value)
{
    return cm_kind_name((enum cm_kind)value);
}

// Only people ask: the other roles can't stand in rules.
static const char *role_name(unsigned value)
{
    return cm_role_name((enum cm_role)value);
}

static const struct prefix prefixes[] = {
    {"kind", CM_TERM_KIND, "kind", CM_KIND_COUNT, kind_name,
     "local, sheriff, state, campus, prosecutor, federal, private or other"},
    {"state", CM_TERM_STATE, "state", 0, NULL, "two capital letters, such as CA"},
    {"role", CM_TERM_ROLE, "role", CM_ROLE_SUPERVISOR + 1, role_name, "investigator or supervisor"},
};

static const struct prefix *prefix_of(const char *word)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strcmp(prefixes[i].word, word) == 0) {
            return &prefixes[i];
        }
    }
    return NULL;
}

struct cm_term *cm_parser_add_term(struct cm_parser *parser, struct cm_rule *rule,
                                   enum cm_term_kind kind)
{
    struct cm_term *term = cm_parser_take(parser, sizeof *term);
    if (term == NULL) {
        return NULL;
    }
    *term = (struct cm_term){.kind = kind, .place = parser->now.place};
    *(rule->last_term == NULL ? &rule->terms : &rule->last_term->next) = term;
    rule->last_term = term;
    return term;
}

static unsigned value_of(const struct prefix *prefix, const char *word)
{
    for (unsigned value = 1; value < prefix->count; value++) {
        if (strcmp(prefix->name(value), word) == 0) {
            return value;
        }
    }
    return 0;
}

static bool known_value(const struct prefix *prefix, const char *word)
{
    return prefix->name == NULL ? cm_state_known(cm_bytes_of(word)) : value_of(prefix, word) != 0;
}

static void take_value(struct cm_parser *parser, struct cm_term *term, const struct prefix *prefix)
{
    const struct cm_token *now = &parser->now;
    if (!known_value(prefix, now->text)) {
        struct cm_nearest nearest;
        char hint[128];
        cm_nearest_init(&nearest, now->text);
        for (unsigned value = 1; value < prefix->count; value++) {
            cm_nearest_offer(&nearest, "", prefix->name(value));
        }
        char upper[3] = "";
        if (prefix->name == NULL && strlen(now->text) == 2) {
            upper[0] = (char)(now->text[0] & ~0x20);
            upper[1] = (char)(now->text[1] & ~0x20);
        }
        if (upper[0] != '\0' && cm_state_known(cm_bytes_of(upper))) {
            snprintf(hint, sizeof hint, "did you mean %s?", upper);
        } else {
            cm_nearest_hint(&nearest, hint, sizeof hint, prefix->hint);
        }
        cm_parser_error(parser, &now->place, hint, "unknown %s %.60s", prefix->noun, now->text);
    } else if (prefix->name != NULL) {
        term->mask |= 1u << value_of(prefix, now->text);
    }
    cm_parser_append(parser, &term->items);
}

// Begins a term of another sort than a plain value: an id, @group, prefix, not, self, anyone.
static bool at_other_term(const struct cm_parser *parser)
{
    const struct cm_token *now = &parser->now;
    return now->kind == CM_TOKEN_GROUP ||
           (now->kind == CM_TOKEN_WORD &&
            (cm_word_is_id(now->text) || parser->next.kind == CM_TOKEN_COLON ||
             cm_word_reserved(now->text)));
}

// `kind:local, kind:sheriff`: the second word is passed, its values belong to the same term.
static void pass_repeated(struct cm_parser *parser, const struct prefix *prefix,
                          const struct cm_term *term)
{
    char hint[128];
    struct cm_token opener = parser->now;
    if (opener.kind != CM_TOKEN_WORD || parser->next.kind != CM_TOKEN_COLON ||
        prefix_of(opener.text) != prefix) {
        return;
    }
    cm_parser_advance(parser);
    cm_parser_advance(parser);
    const char *before = term->items.last == NULL ? "A" : term->items.last->text;
    snprintf(hint, sizeof hint, "write: %s:%.40s,%.40s", prefix->word, before, parser->now.text);
    cm_parser_error(parser, &opener.place, hint, "`%s:` stands once before its list", prefix->word);
}

static void comma_between_kinds(struct cm_parser *parser, const struct cm_place *comma)
{
    cm_parser_error(parser, comma,
                    "side by side, without the comma, both must hold; for either, write two rules",
                    "a comma between two different kinds of term");
}

static void parse_values(struct cm_parser *parser, struct cm_rule *rule, bool negated)
{
    const struct prefix *prefix = prefix_of(parser->now.text);
    struct cm_term *term = cm_parser_add_term(parser, rule, prefix->kind);
    if (term == NULL) {
        return;
    }
    struct cm_place before = parser->now.place;
    term->negated = negated;
    cm_parser_advance(parser);
    cm_parser_advance(parser);
    for (;;) {
        if (term->items.count > 0 && at_other_term(parser) && !cm_parser_at_clause(parser)) {
            comma_between_kinds(parser, &before);
            return;
        }
        if (parser->now.kind != CM_TOKEN_WORD || at_other_term(parser)) {
            cm_parser_error(parser, &before, prefix->hint, "a %s is missing here", prefix->noun);
            return;
        }
        take_value(parser, term, prefix);
        const struct cm_token *now = &parser->now;
        if (now->kind == CM_TOKEN_WORD && !at_other_term(parser) &&
            known_value(prefix, now->text)) {
            cm_parser_error(parser, &now->place, "comma?", "before this word a comma is missing");
        } else if (now->kind != CM_TOKEN_COMMA) {
            return;
        } else {
            before = now->place;
            cm_parser_advance(parser);
            pass_repeated(parser, prefix, term);
        }
    }
}

static void check_mixed(struct cm_parser *parser, const struct cm_term *term,
                        const struct cm_place *place)
{
    bool ids = false;
    bool groups = false;
    for (const struct cm_item *item = term->items.first; item != NULL; item = item->next) {
        ids |= item->kind == CM_TOKEN_WORD;
        groups |= item->kind == CM_TOKEN_GROUP;
    }
    if (term->negated && ids && groups) {
        cm_parser_error(parser, place, "write one `not` for the ids, another for the groups",
                        "`not` before a list of both ids and groups");
    }
}

static bool at_agency(const struct cm_parser *parser)
{
    return parser->now.kind == CM_TOKEN_GROUP ||
           (parser->now.kind == CM_TOKEN_WORD && parser->next.kind != CM_TOKEN_COLON &&
            !cm_word_reserved(parser->now.text));
}

static void parse_agencies(struct cm_parser *parser, struct cm_rule *rule, bool negated,
                           const struct cm_place *opener)
{
    struct cm_term *term = cm_parser_add_term(parser, rule, CM_TERM_AGENCIES);
    if (term == NULL) {
        return;
    }
    term->negated = negated;
    for (;;) {
        bool id = parser->now.kind == CM_TOKEN_WORD;
        cm_parser_append(parser, &term->items);
        if (id && parser->now.kind == CM_TOKEN_WORD && cm_word_is_id(parser->now.text)) {
            cm_parser_error(parser, &parser->now.place, "comma?",
                            "two agencies side by side: nobody is both");
            continue;
        }
        if (parser->now.kind != CM_TOKEN_COMMA) {
            break;
        }
        struct cm_place comma = parser->now.place;
        cm_parser_advance(parser);
        if (at_agency(parser)) {
            continue;
        }
        if (cm_parser_at_clause(parser) || parser->now.kind != CM_TOKEN_WORD) {
            cm_parser_error(parser, &comma, NULL, "after this comma an agency is missing");
        } else {
            comma_between_kinds(parser, &comma);
        }
        break;
    }
    check_mixed(parser, term, opener);
}

static void parse_lone(struct cm_parser *parser, struct cm_rule *rule, bool negated)
{
    bool self = cm_parser_at(parser, "self");
    struct cm_term *term = cm_parser_add_term(parser, rule, self ? CM_TERM_SELF : CM_TERM_ANYONE);
    if (term == NULL) {
        return;
    }
    term->negated = negated;
    cm_parser_advance(parser);
    if (parser->now.kind == CM_TOKEN_COMMA) {
        cm_parser_error(parser, &parser->now.place, "for either, write two rules",
                        "`%s` stands alone, not in a list", self ? "self" : "anyone");
        cm_parser_advance(parser);
    }
}

static bool unknown_term(struct cm_parser *parser, struct cm_rule *rule)
{
    const struct cm_token *now = &parser->now;
    if (now->kind == CM_TOKEN_TEXT) {
        cm_parser_error(parser, &now->place,
                        "write its id, such as ca.southgate.pd, without quotes",
                        "who asks is not named by text");
    } else if (cm_parser_at(parser, "all") || cm_parser_at(parser, "any")) {
        cm_parser_error(parser, &now->place, "here the word is `anyone`", "`%s` can't stand here",
                        now->text);
        (void)cm_parser_add_term(parser, rule, CM_TERM_ANYONE);
        cm_parser_advance(parser);
        return true;
    } else if (now->kind == CM_TOKEN_WORD && parser->next.kind == CM_TOKEN_COLON) {
        struct cm_nearest nearest;
        char hint[128];
        cm_nearest_init(&nearest, now->text);
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
            cm_nearest_offer(&nearest, "", prefixes[i].word);
        }
        cm_nearest_hint(&nearest, hint, sizeof hint, "kind:, state: or role:");
        cm_parser_error(parser, &now->place, hint, "unknown term %.60s:", now->text);
    } else {
        cm_parser_unknown(parser, true);
    }
    return false;
}

static bool parse_term(struct cm_parser *parser, struct cm_rule *rule)
{
    struct cm_place opener = parser->now.place;
    bool negated = cm_parser_at(parser, "not");
    if (negated) {
        cm_parser_advance(parser);
    }
    const struct cm_token *now = &parser->now;
    bool word = now->kind == CM_TOKEN_WORD;
    if (cm_parser_at(parser, "self") || cm_parser_at(parser, "anyone")) {
        parse_lone(parser, rule, negated);
        return true;
    }
    if (word && parser->next.kind == CM_TOKEN_COLON && prefix_of(now->text) != NULL) {
        parse_values(parser, rule, negated);
        return true;
    }
    if (word && prefix_of(now->text) != NULL && parser->next.kind == CM_TOKEN_WORD &&
        !cm_word_reserved(parser->next.text)) {
        char hint[128];
        snprintf(hint, sizeof hint, "write: %s:%.60s", now->text, parser->next.text);
        cm_parser_error(parser, &now->place, hint, "after `%s` a : is missing", now->text);
        (void)cm_parser_add_term(parser, rule, prefix_of(now->text)->kind);
        cm_parser_advance(parser);
        cm_parser_advance(parser);
        return true;
    }
    if (rule->terms != NULL &&
        cm_parser_skip_and(parser,
                           "terms side by side must all hold; for either, write two rules")) {
        return true;
    }
    // A word without a dot can be a mistyped name only in the first term; later it may as well be
    // the next statement's first word.
    bool first = rule->terms == NULL || negated;
    if (at_agency(parser) && (!word || cm_word_is_id(now->text) || first)) {
        parse_agencies(parser, rule, negated, &opener);
        return true;
    }
    if (negated && (cm_parser_at_clause(parser) || cm_parser_at(parser, "not"))) {
        cm_parser_error(parser, &opener, NULL, "`not` stands before one term");
        return false;
    }
    return unknown_term(parser, rule);
}

bool cm_parse_who(struct cm_parser *parser, struct cm_rule *rule)
{
    while (!cm_parser_at_clause(parser)) {
        if (!parse_term(parser, rule)) {
            return false;
        }
    }
    return true;
}

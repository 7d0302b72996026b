#include "acl/nearest.h"
#include "acl/parse.h"
#include "acl/value.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST_LIMIT = 1000000000 };

static const char *action_name(unsigned value)
{
    return cm_action_name((enum cm_action)value);
}

static const char *field_name(unsigned value)
{
    return cm_field_name((enum cm_field)value);
}

static const char *evidence_name(unsigned value)
{
    return cm_evidence_name((enum cm_evidence)value);
}

#define ACTIONS  "lookup, fuzzy, partial, area, image, watch, or any for all of them"
#define FIELDS   "place, camera, heading, vehicle, confidence, image; all, or plate for none"
#define EVIDENCE "case, supervisor, attestation or court-order"
#define WITH_OR  "write a comma: `require` needs all that it lists, `unless` any one of them"

struct vocabulary {
    const char *(*name)(unsigned value);
    unsigned count;
    const char *whole; // the word for all, or NULL
    const char *hint;
};

static const struct vocabulary actions = {action_name, CM_ACTION_COUNT, "any", ACTIONS};
static const struct vocabulary fields = {field_name, CM_FIELD_COUNT, "all", FIELDS};
static const struct vocabulary evidence = {evidence_name, CM_EVIDENCE_COUNT, NULL, EVIDENCE};

static unsigned value_of(const struct vocabulary *vocabulary, const char *word)
{
    for (unsigned value = 1; value < vocabulary->count; value++) {
        if (strcmp(vocabulary->name(value), word) == 0) {
            return value;
        }
    }
    return 0;
}

static bool known_action(const struct cm_parser *parser, const struct cm_token *token)
{
    (void)parser;
    return token->kind == CM_TOKEN_WORD && value_of(&actions, token->text) != 0;
}

static bool known_field(const struct cm_parser *parser, const struct cm_token *token)
{
    (void)parser;
    return token->kind == CM_TOKEN_WORD && value_of(&fields, token->text) != 0;
}

static bool known_evidence(const struct cm_parser *parser, const struct cm_token *token)
{
    (void)parser;
    return token->kind == CM_TOKEN_WORD && value_of(&evidence, token->text) != 0;
}

static bool known_purpose(const struct cm_parser *parser, const struct cm_token *token)
{
    const struct cm_directory *directory = parser->source->directory; // none: only includes matter
    return token->kind == CM_TOKEN_WORD && directory != NULL &&
           cm_directory_purpose(directory, token->text) != NULL;
}

static bool known_site(const struct cm_parser *parser, const struct cm_token *token)
{
    return token->kind == CM_TOKEN_WORD && token->place.line == parser->line_before &&
           !cm_word_reserved(token->text) && !cm_word_is_id(token->text) &&
           !cm_parser_near_keyword(token);
}

// `any` or `all` where a list may have it, alone; other reserved words never are items.
static void check_reserved(struct cm_parser *parser, struct cm_clause *clause, const char *whole)
{
    for (const struct cm_item *item = clause->items.first; item != NULL; item = item->next) {
        if (whole != NULL && strcmp(item->text, whole) == 0) {
            clause->whole = true;
            if (clause->items.count > 1) {
                cm_parser_error(parser, &item->place, "leave it out, or the others",
                                "`%s` stands alone", whole);
            }
        } else if (cm_word_reserved(item->text)) {
            const char *hint = strcmp(item->text, "not") == 0 ? "`not` stands before who asks"
                               : whole == NULL                ? "leave the clause out for no bound"
                               : strcmp(whole, "any") == 0    ? "here the word is `any`"
                                                              : "here the word is `all`";
            cm_parser_error(parser, &item->place, hint, "`%s` can't stand here", item->text);
        }
    }
}

static void take_words(struct cm_parser *parser, struct cm_clause *clause,
                       const struct vocabulary *vocabulary, const char *noun)
{
    for (const struct cm_item *item = clause->items.first; item != NULL; item = item->next) {
        unsigned value = value_of(vocabulary, item->text);
        clause->mask |= value == 0 ? 0 : 1u << value;
        if (value != 0 || cm_word_reserved(item->text)) {
            continue;
        }
        struct cm_nearest nearest;
        char hint[128];
        cm_nearest_init(&nearest, item->text);
        for (unsigned i = 1; i < vocabulary->count; i++) {
            cm_nearest_offer(&nearest, "", vocabulary->name(i));
        }
        if (vocabulary->whole != NULL) {
            cm_nearest_offer(&nearest, "", vocabulary->whole);
        }
        cm_nearest_hint(&nearest, hint, sizeof hint, vocabulary->hint);
        cm_parser_error(parser, &item->place, hint, "unknown %s %.60s", noun, item->text);
    }
}

static void parse_to(struct cm_parser *parser, struct cm_clause *clause)
{
    static const struct cm_list_spec spec = {
        .noun = "an action", .hint = ACTIONS, .kinds = 1u << CM_TOKEN_WORD, .known = known_action};
    cm_parse_list(parser, &clause->items, &spec, &clause->place);
    check_reserved(parser, clause, "any");
    take_words(parser, clause, &actions, "action");
}

static void parse_for(struct cm_parser *parser, struct cm_clause *clause)
{
    static const struct cm_list_spec spec = {.noun = "a purpose",
                                             .hint = "one of the directory's, or any",
                                             .kinds = 1u << CM_TOKEN_WORD,
                                             .known = known_purpose};
    cm_parse_list(parser, &clause->items, &spec, &clause->place);
    check_reserved(parser, clause, "any");
}

static void parse_at(struct cm_parser *parser, struct cm_clause *clause)
{
    static const struct cm_list_spec spec = {.noun = "a site",
                                             .hint = "the name of a site",
                                             .kinds = 1u << CM_TOKEN_WORD,
                                             .known = known_site};
    cm_parse_list(parser, &clause->items, &spec, &clause->place);
    check_reserved(parser, clause, NULL);
}

// `plate` is not a field but the row without any: taken out of the items.
static bool take_plate(struct cm_parser *parser, struct cm_clause *clause, bool permit)
{
    for (const struct cm_item *item = clause->items.first; item != NULL; item = item->next) {
        if (strcmp(item->text, "plate") != 0) {
            continue;
        }
        if (clause->items.count > 1) {
            cm_parser_error(parser, &item->place, "the plate comes with every visible row",
                            "`plate` stands alone");
        } else if (!permit) {
            cm_parser_error(parser, &item->place, "leave out `see` to forbid the whole row",
                            "`plate` can't be forbidden alone");
        }
        return true;
    }
    return false;
}

static void parse_see(struct cm_parser *parser, struct cm_clause *clause, bool permit)
{
    static const struct cm_list_spec spec = {
        .noun = "a field", .hint = FIELDS, .kinds = 1u << CM_TOKEN_WORD, .known = known_field};
    cm_parse_list(parser, &clause->items, &spec, &clause->place);
    check_reserved(parser, clause, "all");
    if (!take_plate(parser, clause, permit)) {
        take_words(parser, clause, &fields, "field");
    }
}

static void parse_evidence(struct cm_parser *parser, struct cm_clause *clause)
{
    static const struct cm_list_spec spec = {.noun = "a kind of evidence",
                                             .hint = EVIDENCE,
                                             .and = WITH_OR,
                                             .kinds = 1u << CM_TOKEN_WORD,
                                             .known = known_evidence};
    cm_parse_list(parser, &clause->items, &spec, &clause->place);
    check_reserved(parser, clause, NULL);
    take_words(parser, clause, &evidence, "evidence");
}

static void parse_back(struct cm_parser *parser, struct cm_clause *clause)
{
    if (cm_parser_at(parser, "all")) {
        clause->whole = true;
        cm_parser_advance(parser);
        return;
    }
    if (cm_parser_at(parser, "any")) {
        cm_parser_error(parser, &parser->now.place, "here the word is `all`",
                        "`any` can't stand here");
        cm_parser_advance(parser);
        return;
    }
    clause->number = cm_parse_duration(parser, &clause->place);
}

static void parse_beyond(struct cm_parser *parser, struct cm_clause *clause)
{
    if (cm_parser_at(parser, "all")) {
        cm_parser_error(parser, &parser->now.place, "leave out `beyond` to forbid every age",
                        "`all` can't stand here");
        cm_parser_advance(parser);
        return;
    }
    clause->number = cm_parse_duration(parser, &clause->place);
}

static void parse_date(struct cm_parser *parser, struct cm_clause *clause)
{
    if (parser->now.kind != CM_TOKEN_WORD || cm_parser_at_clause(parser)) {
        cm_parser_error(parser, &clause->place, "write for example: 2027-01-31",
                        "a date is missing here");
        return;
    }
    if (!cm_value_date(parser->now.text, &clause->number)) {
        cm_parser_error(parser, &parser->now.place, "year-month-day, such as 2027-01-31",
                        "%.60s is no date", parser->now.text);
        cm_parser_skip_line(parser, parser->now.place.line);
        return;
    }
    cm_parser_advance(parser);
}

static bool limit_word(struct cm_parser *parser, const char *word)
{
    if (!cm_parser_at(parser, word)) {
        return false;
    }
    cm_parser_advance(parser);
    return true;
}

static void parse_limit(struct cm_parser *parser, struct cm_clause *clause)
{
    bool word = parser->now.kind == CM_TOKEN_WORD && !cm_parser_at_clause(parser);
    struct cm_place place = word ? parser->now.place : clause->place;
    bool good = word && cm_value_number(parser->now.text, LARGEST_LIMIT, &clause->number);
    if (word) {
        cm_parser_advance(parser);
    }
    good = good && parser->now.kind == CM_TOKEN_SLASH;
    if (parser->now.kind == CM_TOKEN_SLASH) {
        cm_parser_advance(parser);
    }
    good = limit_word(parser, "day") && limit_word(parser, "per") && good;
    clause->per_agency = cm_parser_at(parser, "agency");
    if (!good || !(limit_word(parser, "agency") || limit_word(parser, "investigator"))) {
        cm_parser_error(parser, &place, "write for example: limit 100/day per investigator",
                        "this is no limit");
        cm_parser_skip_line(parser, place.line);
    }
}

static void parse_note(struct cm_parser *parser, struct cm_clause *clause)
{
    if (parser->now.kind != CM_TOKEN_TEXT) {
        cm_parser_error(parser, &clause->place, "write for example: note \"MOU 2025-11\"",
                        "`note` is followed by quoted text");
        cm_parser_skip_line(parser, clause->place.line);
        return;
    }
    clause->text = parser->now.text;
    cm_parser_advance(parser);
}

static const struct {
    void (*parse)(struct cm_parser *, struct cm_clause *);
    bool permit, forbid; // where it may stand
    const char *hint;    // where it may not
} table[CM_CLAUSE_COUNT] = {
    [CM_CLAUSE_TO] = {parse_to, true, true, NULL},
    [CM_CLAUSE_FOR] = {parse_for, true, true, NULL},
    [CM_CLAUSE_BACK] = {parse_back, true, false, "in a forbid, `beyond` gives the age"},
    [CM_CLAUSE_BEYOND] = {parse_beyond, false, true, "in a permit, `back` gives the age"},
    [CM_CLAUSE_AT] = {parse_at, true, true, NULL},
    [CM_CLAUSE_SEE] = {NULL, true, true, NULL},
    [CM_CLAUSE_REQUIRE] = {parse_evidence, true, false, "in a forbid, `unless` names evidence"},
    [CM_CLAUSE_UNLESS] = {parse_evidence, false, true, "in a permit, `require` names evidence"},
    [CM_CLAUSE_FROM] = {parse_date, true, true, NULL},
    [CM_CLAUSE_UNTIL] = {parse_date, true, true, NULL},
    [CM_CLAUSE_LIMIT] = {parse_limit, true, false, "only permits have a limit"},
    [CM_CLAUSE_NOTE] = {parse_note, true, true, NULL},
};

void cm_parse_values(struct cm_parser *parser, struct cm_clause *clause, enum cm_clause_kind kind)
{
    if (kind == CM_CLAUSE_SEE) {
        parse_see(parser, clause, true);
    } else {
        table[kind].parse(parser, clause);
    }
}

void cm_parse_clause(struct cm_parser *parser, struct cm_rule *rule)
{
    struct cm_token opener = parser->now;
    enum cm_clause_kind kind = cm_clause_of(opener.text);
    bool permit = rule->statement == CM_STATEMENT_PERMIT;
    struct cm_clause scratch = {0};
    struct cm_clause *clause = &rule->clauses[kind];
    if (permit ? !table[kind].permit : !table[kind].forbid) {
        cm_parser_error(parser, &opener.place, table[kind].hint, "`%s` can't stand in a %s",
                        opener.text, permit ? "permit" : "forbid");
        clause = &scratch;
    } else if (clause->present) {
        cm_parser_error(parser, &opener.place, "each clause stands once a rule", "a second `%s`",
                        opener.text);
        clause = &scratch;
    }
    clause->present = true;
    clause->place = opener.place;
    cm_parser_advance(parser);
    cm_parser_pass_sign(parser, opener.text);
    if (kind == CM_CLAUSE_SEE) {
        parse_see(parser, clause, permit);
    } else {
        table[kind].parse(parser, clause);
    }
}

struct cm_rule *cm_parser_add_rule(struct cm_parser *parser, enum cm_statement statement)
{
    struct cm_rule *rule = cm_parser_take(parser, sizeof *rule);
    if (rule == NULL) {
        return NULL;
    }
    struct cm_ast *ast = parser->ast;
    *rule = (struct cm_rule){.statement = statement, .place = parser->now.place};
    *(ast->last_rule == NULL ? &ast->rules : &ast->last_rule->next) = rule;
    ast->last_rule = rule;
    ast->rule_count++;
    if (ast->rule_count == CM_MAX_RULES + 1) {
        cm_parser_error(parser, &rule->place, "use groups and lists to write fewer",
                        "more than %d rules", CM_MAX_RULES);
    }
    return rule;
}

static bool names_somebody(const struct cm_rule *rule)
{
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        if (!term->negated) {
            return true;
        }
    }
    return false;
}

// What is missing is reported at the rule's first word.
static void check_whole(struct cm_parser *parser, const struct cm_rule *rule)
{
    static const enum cm_clause_kind required[] = {CM_CLAUSE_TO, CM_CLAUSE_FOR, CM_CLAUSE_BACK,
                                                   CM_CLAUSE_SEE};
    bool permit = rule->statement == CM_STATEMENT_PERMIT;
    char missing[64] = "";
    if (rule->terms == NULL) {
        cm_parser_error(parser, &rule->place, "name agencies, @groups, kinds, self or anyone",
                        "this %s names nobody", cm_statement_word(rule->statement));
    } else if (permit && !names_somebody(rule)) {
        cm_parser_error(parser, &rule->place, "name somebody without `not`, `anyone` at least",
                        "this permit says only whom it does not mean");
    }
    for (size_t i = 0; permit && i < sizeof required / sizeof *required; i++) {
        if (!rule->clauses[required[i]].present) {
            size_t len = strlen(missing);
            snprintf(missing + len, sizeof missing - len, "%s`%s`", len > 0 ? ", " : "",
                     cm_clause_word(required[i]));
        }
    }
    if (missing[0] != '\0') {
        cm_parser_error(parser, &rule->place, "a permit has `to`, `for`, `back` and `see`",
                        "this permit lacks %s", missing);
    }
    const struct cm_clause *from = &rule->clauses[CM_CLAUSE_FROM];
    const struct cm_clause *until = &rule->clauses[CM_CLAUSE_UNTIL];
    if (from->present && until->present && from->number >= until->number && from->number != 0 &&
        until->number != 0) {
        cm_parser_error(parser, &until->place, "`until` is the first day it no longer counts",
                        "this rule ends before it begins");
    }
}

// Who asks can't follow the clauses: a comma is missing there, or the order is wrong.
static void report_rest(struct cm_parser *parser)
{
    const struct cm_token *now = &parser->now;
    bool who = now->kind == CM_TOKEN_GROUP || parser->next.kind == CM_TOKEN_COLON ||
               cm_parser_at(parser, "not") || cm_parser_at(parser, "self") ||
               cm_parser_at(parser, "anyone") ||
               (now->kind == CM_TOKEN_WORD && cm_word_is_id(now->text));
    if (who) {
        cm_parser_error(parser, &now->place, "write it right after `permit` or `forbid`",
                        "who asks stands before the clauses");
    } else {
        cm_parser_unknown(parser, true);
    }
}

void cm_parse_rule(struct cm_parser *parser, const struct cm_token *opener)
{
    struct cm_rule *rule = cm_parser_add_rule(parser, cm_statement_of(opener->text));
    if (rule == NULL) {
        return;
    }
    rule->place = opener->place;
    bool whole = cm_parse_who(parser, rule);
    while (whole && !cm_parser_at_statement(parser)) {
        if (cm_parser_at_clause(parser)) {
            cm_parse_clause(parser, rule);
        } else {
            report_rest(parser);
            whole = false;
        }
    }
    if (whole) {
        check_whole(parser, rule);
    }
    cm_parser_skip_statement(parser);
}

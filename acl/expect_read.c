#include "acl/expect_lines.h"

#include "acl/nearest.h"
#include "acl/parse.h"
#include "acl/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_CAP = 64 * 1024 * 1024, WORDS_FULL = 1024 * 1024, MOST_SEARCHED = 200000 };

struct reader {
    struct cm_parser parser;
    struct cm_arena *words[2]; // take turns, so that memory does not grow with the file
    const struct cm_rules *rules;
    const struct cm_directory *directory;
    int64_t today_ms;
    struct cm_expect_lines *lines;
    size_t searched; // names compared for "did you mean"
};

enum part {
    PART_NONE = 0,
    PART_TO,
    PART_FOR,
    PART_WITH,
    PART_AGE,
    PART_CAMERA,
    PART_ON,
    PART_SEES,
    PART_DENIED,
    PART_COUNT
};

static const char *const part_words[PART_COUNT] = {
    [PART_TO] = "to",         [PART_FOR] = "for", [PART_WITH] = "with", [PART_AGE] = "age",
    [PART_CAMERA] = "camera", [PART_ON] = "on",   [PART_SEES] = "sees", [PART_DENIED] = "denied",
};

static enum part part_of(const struct cm_parser *parser)
{
    for (enum part part = PART_TO; part < PART_COUNT; part++) {
        if (cm_parser_at(parser, part_words[part])) {
            return part;
        }
    }
    return PART_NONE;
}

static bool at_end(const struct cm_parser *parser)
{
    return parser->now.kind == CM_TOKEN_END || cm_parser_at(parser, "expect");
}

static void error_at(struct cm_parser *parser, const struct cm_place *place,
                     struct cm_nearest *nearest, const char *fallback, const char *text,
                     const char *word)
{
    char hint[128];
    cm_nearest_hint(nearest, hint, sizeof hint, fallback);
    cm_parser_error(parser, place, hint, "%s %.60s", text, word);
}

// Searching thousands of names is worth it for a person's mistakes, not for a flood.
static bool may_search(struct reader *reader, size_t candidates)
{
    if (reader->searched + candidates > MOST_SEARCHED) {
        return false;
    }
    reader->searched += candidates;
    return true;
}

static const char *read_agency(struct reader *reader, const struct cm_place *opener)
{
    struct cm_parser *parser = &reader->parser;
    struct cm_token token = parser->now;
    if (token.kind != CM_TOKEN_WORD || at_end(parser)) {
        cm_parser_error(parser, opener, "write: expect ca.southgate.pd role:investigator ...",
                        "after `expect` stands who asks");
        return NULL;
    }
    cm_parser_advance(parser);
    const struct cm_agency *agency = cm_directory_agency(reader->directory, token.text);
    if (agency != NULL) {
        return agency->id;
    }
    struct cm_nearest nearest;
    cm_nearest_init(&nearest, token.text);
    bool search = may_search(reader, reader->directory->agency_count);
    for (size_t i = 0; search && i < reader->directory->agency_count; i++) {
        cm_nearest_offer(&nearest, "", reader->directory->agencies[i].id);
    }
    error_at(parser, &token.place, &nearest, "it must be in the directory", "unknown agency",
             token.text);
    return NULL;
}

static enum cm_role read_role(struct reader *reader)
{
    struct cm_parser *parser = &reader->parser;
    struct cm_place place = parser->now.place;
    bool prefix = cm_parser_at(parser, "role") && parser->next.kind == CM_TOKEN_COLON;
    if (prefix) {
        cm_parser_advance(parser);
        cm_parser_advance(parser);
    }
    enum cm_role role = prefix && parser->now.kind == CM_TOKEN_WORD
                            ? cm_role_of(cm_bytes_of(parser->now.text))
                            : CM_ROLE_NONE;
    if (role != CM_ROLE_INVESTIGATOR && role != CM_ROLE_SUPERVISOR) {
        cm_parser_error(parser, &place, "role:investigator or role:supervisor",
                        "after the agency stands the role of who asks");
        return CM_ROLE_NONE;
    }
    cm_parser_advance(parser);
    return role;
}

// A `to`, `for`, `require` or `see` as in a permit. one: only a single value makes sense.
static bool read_values(struct reader *reader, struct cm_clause *out, enum cm_clause_kind kind,
                        bool one)
{
    struct cm_parser *parser = &reader->parser;
    size_t errors = parser->diagnostics->errors;
    *out = (struct cm_clause){.place = parser->now.place};
    cm_parser_advance(parser);
    cm_parse_values(parser, out, kind);
    if (parser->diagnostics->errors == errors && one && (out->items.count > 1 || out->whole)) {
        cm_parser_error(parser, &out->place, "write one line for each",
                        "an expectation asks one question");
    }
    return parser->diagnostics->errors == errors;
}

static bool read_purpose(struct reader *reader, struct cm_expect_line *line)
{
    struct cm_clause clause;
    if (!read_values(reader, &clause, CM_CLAUSE_FOR, true)) {
        return false;
    }
    const struct cm_item *item = clause.items.first;
    const struct cm_purpose *purpose = cm_directory_purpose(reader->directory, item->text);
    if (purpose == NULL) {
        struct cm_nearest nearest;
        cm_nearest_init(&nearest, item->text);
        for (size_t i = 0; i < reader->directory->purpose_count; i++) {
            cm_nearest_offer(&nearest, "", reader->directory->purposes[i].id);
        }
        error_at(&reader->parser, &item->place, &nearest, "the directory lists the purposes",
                 "unknown purpose", item->text);
        return false;
    }
    line->purpose = purpose->id;
    return true;
}

static bool read_action(struct reader *reader, struct cm_expect_line *line)
{
    struct cm_clause clause;
    if (!read_values(reader, &clause, CM_CLAUSE_TO, true)) {
        return false;
    }
    line->action = cm_action_of(cm_bytes_of(clause.items.first->text));
    return true;
}

static bool read_age(struct reader *reader, struct cm_expect_line *line)
{
    struct cm_parser *parser = &reader->parser;
    struct cm_place opener = parser->now.place;
    cm_parser_advance(parser);
    bool seconds = parser->now.kind == CM_TOKEN_WORD && parser->next.kind == CM_TOKEN_WORD &&
                   strcmp(parser->next.text, "s") == 0;
    if (!seconds) {
        line->age_s = cm_parse_duration(parser, &opener);
        return line->age_s != 0;
    }
    if (strcmp(parser->now.text, "0") != 0 &&
        !cm_value_number(parser->now.text, CM_MAX_DURATION_S, &line->age_s)) {
        cm_parser_error(parser, &parser->now.place, "write for example: 864000 s",
                        "%.60s is no age", parser->now.text);
        return false;
    }
    cm_parser_advance(parser);
    cm_parser_advance(parser);
    return true;
}

static int by_name(const void *name, const void *camera)
{
    return strcmp(name, ((const struct cm_camera *)camera)->name);
}

static char next_sign(const char **text)
{
    while (**text != '\0') {
        char c = *(*text)++;
        bool capital = c >= 'A' && c <= 'Z';
        if (capital || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            return capital ? (char)(c - 'A' + 'a') : c;
        }
    }
    return '\0';
}

// Apart from case and signs between: "Cam 07" and "cam-07", but not cam-08.
static bool alike(const char *a, const char *b)
{
    char sign;
    do {
        sign = next_sign(&a);
        if (sign != next_sign(&b)) {
            return false;
        }
    } while (sign != '\0');
    return true;
}

// A camera in no site is fine, but one that is another's name written differently is said.
static const char *find_camera(struct reader *reader, const struct cm_token *token)
{
    const struct cm_rules *rules = reader->rules;
    const struct cm_camera *found = rules->camera_count == 0
                                        ? NULL
                                        : bsearch(token->text, rules->cameras, rules->camera_count,
                                                  sizeof *rules->cameras, by_name);
    if (found != NULL) {
        return found->name;
    }
    bool search = may_search(reader, rules->camera_count);
    for (uint32_t i = 0; search && i < rules->camera_count; i++) {
        if (alike(rules->cameras[i].name, token->text)) {
            char hint[128];
            snprintf(hint, sizeof hint, "did you mean %.90s?", rules->cameras[i].name);
            cm_diagnostics_add(reader->parser.diagnostics, CM_SEVERITY_WARNING, &token->place, hint,
                               "no site has the camera %.60s", token->text);
            break;
        }
    }
    return "";
}

static bool read_camera(struct reader *reader, struct cm_expect_line *line)
{
    struct cm_parser *parser = &reader->parser;
    cm_parser_advance(parser);
    struct cm_token token = parser->now;
    if ((token.kind != CM_TOKEN_WORD && token.kind != CM_TOKEN_TEXT) || at_end(parser)) {
        cm_parser_error(parser, &token.place, "write for example: camera cam-01",
                        "after `camera` stands its name");
        return false;
    }
    cm_parser_advance(parser);
    line->camera = find_camera(reader, &token);
    return true;
}

static bool read_date(struct reader *reader, struct cm_expect_line *line)
{
    struct cm_parser *parser = &reader->parser;
    cm_parser_advance(parser);
    if (parser->now.kind != CM_TOKEN_WORD || !cm_value_date(parser->now.text, &line->now_ms)) {
        cm_parser_error(parser, &parser->now.place, "year-month-day, such as 2027-01-31",
                        "after `on` stands a date");
        return false;
    }
    cm_parser_advance(parser);
    return true;
}

static bool read_part(struct reader *reader, struct cm_expect_line *line, enum part part)
{
    struct cm_clause clause;
    switch (part) {
    case PART_TO:
        return read_action(reader, line);
    case PART_FOR:
        return read_purpose(reader, line);
    case PART_WITH:
        if (!read_values(reader, &clause, CM_CLAUSE_REQUIRE, false)) {
            return false;
        }
        line->evidence = clause.mask;
        return true;
    case PART_AGE:
        return read_age(reader, line);
    case PART_CAMERA:
        return read_camera(reader, line);
    case PART_ON:
        return read_date(reader, line);
    case PART_SEES:
        line->place = reader->parser.now.place;
        if (!read_values(reader, &clause, CM_CLAUSE_SEE, false)) {
            return false;
        }
        line->expected = (cm_fields)(1u | (clause.whole ? CM_FIELDS_ALL : clause.mask));
        return true;
    case PART_DENIED:
        line->place = reader->parser.now.place;
        cm_parser_advance(&reader->parser);
        return true;
    case PART_NONE:
    case PART_COUNT:
        break;
    }
    return false;
}

static bool unknown_part(struct cm_parser *parser)
{
    if (parser->now.kind != CM_TOKEN_WORD) {
        cm_parser_error(parser, &parser->now.place, NULL, "this can't stand here");
        return false;
    }
    struct cm_nearest nearest;
    cm_nearest_init(&nearest, parser->now.text);
    for (enum part part = PART_TO; part < PART_COUNT; part++) {
        cm_nearest_offer(&nearest, "", part_words[part]);
    }
    error_at(parser, &parser->now.place, &nearest, "to, for, with, age, camera, on, sees or denied",
             "unknown word", parser->now.text);
    return false;
}

// From who asks to what is seen.
static bool read_line(struct reader *reader, struct cm_expect_line *line,
                      const struct cm_place *opener)
{
    struct cm_parser *parser = &reader->parser;
    unsigned seen = 0;
    line->agency = read_agency(reader, opener);
    line->role = line->agency == NULL ? CM_ROLE_NONE : read_role(reader);
    if (line->role == CM_ROLE_NONE) {
        return false;
    }
    while (!at_end(parser)) {
        enum part part = part_of(parser);
        if (part == PART_NONE) {
            return unknown_part(parser);
        }
        if ((seen >> part & 1) != 0) {
            cm_parser_error(parser, &parser->now.place, NULL, "a second `%s`", part_words[part]);
            return false;
        }
        if ((seen & (1u << PART_SEES | 1u << PART_DENIED)) != 0) {
            cm_parser_error(parser, &parser->now.place, "the next line begins with `expect`",
                            "`sees` or `denied` ends an expectation");
            return false;
        }
        seen |= 1u << part;
        if (!read_part(reader, line, part)) {
            return false;
        }
    }
    static const enum part needed[] = {PART_TO, PART_FOR, PART_AGE};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if ((seen >> needed[i] & 1) == 0) {
            cm_parser_error(parser, opener, NULL, "this expectation lacks `%s`",
                            part_words[needed[i]]);
            return false;
        }
    }
    if ((seen & (1u << PART_SEES | 1u << PART_DENIED)) == 0) {
        cm_parser_error(parser, opener, "end it with: sees place, camera  or: denied",
                        "this expectation does not say what is seen");
        return false;
    }
    return true;
}

// The two tokens at hand move to the other arena; all else read so far is done with.
static enum cm_status recycle(struct reader *reader)
{
    struct cm_parser *parser = &reader->parser;
    if (cm_arena_used(parser->arena) < WORDS_FULL) {
        return CM_OK;
    }
    struct cm_arena *other = reader->words[parser->arena == reader->words[0]];
    cm_arena_reset(other);
    parser->now.text = cm_arena_string(other, cm_bytes_of(parser->now.text));
    parser->next.text = cm_arena_string(other, cm_bytes_of(parser->next.text));
    parser->arena = other;
    parser->lexer.arena = other;
    return parser->now.text == NULL || parser->next.text == NULL ? CM_MEMORY : CM_OK;
}

static enum cm_status keep(struct cm_expect_lines *lines, const struct cm_expect_line *line)
{
    if (lines->count == lines->cap) {
        size_t cap = lines->cap == 0 ? 64 : lines->cap * 2;
        struct cm_expect_line *list = realloc(lines->list, cap * sizeof *list);
        if (list == NULL) {
            return CM_MEMORY;
        }
        lines->list = list;
        lines->cap = cap;
    }
    lines->list[lines->count++] = *line;
    return CM_OK;
}

static void unknown_opener(struct cm_parser *parser)
{
    struct cm_nearest nearest;
    cm_nearest_init(&nearest, parser->now.text);
    cm_nearest_offer(&nearest, "", "expect");
    char hint[128];
    cm_nearest_hint(&nearest, hint, sizeof hint,
                    "write: expect AGENCY role:R to A for P age D denied");
    cm_parser_error(parser, &parser->now.place, hint, "each expectation begins with `expect`");
}

static enum cm_status read_all(struct reader *reader)
{
    struct cm_parser *parser = &reader->parser;
    enum cm_status status = CM_OK;
    while (status == CM_OK && parser->now.kind != CM_TOKEN_END) {
        struct cm_place opener = parser->now.place;
        struct cm_expect_line line = {.camera = "", .now_ms = reader->today_ms};
        bool good = cm_parser_at(parser, "expect");
        if (good) {
            cm_parser_advance(parser);
            good = read_line(reader, &line, &opener);
        } else {
            unknown_opener(parser);
        }
        while (!good && !at_end(parser)) {
            cm_parser_advance(parser);
        }
        if (good) {
            status = keep(reader->lines, &line);
        }
        if (status == CM_OK) {
            status = recycle(reader);
        }
    }
    return parser->lexer.failed ? CM_MEMORY : status;
}

enum cm_status cm_expect_read(struct cm_expect_lines *out, const struct cm_rule_file *file,
                              const struct cm_rules *rules, const struct cm_directory *directory,
                              int64_t today_ms, struct cm_diagnostics *errors)
{
    const struct cm_rules_source source = {.directory = directory};
    struct reader reader = {.words = {cm_arena_new(WORDS_CAP), cm_arena_new(WORDS_CAP)},
                            .rules = rules,
                            .directory = directory,
                            .today_ms = today_ms,
                            .lines = out};
    enum cm_status status = CM_MEMORY;
    if (reader.words[0] != NULL && reader.words[1] != NULL) {
        struct cm_parser *parser = &reader.parser;
        parser->source = &source;
        parser->arena = reader.words[0];
        parser->diagnostics = errors;
        cm_lexer_init(&parser->lexer, file, parser->arena, errors);
        parser->now = cm_lexer_next(&parser->lexer);
        parser->next = cm_lexer_next(&parser->lexer);
        status = read_all(&reader);
    }
    cm_arena_free(reader.words[0]);
    cm_arena_free(reader.words[1]);
    return status;
}

#include "acl/nearest.h"
#include "acl/parse.h"
#include "acl/value.h"

#include <string.h>

void cm_parser_append(struct cm_parser *parser, struct cm_list *list)
{
    struct cm_item *item = cm_parser_take(parser, sizeof *item);
    if (item == NULL) {
        return;
    }
    *item = (struct cm_item){
        .text = parser->now.text, .kind = parser->now.kind, .place = parser->now.place};
    *(list->last == NULL ? &list->first : &list->last->next) = item;
    list->last = item;
    list->count++;
    cm_parser_advance(parser);
}

#define AND "write a comma between the items of a list"

static bool at_list_end(const struct cm_parser *parser, const struct cm_list_spec *spec)
{
    return spec->outside ? cm_parser_at_statement(parser) : cm_parser_at_clause(parser);
}

// One item, or the report of what stands in its place. false: the list is at its end.
static bool parse_item(struct cm_parser *parser, struct cm_list *list,
                       const struct cm_list_spec *spec, const struct cm_place *before)
{
    const struct cm_token *now = &parser->now;
    if (now->kind == CM_TOKEN_COMMA) {
        cm_parser_error(parser, &now->place, NULL, "before this comma %s is missing", spec->noun);
        return true;
    }
    if (at_list_end(parser, spec)) {
        bool comma = before->file->text.data[before->offset] == ',';
        cm_parser_error(parser, before, spec->hint,
                        comma ? "after this comma %s is missing" : "%s is missing here",
                        spec->noun);
        return false;
    }
    if ((spec->kinds & 1u << now->kind) == 0) {
        const char *hint = now->kind == CM_TOKEN_TEXT ? "leave out the quotes" : spec->hint;
        cm_parser_error(parser, &now->place, hint, "this is not %s", spec->noun);
        cm_parser_advance(parser);
        return true;
    }
    cm_parser_append(parser, list);
    return true;
}

void cm_parse_list(struct cm_parser *parser, struct cm_list *list, const struct cm_list_spec *spec,
                   const struct cm_place *opener)
{
    struct cm_place before = *opener;
    while (parse_item(parser, list, spec, &before)) {
        if (parser->now.kind == CM_TOKEN_COMMA) {
            before = parser->now.place;
            cm_parser_advance(parser);
        } else if (cm_parser_skip_and(parser, spec->and != NULL ? spec->and : AND)) {
            before = *opener;
        } else if (!cm_parser_at_clause(parser) && spec->known(parser, &parser->now)) {
            before = parser->now.place;
            cm_parser_error(parser, &before, "comma?", "before this word a comma is missing");
        } else {
            return;
        }
    }
}

static bool parse_unit(struct cm_parser *parser, int64_t number, const struct cm_place *place,
                       int64_t *seconds)
{
    static const char *const units[] = {"minutes", "hours", "days", "months", "years"};
    if (parser->now.kind != CM_TOKEN_WORD || cm_parser_at_clause(parser)) {
        cm_parser_error(parser, place, "minutes, hours, days, months or years",
                        "a duration needs its unit");
        return false;
    }
    int64_t unit = cm_value_unit_s(parser->now.text);
    if (unit == 0) {
        char hint[128];
        struct cm_nearest nearest;
        cm_nearest_init(&nearest, parser->now.text);
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            cm_nearest_offer(&nearest, "", units[i]);
        }
        cm_nearest_hint(&nearest, hint, sizeof hint, "minutes, hours, days, months or years");
        cm_parser_error(parser, &parser->now.place, hint, "%.60s is no unit of time",
                        parser->now.text);
        // A word that isn't near a unit may be the next statement, misspelt.
        bool meant = nearest.best[0] != '\0' || (parser->now.place.line == place->line &&
                                                 !cm_parser_near_keyword(&parser->now));
        if (meant) {
            cm_parser_advance(parser);
        }
        return false;
    }
    cm_parser_advance(parser);
    if (number > CM_MAX_DURATION_S / unit) {
        cm_parser_error(parser, place, "`back all` has no bound",
                        "a duration is at most 100 years");
        return false;
    }
    *seconds = number * unit;
    return true;
}

int64_t cm_parse_duration(struct cm_parser *parser, const struct cm_place *opener)
{
    if (parser->now.kind != CM_TOKEN_WORD || cm_parser_at_clause(parser)) {
        cm_parser_error(parser, opener, "write for example: 30 days", "a duration is missing here");
        return 0;
    }
    struct cm_place place = parser->now.place;
    int64_t number;
    int64_t seconds;
    if (!cm_value_number(parser->now.text, CM_MAX_DURATION_S, &number)) {
        cm_parser_error(parser, &place, "write for example: 30 days", "%.60s is no duration",
                        parser->now.text);
        cm_parser_advance(parser);
        if (parser->now.kind == CM_TOKEN_WORD && cm_value_unit_s(parser->now.text) != 0) {
            cm_parser_advance(parser);
        }
        return 0;
    }
    cm_parser_advance(parser);
    if (!parse_unit(parser, number, &place, &seconds)) {
        return 0;
    }
    if (parser->now.kind == CM_TOKEN_WORD && parser->next.kind == CM_TOKEN_WORD &&
        cm_value_number(parser->now.text, CM_MAX_DURATION_S, &number) &&
        cm_value_unit_s(parser->next.text) != 0) {
        cm_parser_error(parser, &parser->now.place, "write it in the smaller unit: 36 hours",
                        "a duration is one number and one unit");
        cm_parser_advance(parser);
        cm_parser_advance(parser);
    }
    return seconds;
}

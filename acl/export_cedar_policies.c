#include "acl/compiled.h"
#include "acl/export_cedar_parts.h"
#include "acl/value.h"

#include <inttypes.h>

// In whose eyes kinds and states are looked up: today's directory's, or the rules' own.
enum eyes { EYES_NOW = 1, EYES_SIGNED };

static const char header[] =
    "// One request asks for one point: the principal is the agency that asks, the resource the\n"
    "// row's camera, the rest is in the context (schema.cedarschema). Allowed means visible.\n"
    "// A query on another agency's behalf is two requests, each agency once the principal, with\n"
    "// the asker's role in both: visible is what both are allowed.\n"
    "// context.spent holds the permits whose limit is used up for the asker, as the digests that\n"
    "// their policies name. An agency that is not among the entities is allowed nothing.\n";

static void put_item(struct cm_cedar_writer *writer, bool *any, const char *type, const char *text)
{
    cm_cedar_say(writer, "%s%s", *any ? ", " : "", type);
    cm_cedar_quote(writer, text);
    *any = true;
}

static void put_fields(struct cm_cedar_writer *writer, const struct cm_clause *see, bool row)
{
    bool any = false;
    cm_cedar_say(writer, "\nwhen { [");
    if (row) {
        put_item(writer, &any, "", "row");
    }
    for (enum cm_field field = CM_FIELD_PLACE; field < CM_FIELD_COUNT; field++) {
        if (see->whole || (see->mask >> field & 1) != 0) {
            put_item(writer, &any, "", cm_field_name(field));
        }
    }
    cm_cedar_say(writer, "].contains(context.field) }");
}

static void put_actions(struct cm_cedar_writer *writer, const struct cm_clause *to)
{
    bool any = false;
    cm_cedar_say(writer, " in [");
    for (enum cm_action action = CM_ACTION_LOOKUP; action < CM_ACTION_COUNT; action++) {
        if (to->whole || (to->mask >> action & 1) != 0) {
            put_item(writer, &any, "Action::", cm_action_name(action));
        }
    }
    cm_cedar_say(writer, "]");
}

static void put_evidence(struct cm_cedar_writer *writer, const struct cm_clause *clause)
{
    bool any = false;
    for (enum cm_evidence kind = CM_EVIDENCE_CASE; kind < CM_EVIDENCE_COUNT; kind++) {
        if ((clause->mask >> kind & 1) != 0) {
            put_item(writer, &any, "", cm_evidence_name(kind));
        }
    }
}

// Groups and ids apart: a set holds entities of one type.
static void put_agencies(struct cm_cedar_writer *writer, const struct cm_list *list)
{
    static const struct {
        enum cm_token_kind kind;
        const char *type;
    } sorts[] = {{CM_TOKEN_GROUP, "Group::"}, {CM_TOKEN_WORD, "Agency::"}};
    const char *either = "";
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
        bool any = false;
        for (const struct cm_item *item = list->first; item != NULL; item = item->next) {
            if (item->kind == sorts[i].kind) {
                cm_cedar_say(writer, "%s", any ? "" : either);
                cm_cedar_say(writer, "%s", any ? "" : "principal in [");
                put_item(writer, &any, sorts[i].type, item->text);
            }
        }
        cm_cedar_say(writer, "%s", any ? "]" : "");
        either = any ? " || " : either;
    }
}

static void put_values(struct cm_cedar_writer *writer, const struct cm_term *term, const char *of)
{
    bool any = false;
    cm_cedar_say(writer, "[");
    for (const struct cm_item *item = term->items.first; item != NULL; item = item->next) {
        put_item(writer, &any, "", item->text);
    }
    cm_cedar_say(writer, "].contains(%s)", of);
}

static void put_self(struct cm_cedar_writer *writer, const char *node)
{
    cm_cedar_say(writer, "principal == Agency::");
    cm_cedar_quote(writer, node);
}

static void put_term(struct cm_cedar_writer *writer, const struct cm_term *term, const char *node,
                     enum eyes eyes)
{
    if (term->kind == CM_TERM_ANYONE && !term->negated) {
        return;
    }
    cm_cedar_say(writer, "\n%s { ", term->negated ? "unless" : "when");
    switch (term->kind) {
    case CM_TERM_AGENCIES:
        put_agencies(writer, &term->items);
        break;
    case CM_TERM_KIND:
        put_values(writer, term, eyes == EYES_NOW ? "principal.kind" : "principal.signed.kind");
        break;
    case CM_TERM_STATE:
        put_values(writer, term, eyes == EYES_NOW ? "principal.state" : "principal.signed.state");
        break;
    case CM_TERM_ROLE:
        put_values(writer, term, "context.role");
        break;
    case CM_TERM_SELF:
        put_self(writer, node);
        break;
    case CM_TERM_ANYONE:
        cm_cedar_say(writer, "true");
        break;
    case CM_TERM_NONE:
        break;
    }
    cm_cedar_say(writer, " }");
}

static bool is_looked_up(const struct cm_term *term)
{
    return term->kind == CM_TERM_KIND || term->kind == CM_TERM_STATE;
}

static bool looks_up(const struct cm_rule *rule)
{
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        if (is_looked_up(term)) {
            return true;
        }
    }
    return false;
}

static void put_terms(struct cm_cedar_writer *writer, const struct cm_rule *rule, const char *node,
                      enum eyes eyes, bool all)
{
    if (eyes == EYES_SIGNED) {
        cm_cedar_say(writer, "\nwhen { principal has signed }");
    }
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        if (all || is_looked_up(term)) {
            put_term(writer, term, node, eyes);
        }
    }
}

static bool says_self(const struct cm_rule *rule)
{
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        if (term->kind == CM_TERM_SELF || term->kind == CM_TERM_ANYONE) {
            return true;
        }
    }
    return false;
}

static void put_known_purposes(struct cm_cedar_writer *writer, const struct cm_directory *known)
{
    bool any = false;
    for (size_t i = 0; i < known->purpose_count; i++) {
        cm_cedar_say(writer, "%s", any ? "" : "[");
        put_item(writer, &any, "", known->purposes[i].id);
    }
    cm_cedar_say(writer, "%s", any ? "].contains(context.purpose)" : "false");
}

// known: names that it lacks are left out; NULL: none are.
static void put_named_purposes(struct cm_cedar_writer *writer, const struct cm_list *list,
                               const struct cm_directory *known)
{
    bool any = false;
    for (const struct cm_item *item = list->first; item != NULL; item = item->next) {
        if (known == NULL || cm_directory_purpose(known, item->text) != NULL) {
            cm_cedar_say(writer, "%s", any ? "" : "[");
            put_item(writer, &any, "", item->text);
        }
    }
    cm_cedar_say(writer, "%s", any ? "].contains(context.purpose)" : "false");
}

// A permit's purposes are those that its directory had; a forbid's names hold whatever it has.
static void put_purposes(struct cm_cedar_writer *writer, const struct cm_cedar_input *input,
                         const struct cm_rule *rule)
{
    const struct cm_clause *clause = &rule->clauses[CM_CLAUSE_FOR];
    bool permit = rule->statement == CM_STATEMENT_PERMIT;
    if (!permit && (!clause->present || clause->whole)) {
        return;
    }
    cm_cedar_say(writer, "\nwhen { ");
    if (clause->whole) {
        put_known_purposes(writer, input->then);
    } else {
        put_named_purposes(writer, &clause->items, permit ? input->then : NULL);
    }
    cm_cedar_say(writer, " }");
}

static void put_sites(struct cm_cedar_writer *writer, const struct cm_clause *at)
{
    bool any = false;
    cm_cedar_say(writer, "\nwhen { resource in [");
    for (const struct cm_item *item = at->items.first; item != NULL; item = item->next) {
        put_item(writer, &any, "Site::", item->text);
    }
    cm_cedar_say(writer, "] }");
}

static void put_annotations(struct cm_cedar_writer *writer, const struct cm_rule *rule)
{
    const struct cm_clause *clauses = rule->clauses;
    char date[11];
    cm_cedar_say(writer, "\n@file(");
    cm_cedar_quote(writer, rule->place.file->path);
    cm_cedar_say(writer, ")\n@line(\"%u\")\n", (unsigned)rule->place.line);
    for (enum cm_clause_kind kind = CM_CLAUSE_FROM; kind <= CM_CLAUSE_UNTIL; kind++) {
        if (clauses[kind].present) {
            cm_value_date_format(date, clauses[kind].number);
            cm_cedar_say(writer, "@%s(\"%s\")\n", cm_clause_word(kind), date);
        }
    }
    if (clauses[CM_CLAUSE_LIMIT].present) {
        cm_cedar_say(writer, "@limit(\"%" PRId64 "/day per %s\")\n",
                     clauses[CM_CLAUSE_LIMIT].number,
                     clauses[CM_CLAUSE_LIMIT].per_agency ? "agency" : "investigator");
    }
    if (clauses[CM_CLAUSE_NOTE].present) {
        cm_cedar_say(writer, "@note(");
        cm_cedar_quote(writer, clauses[CM_CLAUSE_NOTE].text);
        cm_cedar_say(writer, ")\n");
    }
}

// The clauses that mean the same in a permit and in a forbid.
static void put_common(struct cm_cedar_writer *writer, const struct cm_clause *clauses)
{
    if (clauses[CM_CLAUSE_AT].present) {
        put_sites(writer, &clauses[CM_CLAUSE_AT]);
    }
    if (clauses[CM_CLAUSE_FROM].present) {
        cm_cedar_say(writer, "\nwhen { context.now_ms >= %" PRId64 " }",
                     clauses[CM_CLAUSE_FROM].number);
    }
    if (clauses[CM_CLAUSE_UNTIL].present) {
        cm_cedar_say(writer, "\nwhen { context.now_ms < %" PRId64 " }",
                     clauses[CM_CLAUSE_UNTIL].number);
    }
}

static void put_limit(struct cm_cedar_writer *writer, const struct cm_rule *rule)
{
    struct cm_digest digest;
    char hex[2 * CM_DIGEST_SIZE + 1];
    enum cm_status status = cm_rule_digest(&digest, rule);
    if (status != CM_OK) {
        writer->status = status;
        return;
    }
    cm_hex(hex, cm_bytes_digest(&digest));
    cm_cedar_say(writer, "\nunless { context.spent.contains(\"%s\") }", hex);
}

static void put_permit(struct cm_cedar_writer *writer, const struct cm_cedar_input *input,
                       const struct cm_rule *rule)
{
    const struct cm_clause *clauses = rule->clauses;
    put_annotations(writer, rule);
    cm_cedar_say(writer, "permit (principal, action");
    put_actions(writer, &clauses[CM_CLAUSE_TO]);
    cm_cedar_say(writer, ", resource)");
    put_terms(writer, rule, input->ast->node, EYES_NOW, true);
    if (input->moved && looks_up(rule)) {
        put_terms(writer, rule, input->ast->node, EYES_SIGNED, false);
    }
    put_purposes(writer, input, rule);
    if (!clauses[CM_CLAUSE_BACK].whole) {
        cm_cedar_say(writer, "\nwhen { context.age_s <= %" PRId64 " }",
                     clauses[CM_CLAUSE_BACK].number);
    }
    put_fields(writer, &clauses[CM_CLAUSE_SEE], true);
    if (clauses[CM_CLAUSE_REQUIRE].present) {
        cm_cedar_say(writer, "\nwhen { context.evidence.containsAll([");
        put_evidence(writer, &clauses[CM_CLAUSE_REQUIRE]);
        cm_cedar_say(writer, "]) }");
    }
    put_common(writer, clauses);
    if (clauses[CM_CLAUSE_LIMIT].present) {
        put_limit(writer, rule);
    }
    cm_cedar_say(writer, ";\n");
}

static void put_forbid(struct cm_cedar_writer *writer, const struct cm_cedar_input *input,
                       const struct cm_rule *rule, enum eyes eyes)
{
    const struct cm_clause *clauses = rule->clauses;
    put_annotations(writer, rule);
    cm_cedar_say(writer, "forbid (principal, action");
    if (clauses[CM_CLAUSE_TO].present && !clauses[CM_CLAUSE_TO].whole) {
        put_actions(writer, &clauses[CM_CLAUSE_TO]);
    }
    cm_cedar_say(writer, ", resource)");
    put_terms(writer, rule, input->ast->node, eyes, true);
    if (!says_self(rule)) {
        cm_cedar_say(writer, "\nunless { ");
        put_self(writer, input->ast->node);
        cm_cedar_say(writer, " }");
    }
    put_purposes(writer, input, rule);
    if (clauses[CM_CLAUSE_BEYOND].present) {
        cm_cedar_say(writer, "\nwhen { context.age_s > %" PRId64 " }",
                     clauses[CM_CLAUSE_BEYOND].number);
    }
    if (clauses[CM_CLAUSE_SEE].present && clauses[CM_CLAUSE_SEE].whole) {
        cm_cedar_say(writer, "\nunless { context.field == \"row\" }");
    } else if (clauses[CM_CLAUSE_SEE].present) {
        put_fields(writer, &clauses[CM_CLAUSE_SEE], false);
    }
    if (clauses[CM_CLAUSE_UNLESS].present) {
        cm_cedar_say(writer, "\nunless { context.evidence.containsAny([");
        put_evidence(writer, &clauses[CM_CLAUSE_UNLESS]);
        cm_cedar_say(writer, "]) }");
    }
    put_common(writer, clauses);
    cm_cedar_say(writer, ";\n");
}

void cm_cedar_put_policies(struct cm_cedar_writer *writer, const struct cm_cedar_input *input)
{
    cm_cedar_say(writer, "// The rules of %s.\n%s", input->ast->node, header);
    cm_cedar_say(writer, "\n@note(\"only active agencies of the directory\")\n"
                         "forbid (principal, action, resource)\n"
                         "unless { principal has member && principal.member };\n"
                         "\n@note(\"only purposes of the directory\")\n"
                         "forbid (principal, action, resource)\n"
                         "unless { ");
    put_known_purposes(writer, input->now);
    cm_cedar_say(writer, " };\n");
    for (const struct cm_rule *rule = input->ast->rules; rule != NULL; rule = rule->next) {
        if (rule->statement == CM_STATEMENT_PERMIT) {
            put_permit(writer, input, rule);
            continue;
        }
        put_forbid(writer, input, rule, EYES_NOW);
        if (input->moved && looks_up(rule)) {
            put_forbid(writer, input, rule, EYES_SIGNED);
        }
    }
}

#include "acl/export_cedar_parts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// An entity by its id, all of one type; what names are looked up in.
struct shelf {
    const char *type;
    json_t *entities; // object: id → entity
};

// NULL past memory.
static json_t *put_entity(const struct shelf *shelf, const char *id, json_t *attributes)
{
    json_t *entity = json_object_get(shelf->entities, id);
    if (entity != NULL) {
        json_decref(attributes);
        return entity;
    }
    entity = json_pack("{s:{s:s, s:s}, s:o, s:[]}", "uid", "type", shelf->type, "id", id, "attrs",
                       attributes, "parents");
    return json_object_set_new(shelf->entities, id, entity) == 0 ? entity : NULL;
}

// A list may name a member twice: the parent is then the last one already.
static bool add_parent(json_t *entity, const char *type, const char *id)
{
    json_t *parents = json_object_get(entity, "parents");
    size_t count = json_array_size(parents);
    const char *last =
        count == 0 ? NULL
                   : json_string_value(json_object_get(json_array_get(parents, count - 1), "id"));
    if (last != NULL && strcmp(last, id) == 0) {
        return true;
    }
    return json_array_append_new(parents, json_pack("{s:s, s:s}", "type", type, "id", id)) == 0;
}

static bool is_member(const struct cm_directory *then, const struct cm_agency *agency)
{
    const struct cm_agency *before = cm_directory_agency(then, agency->id);
    bool member = agency->active && before != NULL && before->active;
    for (size_t i = 0; member && i < agency->ca_pin_count; i++) {
        bool kept = false;
        for (size_t j = 0; j < before->ca_pin_count && !kept; j++) {
            kept = cm_digest_equal(&before->ca_pins[j], &agency->ca_pins[i]);
        }
        member = kept;
    }
    return member;
}

static const char *state_of(const struct cm_agency *agency)
{
    return agency->state == NULL ? "" : agency->state;
}

static bool put_agencies(const struct shelf *agencies, const struct cm_cedar_input *input)
{
    for (size_t i = 0; i < input->now->agency_count; i++) {
        const struct cm_agency *agency = &input->now->agencies[i];
        const struct cm_agency *before = cm_directory_agency(input->then, agency->id);
        json_t *attributes =
            json_pack("{s:s, s:s, s:b}", "kind", cm_kind_name(agency->kind), "state",
                      state_of(agency), "member", (int)is_member(input->then, agency));
        if (input->moved && before != NULL) {
            json_object_set_new(attributes, "signed",
                                json_pack("{s:s, s:s}", "kind", cm_kind_name(before->kind), "state",
                                          state_of(before)));
        }
        if (put_entity(agencies, agency->id, attributes) == NULL) {
            return false;
        }
    }
    return true;
}

static bool put_definitions(const struct shelf *holders, const struct cm_ast *ast,
                            enum cm_statement statement)
{
    for (const struct cm_definition *d = ast->definitions; d != NULL; d = d->next) {
        if (d->statement == statement && put_entity(holders, d->name, json_object()) == NULL) {
            return false;
        }
    }
    return true;
}

// An agency that is not in the directory is left out: it is allowed nothing.
static bool put_groups(const struct shelf *groups, const struct shelf *agencies,
                       const struct cm_ast *ast)
{
    bool good = put_definitions(groups, ast, CM_STATEMENT_GROUP);
    for (const struct cm_definition *d = ast->definitions; good && d != NULL; d = d->next) {
        const struct cm_item *item = d->statement == CM_STATEMENT_GROUP ? d->items.first : NULL;
        for (; good && item != NULL; item = item->next) {
            const struct shelf *shelf = item->kind == CM_TOKEN_GROUP ? groups : agencies;
            json_t *entity = json_object_get(shelf->entities, item->text);
            good = entity == NULL || add_parent(entity, "Group", d->name);
        }
    }
    return good;
}

static bool put_sites(const struct shelf *sites, const struct shelf *cameras,
                      const struct cm_ast *ast)
{
    bool good = put_definitions(sites, ast, CM_STATEMENT_SITE);
    for (const struct cm_definition *d = ast->definitions; good && d != NULL; d = d->next) {
        const struct cm_item *item = d->statement == CM_STATEMENT_SITE ? d->items.first : NULL;
        for (; good && item != NULL; item = item->next) {
            json_t *entity = put_entity(cameras, item->text, json_object());
            good = entity != NULL && add_parent(entity, "Site", d->name);
        }
    }
    return good;
}

// One entity a line.
static void put_shelf(struct cm_cedar_writer *writer, const struct shelf *shelf, bool *any)
{
    const char *id;
    json_t *entity;
    json_object_foreach(shelf->entities, id, entity)
    {
        char *text = json_dumps(entity, JSON_COMPACT);
        if (text == NULL) {
            writer->status = CM_MEMORY;
            return;
        }
        cm_cedar_say(writer, "%s\n%s", *any ? "," : "[", text);
        free(text);
        *any = true;
    }
}

void cm_cedar_put_entities(struct cm_cedar_writer *writer, const struct cm_cedar_input *input)
{
    struct shelf shelves[] = {{"Group", json_object()},
                              {"Agency", json_object()},
                              {"Site", json_object()},
                              {"Camera", json_object()}};
    bool any = false;
    if (!put_agencies(&shelves[1], input) || !put_groups(&shelves[0], &shelves[1], input->ast) ||
        !put_sites(&shelves[2], &shelves[3], input->ast)) {
        writer->status = CM_MEMORY;
    }
    for (size_t i = 0; i < sizeof shelves / sizeof *shelves; i++) {
        put_shelf(writer, &shelves[i], &any);
        json_decref(shelves[i].entities);
    }
    cm_cedar_say(writer, "%s", any ? "\n]\n" : "[]\n");
}

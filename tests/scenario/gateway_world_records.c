// The fake ledger: keeps what the last question left in it, in clear.
#include "gateway_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct world *of(struct cm_gateway_ports *ports)
{
    return CM_CONTAINER(ports, struct world, ports);
}

void records_begin(struct world *world)
{
    cm_arena_reset(world->records);
    world->sealed = world->refused = world->ended = 0;
    world->entry = (struct cm_entry){0};
    memset(&world->access, 0, sizeof world->access);
    memset(&world->copy, 0, sizeof world->copy);
}

enum cm_status records_seal(struct cm_gateway_ports *ports, struct cm_buf *out,
                            struct cm_access *access, struct cm_bytes entry, int64_t recorded_ms)
{
    (void)ports;
    cr_assert_gt(entry.len, 0);
    cr_assert_gt(recorded_ms, 0);
    return cm_access_encode(out, access);
}

void records_append(struct world *world, const struct cm_append *append)
{
    struct cm_bytes entry, access;
    cr_assert_eq(cm_arena_bytes(world->records, &entry, append->entry), CM_OK);
    cr_assert_eq(cm_arena_bytes(world->records, &access, append->access), CM_OK);
    cr_assert_eq(cm_entry_decode(&world->entry, world->records, entry, NULL), CM_OK);
    cr_assert_eq(cm_access_decode(&world->access, world->records, access, NULL), CM_OK);
}

void records_sealed(struct cm_gateway_ports *ports, const struct cm_access *access,
                    int64_t recorded_ms, uint64_t index)
{
    struct world *world = of(ports);
    cr_assert_eq(access->question.family, CM_FAMILY_QUERY);
    cr_assert_eq(recorded_ms, world->entry.recorded_ms);
    cr_assert_eq(index, cm_merkle_size(world->tree) - 1);
    world->sealed++;
}

void records_refused(struct cm_gateway_ports *ports, const struct cm_refused *refused)
{
    struct world *world = of(ports);
    struct cm_commitments commitments;
    world->refused++;
    world->refusal = *refused;
    if (refused->genuine) {
        cr_assert(cm_digest_equal(refused->digest, &world->digest));
        cr_assert_eq(refused->question->family, CM_FAMILY_QUERY);
        cm_commitments_of(&commitments, refused->query, "ca.northport.pd");
    }
}

void records_ended(struct cm_gateway_ports *ports, const char *agency, struct cm_buf *copy,
                   const struct cm_query_end *end)
{
    struct world *world = of(ports);
    struct cm_bytes message;
    struct cm_error error = {0};
    cr_assert_eq(world->ended, 0, "one copy of a query");
    world->ended++;
    world->end = *end;
    snprintf(world->copy_to, sizeof world->copy_to, "%s", agency);
    cr_assert_eq(cm_arena_bytes(world->records, &message, cm_buf_bytes(copy)), CM_OK);
    cm_buf_clear(copy);
    cr_assert_eq(cm_attach_down_decode(&world->copy, world->records, message, &error), CM_OK,
                 "%s: %s", error.where, error.text);
    cr_assert_eq(world->copy.kind, CM_DOWN_COPY);
    cr_assert_eq(cm_manifest_decode(&world->copy_says, world->records,
                                    world->copy.copy.manifest.payload, &error),
                 CM_OK, "%s: %s", error.where, error.text);
}

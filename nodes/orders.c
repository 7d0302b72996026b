#include "nodes/orders.h"

#include "proto/base/file.h"
#include "proto/codec/directory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = CM_MAX_ORDERS_PAYLOAD + CM_MAX_ATTACHMENTS, ARENA_CAP = 16 * 1024 * 1024 };

struct cm_orders {
    atomic_uint references;
    struct cm_arena *arena;
    struct cm_envelope envelope;
    struct cm_order_register list;
    struct cm_digest digest;
};

static enum cm_status check_signer(const struct cm_orders *orders, const char *agency,
                                   struct cm_trust *trust, int64_t as_of_ms, struct cm_error *error)
{
    struct cm_signatory *signers[2] = {NULL, NULL};
    enum cm_status status = cm_trust_verify(signers, trust, &orders->envelope, NULL,
                                            as_of_ms ? as_of_ms : orders->list.signed_ms, error);
    if (!status && strcmp(cm_signatory_identity(signers[0])->agency, agency) != 0) {
        status = cm_fail(error, CM_FORBIDDEN, agency, "orders signed by another agency's key");
    }
    cm_signatory_unref(signers[0]);
    return status;
}

static enum cm_status decode(struct cm_orders *orders, struct cm_bytes file, const char *path,
                             const char *agency, const char *federation, struct cm_error *error)
{
    struct cm_bytes kept;
    enum cm_status status = cm_arena_bytes(orders->arena, &kept, file);
    if (!status) {
        status = cm_envelope_decode(&orders->envelope, orders->arena, kept, error);
    }
    if (!status && orders->envelope.family != CM_FAMILY_ORDERS) {
        return cm_fail(error, CM_INVALID, path, "is no register of court orders");
    }
    if (!status) {
        cm_sha256_of(&orders->digest, orders->envelope.payload);
        status =
            cm_order_register_decode(&orders->list, orders->arena, orders->envelope.payload, error);
    }
    if (!status && (strcmp(orders->list.agency, agency) != 0 ||
                    strcmp(orders->list.federation, federation) != 0)) {
        status = cm_fail(error, CM_INVALID, path, "is another agency's register");
    }
    return status;
}

enum cm_status cm_orders_read(struct cm_orders **out, const char *path, const char *agency,
                              struct cm_trust *trust, int64_t as_of_ms, struct cm_error *error)
{
    struct cm_buf file = {0};
    struct cm_orders *orders = calloc(1, sizeof *orders);
    if (!orders || !(orders->arena = cm_arena_new(ARENA_CAP))) {
        free(orders);
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    orders->references = 1;
    enum cm_status status = cm_file_read(&file, path, MAX_FILE, error);
    if (!status) {
        status = decode(orders, cm_buf_bytes(&file), path, agency,
                        cm_trust_directory(trust)->federation, error);
    }
    if (!status) {
        status = check_signer(orders, agency, trust, as_of_ms, error);
    }
    cm_buf_clear(&file);
    if (status) {
        cm_orders_unref(orders);
        return status;
    }
    *out = orders;
    return CM_OK;
}

struct cm_orders *cm_orders_ref(struct cm_orders *orders)
{
    if (orders) {
        atomic_fetch_add_explicit(&orders->references, 1, memory_order_relaxed);
    }
    return orders;
}

void cm_orders_unref(struct cm_orders *orders)
{
    if (orders && atomic_fetch_sub_explicit(&orders->references, 1, memory_order_acq_rel) == 1) {
        cm_arena_free(orders->arena);
        free(orders);
    }
}

const struct cm_order_register *cm_orders_register(const struct cm_orders *orders)
{
    return &orders->list;
}

const struct cm_digest *cm_orders_digest(const struct cm_orders *orders)
{
    return &orders->digest;
}

struct cm_bytes cm_orders_envelope(const struct cm_orders *orders)
{
    return orders->envelope.raw;
}

bool cm_orders_hold(const struct cm_orders *orders, const struct cm_query *query,
                    const char *agency, int64_t now_ms)
{
    const struct cm_court_order *order =
        orders && query->court_order[0] ? cm_order_find(&orders->list, query->court_order) : NULL;
    return order && cm_order_covers(order, query, agency, now_ms);
}

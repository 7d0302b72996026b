// The court orders that an agency's administrator registered: read from a file, its signature
// verified. Immutable once read, shared. Any thread.
#ifndef CM_NODES_ORDERS_H
#define CM_NODES_ORDERS_H

#include "proto/codec/orders.h"
#include "proto/trust/trust.h"

struct cm_orders;

// The register in the file at path, signed by an administrator of agency. as_of_ms: when the
// signature must hold; 0: when it was made, for what was taken before. CM_NOT_FOUND; CM_INVALID:
// another file, agency or federation; CM_UNAUTHENTICATED, CM_FORBIDDEN: the signature.
enum cm_status cm_orders_read(struct cm_orders **out, const char *path, const char *agency,
                              struct cm_trust *trust, int64_t as_of_ms,
                              struct cm_error *error) CM_MUST_CHECK;
struct cm_orders *cm_orders_ref(struct cm_orders *orders);
void cm_orders_unref(struct cm_orders *orders);

const struct cm_order_register *cm_orders_register(const struct cm_orders *orders);
const struct cm_digest *cm_orders_digest(const struct cm_orders *orders); // of the payload
struct cm_bytes cm_orders_envelope(const struct cm_orders *orders);       // as it was read

// Whether the order that the query of this agency's person cites is registered and covers it.
// orders NULL: none is.
bool cm_orders_hold(const struct cm_orders *orders, const struct cm_query *query,
                    const char *agency, int64_t now_ms);

#endif

// The register of court orders that an agency's administrator signs: whole, each replacing the one
// before. Decoded structs borrow from the arena; any thread.
#ifndef CM_CODEC_ORDERS_H
#define CM_CODEC_ORDERS_H

#include "proto/codec/query.h"

struct cm_court_order {
    const char *id; // as queries cite it
    const char *court;
    int64_t from_ms; // [from, until)
    int64_t until_ms;
    size_t agency_count; // who may cite it; 0: anybody
    const char *const *agencies;
    size_t plate_count; // 0: any
    const struct cm_plate_selector *plates;
    size_t purpose_count; // 0: any
    const char *const *purposes;
    struct cm_window window; // of the reads; zeros: of any time
    int64_t ended_ms;        // 0: it was not ended
};

struct cm_order_register {
    const char *federation;
    const char *agency;
    uint64_t sequence; // from 1
    struct cm_digest previous;
    int64_t signed_ms;
    size_t order_count;
    const struct cm_court_order *orders; // strictly ascending by id, as each order's lists are
};

enum cm_status cm_order_register_decode(struct cm_order_register *out, struct cm_arena *arena,
                                        struct cm_bytes payload,
                                        struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_order_register_encode(struct cm_buf *out, const struct cm_order_register *orders,
                                        struct cm_error *error) CM_MUST_CHECK;

// NULL when the register has none of that id.
const struct cm_court_order *cm_order_find(const struct cm_order_register *orders, const char *id);
// Whether the order is in force at now_ms and covers this query of that agency: everything that
// the query asks for, and whom it asks for.
bool cm_order_covers(const struct cm_court_order *order, const struct cm_query *query,
                     const char *agency, int64_t now_ms);
// Order of plate selectors: by plate, then state.
int cm_plate_compare(const struct cm_plate_selector *a, const struct cm_plate_selector *b);

#endif
